//! A stream of text from whoever answers, held to its contract.

use std::time::Duration;

use contracts::hauski::engine::{
    Chat, Complete, Input, Part, Sampling, TextChunk, TextDone, Token, Usage, capability,
};
use hauski::openai::track::Track;
use sha2::{Digest, Sha256};

use super::failure;
use super::meter::estimate;
use super::plugin::{Asked, Brought, Wanted};
use super::route::{self, Way};
use super::upstream::{self, Remote};
use crate::server::auth::Caller;
use crate::server::error::ApiError;
use crate::state::AppState;

/// How long a stream waits for its first chunk before its head goes out; faults until then get a status.
const FIRST: Duration = Duration::from_secs(5);

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    /// A conversation to be continued.
    Chat(Chat),
    /// A prompt to be continued.
    Complete(Complete),
}

impl Question {
    pub(crate) fn capability(&self) -> &'static str {
        match self {
            Self::Chat(_) => capability::CHAT,
            Self::Complete(_) => capability::COMPLETE,
        }
    }

    pub(crate) fn model(&self) -> &str {
        match self {
            Self::Chat(chat) => &chat.model,
            Self::Complete(complete) => &complete.model,
        }
    }

    /// How the tokens of the answer are drawn.
    pub(crate) fn sampling(&self) -> &Sampling {
        match self {
            Self::Chat(chat) => &chat.sampling,
            Self::Complete(complete) => &complete.sampling,
        }
    }

    pub(crate) fn sampling_mut(&mut self) -> &mut Sampling {
        match self {
            Self::Chat(chat) => &mut chat.sampling,
            Self::Complete(complete) => &mut complete.sampling,
        }
    }

    /// About how many tokens the prompt has; only the engine knows it exactly, and only afterwards.
    pub(crate) fn about_tokens(&self) -> u64 {
        match self {
            Self::Chat(chat) => {
                let parts = chat.messages.iter().flat_map(|message| &message.content);
                let text = |part: &Part| match part {
                    Part::Text { text } => estimate(text),
                    Part::Image { .. } | Part::Audio { .. } => 1,
                };
                parts.map(text).fold(0, u64::saturating_add)
            }
            Self::Complete(complete) => {
                let suffix = complete.suffix.as_deref().map_or(0, estimate);
                suffix.saturating_add(match &complete.prompt {
                    Input::Text(text) => estimate(text),
                    Input::Tokens(tokens) => tokens.len() as u64,
                })
            }
        }
    }

    /// Bytes that an answer may have at most: an engine that goes on for ever must not fill this process.
    fn most_bytes(&self) -> usize {
        const BYTES_OF_A_TOKEN: usize = 256;
        let sampling = self.sampling();
        let tokens = (sampling.ceiling_tokens as usize).saturating_mul(sampling.n as usize);
        tokens.saturating_mul(BYTES_OF_A_TOKEN).saturating_add(1 << 20)
    }

    fn track(&self) -> Track {
        match self {
            Self::Chat(chat) => {
                let tools = chat.tools.iter().map(|tool| tool.name.clone()).collect();
                Track::chat(chat.sampling.n, chat.sampling.logprobs.is_some(), tools)
            }
            Self::Complete(complete) => {
                let sampling = &complete.sampling;
                Track::completion(sampling.n, sampling.logprobs.is_some())
            }
        }
    }
}

/// What comes.
pub(crate) enum Event {
    /// A chunk within the contract.
    Chunk(TextChunk),
    /// The end.
    Done(Usage),
}

/// A stream that runs. Dropping it cancels the work.
pub(crate) struct Text {
    source: Source,
    track: Track,
    waiting: Option<Event>,
    /// Who answers: `plugin:NAME` or `upstream:NAME`.
    pub(crate) provider: String,
    /// A few letters that stay the same while the same provider answers with the same model.
    pub(crate) fingerprint: String,
    /// Bytes of answer that may still come.
    left: usize,
}

enum Source {
    Plugin(Box<Asked>),
    Remote(Box<Remote>),
}

impl Text {
    /// Asks whoever may answer and waits a while for the first chunk, so that what fails at once has a status.
    pub(crate) async fn ask(
        state: &AppState,
        caller: &Caller,
        question: &Question,
    ) -> Result<Self, ApiError> {
        let ways = route::ways(state, caller, question.capability(), question.model())?;
        let mut last = None;
        for way in ways {
            let begun = match way {
                Way::Plugin => Self::ask_plugin(state, question).await,
                Way::Upstream(upstream) => {
                    let allowed = upstream::admit(state, caller, &upstream, question).await;
                    match allowed {
                        Ok(()) => Self::ask_upstream(state, caller, &upstream, question).await,
                        Err(error) => Err(error),
                    }
                }
            };
            match begun {
                Ok(text) => return Ok(text),
                Err(error) if route::may_ask_another(&error) => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| failure::unavailable(question.capability())))
    }

    async fn ask_plugin(state: &AppState, question: &Question) -> Result<Self, ApiError> {
        let model = Some(question.model().to_owned());
        let wanted = Wanted { capability: question.capability(), model };
        let asked = match question {
            Question::Chat(chat) => Asked::new(state, wanted, chat, Vec::new())?,
            Question::Complete(complete) => Asked::new(state, wanted, complete, Vec::new())?,
        };
        let provider = format!("plugin:{}", asked.plugin());
        Self::begin(Source::Plugin(Box::new(asked)), provider, question).await
    }

    async fn ask_upstream(
        state: &AppState,
        caller: &Caller,
        upstream: &contracts::hauski::policy::Upstream,
        question: &Question,
    ) -> Result<Self, ApiError> {
        let remote = Remote::ask(state, caller, upstream, question).await?;
        let provider = format!("upstream:{}", upstream.name);
        Self::begin(Source::Remote(Box::new(remote)), provider, question).await
    }

    async fn begin(
        source: Source,
        provider: String,
        question: &Question,
    ) -> Result<Self, ApiError> {
        let digest = Sha256::digest(format!("{provider}\n{}", question.model()).as_bytes());
        let letters = digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect::<String>();
        let mut text = Self {
            source,
            track: question.track(),
            waiting: None,
            provider,
            fingerprint: format!("fp_{letters}"),
            left: question.most_bytes(),
        };
        if let Ok(first) = tokio::time::timeout(FIRST, text.next()).await {
            text.waiting = Some(first?);
        }
        Ok(text)
    }

    /// What comes next. Safe to be given up while it waits.
    pub(crate) async fn next(&mut self) -> Result<Event, ApiError> {
        if let Some(event) = self.waiting.take() {
            return Ok(event);
        }
        let event = match &mut self.source {
            Source::Plugin(asked) => match asked.next::<TextChunk, TextDone>().await? {
                Brought::Chunk(chunk) => Event::Chunk(chunk),
                Brought::Done(done) => Event::Done(done.usage),
            },
            Source::Remote(remote) => remote.next().await?,
        };
        let held = match &event {
            Event::Chunk(chunk) => self.track.check(chunk),
            Event::Done(_) => self.track.end(),
        };
        held.map_err(|fault| failure::fault(&self.provider, &fault))?;
        if let Event::Chunk(chunk) = &event {
            let left = self.left.checked_sub(bytes(chunk));
            self.left = left.ok_or_else(|| failure::broken(&self.provider, "an endless answer"))?;
        }
        Ok(event)
    }
}

fn bytes(chunk: &TextChunk) -> usize {
    match chunk {
        TextChunk::Text { text, tokens, .. } => {
            let token = |token: &Token| 64 + token.token.len() + token.bytes.len();
            text.len() + tokens.iter().map(token).sum::<usize>()
        }
        TextChunk::Refusal { text, .. } => text.len(),
        TextChunk::ToolCall { arguments, .. } => arguments.len(),
        TextChunk::Finish { .. } => 0,
    }
}
