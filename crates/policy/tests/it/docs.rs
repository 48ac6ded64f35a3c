//! The pages say what the code does: every key, every code, the examples.

use std::collections::BTreeSet;

use policy::Reason;
use serde_json::Value;

use crate::policies::Folder;

const POLICIES: &str = include_str!("../../../../docs/policies.md");
const EGRESS: &str = include_str!("../../../../docs/egress.md");

/// Paths of values, and paths of what holds them.
#[derive(Default)]
struct Keys {
    values: BTreeSet<String>,
    containers: BTreeSet<String>,
}

fn collect(root: &Value, schema: &Value, path: &str, keys: &mut Keys) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap_or_default();
        return collect(root, &root["$defs"][name], path, keys);
    }
    for choice in ["anyOf", "oneOf", "allOf"] {
        for schema in schema[choice].as_array().into_iter().flatten() {
            collect(root, schema, path, keys);
        }
    }
    if let Some(properties) = schema["properties"].as_object() {
        for (name, schema) in properties {
            let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            collect(root, schema, &below, keys);
        }
        keys.containers.insert(path.to_owned());
    } else if schema["items"].is_object() {
        collect(root, &schema["items"], &format!("{path}[]"), keys);
    } else if schema["additionalProperties"].is_object() {
        keys.containers.insert(path.to_owned());
        collect(root, &schema["additionalProperties"], &format!("{path}.*"), keys);
    } else if schema["type"] != "null" && !schema["type"].is_null() {
        keys.values.insert(path.to_owned());
    }
}

#[test]
fn the_page_of_the_policy_files_lists_every_key_and_no_other() {
    let mut keys = Keys::default();
    let names = ["hauski.routing/1", "hauski.limits/1", "hauski.memory/1", "hauski.models/1"];
    for published in contracts::schemas().iter().filter(|schema| names.contains(&schema.id)) {
        let schema = serde_json::to_value((published.generate)()).expect("JSON");
        collect(&schema, &schema, "", &mut keys);
    }
    let listed: BTreeSet<String> = POLICIES
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(key, _)| key.to_owned())
        .collect();
    // A map of plain values is told in the row of the map.
    let missing: Vec<&String> = keys
        .values
        .iter()
        .filter(|key| !listed.contains(*key) && !listed.contains(key.trim_end_matches(".*")))
        .collect();
    assert!(missing.is_empty(), "docs/policies.md lacks {missing:?}");
    let known = |key: &String| keys.values.contains(key) || keys.containers.contains(key);
    let unknown: Vec<&String> = listed.iter().filter(|key| !known(key)).collect();
    assert!(unknown.is_empty(), "docs/policies.md has keys that do not exist: {unknown:?}");
    assert!(keys.values.len() > 25, "{:?}", keys.values);
}

#[test]
fn the_page_of_egress_names_every_code() {
    for reason in Reason::ALL {
        assert!(EGRESS.contains(&format!("`{reason}`")), "docs/egress.md lacks {reason}");
    }
}

#[test]
fn the_example_of_the_page_is_a_sound_file() {
    let (_, rest) = EGRESS.split_once("```yaml\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    let folder = Folder::new().with("routing.yaml", example);
    assert_eq!(folder.problems(), "no problems");
    assert_eq!(folder.load().egress.entries().count(), 4);
}
