//! Answers of text: whole, or frame by frame with heartbeats, until the end or until the client has gone.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use contracts::hauski::engine::{TextChunk, Usage};
use hauski::openai::sse;
use http::{HeaderName, HeaderValue, header};

use super::meter::Meter;
use super::route;
use super::text::{Event, Question, Text};
use crate::server::auth::Caller;
use crate::server::error::ApiError;
use crate::state::AppState;

/// Silence after which a comment keeps the connection open.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Header with the name of who answers.
const PROVIDER: HeaderName = HeaderName::from_static("x-hauski-provider");
/// Header with the tokens of the model's context.
pub(crate) const CONTEXT_LIMIT: HeaderName = HeaderName::from_static("x-hauski-context-limit");

/// One or several questions, asked one after another.
pub(crate) struct Run {
    state: AppState,
    caller: Caller,
    meter: Meter,
    current: Text,
    /// The next question while nobody has begun to answer it.
    asking: Option<Asking>,
    rest: VecDeque<Question>,
    prompt: u32,
    usage: Usage,
}

type Asking = Pin<Box<dyn Future<Output = Result<Text, ApiError>> + Send>>;

/// What comes next.
pub(crate) enum Next {
    /// A chunk of the question with this number.
    Chunk(u32, TextChunk),
    /// The end, with what all questions used.
    Done(Usage),
}

impl Run {
    /// Asks the first question; the others follow.
    pub(crate) async fn new(
        state: &AppState,
        caller: &Caller,
        questions: Vec<Question>,
    ) -> Result<Self, ApiError> {
        let mut rest: VecDeque<Question> = questions.into();
        let Some(first) = rest.front() else {
            return Err(super::failure::unavailable("chat"));
        };
        let mut meter = Meter::new(state, caller, first.capability());
        within_budget(&mut meter, &mut rest)?;
        let Some(first) = rest.pop_front() else {
            return Err(super::failure::unavailable("chat"));
        };
        let current = match Text::ask(state, caller, &first).await {
            Ok(text) => text,
            Err(error) => {
                meter.nothing();
                return Err(error);
            }
        };
        let (state, caller) = (state.clone(), caller.clone());
        let (asking, usage) = (None, Usage::default());
        Ok(Self { state, caller, meter, current, asking, rest, prompt: 0, usage })
    }

    /// Who answers the first question.
    pub(crate) fn fingerprint(&self) -> String {
        self.current.fingerprint.clone()
    }

    /// Headers that say who answers and within which context.
    pub(crate) fn headers(&self, model: &str, response: &mut Response) {
        let headers = response.headers_mut();
        if let Ok(provider) = HeaderValue::from_str(&self.current.provider) {
            headers.insert(PROVIDER, provider);
        }
        if let Some(context) = route::context(&self.state, model) {
            headers.insert(CONTEXT_LIMIT, HeaderValue::from(context));
        }
    }

    /// What comes next. Safe to be given up while it waits.
    pub(crate) async fn next(&mut self) -> Result<Next, ApiError> {
        loop {
            if let Some(asking) = &mut self.asking {
                self.current = asking.await?;
                self.asking = None;
                self.prompt += 1;
            }
            match self.current.next().await {
                Ok(Event::Chunk(chunk)) => {
                    self.meter.chunk();
                    return Ok(Next::Chunk(self.prompt, chunk));
                }
                Ok(Event::Done(usage)) => add(&mut self.usage, &usage),
                Err(error) => {
                    self.meter.nothing();
                    return Err(error);
                }
            }
            let Some(question) = self.rest.pop_front() else {
                self.meter.used(&self.usage);
                return Ok(Next::Done(self.usage));
            };
            let (state, caller) = (self.state.clone(), self.caller.clone());
            self.asking =
                Some(Box::pin(async move { Text::ask(&state, &caller, &question).await }));
        }
    }
}

/// A key with few tokens left gets no more than those, all prompts and answers together; an answer then ends with
/// `length`. Where not even the prompts and one token for each answer are left, nothing is asked.
fn within_budget(meter: &mut Meter, questions: &mut VecDeque<Question>) -> Result<(), ApiError> {
    let add = |sum: u64, more: u64| sum.saturating_add(more);
    let wanted = |question: &Question| {
        let sampling = question.sampling();
        let each = sampling.max_tokens.unwrap_or(u32::MAX).min(sampling.ceiling_tokens);
        (u64::from(sampling.n), u64::from(sampling.n).saturating_mul(u64::from(each)))
    };
    let prompts = questions.iter().map(Question::about_tokens).fold(0, add);
    let answers = questions.iter().map(|question| wanted(question).0).fold(0, add);
    let most = questions.iter().map(|question| wanted(question).1).fold(0, add);
    let granted = meter.reserve(prompts, answers, most)?;
    if granted < most {
        let each = u32::try_from(granted / answers.max(1)).unwrap_or(u32::MAX).max(1);
        for question in questions {
            let sampling = question.sampling_mut();
            sampling.ceiling_tokens = sampling.ceiling_tokens.min(each);
        }
    }
    Ok(())
}

fn add(sum: &mut Usage, usage: &Usage) {
    sum.prompt_tokens = sum.prompt_tokens.saturating_add(usage.prompt_tokens);
    sum.completion_tokens = sum.completion_tokens.saturating_add(usage.completion_tokens);
    sum.cached_tokens = sum.cached_tokens.saturating_add(usage.cached_tokens);
    sum.reasoning_tokens = sum.reasoning_tokens.saturating_add(usage.reasoning_tokens);
}

/// How a route writes its stream.
pub(crate) trait Frames: Send + 'static {
    /// What stands before the first chunk.
    fn begin(&mut self) -> Bytes;
    /// A chunk of the question with this number.
    fn take(&mut self, prompt: u32, chunk: TextChunk) -> Bytes;
    /// The end.
    fn finish(&mut self, usage: Usage) -> Bytes;
    /// The end because something went wrong; it never looks like a good one.
    fn fail(&mut self, error: &ApiError) -> Bytes;
}

/// The answer as a stream of events. When the client goes, the body is dropped, and with it the work.
pub(crate) fn respond(run: Run, model: &str, mut frames: impl Frames) -> Response {
    let mut head = ().into_response();
    run.headers(model, &mut head);
    let first = frames.begin();
    let stream = futures_util::stream::unfold(Some((run, frames, first)), |state| async move {
        let (mut run, mut frames, first) = state?;
        if !first.is_empty() {
            return Some((Ok::<_, Infallible>(first), Some((run, frames, Bytes::new()))));
        }
        loop {
            let bytes = match tokio::time::timeout(HEARTBEAT, run.next()).await {
                Err(_) => Bytes::from_static(sse::HEARTBEAT),
                Ok(Ok(Next::Chunk(prompt, chunk))) => frames.take(prompt, chunk),
                Ok(Ok(Next::Done(usage))) => return Some((Ok(frames.finish(usage)), None)),
                Ok(Err(error)) => return Some((Ok(frames.fail(&error)), None)),
            };
            if !bytes.is_empty() {
                return Some((Ok(bytes), Some((run, frames, Bytes::new()))));
            }
        }
    });
    let mut response = Body::from_stream(stream).into_response();
    response.headers_mut().extend(head.headers().clone());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Proxies that gather answers would hold back every token.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}
