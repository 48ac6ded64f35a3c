//! A task at work: its page, its output as events, and its end.

use std::convert::Infallible;
use std::sync::Arc;

use audit::Event;
use axum::extract::{Path, State};
use axum::response::sse::{Event as Sse, KeepAlive, Sse as SseResponse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt as _};
use http::HeaderMap;
use serde_json::json;
use studio_web::ansi::Reader;
use studio_web::pages::job::{self, Shown};

use crate::server::auth::Caller;
use crate::server::change::change;
use crate::server::error::ApiError;
use crate::state::AppState;
use crate::studio::jobs::Job;
use crate::studio::{self, frame, go};

/// Lines of one event.
const BATCH: usize = 500;
/// Milliseconds between two events.
const PACE_MS: u64 = 50;

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let job = state.jobs.find(&id).ok_or_else(ApiError::not_found)?;
    let frame = frame(&headers, &caller, &format!("/studio/jobs/{id}"));
    let (text, dropped, end) = job.whole();
    let runs = end.as_ref().map(|end| end.runs.clone()).unwrap_or_default();
    let shown = Shown {
        id,
        task: job.task.clone(),
        repository: job.repository.clone(),
        text,
        dropped,
        end: end.map(|end| (end.text, end.bad)),
        runs,
    };
    Ok(studio::page(job::page(&frame, &shown)))
}

/// Its output, from the beginning, as it comes.
pub(crate) async fn events(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let job = state.jobs.find(&id).ok_or_else(ApiError::not_found)?;
    let begin = stream::once(async { Ok::<_, Infallible>(Sse::default().event("begin").data("")) });
    let follow =
        Follow { changes: job.changes(), job, next: 0, reader: Reader::default(), ended: false };
    let rest =
        stream::unfold(follow, |mut follow| async move { Some((follow.next().await?, follow)) });
    Ok(SseResponse::new(begin.chain(rest)).keep_alive(KeepAlive::default()).into_response())
}

struct Follow {
    job: Arc<Job>,
    changes: tokio::sync::watch::Receiver<u64>,
    next: u64,
    reader: Reader,
    ended: bool,
}

impl Follow {
    /// The next batch of lines, or the end.
    async fn next(&mut self) -> Option<Result<Sse, Infallible>> {
        loop {
            if self.ended {
                return None;
            }
            self.changes.mark_unchanged();
            let piece = self.job.piece(self.next, BATCH);
            if !piece.lines.is_empty() {
                let lines: Vec<_> = (piece.first..)
                    .zip(&piece.lines)
                    .map(|(number, line)| self.line(number, line))
                    .collect();
                self.next = piece.first + piece.lines.len() as u64;
                tokio::time::sleep(std::time::Duration::from_millis(PACE_MS)).await;
                return Some(Ok(Sse::default().event("lines").data(json!(lines).to_string())));
            }
            if let Some(end) = piece.end {
                self.ended = true;
                let next = end.runs.last().map(|run| format!("/studio/runs/{run}"));
                let data = json!({ "text": end.text, "bad": end.bad, "next": next });
                return Some(Ok(Sse::default().event("end").data(data.to_string())));
            }
            self.changes.changed().await.ok()?;
        }
    }

    fn line(&mut self, number: u64, line: &str) -> serde_json::Value {
        let pieces = self.reader.line(line).into_iter();
        let pieces: Vec<_> = pieces.map(|piece| (piece.style.classes(), piece.text)).collect();
        json!({ "n": number + 1, "pieces": pieces })
    }
}

/// Ends it as Ctrl-C would.
pub(crate) async fn stop(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let job = state.jobs.find(&id).ok_or_else(ApiError::not_found)?;
    let event = Event::new(caller.owner_name(), "task.stop", job.task.clone());
    change(&state, event, async move {
        job.stop();
        Ok(())
    })
    .await?;
    Ok(go(&format!("/studio/jobs/{id}")))
}
