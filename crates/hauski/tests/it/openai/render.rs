//! Answers and streams: exact shapes, and the same text both ways.

use contracts::hauski::engine::{FinishReason, TextChunk, Token, Usage};
use hauski::openai::render::{Head, chat, responses};
use hauski::openai::sse::Reader;
use hauski::openai::track::{Fault, Track};
use hauski::openai::wire::responses::{Request, answer::Frame};
use serde_json::{Value, json};

use super::requests::BOUNDS;

fn head() -> Head {
    Head { id: "chatcmpl-1".to_owned(), created: 7, model: "m".to_owned(), fingerprint: None }
}

fn text(text: &str) -> TextChunk {
    TextChunk::Text { choice: 0, text: text.to_owned(), tokens: Vec::new() }
}

fn call(index: u32, begins: Option<&str>, arguments: &str) -> TextChunk {
    TextChunk::ToolCall {
        choice: 0,
        index,
        id: begins.map(|_| format!("call_{index}")),
        name: begins.map(str::to_owned),
        arguments: arguments.to_owned(),
    }
}

fn finish(reason: FinishReason) -> TextChunk {
    TextChunk::Finish { choice: 0, reason }
}

const USAGE: Usage =
    Usage { prompt_tokens: 3, completion_tokens: 4, cached_tokens: 0, reasoning_tokens: 0 };

fn frames(chunks: &[TextChunk]) -> Vec<Value> {
    let mut frames = chat::Frames::new(head(), 1, false, true);
    let mut stream: Vec<u8> = chunks.iter().flat_map(|chunk| frames.take(chunk.clone())).collect();
    stream.extend_from_slice(&frames.finish(USAGE));
    let events = Reader::default().push(&stream).unwrap();
    let (done, rest) = events.split_last().unwrap();
    assert_eq!(done.data, "[DONE]");
    rest.iter().map(|event| serde_json::from_str(&event.data).unwrap()).collect()
}

#[test]
fn a_chat_has_the_shape_of_the_api() {
    let mut collector = chat::Collector::new(1, false);
    for chunk in [text("Hel"), text("lo"), finish(FinishReason::Stop)] {
        collector.take(chunk);
    }
    insta::assert_json_snapshot!(collector.finish(head(), USAGE), @r##"
{
  "id": "chatcmpl-1",
  "object": "chat.completion",
  "created": 7,
  "model": "m",
  "choices": [
    {
      "index": 0,
      "message": {
        "role": "assistant",
        "content": "Hello",
        "refusal": null,
        "annotations": []
      },
      "logprobs": null,
      "finish_reason": "stop"
    }
  ],
  "usage": {
    "prompt_tokens": 3,
    "completion_tokens": 4,
    "total_tokens": 7,
    "prompt_tokens_details": {
      "cached_tokens": 0
    },
    "completion_tokens_details": {
      "reasoning_tokens": 0
    }
  },
  "service_tier": "default",
  "system_fingerprint": null
}
"##);
}

#[test]
fn a_chat_stream_begins_with_the_role_and_ends_with_the_count() {
    let frames = frames(&[text("Hi"), finish(FinishReason::Stop)]);
    let lines: Vec<String> = frames.iter().map(Value::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @r##"
{"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m","service_tier":"default","system_fingerprint":null,"choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"usage":null}
{"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m","service_tier":"default","system_fingerprint":null,"choices":[{"index":0,"delta":{"content":"Hi"},"logprobs":null,"finish_reason":null}],"usage":null}
{"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m","service_tier":"default","system_fingerprint":null,"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}
{"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m","service_tier":"default","system_fingerprint":null,"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}
"##);
}

#[test]
fn calls_of_tools_come_whole_both_ways() {
    let chunks = [
        call(0, Some("f"), "{\"a\""),
        call(0, None, ":1}"),
        call(1, Some("g"), "{}"),
        finish(FinishReason::ToolCalls),
    ];
    let mut collector = chat::Collector::new(1, false);
    chunks.iter().for_each(|chunk| collector.take(chunk.clone()));
    let answer = json!(collector.finish(head(), USAGE));
    insta::assert_json_snapshot!(answer["choices"][0], @r##"
{
  "index": 0,
  "message": {
    "role": "assistant",
    "content": null,
    "refusal": null,
    "annotations": [],
    "tool_calls": [
      {
        "id": "call_0",
        "type": "function",
        "function": {
          "name": "f",
          "arguments": "{\"a\":1}"
        }
      },
      {
        "id": "call_1",
        "type": "function",
        "function": {
          "name": "g",
          "arguments": "{}"
        }
      }
    ]
  },
  "logprobs": null,
  "finish_reason": "tool_calls"
}
"##);
    let deltas: Vec<Value> = frames(&chunks)
        .iter()
        .filter_map(|frame| frame["choices"][0]["delta"].get("tool_calls").cloned())
        .collect();
    insta::assert_snapshot!(json!(deltas), @r##"
[[{"index":0,"id":"call_0","type":"function","function":{"name":"f","arguments":"{\"a\""}}],[{"index":0,"function":{"arguments":":1}"}}],[{"index":1,"id":"call_1","type":"function","function":{"name":"g","arguments":"{}"}}]]
"##);
}

#[test]
fn probabilities_keep_their_bytes() {
    let token =
        Token { token: "ä".to_owned(), bytes: vec![0xc3, 0xa4], logprob: -0.5, top: vec![] };
    let mut collector = chat::Collector::new(1, true);
    collector.take(TextChunk::Text { choice: 0, text: "ä".to_owned(), tokens: vec![token] });
    collector.take(finish(FinishReason::Length));
    let answer = json!(collector.finish(head(), USAGE));
    insta::assert_snapshot!(answer["choices"][0]["logprobs"], @r##"
{"content":[{"token":"ä","logprob":-0.5,"bytes":[195,164],"top_logprobs":[]}],"refusal":null}
"##);
}

fn response(chunks: &[TextChunk]) -> (Vec<Value>, Value) {
    let body = json!({ "model": "m", "input": "hi", "metadata": { "k": "v" } }).to_string();
    let request = Request::read(body.as_bytes(), BOUNDS).unwrap();
    let frame = Frame { id: "resp_1".to_owned(), created_at: 7, request };
    let mut builder = responses::Builder::new(frame);
    chunks.iter().for_each(|chunk| builder.take(chunk.clone()));
    let whole = builder.finish(USAGE);
    (builder.events().into_iter().map(|event| event.data).collect(), whole)
}

/// Random ids and the repeated answer make place for their names.
fn shown(events: &[Value]) -> String {
    let line = |event: &Value| {
        let mut event = event.clone();
        for name in ["item_id", "response"] {
            if event.get(name).is_some() {
                event[name] = json!(name);
            }
        }
        if event.get("item").is_some() {
            event["item"]["id"] = json!("id");
        }
        event.to_string()
    };
    events.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_response_grows_event_by_event() {
    let chunks =
        [text("Hel"), text("lo"), call(0, Some("f"), "{}"), finish(FinishReason::ToolCalls)];
    let (events, whole) = response(&chunks);
    insta::assert_snapshot!(shown(&events), @r##"
{"response":"response","type":"response.created","sequence_number":0}
{"response":"response","type":"response.in_progress","sequence_number":1}
{"output_index":0,"item":{"id":"id","type":"message","status":"in_progress","role":"assistant","content":[]},"type":"response.output_item.added","sequence_number":2}
{"content_index":0,"part":{"type":"output_text","text":"","annotations":[],"logprobs":[]},"item_id":"item_id","output_index":0,"type":"response.content_part.added","sequence_number":3}
{"content_index":0,"delta":"Hel","logprobs":[],"item_id":"item_id","output_index":0,"type":"response.output_text.delta","sequence_number":4}
{"content_index":0,"delta":"lo","logprobs":[],"item_id":"item_id","output_index":0,"type":"response.output_text.delta","sequence_number":5}
{"content_index":0,"text":"Hello","logprobs":[],"item_id":"item_id","output_index":0,"type":"response.output_text.done","sequence_number":6}
{"content_index":0,"part":{"type":"output_text","text":"Hello","annotations":[],"logprobs":[]},"item_id":"item_id","output_index":0,"type":"response.content_part.done","sequence_number":7}
{"output_index":0,"item":{"id":"id","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hello","annotations":[],"logprobs":[]}]},"type":"response.output_item.done","sequence_number":8}
{"output_index":1,"item":{"id":"id","type":"function_call","status":"in_progress","arguments":"","call_id":"call_0","name":"f"},"type":"response.output_item.added","sequence_number":9}
{"delta":"{}","item_id":"item_id","output_index":1,"type":"response.function_call_arguments.delta","sequence_number":10}
{"arguments":"{}","name":"f","item_id":"item_id","output_index":1,"type":"response.function_call_arguments.done","sequence_number":11}
{"output_index":1,"item":{"id":"id","type":"function_call","status":"completed","arguments":"{}","call_id":"call_0","name":"f"},"type":"response.output_item.done","sequence_number":12}
{"response":"response","type":"response.completed","sequence_number":13}
"##);
    assert_eq!(events.last().unwrap()["response"], whole);
    let mut whole = whole;
    for item in whole["output"].as_array_mut().unwrap() {
        item["id"] = json!("id");
    }
    insta::assert_json_snapshot!(whole, @r##"
{
  "id": "resp_1",
  "object": "response",
  "created_at": 7,
  "status": "completed",
  "background": false,
  "error": null,
  "incomplete_details": null,
  "instructions": null,
  "max_output_tokens": null,
  "max_tool_calls": null,
  "model": "m",
  "output": [
    {
      "id": "id",
      "type": "message",
      "status": "completed",
      "role": "assistant",
      "content": [
        {
          "type": "output_text",
          "text": "Hello",
          "annotations": [],
          "logprobs": []
        }
      ]
    },
    {
      "id": "id",
      "type": "function_call",
      "status": "completed",
      "arguments": "{}",
      "call_id": "call_0",
      "name": "f"
    }
  ],
  "parallel_tool_calls": true,
  "previous_response_id": null,
  "prompt_cache_key": null,
  "reasoning": {
    "effort": null,
    "summary": null
  },
  "safety_identifier": null,
  "service_tier": "default",
  "store": false,
  "temperature": null,
  "text": {
    "format": {
      "type": "text"
    },
    "verbosity": "medium"
  },
  "tool_choice": "auto",
  "tools": [],
  "top_logprobs": 0,
  "top_p": null,
  "truncation": "disabled",
  "usage": {
    "input_tokens": 3,
    "input_tokens_details": {
      "cache_write_tokens": 0,
      "cached_tokens": 0
    },
    "output_tokens": 4,
    "output_tokens_details": {
      "reasoning_tokens": 0
    },
    "total_tokens": 7
  },
  "user": null,
  "metadata": {
    "k": "v"
  }
}
"##);
}

#[test]
fn an_answer_cut_by_its_bound_is_incomplete() {
    let (events, whole) = response(&[text("Hel"), finish(FinishReason::Length)]);
    assert_eq!(whole["status"], "incomplete");
    assert_eq!(whole["incomplete_details"], json!({ "reason": "max_output_tokens" }));
    assert_eq!(whole["output"][0]["status"], "incomplete");
    assert_eq!(events.last().unwrap()["type"], "response.incomplete");
}

#[test]
fn streams_that_are_none_are_found_out() {
    let fault = |chunks: &[TextChunk]| {
        let mut track = Track::chat(1, false, vec!["f".to_owned()]);
        chunks.iter().try_for_each(|chunk| track.check(chunk)).and_then(|()| track.end()).err()
    };
    let other = TextChunk::Finish { choice: 1, reason: FinishReason::Stop };
    let end = finish(FinishReason::Stop);
    assert_eq!(fault(&[text("a"), end.clone()]), None);
    assert_eq!(fault(&[text("a")]), Some(Fault::Unfinished));
    assert_eq!(fault(&[end.clone(), text("a")]), Some(Fault::AfterFinish));
    assert_eq!(fault(&[other]), Some(Fault::UnknownChoice));
    assert_eq!(fault(&[call(0, None, "{}")]), Some(Fault::CallWithoutBeginning));
    assert_eq!(fault(&[call(1, Some("f"), "{}")]), Some(Fault::CallWithoutBeginning));
    assert_eq!(fault(&[call(0, Some("g"), "{}")]), Some(Fault::UnknownTool));
    let two = [call(0, Some("f"), ""), call(1, Some("f"), ""), call(0, None, "x")];
    assert_eq!(fault(&two), Some(Fault::CallWithoutBeginning));

    let mut track = Track::completion(1, true);
    assert_eq!(track.check(&text("a")), Err(Fault::MissingLogprobs));
    assert_eq!(track.check(&call(0, Some("f"), "")), Err(Fault::NotText));
    let token = |logprob| Token { token: "a".into(), bytes: vec![97], logprob, top: vec![] };
    for (logprob, fault) in [(-0.1, None), (0.1, Some(Fault::BadLogprob))] {
        let chunk = TextChunk::Text { choice: 0, text: "a".into(), tokens: vec![token(logprob)] };
        assert_eq!(track.check(&chunk).err(), fault);
    }
}
