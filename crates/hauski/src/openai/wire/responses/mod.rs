//! `/v1/responses`: its request. Nothing is stored: what came before is sent along, and what would be
//! looked up later is refused.

pub mod answer;
mod items;

use contracts::hauski::engine::{Chat, Message, Part, Role};
use serde_json::{Map, Value};

use super::fields::Fields;
use super::tools::{self, Shape};
use super::{Bounds, Invalid, MAX_TEXT, sampling, structure};

/// A request that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What an engine is asked for.
    pub chat: Chat,
    /// Whether the answer comes in events.
    pub stream: bool,
    /// `instructions`, which the answer repeats.
    pub instructions: Option<String>,
    /// `metadata`, which the answer repeats.
    pub metadata: Map<String, Value>,
    /// `user`, which the answer repeats.
    pub user: Option<String>,
    /// `safety_identifier`, which the answer repeats.
    pub safety_identifier: Option<String>,
    /// `prompt_cache_key`, which the answer repeats.
    pub prompt_cache_key: Option<String>,
    /// `max_tool_calls`, which the answer repeats; it bounds built-in tools, of which there are none.
    pub max_tool_calls: Option<u32>,
}

impl Request {
    /// Reads a body.
    pub fn read(bytes: &[u8], bounds: Bounds) -> Result<Self, Invalid> {
        let mut body = Fields::body(bytes)?;
        let model = super::model(&mut body)?;
        stateless(&mut body)?;
        let instructions = body.text("instructions", 0..=MAX_TEXT)?;
        let mut messages: Vec<Message> = instructions.iter().map(|text| system(text)).collect();
        items::read(body.require("input")?, &mut messages)?;
        let tools = tools::tools(&mut body, Shape::Flat)?;
        let tool_choice = tools::choice(&mut body, &tools, Shape::Flat)?;
        let mut sampling = sampling::common(&mut body, bounds)?;
        sampling.max_tokens = sampling::max_tokens(&mut body, "max_output_tokens", 1, bounds)?;
        sampling.logprobs = logprobs(&mut body)?;
        let chat = Chat {
            model,
            messages,
            tools,
            tool_choice,
            parallel_tool_calls: body.flag("parallel_tool_calls")?.unwrap_or(true),
            format: text(&mut body)?,
            reasoning_effort: reasoning(&mut body)?,
            sampling,
        };
        let request = Self {
            chat,
            stream: sampling::streaming(&mut body)?.stream,
            instructions,
            metadata: super::metadata(&mut body)?,
            user: body.text("user", 0..=512)?,
            safety_identifier: body.text("safety_identifier", 0..=512)?,
            prompt_cache_key: body.text("prompt_cache_key", 0..=512)?,
            max_tool_calls: body.count("max_tool_calls", 1..=u32::MAX)?,
        };
        super::service_tier(&mut body)?;
        body.ignore(&["prompt_cache_retention", "prompt_cache_options"]);
        body.refuse(UNSUPPORTED)?;
        body.refuse(sampling::OF_OTHER_SERVERS)?;
        body.finish()?;
        Ok(request)
    }
}

const UNSUPPORTED: &[(&str, &str)] = &[
    ("prompt", "there are no stored prompts here; send the text"),
    ("context_management", "nothing of a conversation is left out here"),
    ("moderation", "there is no moderation model here"),
    ("background_options", "there is no work in the background here"),
    ("access_programs", "there are none here"),
    ("image", "pictures reach the engine as they are sent"),
];

fn system(text: &str) -> Message {
    Message {
        role: Role::Developer,
        content: vec![Part::Text { text: text.to_owned() }],
        name: None,
        tool_calls: Vec::new(),
        tool_call_id: None,
    }
}

/// What would need answers that are kept is refused; so is leaving out part of a conversation.
fn stateless(body: &mut Fields) -> Result<(), Invalid> {
    super::refuse_store(body)?;
    body.refuse(&[
        ("previous_response_id", "answers are never stored here; send the conversation as 'input'"),
        ("conversation", "conversations are never stored here; send them as 'input'"),
    ])?;
    if body.flag("background")? == Some(true) {
        let why = "answers are never stored here, so nobody could fetch one; stream it instead";
        return Err(Invalid::unsupported_value("background", why));
    }
    if body.word("truncation", &["auto", "disabled"])? == Some("auto") {
        let why = "nothing is left out of a conversation silently; use 'disabled'";
        return Err(Invalid::unsupported_value("truncation", why));
    }
    Ok(())
}

fn logprobs(body: &mut Fields) -> Result<Option<u32>, Invalid> {
    let mut wanted = false;
    for item in body.list("include", 0..=16)?.unwrap_or_default() {
        let path = item.path.clone();
        match item.text(1..=128)?.as_str() {
            "message.output_text.logprobs" => wanted = true,
            // There is no reasoning to encrypt, and an answer that has none says nothing false.
            "reasoning.encrypted_content" => {}
            _ => {
                let why = "only 'message.output_text.logprobs' is";
                return Err(Invalid::unsupported_value(&path, why));
            }
        }
    }
    let top = body.count("top_logprobs", 0..=20)?;
    Ok(if wanted { Some(top.unwrap_or(0)) } else { top.filter(|top| *top > 0) })
}

fn text(body: &mut Fields) -> Result<contracts::hauski::engine::Format, Invalid> {
    let Some(mut text) = body.object("text")? else {
        return Ok(contracts::hauski::engine::Format::Text);
    };
    let format = structure::text_format(&mut text)?;
    if !matches!(text.word("verbosity", &["low", "medium", "high"])?, None | Some("medium")) {
        let why = "no engine here takes it; leave it out or use 'medium'";
        return Err(Invalid::unsupported_value(&text.path("verbosity"), why));
    }
    text.finish()?;
    Ok(format)
}

fn reasoning(body: &mut Fields) -> Result<Option<String>, Invalid> {
    let Some(mut reasoning) = body.object("reasoning")? else {
        return Ok(None);
    };
    let effort = reasoning.text("effort", 1..=32)?;
    reasoning.refuse(&[
        ("summary", "no engine here summarises its reasoning"),
        ("generate_summary", "no engine here summarises its reasoning"),
    ])?;
    reasoning.finish()?;
    Ok(effort)
}
