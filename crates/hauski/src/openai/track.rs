//! Holds a provider to what a stream of text is: no client ever sees half of a call, a second end or a
//! choice that nobody asked for.

use contracts::hauski::engine::{FinishReason, TextChunk};

/// Most calls of tools in one answer.
const MAX_CALLS: u32 = 128;

/// What a provider did that no stream of text may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A choice at or above `n`.
    #[error("the engine answered with a choice that was not asked for")]
    UnknownChoice,
    /// Something followed the end of a choice.
    #[error("the engine went on after the end of an answer")]
    AfterFinish,
    /// The answer ended while choices had not.
    #[error("the engine ended without finishing every answer")]
    Unfinished,
    /// A call does not begin with its id and name, or not in order.
    #[error("the engine sent a piece of a tool call that does not begin")]
    CallWithoutBeginning,
    /// More calls than an answer may have.
    #[error("the engine sent more tool calls than an answer may have")]
    TooManyCalls,
    /// Probabilities were asked for and are missing.
    #[error("the engine left out probabilities that were asked for")]
    MissingLogprobs,
    /// A number that JSON cannot carry, or a probability above one.
    #[error("the engine sent a probability that is none")]
    BadLogprob,
    /// A call or a refusal where only text can be.
    #[error("the engine continued a prompt with something that is not text")]
    NotText,
    /// A function that is not among the tools.
    #[error("the engine called a tool that was not offered")]
    UnknownTool,
}

/// Follows one stream.
#[derive(Debug)]
pub struct Track {
    choices: Vec<Choice>,
    logprobs: bool,
    /// `None` where only text can be.
    tools: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default)]
struct Choice {
    calls: u32,
    finished: bool,
}

impl Track {
    /// For a chat with `n` answers; `tools` are the names of what may be called.
    pub fn chat(n: u32, logprobs: bool, tools: Vec<String>) -> Self {
        Self { choices: vec![Choice::default(); n as usize], logprobs, tools: Some(tools) }
    }

    /// For a prompt with `n` continuations.
    pub fn completion(n: u32, logprobs: bool) -> Self {
        Self { choices: vec![Choice::default(); n as usize], logprobs, tools: None }
    }

    /// Checks the next chunk.
    pub fn check(&mut self, chunk: &TextChunk) -> Result<(), Fault> {
        let (TextChunk::Text { choice, .. }
        | TextChunk::Refusal { choice, .. }
        | TextChunk::ToolCall { choice, .. }
        | TextChunk::Finish { choice, .. }) = chunk;
        let state = self.choices.get_mut(*choice as usize).ok_or(Fault::UnknownChoice)?;
        if state.finished {
            return Err(Fault::AfterFinish);
        }
        match chunk {
            TextChunk::Text { text, tokens, .. } => {
                if self.logprobs && tokens.is_empty() && !text.is_empty() {
                    return Err(Fault::MissingLogprobs);
                }
                let mut all = tokens.iter().flat_map(|token| {
                    std::iter::once(token.logprob).chain(token.top.iter().map(|top| top.logprob))
                });
                if !all.all(|logprob| logprob.is_finite() && logprob <= 0.0) {
                    return Err(Fault::BadLogprob);
                }
            }
            TextChunk::ToolCall { index, id, name, .. } => {
                let tools = self.tools.as_ref().ok_or(Fault::NotText)?;
                let begins = *index == state.calls;
                // Calls come one after another, so an index goes on with the last call or begins the next.
                let follows = begins || index.checked_add(1) == Some(state.calls);
                if !follows || begins != id.is_some() || begins != name.is_some() {
                    return Err(Fault::CallWithoutBeginning);
                }
                if name.as_ref().is_some_and(|name| !tools.contains(name)) {
                    return Err(Fault::UnknownTool);
                }
                state.calls += u32::from(begins);
                if state.calls > MAX_CALLS {
                    return Err(Fault::TooManyCalls);
                }
            }
            TextChunk::Finish { reason, .. } => {
                if self.tools.is_none() && *reason == FinishReason::ToolCalls {
                    return Err(Fault::NotText);
                }
                state.finished = true;
            }
            TextChunk::Refusal { .. } if self.tools.is_none() => return Err(Fault::NotText),
            TextChunk::Refusal { .. } => {}
        }
        Ok(())
    }

    /// Checks that nothing is missing.
    pub fn end(&self) -> Result<(), Fault> {
        let finished = self.choices.iter().all(|choice| choice.finished);
        finished.then_some(()).ok_or(Fault::Unfinished)
    }
}
