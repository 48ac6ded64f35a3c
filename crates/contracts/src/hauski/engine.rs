//! What the gateway asks of an engine: parameters, chunks and results of the capabilities `chat`,
//! `complete`, `embed`, `transcribe` and `speak` (docs/engines-protocol.md).
//!
//! Every value has been checked by the gateway. An engine that cannot honour one refuses it with
//! `protocol::code::INVALID_VALUE` and names it in `data.param`; it never leaves one out.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Names of the capabilities.
pub mod capability {
    /// Messages to text and tool calls.
    pub const CHAT: &str = "chat";
    /// A prompt to its continuation.
    pub const COMPLETE: &str = "complete";
    /// Texts to vectors.
    pub const EMBED: &str = "embed";
    /// What the vectors of a model are.
    pub const EMBED_DESCRIBE: &str = "embed.describe";
    /// Speech to text.
    pub const TRANSCRIBE: &str = "transcribe";
    /// Text to speech.
    pub const SPEAK: &str = "speak";
    /// A recording to facts about it; JSON to JSON.
    pub const AUDIO_PROFILE: &str = "audio.profile";
    /// A canvas to suggested nodes and edges; JSON to JSON.
    pub const CANVAS_SUGGEST: &str = "canvas.suggest";
    /// Changes, runs and evidence to the draft of a pull request; JSON to JSON.
    pub const PR_DRAFT: &str = "pr.draft";
}

/// Parameters of `chat`. The answer is a stream of [`TextChunk`], then [`TextDone`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Chat {
    /// Which model.
    pub model: String,
    /// The conversation so far; at least one.
    pub messages: Vec<Message>,
    /// Functions that may be called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    /// Whether and which one must be called.
    #[serde(default)]
    pub tool_choice: ToolChoice,
    /// Whether one answer may hold several calls.
    #[serde(default = "yes")]
    pub parallel_tool_calls: bool,
    /// What the text must be.
    #[serde(default)]
    pub format: Format,
    /// How much a model that reasons may reason; absent leaves it to the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_effort: Option<String>,
    /// How the tokens are drawn.
    pub sampling: Sampling,
}

fn yes() -> bool {
    true
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// Whose.
    pub role: Role,
    /// What it says, in order; may be empty beside tool calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub content: Vec<Part>,
    /// Name of the participant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Calls that the assistant made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Which call a message of the role `tool` answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
}

/// Whose message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The operator's, above the person's.
    System,
    /// Likewise, under its newer name.
    Developer,
    /// The person's.
    User,
    /// The model's.
    Assistant,
    /// The answer of a tool.
    Tool,
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Part {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// A picture.
    Image {
        /// Its type, such as `image/png`.
        media_type: String,
        /// Its bytes in base64.
        data: String,
        /// How closely to look: `auto`, `low` or `high`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// Sound.
    Audio {
        /// `wav` or `mp3`.
        format: String,
        /// Its bytes in base64.
        data: String,
    },
}

/// A function that may be called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// `[a-zA-Z0-9_-]{1,64}`.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// JSON Schema of its arguments; absent means none are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Value>,
    /// Whether the arguments must fit the schema.
    #[serde(default)]
    pub strict: bool,
}

/// Whether and which tool must be called.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// None may be called.
    None,
    /// At least one must be called.
    Required,
    /// This one must be called.
    Function(String),
}

/// One call of a function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolCall {
    /// Repeated by the message that answers it.
    pub id: String,
    /// Which function.
    pub name: String,
    /// Its arguments as JSON text.
    pub arguments: String,
}

/// What the text of an answer must be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Format {
    /// Anything.
    #[default]
    Text,
    /// One JSON object.
    JsonObject,
    /// JSON that fits a schema.
    JsonSchema {
        /// `[a-zA-Z0-9_-]{1,64}`.
        name: String,
        /// What it is for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        /// The schema.
        schema: Value,
        /// Whether it must fit; otherwise it should.
        strict: bool,
    },
}

/// How tokens are drawn. Absent numbers leave the choice to the model's own settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sampling {
    /// Answers to draw from the same prompt, 1 to 128.
    pub n: u32,
    /// Tokens of output asked for, per answer. Together with the prompt they must fit into the context,
    /// otherwise `CONTEXT_LENGTH`; absent means until the context is full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// Tokens after which each answer ends with [`FinishReason::Length`] whatever was asked.
    pub ceiling_tokens: u32,
    /// 0 to 2; 0 takes the likeliest token and depends on no seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Above 0, up to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// The same seed and parameters give the same answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Texts before which an answer ends; they are not part of it. At most 4.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// -2 to 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f64>,
    /// -2 to 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f64>,
    /// Added to the logits of token ids, -100 to 100.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub logit_bias: BTreeMap<u32, f64>,
    /// Absent: no probabilities. Otherwise each token's own and those of this many alternatives, 0 to 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<u32>,
}

/// Parameters of `complete`. The answer is a stream of [`TextChunk`] without tool calls, then [`TextDone`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Complete {
    /// Which model.
    pub model: String,
    /// What is continued.
    pub prompt: Input,
    /// What follows the gap that is to be filled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,
    /// Whether the answer begins with the prompt.
    #[serde(default)]
    pub echo: bool,
    /// How the tokens are drawn.
    pub sampling: Sampling,
}

/// Text, or its tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Input {
    /// Text.
    Text(String),
    /// Token ids of the model.
    Tokens(Vec<u32>),
}

/// One chunk of `chat` or `complete`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum TextChunk {
    /// More text. Bytes that do not yet make a character are held back by the engine.
    Text {
        /// Which answer, from 0 and below `n`.
        choice: u32,
        /// The text.
        text: String,
        /// Its tokens, where probabilities were asked for.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tokens: Vec<Token>,
    },
    /// More of what the model says instead of an answer that it refuses.
    Refusal {
        /// Which answer.
        choice: u32,
        /// The text.
        text: String,
    },
    /// The beginning of a call of a tool, or more of its arguments.
    ToolCall {
        /// Which answer.
        choice: u32,
        /// Which call of that answer, from 0 without gaps.
        index: u32,
        /// With the first chunk of a call alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// With the first chunk of a call alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// More of the arguments' JSON text.
        #[serde(default)]
        arguments: String,
    },
    /// The end of one answer; exactly one for each.
    Finish {
        /// Which answer.
        choice: u32,
        /// Why.
        reason: FinishReason,
    },
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model ended it, or a stop text was met.
    Stop,
    /// The tokens asked for, the ceiling or the context were used up.
    Length,
    /// Tools are to be called.
    ToolCalls,
    /// A filter of the engine ended it.
    ContentFilter,
}

/// A token with its probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Token {
    /// As text; what is not UTF-8 is replaced.
    pub token: String,
    /// Its exact bytes.
    pub bytes: Vec<u8>,
    /// Natural logarithm of its probability; 0 or below.
    pub logprob: f64,
    /// The likeliest tokens at its place, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub top: Vec<Alternative>,
}

/// A token that could have stood in the place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alternative {
    /// As text.
    pub token: String,
    /// Its exact bytes.
    pub bytes: Vec<u8>,
    /// Natural logarithm of its probability.
    pub logprob: f64,
}

/// Result of `chat` and `complete`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TextDone {
    /// What was counted.
    pub usage: Usage,
}

/// Tokens of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Of the prompt, after the template.
    pub prompt_tokens: u64,
    /// Of all answers together.
    #[serde(default)]
    pub completion_tokens: u64,
    /// Of the prompt, those that needed no work because they were known.
    #[serde(default)]
    pub cached_tokens: u64,
    /// Of the answers, those of reasoning.
    #[serde(default)]
    pub reasoning_tokens: u64,
}

/// Parameters of `embed`. The answer is one [`Vector`] a chunk, in any order, then [`EmbedDone`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Embed {
    /// Which model.
    pub model: String,
    /// What to embed; none is empty.
    pub inputs: Vec<Input>,
    /// Length of the vectors; absent means the model's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<u32>,
    /// What the inputs are for, where the model makes a difference; absent means what it does by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Purpose>,
    /// Whether inputs beyond the model's length are cut and named in [`EmbedDone::truncated`]; otherwise the first
    /// of them is `CONTEXT_LENGTH`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncate: bool,
}

/// What a text is embedded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// It is searched in.
    Passage,
    /// It is searched for.
    Query,
}

/// One chunk of `embed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    /// Which input, from 0.
    pub index: u32,
    /// Little-endian 32-bit floats in base64.
    pub vector: String,
}

/// Result of `embed`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EmbedDone {
    /// What was counted.
    pub usage: Usage,
    /// Which inputs were cut, ascending; only where [`Embed::truncate`] allowed it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub truncated: Vec<u32>,
}

/// Parameters of `embed.describe`. The answer is [`EmbedModel`], without chunks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DescribeEmbed {
    /// Which model.
    pub model: String,
}

/// Result of `embed.describe`: what the vectors of a model are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EmbedModel {
    /// How requests name it.
    pub model: String,
    /// Hash of everything that shapes a vector: weights, vocabulary, settings, way of computing. Vectors of two
    /// revisions do not fit together.
    pub revision: String,
    /// Length of the vectors.
    pub dimensions: u32,
    /// Tokens of the longest input.
    pub context: u32,
    /// Bytes of memory that the model takes while it is loaded.
    pub memory_bytes: u64,
}

/// Parameters of `transcribe`. The answer is one [`Segment`] a chunk, in order, then [`TranscribeDone`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Transcribe {
    /// Which model.
    pub model: String,
    /// The recording.
    pub audio: Payload,
    /// Its language, ISO 639-1; absent means to be found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Text that sets style and spelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Whether words get times too.
    #[serde(default)]
    pub word_times: bool,
}

/// Bytes for an engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Payload {
    /// Name that the client gave, without folders; its ending hints at the format.
    pub name: String,
    /// Where the bytes are.
    #[serde(flatten)]
    pub bytes: PayloadBytes,
}

/// Where the bytes of a payload are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PayloadBytes {
    /// Here, in base64.
    Base64(String),
    /// In a file whose descriptor travels with the request.
    File {
        /// Which of the request's descriptors, from 0.
        fd: u32,
        /// Its bytes, from the beginning.
        size_bytes: u64,
    },
}

/// One chunk of `transcribe`: a stretch of speech.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// Seconds from the beginning.
    pub start: f64,
    /// Seconds from the beginning; not before `start`.
    pub end: f64,
    /// What was said, with its leading space where words were apart.
    pub text: String,
    /// Token ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<u32>,
    /// Mean logarithm of the probability of its tokens.
    pub avg_logprob: f64,
    /// Probability that nobody spoke, 0 to 1.
    pub no_speech_prob: f64,
    /// Bytes of its text over their compressed size; high where the model repeats itself.
    pub compression_ratio: f64,
    /// Its words, where their times were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<Word>,
}

/// A word and when it was said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Word {
    /// The word.
    pub word: String,
    /// Seconds from the beginning.
    pub start: f64,
    /// Seconds from the beginning.
    pub end: f64,
}

/// Result of `transcribe`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TranscribeDone {
    /// The language, ISO 639-1.
    pub language: String,
    /// Seconds of the recording.
    pub duration_s: f64,
}

/// Parameters of `speak`. The answer is a stream of [`Sound`], then [`SpeakDone`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Speak {
    /// Which model.
    pub model: String,
    /// What to say; not empty.
    pub text: String,
    /// Whose voice; names are the model's.
    pub voice: String,
    /// How to say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// `mp3`, `opus`, `aac`, `flac`, `wav` or `pcm` (16 bit, little-endian, one channel).
    pub format: String,
    /// 0.25 to 4; 1 is as the voice is.
    pub speed: f64,
}

/// One chunk of `speak`: the next bytes of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sound {
    /// Bytes in base64.
    pub audio: String,
}

/// Result of `speak`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SpeakDone {
    /// Seconds of sound.
    pub duration_s: f64,
    /// What was counted, where the model counts tokens.
    #[serde(default)]
    pub usage: Usage,
}
