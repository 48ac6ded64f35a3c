//! JSON Schemas of the requests that this surface reads field by field, and of the answers that it writes so.
//!
//! What a schema cannot say stays with the readers: what one field demands of another, the bounds of `limits.yaml`,
//! and which model is there. A field that may be left out may be `null` as well.

mod messages;
mod responses;

use serde_json::{Map, Value, json};

pub use responses::{request as response_request, response};

/// Body of `/v1/chat/completions`.
pub fn chat() -> Value {
    let mut fields = sampling();
    extend(&mut fields, &completions_sampling());
    extend(&mut fields, &habits());
    let more = json!({
        "model": model(),
        "messages": {"type": "array", "minItems": 1, "maxItems": 4096, "items": messages::message()},
        "tools": or_null(&list(0, 128, &tool(true))),
        "tool_choice": or_null(&tool_choice(true)),
        "parallel_tool_calls": flag(),
        "response_format": or_null(&response_format()),
        "reasoning_effort": or_null(&text(1, 32)),
        "max_tokens": tokens(),
        "max_completion_tokens": tokens(),
        "logprobs": flag(),
        "top_logprobs": integer(0, 20),
        "stream": flag(),
        "stream_options": stream_options(),
        "metadata": metadata(),
        "store": {"enum": [false, null]},
        "service_tier": {"enum": ["auto", "default", null]},
        "modalities": or_null(&json!({"type": "array", "minItems": 1, "maxItems": 2, "items": {"const": "text"}})),
        "verbosity": {"enum": ["medium", null]},
        "prediction": {},
    });
    extend(&mut fields, &more);
    object(&["model", "messages"], fields)
}

/// Body of `/v1/completions`.
pub fn completion() -> Value {
    let mut fields = sampling();
    extend(&mut fields, &completions_sampling());
    let more = json!({
        "model": model(),
        "prompt": inputs(0, 64),
        "max_tokens": tokens(),
        "logprobs": integer(0, 5),
        "best_of": integer(1, 128),
        "echo": flag(),
        "suffix": or_null(&json!({"type": "string"})),
        "stream": flag(),
        "stream_options": stream_options(),
        "user": {},
    });
    extend(&mut fields, &more);
    object(&["model", "prompt"], fields)
}

/// Body of `/v1/embeddings`.
pub fn embeddings() -> Value {
    let fields = json!({
        "model": model(),
        "input": inputs(1, 2048),
        "dimensions": integer(1, 65_536),
        "encoding_format": {"enum": ["float", "base64", null]},
        "user": {},
    });
    object(&["model", "input"], fields)
}

/// Body of `/v1/audio/speech`.
pub fn speech() -> Value {
    let voice = json!({"type": "object", "properties": {"id": text(1, 256)}, "required": ["id"],
        "additionalProperties": false});
    let fields = json!({
        "model": model(),
        "input": text(1, 4096),
        "voice": {"anyOf": [text(1, 256), voice]},
        "instructions": or_null(&text(0, 4096)),
        "response_format": {"enum": ["mp3", "opus", "aac", "flac", "wav", "pcm", null]},
        "speed": number(0.25, 4.0),
        "stream_format": {"enum": ["audio", null]},
    });
    object(&["model", "input", "voice"], fields)
}

/// Form of `/v1/audio/transcriptions`.
pub fn transcription_form() -> Value {
    let words = |words: &[&str]| json!({"type": "string", "enum": words});
    let fields = json!({
        "file": {"type": "string", "format": "binary", "minLength": 1},
        "model": model(),
        "language": {"type": "string", "pattern": "^[a-z]{2,3}$"},
        "prompt": text(0, 8192),
        "temperature": {"type": "number", "minimum": 0, "maximum": 1},
        "response_format": words(&["json", "text", "srt", "verbose_json", "vtt"]),
        "timestamp_granularities[]": list(1, 2, &words(&["word", "segment"])),
        "chunking_strategy": {"const": "auto"},
        "stream": words(&["true", "false"]),
    });
    object(&["file", "model"], fields)
}

/// JSON answers of `/v1/audio/transcriptions`.
pub fn transcription() -> Value {
    json!({
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "task": {"const": "transcribe"},
            "language": {"type": ["string", "null"]},
            "duration": {"type": "number"},
            "segments": {"type": "array", "items": {"type": "object"}},
            "words": {"type": "array", "items": {"type": "object"}},
            "usage": {
                "type": "object",
                "properties": {"type": {"const": "duration"}, "seconds": {"type": "number"}},
                "required": ["type", "seconds"],
            },
        },
        "required": ["text", "usage"],
    })
}

/// An object with these fields and no others.
fn object(required: &[&str], fields: Value) -> Value {
    let mut object = json!({"type": "object", "properties": null, "required": required, "additionalProperties": false});
    object["properties"] = fields;
    object
}

fn extend(fields: &mut Value, more: &Value) {
    if let (Some(fields), Some(more)) = (fields.as_object_mut(), more.as_object()) {
        fields.extend(more.clone());
    }
}

/// The same, or `null`, which counts as not given.
fn or_null(schema: &Value) -> Value {
    match schema["type"].as_str() {
        Some(kind) => {
            let mut schema = schema.clone();
            schema["type"] = json!([kind, "null"]);
            schema
        }
        None => json!({"anyOf": [schema, {"type": "null"}]}),
    }
}

fn text(least: u32, most: u32) -> Value {
    json!({"type": "string", "minLength": least, "maxLength": most})
}

fn integer(least: i64, most: i64) -> Value {
    json!({"type": ["integer", "null"], "minimum": least, "maximum": most})
}

fn number(least: f64, most: f64) -> Value {
    json!({"type": ["number", "null"], "minimum": least, "maximum": most})
}

fn flag() -> Value {
    json!({"type": ["boolean", "null"]})
}

fn list(least: u32, most: u32, items: &Value) -> Value {
    json!({"type": "array", "minItems": least, "maxItems": most, "items": items})
}

fn model() -> Value {
    text(1, 256)
}

/// Output that is asked for; `limits.yaml` has the upper bound.
fn tokens() -> Value {
    integer(1, i64::from(u32::MAX))
}

/// A name of a function or schema.
fn plain_name() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[a-zA-Z0-9_-]+$"})
}

/// What all three routes that write text share.
fn sampling() -> Value {
    json!({"temperature": number(0.0, 2.0), "top_p": number(0.0, 1.0)})
}

/// What the two older ones share besides.
fn completions_sampling() -> Value {
    let stop = text(1, 1024);
    json!({
        "n": integer(1, 128),
        "seed": {"type": ["integer", "null"], "minimum": i64::MIN, "maximum": i64::MAX},
        "stop": {"anyOf": [or_null(&stop), list(0, 4, &stop)]},
        "presence_penalty": number(-2.0, 2.0),
        "frequency_penalty": number(-2.0, 2.0),
        "logit_bias": {
            "type": ["object", "null"],
            "maxProperties": 1024,
            "propertyNames": {"pattern": "^[0-9]{1,9}$"},
            "additionalProperties": {"type": "number", "minimum": -100, "maximum": 100},
        },
    })
}

/// What clients send by habit and what cannot change an answer.
fn habits() -> Value {
    let names = [
        "user",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "prompt_cache_options",
    ];
    names.into_iter().map(|name| (name.to_owned(), json!({}))).collect::<Map<_, _>>().into()
}

fn stream_options() -> Value {
    json!({
        "type": ["object", "null"],
        "properties": {"include_usage": flag(), "include_obfuscation": flag()},
        "additionalProperties": false,
    })
}

fn metadata() -> Value {
    json!({
        "type": ["object", "null"],
        "maxProperties": 16,
        "propertyNames": {"maxLength": 64},
        "additionalProperties": {"type": "string", "maxLength": 512},
    })
}

/// A text, texts, tokens, or lists of tokens.
fn inputs(least: u32, most: u32) -> Value {
    let text = json!({"type": "string", "minLength": least});
    let tokens = list(1, 1 << 20, &json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}));
    json!({"anyOf": [text, list(1, most, &text), tokens, list(1, most, &tokens)]})
}

/// A tool, nested as chats write it or flat as responses do.
fn tool(is_nested: bool) -> Value {
    let mut function = json!({
        "name": plain_name(),
        "description": {"type": ["string", "null"]},
        "parameters": {"type": ["object", "null"]},
        "strict": flag(),
    });
    if is_nested {
        let function = object(&["name"], function);
        return object(
            &["type", "function"],
            json!({"type": {"const": "function"}, "function": function}),
        );
    }
    extend(&mut function, &json!({"type": {"const": "function"}}));
    object(&["type", "name"], function)
}

fn tool_choice(is_nested: bool) -> Value {
    let name = json!({"name": plain_name()});
    let named = match is_nested {
        true => object(
            &["type", "function"],
            json!({"type": {"const": "function"}, "function": object(&["name"], name)}),
        ),
        false => {
            object(&["type", "name"], json!({"type": {"const": "function"}, "name": plain_name()}))
        }
    };
    json!({"anyOf": [{"enum": ["none", "auto", "required"]}, named]})
}

/// The parts of a JSON schema that an answer is to follow.
fn schema_fields() -> Value {
    json!({
        "name": plain_name(),
        "description": {"type": ["string", "null"]},
        "schema": {"type": "object"},
        "strict": flag(),
    })
}

fn plain_format() -> Value {
    object(&["type"], json!({"type": {"enum": ["text", "json_object"]}}))
}

fn response_format() -> Value {
    let schema = object(&["name", "schema"], schema_fields());
    let with_schema = object(
        &["type", "json_schema"],
        json!({"type": {"const": "json_schema"}, "json_schema": schema}),
    );
    json!({"anyOf": [plain_format(), with_schema]})
}
