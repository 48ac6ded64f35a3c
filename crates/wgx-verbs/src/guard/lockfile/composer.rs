//! composer.lock against composer.json: the content hash.

use md5::{Digest as _, Md5};
use serde_json::{Map, Value};
use wgx_tasks::document::{Node, parse_json};

use super::super::Found;
use super::super::tree::Tree;
use super::ascii_json::escaped;
use super::in_dir;

/// The keys that composer hashes, sorted.
const KEYS: [&str; 11] = [
    "conflict",
    "extra",
    "minimum-stability",
    "name",
    "prefer-stable",
    "provide",
    "replace",
    "repositories",
    "require",
    "require-dev",
    "version",
];

pub(super) fn drift(tree: &Tree, dir: &str) -> Vec<Found> {
    let path = in_dir(dir, "composer.lock");
    let lock = tree.text_of(&path).and_then(|text| parse_json(&text).ok());
    let hash = lock.as_ref().and_then(|lock| lock.get("content-hash"));
    let manifest = tree.text_of(&in_dir(dir, "composer.json"));
    let wanted = manifest.and_then(|text| content_hash(&text));
    match (hash.and_then(Node::as_str), wanted) {
        (Some(locked), Some(wanted)) if locked != wanted => {
            let line = hash.map(|hash| hash.line);
            vec![Found::new(&path, line, "the content hash is not that of composer.json")]
        }
        _ => Vec::new(),
    }
}

/// MD5 of the relevant keys as PHP's `json_encode` writes them. `None` where the text of a number
/// is not certain.
fn content_hash(text: &str) -> Option<String> {
    let manifest: Map<String, Value> = serde_json::from_str(text).ok()?;
    let mut fields = Vec::new();
    for key in KEYS {
        if let Some(value) = manifest.get(key) {
            fields.push((key, php_json(value)?));
        }
    }
    let platform = manifest.get("config").and_then(|config| config.get("platform"));
    if let Some(platform) = platform.filter(|platform| !platform.is_null()) {
        fields.push(("config", format!("{{\"platform\":{}}}", php_json(platform)?)));
    }
    fields.sort_unstable_by_key(|(key, _)| *key);
    let fields: Vec<String> =
        fields.into_iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
    let json =
        if fields.is_empty() { "[]".to_owned() } else { format!("{{{}}}", fields.join(",")) };
    Some(Md5::digest(json).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A value as PHP writes it after reading it into arrays: empty objects become `[]`, and so do
/// objects with the keys 0, 1, 2 …; slashes are escaped.
fn php_json(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) if number.is_i64() => number.to_string(),
        Value::Number(_) => return None,
        Value::String(text) => escaped(text, true),
        Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(php_json).collect();
            format!("[{}]", items?.join(","))
        }
        Value::Object(map) if map.keys().enumerate().all(|(at, key)| *key == at.to_string()) => {
            let items: Option<Vec<String>> = map.values().map(php_json).collect();
            format!("[{}]", items?.join(","))
        }
        Value::Object(map) => {
            let field = |(key, value): (&String, &Value)| {
                Some(format!("{}:{}", escaped(key, true), php_json(value)?))
            };
            let fields: Option<Vec<String>> = map.iter().map(field).collect();
            format!("{{{}}}", fields?.join(","))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn php_writes_json_in_its_own_way() {
        let value = serde_json::json!({"a/b": {}, "l": {"0": "x", "1": "ü"}, "n": [1, null, true]});
        let text = "{\"a\\/b\":[],\"l\":[\"x\",\"\\u00fc\"],\"n\":[1,null,true]}";
        assert_eq!(php_json(&value).as_deref(), Some(text));
    }

    #[test]
    fn the_hash_of_known_text() {
        let text = "{\"require\": {\"php\": \">=8\"}, \"authors\": [], \"name\": \"a/b\"}";
        let expected = Md5::digest("{\"name\":\"a\\/b\",\"require\":{\"php\":\">=8\"}}");
        let expected: String = expected.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(content_hash(text), Some(expected));
    }
}
