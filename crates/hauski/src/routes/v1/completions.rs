//! `POST /v1/completions`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use contracts::hauski::engine::{TextChunk, Usage};
use hauski::openai::render::completions;
use hauski::openai::sse;
use hauski::openai::wire::completions::Request;

use crate::gateway::stream::{self, Next, Run};
use crate::gateway::text::Question;
use crate::server::auth::Caller;
use crate::server::error::ApiError;
use crate::server::extract::RawBody;
use crate::state::AppState;

/// Continues prompts.
pub(crate) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    RawBody(body): RawBody,
) -> Result<Response, ApiError> {
    let request = Request::read(&body, super::bounds(&state))?;
    // A request that was read has at least one prompt.
    let Some(first) = request.prompts.first() else {
        return Err(crate::gateway::failure::unavailable("complete"));
    };
    let (model, n) = (first.model.clone(), first.sampling.n);
    let logprobs = first.sampling.logprobs.is_some();
    let answers = n.saturating_mul(u32::try_from(request.prompts.len()).unwrap_or(u32::MAX));
    let questions = request.prompts.into_iter().map(Question::Complete).collect();
    let mut run = Run::new(&state, &caller, questions).await?;
    let head = super::head("cmpl-", &model, Some(run.fingerprint()));
    if request.stream {
        let frames = completions::Frames::new(head, answers, logprobs, request.include_usage);
        return Ok(stream::respond(run, &model, Frames { frames: Some(frames), n }));
    }
    let mut collector = completions::Collector::new(answers, logprobs);
    let usage = loop {
        match run.next().await? {
            Next::Chunk(prompt, chunk) => collector.take(prompt * n, chunk),
            Next::Done(usage) => break usage,
        }
    };
    let mut response = Json(collector.finish(head, usage)).into_response();
    run.headers(&model, &mut response);
    Ok(response)
}

struct Frames {
    frames: Option<completions::Frames>,
    n: u32,
}

impl stream::Frames for Frames {
    fn begin(&mut self) -> Bytes {
        Bytes::new()
    }

    fn take(&mut self, prompt: u32, chunk: TextChunk) -> Bytes {
        let first = prompt * self.n;
        self.frames.as_mut().map(|frames| frames.take(first, chunk)).unwrap_or_default()
    }

    fn finish(&mut self, usage: Usage) -> Bytes {
        self.frames.take().map(|frames| frames.finish(usage)).unwrap_or_default()
    }

    fn fail(&mut self, error: &ApiError) -> Bytes {
        sse::data(&error.body())
    }
}
