//! An OpenAI-compatible upstream of `routing.yaml`: asked only where the policy and the key allow it, never
//! with a prompt that holds secrets, and never without a line in the audit log before.

use std::collections::VecDeque;

use bytes::Bytes;
use contracts::hauski::audit::Outcome;
use contracts::hauski::engine::TextChunk;
use contracts::hauski::policy::Upstream;
use hauski::openai::upstream::{Chunks, chat_body, complete_body, texts};
use hauski_egress::{EgressError, Outgoing, OutgoingBody, ResponseBody};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;

use super::secret;
use super::text::{Event, Question};
use crate::server::auth::Caller;
use crate::server::error::{ApiError, Code};
use crate::state::AppState;

/// A stream of an upstream that runs.
pub(crate) struct Remote {
    body: ResponseBody,
    chunks: Chunks,
    ready: VecDeque<TextChunk>,
    upstream: String,
}

/// Whether a question may go to an upstream: no secret in it, and the line of the audit log is on the disk.
pub(crate) async fn admit(
    state: &AppState,
    caller: &Caller,
    upstream: &Upstream,
    question: &Question,
) -> Result<(), ApiError> {
    let found = state.redactor.scan(&texts(&body(question, upstream)?)).len();
    let outcome = if found > 0 { Outcome::Denied } else { Outcome::Ok };
    let event = audit::Event::new(caller.actor.to_string(), "gateway.fallback", &upstream.name)
        .outcome(outcome)
        .with("capability", question.capability())
        .with("secrets", u64::try_from(found).unwrap_or(u64::MAX));
    crate::record::durable(state, event).await?;
    if found > 0 {
        let message = format!(
            "The request would leave this house and holds {found} value(s) that look like secrets; it has not been sent."
        );
        return Err(ApiError::new(Code::SecretInPrompt, message));
    }
    Ok(())
}

fn body(question: &Question, upstream: &Upstream) -> Result<Value, ApiError> {
    let name = upstream.models.get(question.model());
    let name = name.ok_or_else(|| super::failure::unknown_model(question.model()))?;
    Ok(match question {
        Question::Chat(chat) => chat_body(chat, name),
        Question::Complete(complete) => complete_body(complete, name),
    })
}

impl Remote {
    /// Sends the question and waits for the head of the answer.
    pub(crate) async fn ask(
        state: &AppState,
        caller: &Caller,
        upstream: &Upstream,
        question: &Question,
    ) -> Result<Self, ApiError> {
        let path = match question {
            Question::Chat(_) => "chat/completions",
            Question::Complete(_) => "completions",
        };
        let address = format!("{}/{path}", upstream.base_url.trim_end_matches('/'));
        let actor = caller.actor.to_string();
        let failed = |error: &EgressError| failed(&upstream.name, error);
        let allowed =
            state.egress.decide(&address, &actor).await.map_err(|error| failed(&error))?;
        let bytes = Bytes::from(body(question, upstream)?.to_string());
        let outgoing = Outgoing::new(Method::POST, allowed, actor)
            .headers(headers(state, upstream)?)
            .without_redirects()
            .body(OutgoingBody::Full(bytes));
        let incoming = state.egress.send(outgoing).await.map_err(|error| failed(&error))?;
        if incoming.status != StatusCode::OK {
            return Err(refused(&upstream.name, incoming.status, &incoming.headers));
        }
        Ok(Self {
            body: incoming.body,
            chunks: Chunks::default(),
            ready: VecDeque::new(),
            upstream: upstream.name.clone(),
        })
    }

    /// What comes next. Safe to be given up while it waits.
    pub(crate) async fn next(&mut self) -> Result<Event, ApiError> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Ok(Event::Chunk(chunk));
            }
            if self.chunks.is_done() {
                return self.end();
            }
            match self.body.frame().await {
                None => return self.end(),
                Some(Err(error)) => return Err(failed(&self.upstream, &error)),
                Some(Ok(frame)) => {
                    let Some(bytes) = frame.data_ref() else { continue };
                    let chunks = self.chunks.push(bytes).map_err(|error| {
                        super::failure::broken(&self.upstream, &error.to_string())
                    })?;
                    self.ready.extend(chunks);
                }
            }
        }
    }

    fn end(&self) -> Result<Event, ApiError> {
        let usage = self.chunks.usage();
        let usage =
            usage.map_err(|error| super::failure::broken(&self.upstream, &error.to_string()))?;
        Ok(Event::Done(usage))
    }
}

fn headers(state: &AppState, upstream: &Upstream) -> Result<HeaderMap, ApiError> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
    if let Some(reference) = &upstream.key {
        let key =
            secret::reveal(reference, |name| state.settings.variable(name).map(str::to_owned))
                .map_err(|error| ApiError::internal(&error))?;
        let mut value = HeaderValue::try_from(format!("Bearer {key}"))
            .map_err(|error| ApiError::internal(&error))?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    Ok(headers)
}

/// The connection to an upstream failed, or the policy does not allow it.
fn failed(upstream: &str, error: &EgressError) -> ApiError {
    tracing::warn!(upstream, code = error.code(), "an upstream could not be asked");
    match error {
        EgressError::Denied(_) => ApiError::new(
            Code::EgressDenied,
            "The upstream of this model is not among the destinations that routing.yaml allows.",
        ),
        EgressError::TimedOut { .. } => {
            ApiError::new(Code::UpstreamTimeout, "The upstream did not answer in time.")
        }
        _ => ApiError::new(Code::UpstreamError, "The upstream cannot be reached."),
    }
}

/// The upstream answered with something else than a stream. Its words stay here.
fn refused(upstream: &str, status: StatusCode, headers: &HeaderMap) -> ApiError {
    tracing::warn!(upstream, status = status.as_u16(), "an upstream refused a request");
    let seconds =
        headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            let error = ApiError::new(Code::EngineOverloaded, "The upstream is overloaded.");
            error.retry_after(seconds.unwrap_or(2))
        }
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
            let code = Code::Request(hauski::openai::wire::Code::UnsupportedValue);
            ApiError::new(code, "The upstream does not take this request.")
        }
        _ => ApiError::new(Code::UpstreamError, format!("The upstream answered with {status}.")),
    }
}
