//! `POST /v1/responses`. Nothing of it is kept.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use contracts::hauski::engine::{TextChunk, Usage};
use hauski::openai::render::responses::Builder;
use hauski::openai::sse;
use hauski::openai::wire::responses::Request;
use hauski::openai::wire::responses::answer::Frame;

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
    let (model, is_stream) = (request.chat.model.clone(), request.stream);
    let question = Question::Chat(request.chat.clone());
    let mut run = Run::new(&state, &caller, vec![question]).await?;
    let id = hauski::openai::render::id("resp_");
    let mut builder = Builder::new(Frame { id, created_at: super::now(), request });
    if is_stream {
        return Ok(stream::respond(run, &model, Frames(builder)));
    }
    let usage = loop {
        match run.next().await? {
            Next::Chunk(_, chunk) => {
                builder.take(chunk);
                // Only the whole is wanted; what led to it need not pile up.
                drop(builder.events());
            }
            Next::Done(usage) => break usage,
        }
    };
    let mut response = Json(builder.finish(usage)).into_response();
    run.headers(&model, &mut response);
    Ok(response)
}

struct Frames(Builder);

impl Frames {
    fn events(&mut self) -> Bytes {
        let events = self.0.events();
        let frames = events.iter().map(|event| sse::event(event.kind, &event.data));
        Bytes::from(frames.collect::<Vec<_>>().concat())
    }
}

impl stream::Frames for Frames {
    fn begin(&mut self) -> Bytes {
        self.events()
    }

    fn take(&mut self, _prompt: u32, chunk: TextChunk) -> Bytes {
        self.0.take(chunk);
        self.events()
    }

    fn finish(&mut self, usage: Usage) -> Bytes {
        self.0.finish(usage);
        self.events()
    }

    fn fail(&mut self, error: &ApiError) -> Bytes {
        let body = error.body().error;
        self.0.fail(body.code, &body.message);
        self.events()
    }
}
