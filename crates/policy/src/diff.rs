//! What changed between two loaded sets, for the log.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::load::{FileName, Policies, child};

/// Follows the key of a list whose elements changed places.
const ORDER: &str = " (order)";

/// One key that differs. References to secrets are values like others; secrets themselves never stand in policies.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The file.
    pub file: FileName,
    /// Path of the key; elements of lists go by their name, id, origin or text rather than by their place.
    pub key: String,
    /// Its value before; none where it did not exist.
    pub old: Option<Value>,
    /// Its value now; none where it is gone.
    pub new: Option<Value>,
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value: &Option<Value>| match value {
            Some(value) => value.to_string(),
            None => "nothing".to_owned(),
        };
        let (file, old, new) = (self.file.as_str(), show(&self.old), show(&self.new));
        write!(formatter, "{file}: {} {old} → {new}", self.key)
    }
}

/// Every key whose effective value differs, by file and key; defaults count as values. Empty when nothing that
/// matters changed, also where comments did. A list whose elements only changed places is one change.
pub fn diff(old: &Policies, new: &Policies) -> Vec<Change> {
    let mut changes = Vec::new();
    compare(FileName::Routing, &*old.routing, &*new.routing, &mut changes);
    compare(FileName::Limits, &*old.limits, &*new.limits, &mut changes);
    compare(FileName::Memory, &*old.memory, &*new.memory, &mut changes);
    compare(FileName::Models, &*old.models, &*new.models, &mut changes);
    changes
}

fn compare<T: Serialize>(file: FileName, old: &T, new: &T, changes: &mut Vec<Change>) {
    let (mut before, after) = (flatten(old), flatten(new));
    for (key, value) in after {
        let previous = before.remove(&key);
        // Where elements came or went, they are changes of their own.
        if key.ends_with(ORDER) && !previous.as_ref().is_some_and(|old| same_elements(old, &value))
        {
            continue;
        }
        if previous.as_ref() != Some(&value) {
            changes.push(Change { file, key, old: previous, new: Some(value) });
        }
    }
    let gone =
        before.into_iter().map(|(key, value)| Change { file, key, old: Some(value), new: None });
    changes.extend(gone);
    changes.sort_by(|left, right| (left.file, &left.key).cmp(&(right.file, &right.key)));
}

fn same_elements(left: &Value, right: &Value) -> bool {
    let (Some(left), Some(right)) = (left.as_array(), right.as_array()) else { return false };
    left.len() == right.len() && left.iter().all(|element| right.contains(element))
}

fn flatten<T: Serialize>(value: &T) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    // The types of policies have string keys and plain numbers, so this cannot fail; nothing would differ.
    collect(String::new(), serde_json::to_value(value).unwrap_or_default(), &mut found);
    found
}

fn collect(path: String, value: Value, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                collect(child(&path, &key), value, found);
            }
        }
        Value::Array(elements) => {
            let names: Vec<String> = elements
                .iter()
                .enumerate()
                .map(|(index, element)| name(element).unwrap_or_else(|| index.to_string()))
                .collect();
            for (name, element) in names.iter().zip(elements) {
                collect(format!("{path}[{name}]"), element, found);
            }
            if !names.is_empty() {
                found.insert(format!("{path}{ORDER}"), names.into());
            }
        }
        scalar => {
            found.insert(path, scalar);
        }
    }
}

fn name(element: &Value) -> Option<String> {
    let named = |key| element.get(key).and_then(Value::as_str);
    let name = element.as_str().or_else(|| named("id")).or_else(|| named("name"));
    name.or_else(|| named("origin")).map(str::to_owned)
}
