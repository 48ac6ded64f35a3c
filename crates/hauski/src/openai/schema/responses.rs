//! `/v1/responses`: its request and its answer.

use serde_json::{Value, json};

use super::messages::{detail, picture};
use super::{
    extend, flag, integer, list, metadata, model, object, or_null, plain_format, plain_name,
    sampling, schema_fields, stream_options, text, tokens, tool, tool_choice,
};

/// Body of `/v1/responses`.
pub fn request() -> Value {
    let habit = or_null(&text(0, 512));
    let include = json!({"enum": ["message.output_text.logprobs", "reasoning.encrypted_content"]});
    let mut fields = sampling();
    let more = json!({
        "model": model(),
        "input": {"anyOf": [{"type": "string"}, list(1, 4096, &item())]},
        "instructions": {"type": ["string", "null"]},
        "tools": or_null(&list(0, 128, &tool(false))),
        "tool_choice": or_null(&tool_choice(false)),
        "parallel_tool_calls": flag(),
        "text": or_null(&object(&[], json!({"format": or_null(&format()), "verbosity": {"enum": ["medium", null]}}))),
        "reasoning": or_null(&object(&[], json!({"effort": or_null(&text(1, 32))}))),
        "max_output_tokens": tokens(),
        "top_logprobs": integer(0, 20),
        "include": or_null(&list(0, 16, &include)),
        "stream": flag(),
        "stream_options": stream_options(),
        "metadata": metadata(),
        "max_tool_calls": tokens(),
        "user": habit,
        "safety_identifier": habit,
        "prompt_cache_key": habit,
        "prompt_cache_retention": {},
        "prompt_cache_options": {},
        "store": {"enum": [false, null]},
        "background": {"enum": [false, null]},
        "truncation": {"enum": ["disabled", null]},
        "service_tier": {"enum": ["auto", "default", null]},
    });
    extend(&mut fields, &more);
    object(&["model", "input"], fields)
}

fn format() -> Value {
    let mut fields = schema_fields();
    extend(&mut fields, &json!({"type": {"const": "json_schema"}}));
    json!({"anyOf": [plain_format(), object(&["type", "name", "schema"], fields)]})
}

/// An item of the input.
fn item() -> Value {
    let with_state = |required: &[&str], mut fields: Value| {
        extend(&mut fields, &json!({"id": {}, "status": {}, "phase": {}}));
        object(required, fields)
    };
    let said = |role: &Value, parts: &[Value]| {
        let kind = json!({"enum": ["message", null]});
        with_state(
            &["role", "content"],
            json!({"type": kind, "role": role, "content": content(parts)}),
        )
    };
    let call = json!({
        "type": {"const": "function_call"},
        "call_id": text(1, 256),
        "name": plain_name(),
        "arguments": {"type": "string"},
    });
    let output = json!({
        "type": {"const": "function_call_output"},
        "call_id": text(1, 256),
        "output": content(&[text_part("input_text")]),
    });
    json!({"anyOf": [
        said(&json!({"const": "user"}), &[text_part("input_text"), image_part()]),
        said(&json!({"enum": ["system", "developer"]}), &[text_part("input_text")]),
        said(&json!({"const": "assistant"}), &[text_part("input_text"), text_part("output_text"), refusal_part()]),
        with_state(&["type", "call_id", "name", "arguments"], call),
        with_state(&["type", "call_id", "output"], output),
    ]})
}

fn content(parts: &[Value]) -> Value {
    json!({"anyOf": [{"type": "string"}, list(0, 1024, &json!({"anyOf": parts}))]})
}

fn text_part(kind: &str) -> Value {
    let mut fields =
        json!({"type": {"const": kind}, "text": {"type": "string"}, "prompt_cache_breakpoint": {}});
    if kind == "output_text" {
        extend(&mut fields, &json!({"annotations": {}, "logprobs": {}}));
    }
    object(&["type", "text"], fields)
}

fn refusal_part() -> Value {
    let fields = json!({"type": {"const": "refusal"}, "refusal": {"type": "string"}, "prompt_cache_breakpoint": {}});
    object(&["type", "refusal"], fields)
}

fn image_part() -> Value {
    let fields = json!({
        "type": {"const": "input_image"},
        "image_url": picture(),
        "detail": detail(),
        "prompt_cache_breakpoint": {},
    });
    object(&["type", "image_url"], fields)
}

/// Answer of `/v1/responses`.
pub fn response() -> Value {
    let part = json!({
        "type": "object",
        "properties": {"type": {"enum": ["output_text", "refusal"]}},
        "required": ["type"],
    });
    let status = json!({"enum": ["in_progress", "completed", "incomplete"]});
    let message = json!({
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "type": {"const": "message"},
            "status": status,
            "role": {"const": "assistant"},
            "content": {"type": "array", "items": part},
        },
        "required": ["id", "type", "status", "role", "content"],
    });
    let call = json!({
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "type": {"const": "function_call"},
            "status": status,
            "call_id": {"type": "string"},
            "name": {"type": "string"},
            "arguments": {"type": "string"},
        },
        "required": ["id", "type", "status", "call_id", "name", "arguments"],
    });
    let tokens = json!({"type": "integer", "minimum": 0});
    let usage = json!({
        "type": ["object", "null"],
        "properties": {"input_tokens": tokens, "output_tokens": tokens, "total_tokens": tokens},
        "required": ["input_tokens", "output_tokens", "total_tokens"],
    });
    json!({
        "type": "object",
        "properties": {
            "id": {"type": "string", "pattern": "^resp_[0-9a-f]{32}$"},
            "object": {"const": "response"},
            "created_at": {"type": "integer"},
            "status": {"enum": ["in_progress", "completed", "incomplete", "failed"]},
            "model": {"type": "string"},
            "output": {"type": "array", "items": {"anyOf": [message, call]}},
            "error": {"type": ["object", "null"]},
            "incomplete_details": {"type": ["object", "null"]},
            "instructions": {"type": ["string", "null"]},
            "store": {"const": false},
            "usage": usage,
            "metadata": {"type": "object"},
        },
        "required": ["id", "object", "created_at", "status", "model", "output", "error", "incomplete_details", "store", "usage"],
    })
}
