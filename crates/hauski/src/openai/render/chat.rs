//! `/v1/chat/completions`: one answer, or frames of a stream.

use bytes::Bytes;
use contracts::hauski::engine::{TextChunk, Usage};

use super::Head;
use crate::openai::sse;
use crate::openai::wire::chat::{
    Choice, Chunk, ChunkChoice, Completion, Delta, Function, FunctionDelta, Logprobs, Message,
    ToolCall, ToolCallDelta,
};

/// Puts chunks together to one answer.
#[derive(Debug)]
pub struct Collector {
    choices: Vec<Choice>,
}

impl Collector {
    /// For `n` answers.
    pub fn new(n: u32, logprobs: bool) -> Self {
        let choice = |index| Choice {
            index,
            message: Message { role: "assistant", ..Message::default() },
            logprobs: logprobs.then(|| Logprobs { content: Some(Vec::new()), refusal: None }),
            finish_reason: None,
        };
        Self { choices: (0..n).map(choice).collect() }
    }

    /// Takes a chunk that [`crate::openai::track::Track`] has let through.
    pub fn take(&mut self, chunk: TextChunk) {
        match chunk {
            TextChunk::Text { choice, text, tokens } => {
                let Some(choice) = self.choices.get_mut(choice as usize) else { return };
                choice.message.content.get_or_insert_default().push_str(&text);
                if let Some(content) = choice.logprobs.as_mut().and_then(|l| l.content.as_mut()) {
                    content.extend(tokens.into_iter().map(Into::into));
                }
            }
            TextChunk::Refusal { choice, text } => {
                let Some(choice) = self.choices.get_mut(choice as usize) else { return };
                choice.message.refusal.get_or_insert_default().push_str(&text);
            }
            TextChunk::ToolCall { choice, index, id, name, arguments } => {
                let Some(choice) = self.choices.get_mut(choice as usize) else { return };
                let calls = &mut choice.message.tool_calls;
                if let (Some(id), Some(name)) = (id, name) {
                    let function = Function { name, arguments: String::new() };
                    calls.push(ToolCall { id, kind: "function", function });
                }
                if let Some(call) = calls.get_mut(index as usize) {
                    call.function.arguments.push_str(&arguments);
                }
            }
            TextChunk::Finish { choice, reason } => {
                let Some(choice) = self.choices.get_mut(choice as usize) else { return };
                choice.finish_reason = Some(reason);
                let message = &mut choice.message;
                if message.tool_calls.is_empty() && message.refusal.is_none() {
                    message.content.get_or_insert_default();
                }
            }
        }
    }

    /// The answer.
    pub fn finish(self, head: Head, usage: Usage) -> Completion {
        Completion {
            id: head.id,
            object: "chat.completion",
            created: head.created,
            model: head.model,
            choices: self.choices,
            usage: usage.into(),
            service_tier: "default",
            system_fingerprint: head.fingerprint,
        }
    }
}

/// Makes frames of chunks.
#[derive(Debug)]
pub struct Frames {
    head: Head,
    begun: Vec<bool>,
    logprobs: bool,
    include_usage: bool,
}

impl Frames {
    /// For `n` answers.
    pub fn new(head: Head, n: u32, logprobs: bool, include_usage: bool) -> Self {
        Self { head, begun: vec![false; n as usize], logprobs, include_usage }
    }

    /// The frames of one chunk; the first of an answer has its role before it.
    pub fn take(&mut self, chunk: TextChunk) -> Bytes {
        let (TextChunk::Text { choice: index, .. }
        | TextChunk::Refusal { choice: index, .. }
        | TextChunk::ToolCall { choice: index, .. }
        | TextChunk::Finish { choice: index, .. }) = chunk;
        let begins =
            self.begun.get_mut(index as usize).is_some_and(|begun| !std::mem::replace(begun, true));
        let is_text = matches!(chunk, TextChunk::Text { .. } | TextChunk::Finish { .. });
        let choice = self.choice(index, chunk);
        let frame = sse::data(&self.chunk(vec![choice]));
        if !begins {
            return frame;
        }
        // An answer that begins with a call has no text, not even an empty one.
        let content = is_text.then(String::new);
        let delta = Delta { role: Some("assistant"), content, ..Delta::default() };
        let first = ChunkChoice { index, delta, logprobs: None, finish_reason: None };
        let mut both = sse::data(&self.chunk(vec![first])).to_vec();
        both.extend_from_slice(&frame);
        Bytes::from(both)
    }

    fn choice(&self, index: u32, chunk: TextChunk) -> ChunkChoice {
        let mut choice =
            ChunkChoice { index, delta: Delta::default(), logprobs: None, finish_reason: None };
        match chunk {
            TextChunk::Text { text, tokens, .. } => {
                choice.delta.content = Some(text);
                choice.logprobs = self.logprobs.then(|| Logprobs {
                    content: Some(tokens.into_iter().map(Into::into).collect()),
                    refusal: None,
                });
            }
            TextChunk::Refusal { text, .. } => choice.delta.refusal = Some(text),
            TextChunk::ToolCall { index, id, name, arguments, .. } => {
                let kind = id.is_some().then_some("function");
                let function = FunctionDelta { name, arguments };
                choice.delta.tool_calls = vec![ToolCallDelta { index, id, kind, function }];
            }
            TextChunk::Finish { reason, .. } => choice.finish_reason = Some(reason),
        }
        choice
    }

    fn chunk(&self, choices: Vec<ChunkChoice>) -> Chunk<'_> {
        Chunk {
            id: &self.head.id,
            object: "chat.completion.chunk",
            created: self.head.created,
            model: &self.head.model,
            service_tier: "default",
            system_fingerprint: self.head.fingerprint.as_deref(),
            choices,
            usage: self.include_usage.then_some(None),
        }
    }

    /// The frames at the end: the count of tokens, where asked for, and `[DONE]`.
    pub fn finish(self, usage: Usage) -> Bytes {
        let mut out = Vec::new();
        if self.include_usage {
            let mut last = self.chunk(Vec::new());
            last.usage = Some(Some(usage.into()));
            out.extend_from_slice(&sse::data(&last));
        }
        out.extend_from_slice(sse::DONE);
        Bytes::from(out)
    }
}
