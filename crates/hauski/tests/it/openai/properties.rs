//! Whatever a client sends: no panic, and every refusal says what and where.

use hauski::openai::wire::transcription::{self, FormField};
use hauski::openai::wire::{Invalid, chat, completions, embeddings, responses, speech};
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::requests::BOUNDS;

/// Names that occur in requests, so that random bodies reach the depths of the readers.
const NAMES: &[&str] = &[
    "model",
    "messages",
    "role",
    "content",
    "type",
    "text",
    "image_url",
    "url",
    "tools",
    "function",
    "name",
    "parameters",
    "tool_choice",
    "tool_calls",
    "tool_call_id",
    "id",
    "arguments",
    "n",
    "temperature",
    "top_p",
    "seed",
    "stop",
    "max_tokens",
    "logprobs",
    "top_logprobs",
    "stream",
    "stream_options",
    "include_usage",
    "response_format",
    "json_schema",
    "schema",
    "logit_bias",
    "metadata",
    "input",
    "prompt",
    "dimensions",
    "encoding_format",
    "voice",
    "speed",
    "call_id",
    "output",
    "instructions",
    "include",
    "store",
    "5",
    "reasoning",
    "strict",
];
const WORDS: &[&str] = &[
    "user",
    "assistant",
    "tool",
    "system",
    "text",
    "function",
    "input_text",
    "output_text",
    "json_schema",
    "message",
    "function_call",
    "function_call_output",
    "required",
    "f",
    "",
    "data:image/png;base64,AAAA",
    "image_url",
    "float",
    "\u{1f980}",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-3_i64..130).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(WORDS).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        let name = prop::sample::select(NAMES);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..8).prop_map(object),
        ]
    })
}

fn object(entries: Vec<(&str, Value)>) -> Value {
    Value::Object(
        entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>(),
    )
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let field = (prop::sample::select(NAMES), value());
    let json = prop::collection::vec(field, 0..10)
        .prop_map(|fields| object(fields).to_string().into_bytes());
    prop_oneof![9 => json, 1 => prop::collection::vec(any::<u8>(), 0..200)]
}

fn in_shape<T>(read: Result<T, Invalid>) -> Result<(), TestCaseError> {
    if let Err(fault) = read {
        prop_assert!(!fault.message.is_empty());
        prop_assert!(!fault.message.chars().any(char::is_control), "{:?}", fault.message);
        prop_assert!(fault.message.len() < 1_000, "{}", fault.message);
        if let Some(param) = &fault.param {
            prop_assert!(fault.message.contains(param.as_str()), "{param}: {}", fault.message);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_body_is_read_or_refused_in_shape(body in body()) {
        in_shape(chat::Request::read(&body, BOUNDS))?;
        in_shape(completions::Request::read(&body, BOUNDS))?;
        in_shape(embeddings::Request::read(&body))?;
        in_shape(responses::Request::read(&body, BOUNDS))?;
        in_shape(speech::read(&body))?;
    }

    #[test]
    fn any_form_is_read_or_refused_in_shape(
        fields in prop::collection::vec((any::<String>(), any::<Option<String>>(), prop::collection::vec(any::<u8>(), 0..20)), 0..5),
    ) {
        let field = |(name, file_name, bytes)| FormField { name, file_name, bytes };
        let mut form: Vec<FormField> = fields.into_iter().map(field).collect();
        let file = FormField { name: "file".to_owned(), file_name: None, bytes: vec![1] };
        form.push(file);
        in_shape(transcription::Request::read(form))?;
    }
}
