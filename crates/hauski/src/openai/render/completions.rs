//! `/v1/completions`: one answer, or frames of a stream.

use bytes::Bytes;
use contracts::hauski::engine::{TextChunk, Token, Usage};

use super::Head;
use crate::openai::sse;
use crate::openai::wire::completions::{Choice, Completion, Logprobs};

/// Counts characters of answers, for the places of their tokens.
#[derive(Debug)]
struct Offsets(Vec<usize>);

impl Offsets {
    fn logprobs(&mut self, index: usize, tokens: Vec<Token>) -> Logprobs {
        let mut out = Logprobs::default();
        let Some(offset) = self.0.get_mut(index) else {
            return out;
        };
        for token in tokens {
            out.text_offset.push(*offset);
            *offset += token.token.chars().count();
            let top = token.top.into_iter().map(|top| (top.token, top.logprob));
            out.top_logprobs.push(top.collect());
            out.token_logprobs.push(token.logprob);
            out.tokens.push(token.token);
        }
        out
    }
}

/// Puts chunks together to one answer.
#[derive(Debug)]
pub struct Collector {
    choices: Vec<Choice>,
    offsets: Offsets,
}

impl Collector {
    /// For `answers` in all, over every prompt.
    pub fn new(answers: u32, logprobs: bool) -> Self {
        let choice = |index| Choice {
            text: String::new(),
            index,
            logprobs: logprobs.then(Logprobs::default),
            finish_reason: None,
        };
        Self {
            choices: (0..answers).map(choice).collect(),
            offsets: Offsets(vec![0; answers as usize]),
        }
    }

    /// Takes a chunk of the prompt whose first answer has the index `first`.
    pub fn take(&mut self, first: u32, chunk: TextChunk) {
        match chunk {
            TextChunk::Text { choice, text, tokens } => {
                let index = (first + choice) as usize;
                let Some(choice) = self.choices.get_mut(index) else { return };
                choice.text.push_str(&text);
                if let Some(logprobs) = &mut choice.logprobs {
                    let new = self.offsets.logprobs(index, tokens);
                    logprobs.tokens.extend(new.tokens);
                    logprobs.token_logprobs.extend(new.token_logprobs);
                    logprobs.top_logprobs.extend(new.top_logprobs);
                    logprobs.text_offset.extend(new.text_offset);
                }
            }
            TextChunk::Finish { choice, reason } => {
                let index = (first + choice) as usize;
                if let Some(choice) = self.choices.get_mut(index) {
                    choice.finish_reason = Some(reason);
                }
            }
            TextChunk::Refusal { .. } | TextChunk::ToolCall { .. } => {}
        }
    }

    /// The answer.
    pub fn finish(self, head: Head, usage: Usage) -> Completion {
        Completion {
            id: head.id,
            object: "text_completion",
            created: head.created,
            model: head.model,
            choices: self.choices,
            usage: Some(Some(usage.into())),
            system_fingerprint: head.fingerprint,
        }
    }
}

/// Makes frames of chunks.
#[derive(Debug)]
pub struct Frames {
    head: Head,
    offsets: Offsets,
    logprobs: bool,
    include_usage: bool,
}

impl Frames {
    /// For `answers` in all, over every prompt.
    pub fn new(head: Head, answers: u32, logprobs: bool, include_usage: bool) -> Self {
        Self { head, offsets: Offsets(vec![0; answers as usize]), logprobs, include_usage }
    }

    /// The frame of one chunk of the prompt whose first answer has the index `first`.
    pub fn take(&mut self, first: u32, chunk: TextChunk) -> Bytes {
        let (index, text, logprobs, finish_reason) = match chunk {
            TextChunk::Text { choice, text, tokens } => {
                let index = first + choice;
                let logprobs = self.logprobs.then(|| self.offsets.logprobs(index as usize, tokens));
                (index, text, logprobs, None)
            }
            TextChunk::Finish { choice, reason } => {
                (first + choice, String::new(), None, Some(reason))
            }
            TextChunk::Refusal { .. } | TextChunk::ToolCall { .. } => return Bytes::new(),
        };
        let choice = Choice { text, index, logprobs, finish_reason };
        sse::data(&self.chunk(vec![choice], None))
    }

    fn chunk(&self, choices: Vec<Choice>, usage: Option<Usage>) -> Completion {
        Completion {
            id: self.head.id.clone(),
            object: "text_completion",
            created: self.head.created,
            model: self.head.model.clone(),
            choices,
            usage: self.include_usage.then(|| usage.map(Into::into)),
            system_fingerprint: self.head.fingerprint.clone(),
        }
    }

    /// The frames at the end: the count of tokens, where asked for, and `[DONE]`.
    pub fn finish(self, usage: Usage) -> Bytes {
        let mut out = Vec::new();
        if self.include_usage {
            out.extend_from_slice(&sse::data(&self.chunk(Vec::new(), Some(usage))));
        }
        out.extend_from_slice(sse::DONE);
        Bytes::from(out)
    }
}
