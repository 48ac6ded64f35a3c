//! Requests: what they ask an engine for, and which fault is named where.

use hauski::openai::wire::transcription::{self, FormField};
use hauski::openai::wire::{Bounds, Invalid, chat, completions, embeddings, responses, speech};
use serde_json::{Value, json};

pub(super) const BOUNDS: Bounds = Bounds { max_output_tokens: 32_768 };

fn chat(extra: &Value) -> Result<chat::Request, Invalid> {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    chat::Request::read(body.to_string().as_bytes(), BOUNDS)
}

/// `code at param: message` of each fault.
fn faults<T>(cases: &[Value], read: impl Fn(&Value) -> Result<T, Invalid>) -> String {
    let lines = cases.iter().map(|case| match read(case) {
        Ok(_) => panic!("taken: {case}"),
        Err(fault) => {
            let param = fault.param.as_deref().unwrap_or("-");
            format!("{} at {param}: {}", fault.code.name(), fault.message)
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_full_chat_asks_the_engine_for_everything() {
    let request = chat(&json!({
        "messages": [
            { "role": "system", "content": "be brief" },
            { "role": "user", "name": "ada", "content": [
                { "type": "text", "text": "look" },
                { "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA", "detail": "low" } },
            ]},
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{}" } },
            ]},
            { "role": "tool", "tool_call_id": "c1", "content": "7" },
        ],
        "tools": [{ "type": "function", "function": { "name": "f", "parameters": { "type": "object" }, "strict": true } }],
        "tool_choice": { "type": "function", "function": { "name": "f" } },
        "parallel_tool_calls": false,
        "response_format": { "type": "json_schema", "json_schema": { "name": "n", "schema": {}, "strict": true } },
        "logprobs": true, "top_logprobs": 3, "seed": 7, "stop": ["a", "b"], "n": 2,
        "temperature": 0.5, "top_p": 0.25, "presence_penalty": -1, "frequency_penalty": 1,
        "logit_bias": { "5": -100 }, "max_completion_tokens": 9,
        "stream": true, "stream_options": { "include_usage": true },
        "user": "u", "metadata": { "k": "v" }, "store": false, "service_tier": "auto",
    }))
    .unwrap();
    assert!(request.stream && request.include_usage);
    insta::assert_json_snapshot!(request.chat, @r##"
{
  "model": "m",
  "messages": [
    {
      "role": "system",
      "content": [
        {
          "type": "text",
          "text": "be brief"
        }
      ]
    },
    {
      "role": "user",
      "content": [
        {
          "type": "text",
          "text": "look"
        },
        {
          "type": "image",
          "media_type": "image/png",
          "data": "AAAA",
          "detail": "low"
        }
      ],
      "name": "ada"
    },
    {
      "role": "assistant",
      "tool_calls": [
        {
          "id": "c1",
          "name": "f",
          "arguments": "{}"
        }
      ]
    },
    {
      "role": "tool",
      "content": [
        {
          "type": "text",
          "text": "7"
        }
      ],
      "tool_call_id": "c1"
    }
  ],
  "tools": [
    {
      "name": "f",
      "parameters": {
        "type": "object"
      },
      "strict": true
    }
  ],
  "tool_choice": {
    "function": "f"
  },
  "parallel_tool_calls": false,
  "format": {
    "type": "json_schema",
    "name": "n",
    "schema": {},
    "strict": true
  },
  "sampling": {
    "n": 2,
    "max_tokens": 9,
    "ceiling_tokens": 16384,
    "temperature": 0.5,
    "top_p": 0.25,
    "seed": 7,
    "stop": [
      "a",
      "b"
    ],
    "presence_penalty": -1.0,
    "frequency_penalty": 1.0,
    "logit_bias": {
      "5": -100.0
    },
    "logprobs": 3
  }
}
"##);
}

#[test]
fn faults_of_chats_name_their_place() {
    let picture = |url: &str| {
        json!({ "messages": [{ "role": "user", "content": [
            { "type": "image_url", "image_url": { "url": url } },
        ]}]})
    };
    let tool = json!({ "type": "function", "function": { "name": "f" } });
    let cases = [
        json!({ "model": null }),
        json!({ "model": 5 }),
        json!({ "model": "" }),
        json!({ "messages": null }),
        json!({ "messages": [] }),
        json!({ "messages": "hi" }),
        json!({ "messages": [{ "role": "user" }] }),
        json!({ "messages": [{ "role": "robot", "content": "x" }] }),
        json!({ "messages": [{ "role": "function", "content": "x", "name": "f" }] }),
        json!({ "messages": [{ "role": "user", "content": 5 }] }),
        json!({ "messages": [{ "role": "user", "content": "a" }, { "role": "user", "content": [{ "type": "movie" }] }] }),
        json!({ "messages": [{ "role": "user", "content": [{ "type": "text", "text": 1 }] }] }),
        json!({ "messages": [{ "role": "user", "content": "x", "colour": "red" }] }),
        json!({ "messages": [{ "role": "tool", "tool_call_id": "c", "content": "x" }] }),
        json!({ "messages": [{ "role": "assistant", "content": null, "tool_calls": [{ "id": "c", "type": "function", "function": { "name": "f", "arguments": "{}" } }] }] }),
        json!({ "messages": [{ "role": "assistant" }] }),
        picture("https://example.org/a.png"),
        picture("data:image/png;base64,%%%"),
        picture("data:text/html;base64,AAAA"),
        json!({ "temperature": 2.1 }),
        json!({ "temperature": -0.1 }),
        json!({ "temperature": "hot" }),
        json!({ "n": 0 }),
        json!({ "n": 129 }),
        json!({ "n": 1.5 }),
        json!({ "n": -1 }),
        json!({ "max_tokens": -1 }),
        json!({ "max_tokens": 4_294_967_296_u64 }),
        json!({ "max_tokens": 1e300 }),
        json!({ "max_tokens": 40_000 }),
        json!({ "n": 4, "max_tokens": 10_000 }),
        json!({ "max_tokens": 5, "max_completion_tokens": 6 }),
        json!({ "seed": 18_446_744_073_709_551_615_u64 }),
        json!({ "top_p": 1.5 }),
        json!({ "presence_penalty": 3 }),
        json!({ "stop": ["a", "b", "c", "d", "e"] }),
        json!({ "stop": "" }),
        json!({ "stop": 5 }),
        json!({ "logit_bias": { "x": 1 } }),
        json!({ "logit_bias": { "5": 101 } }),
        json!({ "top_logprobs": 3 }),
        json!({ "logprobs": true, "top_logprobs": 21 }),
        json!({ "stream": "yes" }),
        json!({ "stream_options": { "include_usage": true } }),
        json!({ "stream": true, "stream_options": { "speed": 1 } }),
        json!({ "tools": [{ "type": "web_search" }] }),
        json!({ "tools": [{ "type": "function", "function": { "name": "has space" } }] }),
        json!({ "tools": [tool, tool] }),
        json!({ "tools": [tool], "tool_choice": { "type": "function", "function": { "name": "g" } } }),
        json!({ "tool_choice": "required" }),
        json!({ "tool_choice": "maybe" }),
        json!({ "response_format": { "type": "xml" } }),
        json!({ "response_format": { "type": "json_schema" } }),
        json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "n", "schema": [] } } }),
        json!({ "metadata": { "k": 1 } }),
        json!({ "store": true }),
        json!({ "service_tier": "flex" }),
        json!({ "modalities": ["audio"] }),
        json!({ "verbosity": "low" }),
        json!({ "functions": [] , "function_call": "auto" }),
        json!({ "top_k": 40 }),
        json!({ "api_base": "https://evil.example" }),
        json!({ "frobnicate": 1 }),
    ];
    insta::assert_snapshot!(faults(&cases, chat), @r##"
missing_required_parameter at model: Missing required parameter: 'model'.
invalid_type at model: Invalid type for 'model': expected a string, but got an integer instead.
string_below_min_length at model: Invalid 'model': string too short. Expected a string with minimum length 1, but got a string with length 0 instead.
missing_required_parameter at messages: Missing required parameter: 'messages'.
array_below_min_length at messages: Invalid 'messages': array too short. Expected an array with minimum length 1, but got an array with length 0 instead.
invalid_type at messages: Invalid type for 'messages': expected an array, but got a string instead.
missing_required_parameter at messages[0].content: Missing required parameter: 'messages[0].content'.
invalid_value at messages[0].role: Invalid value for 'messages[0].role': expected one of 'system', 'developer', 'user', 'assistant', 'tool', 'function'.
unsupported_value at messages[0].role: Unsupported value for 'messages[0].role': the role 'function' is deprecated; use 'tool'.
invalid_type at messages[0].content: Invalid type for 'messages[0].content': expected a string or an array of objects, but got an integer instead.
invalid_value at messages[1].content[0].type: Invalid value for 'messages[1].content[0].type': expected one of 'text', 'image_url', 'input_audio', 'file'.
invalid_type at messages[0].content[0].text: Invalid type for 'messages[0].content[0].text': expected a string, but got an integer instead.
unknown_parameter at messages[0].colour: Unknown parameter: 'messages[0].colour'.
invalid_value at messages[0]: Invalid parameter: 'messages[0]' has the role 'tool' and must answer one of the 'tool_calls' of the assistant's message before it.
invalid_value at messages[0]: An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'; 'messages[0]' is not.
missing_required_parameter at messages[0].content: Missing required parameter: 'messages[0].content'.
unsupported_value at messages[0].content[0].image_url.url: Unsupported value for 'messages[0].content[0].image_url.url': only 'data:' URLs with base64 are; this gateway fetches nothing for a request.
invalid_value at messages[0].content[0].image_url.url: Invalid 'messages[0].content[0].image_url.url': expected base64 data.
invalid_value at messages[0].content[0].image_url.url: Invalid 'messages[0].content[0].image_url.url': expected base64 data of the type image/png, image/jpeg, image/gif or image/webp.
decimal_above_max_value at temperature: Invalid 'temperature': decimal above maximum value. Expected a value <= 2.
decimal_below_min_value at temperature: Invalid 'temperature': decimal below minimum value. Expected a value >= 0.
invalid_type at temperature: Invalid type for 'temperature': expected a decimal, but got a string instead.
integer_below_min_value at n: Invalid 'n': integer below minimum value. Expected a value >= 1.
integer_above_max_value at n: Invalid 'n': integer above maximum value. Expected a value <= 128.
invalid_type at n: Invalid type for 'n': expected an integer, but got a decimal number instead.
integer_below_min_value at n: Invalid 'n': integer below minimum value. Expected a value >= 1.
integer_below_min_value at max_tokens: Invalid 'max_tokens': integer below minimum value. Expected a value >= 1.
integer_above_max_value at max_tokens: Invalid 'max_tokens': integer above maximum value. Expected a value <= 4294967295.
integer_above_max_value at max_tokens: Invalid 'max_tokens': integer above maximum value. Expected a value <= 4294967295.
integer_above_max_value at max_tokens: Invalid 'max_tokens': integer above maximum value. Expected a value <= 32768 (limits.yaml: request.max_output_tokens 32768).
integer_above_max_value at max_tokens: Invalid 'max_tokens': integer above maximum value. Expected a value <= 8192 for each of 4 answers (limits.yaml: request.max_output_tokens 32768).
invalid_value at max_tokens: Invalid 'max_tokens': it contradicts 'max_completion_tokens'; give one of them.
integer_above_max_value at seed: Invalid 'seed': integer above maximum value. Expected a value <= 9223372036854775807.
decimal_above_max_value at top_p: Invalid 'top_p': decimal above maximum value. Expected a value <= 1.
decimal_above_max_value at presence_penalty: Invalid 'presence_penalty': decimal above maximum value. Expected a value <= 2.
array_above_max_length at stop: Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length 5 instead.
string_below_min_length at stop: Invalid 'stop': string too short. Expected a string with minimum length 1, but got a string with length 0 instead.
invalid_type at stop: Invalid type for 'stop': expected a string or an array of strings, but got an integer instead.
invalid_value at logit_bias: Invalid key in 'logit_bias': keys are token ids.
decimal_above_max_value at logit_bias.5: Invalid 'logit_bias.5': decimal above maximum value. Expected a value <= 100.
invalid_value at top_logprobs: Invalid 'top_logprobs': it is only allowed when 'logprobs' is true.
integer_above_max_value at top_logprobs: Invalid 'top_logprobs': integer above maximum value. Expected a value <= 20.
invalid_type at stream: Invalid type for 'stream': expected a boolean, but got a string instead.
invalid_value at stream_options: The 'stream_options' parameter is only allowed when 'stream' is enabled.
unknown_parameter at stream_options.speed: Unknown parameter: 'stream_options.speed'.
unsupported_value at tools[0].type: Unsupported value for 'tools[0].type': only tools of the type 'function' are; others would run outside this machine.
invalid_value at tools[0].function.name: Invalid 'tools[0].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.
invalid_value at tools[1]: Invalid 'tools[1]': another tool has the same name.
invalid_value at tool_choice: Invalid value for 'tool_choice': the function is not among 'tools'.
invalid_value at tool_choice: 'tool_choice' is only allowed when 'tools' are specified.
invalid_value at tool_choice: Invalid value for 'tool_choice': expected one of 'none', 'auto', 'required'.
invalid_value at response_format.type: Invalid value for 'response_format.type': expected one of 'text', 'json_object', 'json_schema'.
missing_required_parameter at response_format.json_schema: Missing required parameter: 'response_format.json_schema'.
invalid_type at response_format.json_schema.schema: Invalid type for 'response_format.json_schema.schema': expected an object, but got an array instead.
invalid_type at metadata: Invalid type for 'metadata': expected a string, but got an integer instead.
unsupported_value at store: Unsupported value for 'store': answers are never stored here; leave it out or set it to false.
unsupported_value at service_tier: Unsupported value for 'service_tier': there are no tiers here; leave it out or use 'auto' or 'default'.
unsupported_value at modalities[0]: Unsupported value for 'modalities[0]': chats answer with text; use /v1/audio/speech.
unsupported_value at verbosity: Unsupported value for 'verbosity': no engine here takes it; leave it out or use 'medium'.
unsupported_parameter at functions: Unsupported parameter: 'functions' is not supported here: it is deprecated; use 'tools'.
unsupported_parameter at top_k: Unsupported parameter: 'top_k' is not supported here: it is not part of the OpenAI API.
unsupported_parameter at api_base: Unsupported parameter: 'api_base' is not supported here: providers are named by routing.yaml alone.
unknown_parameter at frobnicate: Unknown parameter: 'frobnicate'.
"##);
}

#[test]
fn faults_of_bodies_name_line_and_column() {
    let read = |body: &str| chat::Request::read(body.as_bytes(), BOUNDS).unwrap_err();
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let bodies = ["", "{", "[]", "{\"a\":1,}", "\"x\"", deep.as_str()];
    let shown = bodies.map(|body| {
        let fault = read(body);
        format!("{}: {}", fault.code.name(), fault.message)
    });
    insta::assert_snapshot!(shown.join("\n"), @r##"
invalid_json: We could not parse the JSON body of your request: line 1, column 0.
invalid_json: We could not parse the JSON body of your request: line 1, column 1.
invalid_type: The body must be a JSON object, but is an array.
invalid_json: We could not parse the JSON body of your request: line 1, column 8.
invalid_type: The body must be a JSON object, but is a string.
invalid_json: We could not parse the JSON body of your request: line 1, column 128.
"##);
}

#[test]
fn what_cannot_change_an_answer_is_taken() {
    chat(&json!({
        "user": "u", "safety_identifier": "s", "prompt_cache_key": "p", "metadata": {},
        "store": false, "service_tier": "default", "modalities": ["text"], "verbosity": "medium",
        "prediction": { "type": "content", "content": "x" }, "stop": null, "tools": [],
        "tool_choice": "auto", "response_format": { "type": "text" }, "n": 1.0,
    }))
    .unwrap();
}

fn completion(extra: &Value) -> Result<completions::Request, Invalid> {
    let mut body = json!({ "model": "m", "prompt": "once" });
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    completions::Request::read(body.to_string().as_bytes(), BOUNDS)
}

#[test]
fn completions_take_every_kind_of_prompt() {
    let prompts = |prompt: Value| completion(&json!({ "prompt": prompt })).unwrap().prompts;
    assert_eq!(prompts(json!("")).len(), 1);
    assert_eq!(prompts(json!(["a", "b"])).len(), 2);
    assert_eq!(prompts(json!([1, 2, 3])).len(), 1);
    assert_eq!(prompts(json!([[1], [2, 3]])).len(), 2);
    assert_eq!(prompts(json!("a"))[0].sampling.max_tokens, Some(16));
    let cases = [
        json!({ "prompt": null }),
        json!({ "prompt": 5 }),
        json!({ "prompt": [] }),
        json!({ "prompt": ["a", [1]] }),
        json!({ "prompt": ["a", 1] }),
        json!({ "prompt": [1, "a"] }),
        json!({ "prompt": [-1] }),
        json!({ "prompt": [4_294_967_296_u64] }),
        json!({ "prompt": [[]] }),
        json!({ "prompt": vec!["a"; 65] }),
        json!({ "logprobs": 6 }),
        json!({ "n": 2, "best_of": 1 }),
        json!({ "best_of": 2 }),
        json!({ "prompt": ["a", "b"], "n": 4, "max_tokens": 5000 }),
    ];
    insta::assert_snapshot!(faults(&cases, completion), @r##"
missing_required_parameter at prompt: Missing required parameter: 'prompt'.
invalid_type at prompt: Invalid type for 'prompt': expected a string, an array of strings, an array of token ids or an array of such arrays, but got an integer instead.
array_below_min_length at prompt: Invalid 'prompt': array too short. Expected an array with minimum length 1, but got an array with length 0 instead.
invalid_type at prompt[1]: Invalid type for 'prompt[1]': expected a string, an array of strings, an array of token ids or an array of such arrays, but got a mixture instead.
invalid_type at prompt[1]: Invalid type for 'prompt[1]': expected a string, an array of strings, an array of token ids or an array of such arrays, but got a mixture instead.
invalid_type at prompt[1]: Invalid type for 'prompt[1]': expected an integer, but got a string instead.
integer_below_min_value at prompt[0]: Invalid 'prompt[0]': integer below minimum value. Expected a value >= 0.
integer_above_max_value at prompt[0]: Invalid 'prompt[0]': integer above maximum value. Expected a value <= 4294967295.
array_below_min_length at prompt[0]: Invalid 'prompt[0]': array too short. Expected an array with minimum length 1, but got an array with length 0 instead.
array_above_max_length at prompt: Invalid 'prompt': array too long. Expected an array with maximum length 64, but got an array with length 65 instead.
integer_above_max_value at logprobs: Invalid 'logprobs': integer above maximum value. Expected a value <= 5.
invalid_value at best_of: Invalid 'best_of': it must be at least 'n', which is 2.
unsupported_value at best_of: Unsupported value for 'best_of': every answer that is drawn is given; use 'n'.
integer_above_max_value at max_tokens: Invalid 'max_tokens': integer above maximum value. Expected a value <= 4096 for each of 8 answers (limits.yaml: request.max_output_tokens 32768).
"##);
}

#[test]
fn embeddings_take_texts_and_tokens() {
    let read = |extra: &Value| {
        let mut body = json!({ "model": "m", "input": "x" });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        embeddings::Request::read(body.to_string().as_bytes())
    };
    assert_eq!(read(&json!({ "input": [[1, 2], [3]] })).unwrap().embed.inputs.len(), 2);
    let cases = [
        json!({ "input": "" }),
        json!({ "input": ["a", ""] }),
        json!({ "input": [] }),
        json!({ "input": {} }),
        json!({ "input": vec!["a"; 2049] }),
        json!({ "dimensions": 0 }),
        json!({ "dimensions": 70_000 }),
        json!({ "encoding_format": "int8" }),
        json!({ "truncate": true }),
    ];
    insta::assert_snapshot!(faults(&cases, read), @r##"
string_below_min_length at input: Invalid 'input': string too short. Expected a string with minimum length 1, but got a string with length 0 instead.
string_below_min_length at input[1]: Invalid 'input[1]': string too short. Expected a string with minimum length 1, but got a string with length 0 instead.
array_below_min_length at input: Invalid 'input': array too short. Expected an array with minimum length 1, but got an array with length 0 instead.
invalid_type at input: Invalid type for 'input': expected a string, an array of strings, an array of token ids or an array of such arrays, but got an object instead.
array_above_max_length at input: Invalid 'input': array too long. Expected an array with maximum length 2048, but got an array with length 2049 instead.
integer_below_min_value at dimensions: Invalid 'dimensions': integer below minimum value. Expected a value >= 1.
integer_above_max_value at dimensions: Invalid 'dimensions': integer above maximum value. Expected a value <= 65536.
invalid_value at encoding_format: Invalid value for 'encoding_format': expected one of 'float', 'base64'.
unknown_parameter at truncate: Unknown parameter: 'truncate'.
"##);
}

fn response(extra: &Value) -> Result<responses::Request, Invalid> {
    let mut body = json!({ "model": "m", "input": "hi" });
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    responses::Request::read(body.to_string().as_bytes(), BOUNDS)
}

#[test]
fn responses_turn_items_into_messages() {
    let request = response(&json!({
        "instructions": "be kind",
        "input": [
            { "role": "user", "content": "add" },
            { "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "1 and 2" }] },
            { "type": "function_call", "id": "fc_1", "status": "completed", "call_id": "a", "name": "add", "arguments": "{}" },
            { "type": "function_call", "call_id": "b", "name": "add", "arguments": "{}" },
            { "type": "function_call_output", "call_id": "b", "output": "4" },
            { "type": "function_call_output", "call_id": "a", "output": [{ "type": "input_text", "text": "3" }] },
            { "type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
              "content": [{ "type": "output_text", "text": "3", "annotations": [], "logprobs": [] }] },
        ],
    }))
    .unwrap();
    insta::assert_json_snapshot!(request.chat.messages, @r##"
[
  {
    "role": "developer",
    "content": [
      {
        "type": "text",
        "text": "be kind"
      }
    ]
  },
  {
    "role": "user",
    "content": [
      {
        "type": "text",
        "text": "add"
      }
    ]
  },
  {
    "role": "user",
    "content": [
      {
        "type": "text",
        "text": "1 and 2"
      }
    ]
  },
  {
    "role": "assistant",
    "tool_calls": [
      {
        "id": "a",
        "name": "add",
        "arguments": "{}"
      },
      {
        "id": "b",
        "name": "add",
        "arguments": "{}"
      }
    ]
  },
  {
    "role": "tool",
    "content": [
      {
        "type": "text",
        "text": "4"
      }
    ],
    "tool_call_id": "b"
  },
  {
    "role": "tool",
    "content": [
      {
        "type": "text",
        "text": "3"
      }
    ],
    "tool_call_id": "a"
  },
  {
    "role": "assistant",
    "content": [
      {
        "type": "text",
        "text": "3"
      }
    ]
  }
]
"##);
}

#[test]
fn faults_of_responses_say_what_is_not_kept() {
    let call = json!({ "type": "function_call", "call_id": "a", "name": "f", "arguments": "{}" });
    let cases = [
        json!({ "input": null }),
        json!({ "input": 5 }),
        json!({ "input": [] }),
        json!({ "input": [{ "role": "user", "content": [{ "type": "text", "text": "x" }] }] }),
        json!({ "input": [{ "type": "item_reference", "id": "x" }] }),
        json!({ "input": [{ "type": "reasoning", "summary": [] }] }),
        json!({ "input": [call] }),
        json!({ "input": [{ "type": "function_call_output", "call_id": "a", "output": "x" }] }),
        json!({ "store": true }),
        json!({ "previous_response_id": "resp_1" }),
        json!({ "conversation": "c" }),
        json!({ "background": true }),
        json!({ "truncation": "auto" }),
        json!({ "include": ["file_search_call.results"] }),
        json!({ "tools": [{ "type": "web_search" }] }),
        json!({ "text": { "format": { "type": "json_schema", "name": "n" } } }),
        json!({ "text": { "verbosity": "high" } }),
        json!({ "reasoning": { "summary": "auto" } }),
        json!({ "max_output_tokens": 0 }),
        json!({ "prompt": { "id": "p" } }),
        json!({ "messages": [] }),
    ];
    insta::assert_snapshot!(faults(&cases, response), @r##"
missing_required_parameter at input: Missing required parameter: 'input'.
invalid_type at input: Invalid type for 'input': expected a string or an array of items, but got an integer instead.
array_below_min_length at input: Invalid 'input': array too short. Expected an array with minimum length 1, but got an array with length 0 instead.
invalid_value at input[0].content[0].type: Invalid value for 'input[0].content[0].type': expected one of 'input_text', 'input_image', 'input_file'.
unsupported_value at input[0].type: Unsupported value for 'input[0].type': only messages, function calls and their outputs are; nothing is stored here to refer to.
unsupported_value at input[0].type: Unsupported value for 'input[0].type': only messages, function calls and their outputs are; nothing is stored here to refer to.
invalid_value at input[0]: No tool output found for the function call at 'input[0]'.
invalid_value at input[0]: No tool call found for the function call output at 'input[0]'.
unsupported_value at store: Unsupported value for 'store': answers are never stored here; leave it out or set it to false.
unsupported_parameter at previous_response_id: Unsupported parameter: 'previous_response_id' is not supported here: answers are never stored here; send the conversation as 'input'.
unsupported_parameter at conversation: Unsupported parameter: 'conversation' is not supported here: conversations are never stored here; send them as 'input'.
unsupported_value at background: Unsupported value for 'background': answers are never stored here, so nobody could fetch one; stream it instead.
unsupported_value at truncation: Unsupported value for 'truncation': nothing is left out of a conversation silently; use 'disabled'.
unsupported_value at include[0]: Unsupported value for 'include[0]': only 'message.output_text.logprobs' is.
unsupported_value at tools[0].type: Unsupported value for 'tools[0].type': only tools of the type 'function' are; others would run outside this machine.
missing_required_parameter at text.format.schema: Missing required parameter: 'text.format.schema'.
unsupported_value at text.verbosity: Unsupported value for 'text.verbosity': no engine here takes it; leave it out or use 'medium'.
unsupported_parameter at reasoning.summary: Unsupported parameter: 'reasoning.summary' is not supported here: no engine here summarises its reasoning.
integer_below_min_value at max_output_tokens: Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 1.
unsupported_parameter at prompt: Unsupported parameter: 'prompt' is not supported here: there are no stored prompts here; send the text.
unknown_parameter at messages: Unknown parameter: 'messages'.
"##);
}

#[test]
fn faults_of_speech_name_their_place() {
    let read = |extra: &Value| {
        let mut body = json!({ "model": "m", "input": "hello", "voice": "anna" });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        speech::read(body.to_string().as_bytes())
    };
    assert_eq!(read(&json!({ "voice": { "id": "eva" } })).unwrap().voice, "eva");
    let cases = [
        json!({ "input": "" }),
        json!({ "input": "x".repeat(4097) }),
        json!({ "voice": null }),
        json!({ "speed": 5 }),
        json!({ "response_format": "ogg" }),
        json!({ "stream_format": "sse" }),
    ];
    insta::assert_snapshot!(faults(&cases, read), @r##"
string_below_min_length at input: Invalid 'input': string too short. Expected a string with minimum length 1, but got a string with length 0 instead.
string_above_max_length at input: Invalid 'input': string too long. Expected a string with maximum length 4096, but got a string with length 4097 instead.
missing_required_parameter at voice: Missing required parameter: 'voice'.
decimal_above_max_value at speed: Invalid 'speed': decimal above maximum value. Expected a value <= 4.
invalid_value at response_format: Invalid value for 'response_format': expected one of 'mp3', 'opus', 'aac', 'flac', 'wav', 'pcm'.
unsupported_value at stream_format: Unsupported value for 'stream_format': the sound comes as it is made; use 'audio'.
"##);
}

fn form(fields: &[(&str, &str)]) -> Vec<FormField> {
    let file = FormField {
        name: "file".to_owned(),
        file_name: Some("../../etc/a\u{1b}.wav".to_owned()),
        bytes: b"RIFF".to_vec(),
    };
    let rest = fields.iter().map(|(name, value)| FormField {
        name: (*name).to_owned(),
        file_name: None,
        bytes: value.as_bytes().to_vec(),
    });
    std::iter::once(file).chain(rest).collect()
}

#[test]
fn transcriptions_are_forms() {
    let read = |fields: &[(&str, &str)]| transcription::Request::read(form(fields));
    let request = read(&[
        ("model", "m"),
        ("response_format", "verbose_json"),
        ("timestamp_granularities[]", "word"),
        ("timestamp_granularities[]", "segment"),
        ("temperature", "0.2"),
        ("language", "en"),
    ])
    .unwrap();
    assert_eq!(request.transcribe.audio.name, "a.wav");
    assert!(request.transcribe.word_times && request.segments);
    let faults = [
        vec![],
        vec![("model", "m"), ("temperature", "2")],
        vec![("model", "m"), ("temperature", "warm")],
        vec![("model", "m"), ("temperature", "NaN")],
        vec![("model", "m"), ("response_format", "pdf")],
        vec![("model", "m"), ("response_format", "srt"), ("stream", "true")],
        vec![("model", "m"), ("timestamp_granularities[]", "word")],
        vec![("model", "m"), ("language", "EN")],
        vec![("model", "m"), ("model", "n")],
        vec![("model", "m"), ("include[]", "logprobs")],
        vec![("model", "m"), ("speakers", "2")],
    ];
    let shown = faults.map(|fields| {
        let fault = read(&fields).unwrap_err();
        format!("{} at {}: {}", fault.code.name(), fault.param.unwrap_or_default(), fault.message)
    });
    insta::assert_snapshot!(shown.join("\n"), @r##"
missing_required_parameter at model: Missing required parameter: 'model'.
decimal_above_max_value at temperature: Invalid 'temperature': decimal above maximum value. Expected a value <= 1.
invalid_type at temperature: Invalid type for 'temperature': expected a decimal, but got a string instead.
invalid_type at temperature: Invalid type for 'temperature': expected a decimal, but got null instead.
invalid_value at response_format: Invalid value for 'response_format': expected one of 'json', 'text', 'srt', 'verbose_json', 'vtt', 'diarized_json'.
unsupported_value at response_format: Unsupported value for 'response_format': streams have no subtitles; use 'json' or 'text'.
invalid_value at timestamp_granularities[]: Invalid 'timestamp_granularities[]': it is only allowed with 'verbose_json'.
invalid_value at language: Invalid 'language': expected a code of ISO 639-1, such as 'en'.
invalid_value at model: Invalid 'model': it is given twice.
unsupported_parameter at include[]: Unsupported parameter: 'include[]' is not supported here: no engine here gives probabilities of what it heard.
unknown_parameter at speakers: Unknown parameter: 'speakers'.
"##);
    let missing = transcription::Request::read(Vec::new()).unwrap_err();
    assert_eq!(missing.param.as_deref(), Some("file"));
}
