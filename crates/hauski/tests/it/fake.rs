//! The scripted fake engine by itself: what it plans, and what fits a schema.

use contracts::hauski::engine::{Chat, FinishReason, Message, Part, Role, Sampling, TextChunk};
use hauski::fake::plan::{self, Plan, Step};
use hauski::fake::{instance, sound, tokens};
use hauski::openai::track::Track;
use proptest::prelude::*;
use serde_json::{Value, json};

fn chat(model: &str, text: &str) -> Chat {
    let message = Message {
        role: Role::User,
        content: vec![Part::Text { text: text.to_owned() }],
        name: None,
        tool_calls: Vec::new(),
        tool_call_id: None,
    };
    Chat {
        model: model.to_owned(),
        messages: vec![message],
        tools: Vec::new(),
        tool_choice: Default::default(),
        parallel_tool_calls: true,
        format: Default::default(),
        reasoning_effort: None,
        sampling: Sampling {
            n: 1,
            max_tokens: None,
            ceiling_tokens: 1_000,
            temperature: None,
            top_p: None,
            seed: Some(1),
            stop: Vec::new(),
            presence_penalty: None,
            frequency_penalty: None,
            logit_bias: Default::default(),
            logprobs: None,
        },
    }
}

/// The text of an answer and why it ended.
fn said(plan: &Plan, of: u32) -> (String, Option<FinishReason>) {
    let mut text = String::new();
    let mut end = None;
    for step in &plan.steps {
        match step {
            Step::Chunk(TextChunk::Text { choice, text: new, .. }) if *choice == of => {
                text.push_str(new);
            }
            Step::Chunk(TextChunk::Finish { choice, reason }) if *choice == of => {
                end = Some(*reason);
            }
            _ => {}
        }
    }
    (text, end)
}

#[test]
fn a_stop_text_is_found_across_tokens() {
    let mut chat = chat("fake-echo", "abc defghijklmnop qrs");
    chat.sampling.stop = vec!["c d".to_owned(), "nop q".to_owned()];
    let plan = plan::chat(&chat).unwrap();
    assert_eq!(said(&plan, 0), ("ab".to_owned(), Some(FinishReason::Stop)));
}

#[test]
fn the_context_bounds_prompt_and_answer() {
    let small = chat("fake-small", &"word ".repeat(70));
    let error = plan::chat(&small).unwrap_err();
    assert_eq!(error.data, Some(json!({ "limit": 64, "asked": 76 })));
    let plan = plan::chat(&chat("fake-small", &"word ".repeat(40))).unwrap();
    assert_eq!(said(&plan, 0).1, Some(FinishReason::Length));
}

#[test]
fn a_script_with_an_unknown_word_is_refused() {
    let error = plan::chat(&chat("fake-script", "say hi; dance")).unwrap_err();
    assert!(error.message.contains("\"dance\""), "{}", error.message);
}

#[test]
fn instances_fit_their_schemas() {
    let cases = [
        (json!({}), json!("text")),
        (json!({ "const": 5 }), json!(5)),
        (json!({ "enum": ["b", "a"] }), json!("b")),
        (json!({ "type": ["null", "integer"], "minimum": 3 }), json!(3)),
        (json!({ "type": "integer", "exclusiveMinimum": 3, "multipleOf": 5 }), json!(5)),
        (json!({ "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1 }), json!(0.5)),
        (json!({ "type": "integer", "maximum": -4 }), json!(-4)),
        (json!({ "type": "string", "minLength": 6, "maxLength": 6 }), json!("textxx")),
        (json!({ "type": "string", "maxLength": 2 }), json!("te")),
        (
            json!({ "type": "array", "items": { "type": "integer" }, "minItems": 3, "uniqueItems": true }),
            json!([0, 1, 2]),
        ),
        (
            json!({ "type": "array", "prefixItems": [{ "const": 1 }, { "type": "string" }] }),
            json!([1, "1text"]),
        ),
        (
            json!({ "anyOf": [{ "type": "string", "pattern": "x" }, { "type": "null" }] }),
            json!(null),
        ),
        (
            json!({ "allOf": [{ "properties": { "a": { "const": 1 } } }, { "required": ["b"] }] }),
            json!({ "a": 1, "b": "text" }),
        ),
        (json!({ "$ref": "#/$defs/n", "$defs": { "n": { "type": "boolean" } } }), json!(true)),
    ];
    for (schema, value) in cases {
        assert_eq!(instance::instance(&schema).unwrap(), value, "{schema}");
    }
}

#[test]
fn a_recursion_ends() {
    let schema = json!({
        "$ref": "#/$defs/node",
        "$defs": { "node": {
            "type": "object",
            "properties": { "next": { "$ref": "#/$defs/node" }, "v": { "type": "integer" } },
            "required": ["v"],
        }},
    });
    let mut depth = 0;
    let made = instance::instance(&schema).unwrap();
    let mut node: &Value = &made;
    while let Some(next) = node.get("next") {
        assert_eq!(node["v"], 0);
        node = next;
        depth += 1;
    }
    assert!((1..10).contains(&depth));
    let endless = json!({
        "$ref": "#/$defs/node",
        "$defs": { "node": {
            "type": "object",
            "properties": { "next": { "$ref": "#/$defs/node" } },
            "required": ["next"],
        }},
    });
    instance::instance(&endless).unwrap_err();
}

#[test]
fn what_the_fake_says_it_can_hear() {
    let samples = sound::samples("grüezi", 1.0);
    let mut wav = sound::wav_header(u32::try_from(samples.len()).unwrap());
    wav.extend(samples);
    let (text, seconds) = sound::hear(&wav).unwrap();
    assert_eq!(text, "grüezi");
    assert!((seconds - 0.07).abs() < 1e-9);
    assert_eq!(sound::hear(&[0xff, 0xfe]), None);
}

proptest! {
    #[test]
    fn tokens_joined_are_the_text(text in any::<String>()) {
        prop_assert_eq!(tokens::split(&text).concat(), text);
    }

    /// Whatever is asked for: the stream is one that the gateway lets through, and it is counted.
    #[test]
    fn plans_keep_the_contract(
        text in "[a-c ]{0,40}",
        stop in prop::collection::vec("[a-c ]{1,3}", 0..3),
        n in 1_u32..4,
        max in prop::option::of(1_u32..12),
        logprobs in prop::option::of(0_u32..5),
        model in prop::sample::select(vec!["fake-echo", "fake-words"]),
    ) {
        let mut chat = chat(model, &text);
        chat.sampling = Sampling { n, stop: stop.clone(), max_tokens: max, logprobs, ..chat.sampling };
        let plan = plan::chat(&chat).unwrap();
        prop_assert_eq!(&plan, &plan::chat(&chat).unwrap());
        let mut track = Track::chat(n, logprobs.is_some(), Vec::new());
        let mut tokens = 0;
        for step in &plan.steps {
            if let Step::Chunk(chunk) = step {
                track.check(chunk).unwrap();
                tokens += u64::from(!matches!(chunk, TextChunk::Finish { .. }));
            }
        }
        track.end().unwrap();
        prop_assert_eq!(tokens, plan.usage.completion_tokens);
        for choice in 0..n {
            let (text, end) = said(&plan, choice);
            prop_assert!(stop.iter().all(|stop| !text.contains(stop.as_str())));
            if let Some(max) = max {
                prop_assert!(tokens::count(&text) <= max || end == Some(FinishReason::Length));
            }
        }
    }

    /// An instance fits the keywords that the schema was made of.
    #[test]
    fn numbers_lie_in_their_range(low in -50_i64..50, width in 0_i64..20, multiple in 1_i64..4) {
        let schema = json!({ "type": "integer", "minimum": low, "maximum": low + width, "multipleOf": multiple });
        let exists = (low..=low + width).any(|x| x % multiple == 0);
        match instance::instance(&schema) {
            Ok(value) => {
                let value = value.as_i64().unwrap();
                prop_assert!((low..=low + width).contains(&value) && value % multiple == 0);
            }
            Err(_) => prop_assert!(!exists),
        }
    }
}
