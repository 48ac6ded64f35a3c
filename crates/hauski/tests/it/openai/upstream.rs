//! The other direction: what goes to an upstream, and what comes back.

use contracts::hauski::engine::{FinishReason, TextChunk};
use hauski::openai::upstream::{Chunks, Malformed, chat_body};
use hauski::openai::wire::chat;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::requests::BOUNDS;

/// A request that is read, sent on and read again asks for the same.
#[test]
fn what_is_sent_on_asks_for_the_same() {
    let body = json!({
        "model": "m",
        "messages": [
            { "role": "system", "content": "s" },
            { "role": "user", "name": "ada", "content": [
                { "type": "text", "text": "look" },
                { "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA", "detail": "auto" } },
            ]},
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{}" } },
            ]},
            { "role": "tool", "tool_call_id": "c1", "content": "7" },
        ],
        "tools": [{ "type": "function", "function": { "name": "f", "description": "d", "parameters": {}, "strict": true } }],
        "tool_choice": "required", "parallel_tool_calls": false, "n": 2, "seed": 3, "stop": ["x"],
        "temperature": 0.5, "top_p": 0.5, "logprobs": true, "top_logprobs": 2, "max_tokens": 9,
        "presence_penalty": 1.0, "frequency_penalty": -1.0, "logit_bias": { "5": 2.0 },
        "response_format": { "type": "json_schema", "json_schema": { "name": "n", "schema": {}, "strict": true } },
    });
    let read = chat::Request::read(body.to_string().as_bytes(), BOUNDS).unwrap();
    let sent = chat_body(&read.chat, "m");
    assert_eq!(sent["stream_options"], json!({ "include_usage": true }));
    let again = chat::Request::read(sent.to_string().as_bytes(), BOUNDS).unwrap();
    assert_eq!(again.chat, read.chat);
    assert!(again.stream && again.include_usage);
}

fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}

#[test]
fn a_stream_comes_back_as_chunks() {
    let choice = |value: Value| json!({ "choices": [value] });
    let stream = [
        event(&choice(json!({ "index": 0, "delta": { "role": "assistant", "content": "" } }))),
        event(&choice(json!({ "index": 0, "delta": { "content": "hä" } }))),
        event(&choice(json!({ "index": 0, "delta": { "tool_calls": [
            { "index": 0, "id": "c", "type": "function", "function": { "name": "f", "arguments": "" } },
        ]}}))),
        event(&choice(json!({ "index": 0, "delta": { "tool_calls": [
            { "index": 0, "function": { "arguments": "{}" } },
        ]}}))),
        event(&choice(json!({ "index": 0, "delta": {}, "finish_reason": "tool_calls" }))),
        event(&json!({ "choices": [], "usage": { "prompt_tokens": 5, "completion_tokens": 2 } })),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat();
    for size in [1, 3, 1000] {
        let mut chunks = Chunks::default();
        let got: Vec<TextChunk> =
            stream.as_bytes().chunks(size).flat_map(|part| chunks.push(part).unwrap()).collect();
        assert_eq!(got.len(), 4);
        assert_eq!(got[0], TextChunk::Text { choice: 0, text: "hä".into(), tokens: vec![] });
        assert_eq!(got[3], TextChunk::Finish { choice: 0, reason: FinishReason::ToolCalls });
        assert_eq!(chunks.usage().unwrap().prompt_tokens, 5);
    }
}

#[test]
fn streams_that_are_cut_or_fail_are_none() {
    let mut chunks = Chunks::default();
    chunks.push(event(&json!({ "choices": [] })).as_bytes()).unwrap();
    assert_eq!(chunks.usage(), Err(Malformed::Cut));
    let bad = |text: &str| Chunks::default().push(text.as_bytes()).unwrap_err();
    assert_eq!(bad(&event(&json!({ "error": { "message": "x" } }))), Malformed::GaveUp);
    assert_eq!(bad("data: {\n\n"), Malformed::Chunk);
    assert_eq!(bad(&event(&json!({ "choices": [{}] }))), Malformed::Chunk);
    assert_eq!(
        bad(&event(&json!({ "choices": [{ "index": 0, "finish_reason": "tired" }] }))),
        Malformed::Chunk
    );
}

proptest! {
    /// Nothing that an upstream sends makes the reader panic.
    #[test]
    fn any_stream_is_read_or_refused(parts in prop::collection::vec(
        prop::sample::select(vec![
            "data: ", "{", "}", "\"choices\":", "[", "]", "\"index\":0", ",", "\"delta\":", "\n\n",
            "[DONE]", "\"usage\":{}", "null", "\"logprobs\":{\"content\":[{}]}", "\u{1f980}",
        ]), 0..40)) {
        let mut chunks = Chunks::default();
        for part in parts {
            if chunks.push(part.as_bytes()).is_err() {
                return Ok(());
            }
        }
    }
}
