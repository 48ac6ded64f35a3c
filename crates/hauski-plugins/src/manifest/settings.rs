//! Whether the settings of a plugin fit the JSON Schema that its entry gives for them.
//!
//! The part of JSON Schema that settings need. A word that is not checked here is an error of the schema: a rule
//! that nobody enforces must not look like one.

use regex::RegexBuilder;
use serde_json::{Map, Value};

/// How deep a schema may go.
const MAX_DEPTH: usize = 16;
/// Memory that a compiled pattern may take.
const PATTERN_BYTES: usize = 1 << 20;
/// Words that say nothing about which values fit.
const REMARKS: [&str; 8] =
    ["title", "description", "default", "examples", "$schema", "$id", "$comment", "format"];

/// Checks settings; the error says where in them, and what.
pub(super) fn check(schema: &Value, settings: &Map<String, Value>) -> Result<(), String> {
    check_at(schema, &Value::Object(settings.clone()), "config", 0)
}

fn check_at(schema: &Value, value: &Value, at: &str, depth: usize) -> Result<(), String> {
    let rules = match schema {
        Value::Bool(true) => return Ok(()),
        Value::Bool(false) => return Err(format!("{at} is not a setting of this plugin")),
        Value::Object(rules) => rules,
        _ => return Err("config_schema is not a JSON Schema".to_owned()),
    };
    if depth > MAX_DEPTH {
        return Err(format!("config_schema is deeper than {MAX_DEPTH} levels"));
    }
    for (word, rule) in rules {
        match word.as_str() {
            "properties" | "required" | "additionalProperties" => {}
            "type" => check_type(rule, value, at)?,
            "enum" => {
                let all = rule.as_array().ok_or("enum in config_schema is no list")?;
                if !all.contains(value) {
                    return Err(format!("{at} is {value}, it is one of {rule}"));
                }
            }
            "const" if rule != value => return Err(format!("{at} is {value}, it is {rule}")),
            "const" => {}
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check_at(rule, item, &format!("{at}[{index}]"), depth + 1)?;
                }
            }
            "pattern" => check_pattern(rule, value, at)?,
            "minimum" | "maximum" | "minLength" | "maxLength" | "minItems" | "maxItems" => {
                check_bound(word, rule, value, at)?;
            }
            remark if REMARKS.contains(&remark) => {}
            other => {
                return Err(format!("config_schema says {other:?}, which is not checked here"));
            }
        }
    }
    match value {
        Value::Object(fields) => check_fields(rules, fields, at, depth),
        _ => Ok(()),
    }
}

fn check_fields(
    rules: &Map<String, Value>,
    fields: &Map<String, Value>,
    at: &str,
    depth: usize,
) -> Result<(), String> {
    let known = rules.get("properties").and_then(Value::as_object);
    for name in rules.get("required").and_then(Value::as_array).into_iter().flatten() {
        let name = name.as_str().ok_or("required in config_schema is no list of names")?;
        if !fields.contains_key(name) {
            return Err(format!("{at}.{name} is missing"));
        }
    }
    for (name, value) in fields {
        let rule = known
            .and_then(|known| known.get(name))
            .or_else(|| rules.get("additionalProperties"))
            .unwrap_or(&Value::Bool(true));
        check_at(rule, value, &format!("{at}.{name}"), depth + 1)?;
    }
    Ok(())
}

fn check_type(rule: &Value, value: &Value, at: &str) -> Result<(), String> {
    let is = |name: &Value| match name.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_i64() || value.is_u64(),
        _ => false,
    };
    let fits = rule.as_array().map_or_else(|| is(rule), |all| all.iter().any(is));
    if fits { Ok(()) } else { Err(format!("{at} is {value}, it is of type {rule}")) }
}

fn check_pattern(rule: &Value, value: &Value, at: &str) -> Result<(), String> {
    let Some(text) = value.as_str() else { return Ok(()) };
    let pattern = rule.as_str().ok_or("pattern in config_schema is no text")?;
    let built = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES).build();
    let pattern = built.map_err(|error| format!("a pattern in config_schema: {error}"))?;
    if pattern.is_match(text) {
        return Ok(());
    }
    Err(format!("{at} does not match {rule}"))
}

#[expect(clippy::cast_precision_loss, reason = "lengths are far below 2^53")]
fn check_bound(word: &str, rule: &Value, value: &Value, at: &str) -> Result<(), String> {
    let size = match (word, value) {
        ("minimum" | "maximum", Value::Number(number)) => number.as_f64(),
        ("minLength" | "maxLength", Value::String(text)) => Some(text.chars().count() as f64),
        ("minItems" | "maxItems", Value::Array(items)) => Some(items.len() as f64),
        _ => None,
    };
    let bound = rule.as_f64().ok_or_else(|| format!("{word} in config_schema is no number"))?;
    let Some(size) = size else { return Ok(()) };
    let fits = if word.starts_with("min") { size >= bound } else { size <= bound };
    if fits { Ok(()) } else { Err(format!("{at} has {size}, {word} is {rule}")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn verdict(settings: &Value) -> String {
        let schema = json!({
            "type": "object",
            "required": ["root"],
            "additionalProperties": false,
            "properties": {
                "root": { "type": "string", "pattern": "^/" },
                "files": { "type": "integer", "minimum": 1, "maximum": 10 },
                "names": { "type": "array", "maxItems": 2, "items": { "type": "string" } },
                "mode": { "enum": ["fast", "safe"] },
            },
        });
        let settings = settings.as_object().expect("an object");
        check(&schema, settings).err().unwrap_or_else(|| "fits".to_owned())
    }

    #[test]
    fn settings_that_do_not_fit_are_named() {
        let all = [
            json!({ "root": "/a", "files": 3, "names": ["x"], "mode": "safe" }),
            json!({}),
            json!({ "root": "a" }),
            json!({ "root": "/a", "files": 0 }),
            json!({ "root": "/a", "files": 1.5 }),
            json!({ "root": "/a", "names": ["x", 2] }),
            json!({ "root": "/a", "names": ["x", "y", "z"] }),
            json!({ "root": "/a", "mode": "wild" }),
            json!({ "root": "/a", "other": 1 }),
        ];
        let verdicts: Vec<_> = all.iter().map(verdict).collect();
        insta::assert_snapshot!(verdicts.join("\n"), @r#"
        fits
        config.root is missing
        config.root does not match "^/"
        config.files has 0, minimum is 1
        config.files is 1.5, it is of type "integer"
        config.names[1] is 2, it is of type "string"
        config.names has 3, maxItems is 2
        config.mode is "wild", it is one of ["fast","safe"]
        config.other is not a setting of this plugin
        "#);
    }

    #[test]
    fn a_word_that_nobody_checks_is_an_error() {
        let error = check(&json!({ "oneOf": [] }), &Map::new()).expect_err("an error");
        assert_eq!(error, "config_schema says \"oneOf\", which is not checked here");
    }
}
