//! `POST /v1/chat/completions`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use contracts::hauski::engine::{TextChunk, Usage};
use hauski::openai::render::{Head, chat};
use hauski::openai::sse;
use hauski::openai::wire::chat::Request;

use crate::gateway::stream::{self, Next, Run};
use crate::gateway::text::Question;
use crate::server::auth::Caller;
use crate::server::error::ApiError;
use crate::server::extract::RawBody;
use crate::state::AppState;

/// Continues a conversation.
pub(crate) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    RawBody(body): RawBody,
) -> Result<Response, ApiError> {
    let request = Request::read(&body, super::bounds(&state))?;
    let model = request.chat.model.clone();
    let n = request.chat.sampling.n;
    let logprobs = request.chat.sampling.logprobs.is_some();
    let mut run = Run::new(&state, &caller, vec![Question::Chat(request.chat)]).await?;
    let head = super::head("chatcmpl-", &model, Some(run.fingerprint()));
    if request.stream {
        let frames = chat::Frames::new(head, n, logprobs, request.include_usage);
        return Ok(stream::respond(run, &model, Frames(Some(frames))));
    }
    let mut collector = chat::Collector::new(n, logprobs);
    let usage = loop {
        match run.next().await? {
            Next::Chunk(_, chunk) => collector.take(chunk),
            Next::Done(usage) => break usage,
        }
    };
    let mut response = Json(collector.finish(Head { ..head }, usage)).into_response();
    run.headers(&model, &mut response);
    Ok(response)
}

struct Frames(Option<chat::Frames>);

impl stream::Frames for Frames {
    fn begin(&mut self) -> Bytes {
        Bytes::new()
    }

    fn take(&mut self, _prompt: u32, chunk: TextChunk) -> Bytes {
        self.0.as_mut().map(|frames| frames.take(chunk)).unwrap_or_default()
    }

    fn finish(&mut self, usage: Usage) -> Bytes {
        self.0.take().map(|frames| frames.finish(usage)).unwrap_or_default()
    }

    fn fail(&mut self, error: &ApiError) -> Bytes {
        sse::data(&error.body())
    }
}
