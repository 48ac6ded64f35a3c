//! Messages of a chat.

use serde_json::{Value, json};

use super::{list, object, or_null, plain_name, text};

/// A message of any role.
pub(super) fn message() -> Value {
    let name = or_null(&text(1, 64));
    let plain = |roles: &[&str], parts: &[Value]| {
        let fields = json!({"role": {"enum": roles}, "name": name, "content": content(parts)});
        object(&["role", "content"], fields)
    };
    let tool = json!({
        "role": {"const": "tool"},
        "name": name,
        "tool_call_id": text(1, 256),
        "content": content(&[text_part()]),
    });
    let assistant = json!({
        "role": {"const": "assistant"},
        "name": name,
        "content": {"anyOf": [content(&[text_part(), refusal_part()]), {"type": "null"}]},
        "refusal": {"type": ["string", "null"]},
        "tool_calls": or_null(&list(1, 128, &tool_call())),
        "annotations": {},
    });
    let said = |field: &str| json!({"required": [field], "properties": {field: {"not": {"type": "null"}}}});
    let mut assistant = object(&["role"], assistant);
    assistant["anyOf"] = json!([said("content"), said("refusal"), said("tool_calls")]);
    json!({"oneOf": [
        plain(&["system", "developer"], &[text_part()]),
        plain(&["user"], &[text_part(), image_part(), audio_part()]),
        assistant,
        object(&["role", "tool_call_id", "content"], tool),
    ]})
}

/// A text, or a list of these parts.
fn content(parts: &[Value]) -> Value {
    json!({"anyOf": [{"type": "string"}, list(1, 1024, &json!({"anyOf": parts}))]})
}

fn part(kind: &str, required: &[&str], fields: &Value) -> Value {
    let mut all = json!({"type": {"const": kind}, "prompt_cache_breakpoint": {}});
    super::extend(&mut all, fields);
    object(&[&["type"], required].concat(), all)
}

fn text_part() -> Value {
    part("text", &["text"], &json!({"text": {"type": "string"}}))
}

fn refusal_part() -> Value {
    part("refusal", &["refusal"], &json!({"refusal": {"type": "string"}}))
}

fn image_part() -> Value {
    let image = object(&["url"], json!({"url": picture(), "detail": detail()}));
    part("image_url", &["image_url"], &json!({"image_url": image}))
}

/// A picture in base64; nothing is fetched for a request.
pub(super) fn picture() -> Value {
    json!({"type": "string", "pattern": "^data:image/(png|jpeg|gif|webp);base64,([A-Za-z0-9+/]{4})+$"})
}

pub(super) fn detail() -> Value {
    json!({"enum": ["auto", "low", "high", "original", null]})
}

fn audio_part() -> Value {
    let data = json!({"type": "string", "pattern": "^([A-Za-z0-9+/]{4})+$"});
    let audio =
        object(&["data", "format"], json!({"data": data, "format": {"enum": ["wav", "mp3"]}}));
    part("input_audio", &["input_audio"], &json!({"input_audio": audio}))
}

fn tool_call() -> Value {
    let function = object(
        &["name", "arguments"],
        json!({"name": plain_name(), "arguments": {"type": "string"}}),
    );
    let fields = json!({"id": text(1, 256), "type": {"const": "function"}, "function": function, "index": {}});
    object(&["id", "type", "function"], fields)
}
