//! `/v1/chat/completions`: its request, its answer and the chunks of its stream.

use contracts::hauski::engine::{self, Chat, FinishReason};
use schemars::JsonSchema;
use serde::Serialize;

use super::fields::Fields;
use super::tools::{self, Shape};
use super::usage::Usage;
use super::{Bounds, Code, Invalid, messages, sampling, structure};

/// A request that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What an engine is asked for.
    pub chat: Chat,
    /// Whether the answer comes in chunks.
    pub stream: bool,
    /// Whether the last chunk carries the count of tokens.
    pub include_usage: bool,
}

impl Request {
    /// Reads a body.
    pub fn read(bytes: &[u8], bounds: Bounds) -> Result<Self, Invalid> {
        let mut body = Fields::body(bytes)?;
        let model = super::model(&mut body)?;
        let messages = messages::messages(&mut body)?;
        let tools = tools::tools(&mut body, Shape::Nested)?;
        let tool_choice = tools::choice(&mut body, &tools, Shape::Nested)?;
        let mut sampling = sampling::completions(&mut body, bounds)?;
        sampling.max_tokens = max_tokens(&mut body, sampling.n, bounds)?;
        sampling.logprobs = logprobs(&mut body)?;
        let streaming = sampling::streaming(&mut body)?;
        let chat = Chat {
            model,
            messages,
            tools,
            tool_choice,
            parallel_tool_calls: body.flag("parallel_tool_calls")?.unwrap_or(true),
            format: structure::response_format(&mut body)?,
            reasoning_effort: body.text("reasoning_effort", 1..=32)?,
            sampling,
        };
        super::metadata(&mut body)?;
        super::refuse_store(&mut body)?;
        super::service_tier(&mut body)?;
        only_text(&mut body)?;
        body.ignore(&[
            "user",
            "safety_identifier",
            "prompt_cache_key",
            "prompt_cache_retention",
            "prompt_cache_options",
            "prediction",
        ]);
        body.refuse(UNSUPPORTED)?;
        body.refuse(sampling::OF_OTHER_SERVERS)?;
        body.finish()?;
        Ok(Self { chat, stream: streaming.stream, include_usage: streaming.include_usage })
    }
}

const UNSUPPORTED: &[(&str, &str)] = &[
    ("functions", "it is deprecated; use 'tools'"),
    ("function_call", "it is deprecated; use 'tool_choice'"),
    ("audio", "chats answer with text; use /v1/audio/speech"),
    ("web_search_options", "nothing is searched outside this machine"),
    ("moderation", "there is no moderation model here"),
];

fn only_text(body: &mut Fields) -> Result<(), Invalid> {
    for item in body.list("modalities", 1..=2)?.unwrap_or_default() {
        let path = item.path.clone();
        if item.word(&["text", "audio"])? == "audio" {
            let why = "chats answer with text; use /v1/audio/speech";
            return Err(Invalid::unsupported_value(&path, why));
        }
    }
    if !matches!(body.word("verbosity", &["low", "medium", "high"])?, None | Some("medium")) {
        let why = "no engine here takes it; leave it out or use 'medium'";
        return Err(Invalid::unsupported_value(&body.path("verbosity"), why));
    }
    Ok(())
}

fn max_tokens(body: &mut Fields, n: u32, bounds: Bounds) -> Result<Option<u32>, Invalid> {
    let old = sampling::max_tokens(body, "max_tokens", n, bounds)?;
    let new = sampling::max_tokens(body, "max_completion_tokens", n, bounds)?;
    if old.is_some() && new.is_some() && old != new {
        let message =
            "Invalid 'max_tokens': it contradicts 'max_completion_tokens'; give one of them.";
        return Err(Invalid::at("max_tokens", Code::InvalidValue, message));
    }
    Ok(new.or(old))
}

fn logprobs(body: &mut Fields) -> Result<Option<u32>, Invalid> {
    let asked = body.flag("logprobs")?.unwrap_or(false);
    let top = body.count("top_logprobs", 0..=20)?;
    if top.is_some() && !asked {
        let message = "Invalid 'top_logprobs': it is only allowed when 'logprobs' is true.";
        return Err(Invalid::at("top_logprobs", Code::InvalidValue, message));
    }
    Ok(asked.then_some(top.unwrap_or(0)))
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Completion {
    /// `chatcmpl-…`.
    pub id: String,
    /// Always `chat.completion`.
    pub object: &'static str,
    /// Seconds since 1970.
    pub created: i64,
    /// The model that was asked for.
    pub model: String,
    /// The answers, by index.
    pub choices: Vec<Choice>,
    /// What was counted.
    pub usage: Usage,
    /// Always `default`.
    pub service_tier: &'static str,
    /// Which provider answered, in a few letters.
    pub system_fingerprint: Option<String>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Choice {
    /// From 0.
    pub index: u32,
    /// What was said.
    pub message: Message,
    /// Probabilities, where asked for.
    pub logprobs: Option<Logprobs>,
    /// Why it ended.
    pub finish_reason: Option<FinishReason>,
}

/// What was said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Message {
    /// Always `assistant`.
    pub role: &'static str,
    /// The text; `null` beside calls or a refusal alone.
    pub content: Option<String>,
    /// The refusal.
    pub refusal: Option<String>,
    /// References; none here.
    pub annotations: Vec<()>,
    /// Calls of tools.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ToolCall {
    /// `call_…`, as the engine named it.
    pub id: String,
    /// Always `function`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Which one, with what.
    pub function: Function,
}

/// Which function, with what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its arguments as JSON text.
    pub arguments: String,
}

/// Probabilities.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Logprobs {
    /// Of the tokens of the content.
    pub content: Option<Vec<TokenLogprob>>,
    /// Of the tokens of a refusal; engines give none.
    pub refusal: Option<Vec<TokenLogprob>>,
}

/// A token with its probability.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct TokenLogprob {
    /// As text.
    pub token: String,
    /// Natural logarithm.
    pub logprob: f64,
    /// Its exact bytes.
    pub bytes: Vec<u8>,
    /// The likeliest tokens at its place.
    pub top_logprobs: Vec<TopLogprob>,
}

/// A token that could have stood in the place.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct TopLogprob {
    /// As text.
    pub token: String,
    /// Natural logarithm.
    pub logprob: f64,
    /// Its exact bytes.
    pub bytes: Vec<u8>,
}

impl From<engine::Token> for TokenLogprob {
    fn from(token: engine::Token) -> Self {
        let top = token.top.into_iter().map(|other| TopLogprob {
            token: other.token,
            logprob: other.logprob,
            bytes: other.bytes,
        });
        Self {
            token: token.token,
            logprob: token.logprob,
            bytes: token.bytes,
            top_logprobs: top.collect(),
        }
    }
}

/// A chunk of the stream.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Chunk<'a> {
    /// The same in all chunks.
    pub id: &'a str,
    /// Always `chat.completion.chunk`.
    pub object: &'static str,
    /// Seconds since 1970, the same in all chunks.
    pub created: i64,
    /// The model that was asked for.
    pub model: &'a str,
    /// Always `default`.
    pub service_tier: &'static str,
    /// Which provider answers, in a few letters.
    pub system_fingerprint: Option<&'a str>,
    /// What is new; empty in the chunk with the count of tokens.
    pub choices: Vec<ChunkChoice>,
    /// Absent unless asked for; `null` in all chunks but the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Option<Usage>>,
}

/// What is new in one answer.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ChunkChoice {
    /// Which answer.
    pub index: u32,
    /// What is new.
    pub delta: Delta,
    /// Probabilities of what is new, where asked for.
    pub logprobs: Option<Logprobs>,
    /// Why the answer ended, in its last chunk.
    pub finish_reason: Option<FinishReason>,
}

/// What is new.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Delta {
    /// `assistant`, in the first chunk of an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// More text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// More of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Calls that begin or go on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCallDelta>,
}

/// A call that begins or goes on.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ToolCallDelta {
    /// Which call of the answer.
    pub index: u32,
    /// When it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `function`, when it begins.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// What is new.
    pub function: FunctionDelta,
}

/// What is new of a call.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FunctionDelta {
    /// When it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// More of the arguments.
    pub arguments: String,
}
