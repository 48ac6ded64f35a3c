//! `POST /v1/audio/transcriptions`, and `/asr/transcribe` under its older name.

use std::os::fd::OwnedFd;

use axum::body::Body;
use axum::extract::multipart::{MultipartError, MultipartRejection};
use axum::extract::{Multipart, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use contracts::hauski::engine::{Segment, TranscribeDone, capability};
use contracts::hauski::plugin::Kind;
use hauski::openai::sse;
use hauski::openai::wire::transcription::{self, FormField, Request};
use http::{HeaderValue, header};
use serde_json::json;

use crate::gateway::failure;
use crate::gateway::meter::Meter;
use crate::gateway::plugin::{Asked, Brought, Wanted};
use crate::server::auth::Caller;
use crate::server::error::{ApiError, Code};
use crate::server::extract::fault;
use crate::state::AppState;

/// Most fields of a form.
const MAX_FIELDS: usize = 32;

/// Writes down a recording.
pub(crate) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, ApiError> {
    let form = form.map_err(|_| ApiError::new(Code::InvalidBody, "The form has no boundary."))?;
    let request = Request::read(fields(form).await?)?;
    let meter = Meter::new(&state, &caller, capability::TRANSCRIBE);
    let model = Some(request.transcribe.model.clone());
    let wanted = Wanted { capability: capability::TRANSCRIBE, model };
    let fds = descriptors(&state, &request)?;
    let asked = Asked::new(&state, wanted, &request.transcribe, fds)?;
    let mut ear = Ear { asked, meter, segments: Vec::new() };
    if request.stream {
        return stream(ear).await;
    }
    let done = loop {
        if let Brought::Done(done) = ear.next().await? {
            break done;
        }
    };
    let body = transcription::answer(&request, &ear.segments, &done);
    let mut response = body.into_response();
    let kind = HeaderValue::from_static(request.format.media_type());
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// A recording that is too large for a message, as a file without a name that the plugin may read.
fn descriptors(state: &AppState, request: &Request) -> Result<Vec<OwnedFd>, ApiError> {
    let Some(bytes) = &request.large else { return Ok(Vec::new()) };
    let models = state.host.models();
    let named = models.iter().find(|it| it.model.id == request.transcribe.model);
    let entry = named.and_then(|model| state.host.entry(&model.plugin));
    if entry.is_some_and(|entry| entry.kind != Kind::Rpc) {
        let most = transcription::MAX_INLINE_BYTES;
        let message = format!("The plugin with this model takes recordings of up to {most} bytes.");
        return Err(ApiError::new(Code::RequestTooLarge, message).param("file"));
    }
    let file = memory_file(bytes).map_err(|error| ApiError::internal(&error))?;
    Ok(vec![file])
}

/// The bytes in memory behind a descriptor that stands at their beginning.
fn memory_file(bytes: &[u8]) -> std::io::Result<OwnedFd> {
    use std::io::{Seek as _, Write as _};
    let file = rustix::fs::memfd_create("recording", rustix::fs::MemfdFlags::CLOEXEC)?;
    let mut file = std::fs::File::from(file);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file.into())
}

async fn fields(mut form: Multipart) -> Result<Vec<FormField>, ApiError> {
    let unreadable = |error: MultipartError| fault(&axum::Error::new(error));
    let mut fields = Vec::new();
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        if fields.len() == MAX_FIELDS {
            return Err(ApiError::new(Code::InvalidBody, "The form has more than 32 fields."));
        }
        let name = field.name().unwrap_or_default().to_owned();
        let file_name = field.file_name().map(str::to_owned);
        let bytes = field.bytes().await.map_err(unreadable)?.to_vec();
        fields.push(FormField { name, file_name, bytes });
    }
    Ok(fields)
}

/// A recording that is heard.
struct Ear {
    asked: Asked,
    meter: Meter,
    segments: Vec<Segment>,
}

impl Ear {
    /// The text of the next stretch, or the end.
    async fn next(&mut self) -> Result<Brought<String, TranscribeDone>, ApiError> {
        let brought = self.asked.next::<Segment, TranscribeDone>().await;
        match brought.inspect_err(|_| self.meter.nothing())? {
            Brought::Chunk(segment) => {
                self.meter.chunk();
                let last = self.segments.last().map_or(0.0, |last| last.start);
                let ordered = segment.start >= last && segment.end >= segment.start;
                if !ordered || !segment.end.is_finite() {
                    let cause = "stretches of a recording out of order";
                    return Err(failure::broken(self.asked.plugin(), cause));
                }
                let text = segment.text.clone();
                self.segments.push(segment);
                Ok(Brought::Chunk(text))
            }
            Brought::Done(done) => {
                self.meter.used(&contracts::hauski::engine::Usage::default());
                Ok(Brought::Done(done))
            }
        }
    }

    /// The event of what comes next, and whether it is the last.
    async fn event(&mut self) -> Result<(Bytes, bool), ApiError> {
        match self.next().await? {
            Brought::Chunk(text) => {
                let delta = if self.segments.len() == 1 { text.trim_start() } else { &text };
                let kind = "transcript.text.delta";
                Ok((sse::data(&json!({ "type": kind, "delta": delta })), false))
            }
            Brought::Done(done) => {
                let text = transcription::text(&self.segments);
                let usage = json!({ "type": "duration", "seconds": done.duration_s });
                let kind = "transcript.text.done";
                let event = json!({ "type": kind, "text": text, "usage": usage });
                let bytes = [&sse::data(&event)[..], sse::DONE].concat();
                Ok((Bytes::from(bytes), true))
            }
        }
    }
}

async fn stream(mut ear: Ear) -> Result<Response, ApiError> {
    let first = ear.event().await?;
    let begun = Some((ear, Some(first)));
    let stream = futures_util::stream::unfold(begun, |state| async {
        let (mut ear, first) = state?;
        let event = match first {
            Some(first) => Ok(first),
            None => ear.event().await,
        };
        let (bytes, ended) = event.unwrap_or_else(|error| (sse::data(&error.body()), true));
        Some((Ok::<_, std::convert::Infallible>(bytes), (!ended).then_some((ear, None))))
    });
    let mut response = Body::from_stream(stream).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}
