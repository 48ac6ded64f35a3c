//! The history: all runs, one, two side by side.

use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use memory::Outcome;
use serde::Deserialize;
use studio_web::pages::run::{self, Shown};
use studio_web::pages::runs::{self as list, Asked, Found};
use wgx_verbs::context::Context;
use wgx_verbs::runs::{self, RunsError, RunsRequest};

use super::at_work;
use crate::server::auth::Caller;
use crate::server::error::{ApiError, Code};
use crate::server::extract::Params;
use crate::state::AppState;
use crate::studio::{self, frame, repositories};

/// Rows of the first page.
const ROWS: u32 = 50;
/// Rows at most.
const MOST_ROWS: u32 = 5_000;

/// Query of the history.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Query {
    #[serde(default)]
    q: String,
    #[serde(default)]
    outcome: String,
    limit: Option<u32>,
}

/// Query of one run.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Part {
    from: Option<usize>,
    #[serde(default)]
    find: String,
}

/// All runs, or places in their logs.
pub(crate) async fn page(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    Params(query): Params<Query>,
) -> Result<Response, ApiError> {
    let frame = frame(&headers, &caller, "/studio/runs");
    let limit = query.limit.unwrap_or(ROWS).clamp(1, MOST_ROWS);
    let asked = Asked { words: query.q.trim().to_owned(), outcome: query.outcome, limit };
    let wanted = asked.clone();
    let found = at_work(move || Ok(look(&repositories::anywhere(&state)?, &wanted))).await?;
    Ok(studio::page(list::page(&frame, &asked, &found)))
}

fn look(context: &Context, asked: &Asked) -> Found {
    let outcome = match asked.outcome.as_str() {
        "passed" => Some(Outcome::Passed),
        "failed" => Some(Outcome::Failed),
        _ => None,
    };
    let request =
        RunsRequest { all: true, outcome, limit: Some(asked.limit), ..RunsRequest::default() };
    let found = if asked.words.is_empty() {
        runs::runs(context, &request).map(|report| Found::Runs(report.runs, report.more))
    } else {
        runs::search(context, &asked.words, &request)
            .map(|report| Found::Places(report.hits, report.more))
    };
    found.unwrap_or_else(|error| Found::Problem(format!("{error}: {}", error.hint())))
}

/// One run with its log.
pub(crate) async fn one(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<String>,
    Params(part): Params<Part>,
) -> Result<Response, ApiError> {
    let frame = frame(&headers, &caller, &format!("/studio/runs/{id}"));
    let shown = at_work(move || detail(&state, &id, part)).await?;
    Ok(studio::page(run::page(&frame, &shown)))
}

fn detail(state: &AppState, id: &str, part: Part) -> Result<Shown, ApiError> {
    let (context, repository) = home_of(state, id)?;
    let report = runs::show(&context, id).map_err(|error| refused(&error))?;
    let id = report.run.id.clone();
    let log = runs::log(&context, &id).map(|log| log.text);
    let request = RunsRequest {
        all: true,
        task: Some(report.run.task.clone()),
        limit: Some(200),
        ..RunsRequest::default()
    };
    let before = runs::runs(&context, &request).ok().and_then(|all| {
        let same = all
            .runs
            .into_iter()
            .filter(|run| run.task == report.run.task && run.repo == report.run.repo);
        same.map(|run| run.id).find(|other| *other < id)
    });
    Ok(Shown {
        run: report,
        log: log.map_err(|error| format!("{error}: {}", error.hint())),
        from: part.from,
        find: part.find,
        before,
        repository,
    })
}

/// The world whose memory has the run, and the name in addresses of its repository where that is on the list.
fn home_of(state: &AppState, id: &str) -> Result<(Context, Option<String>), ApiError> {
    for it in repositories::list(state)? {
        let Ok(context) = repositories::within(state, &it.known.root) else { continue };
        if runs::require_own(&context, id).is_ok() {
            return Ok((context, Some(it.id)));
        }
    }
    Ok((repositories::anywhere(state)?, None))
}

/// Two runs side by side.
pub(crate) async fn compare(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    Path((before, after)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let frame = frame(&headers, &caller, &format!("/studio/runs/{before}/compare/{after}"));
    let report = at_work(move || {
        let (context, _) = home_of(&state, &after)?;
        runs::compare(&context, &before, &after).map_err(|error| refused(&error))
    });
    Ok(studio::page(run::compare(&frame, &report.await?)))
}

fn refused(error: &RunsError) -> ApiError {
    let code = match error {
        RunsError::Memory(_) | RunsError::NoMemory => Code::NotFound,
        _ => Code::Conflict,
    };
    ApiError::new(code, format!("{error}: {}.", error.hint()))
}
