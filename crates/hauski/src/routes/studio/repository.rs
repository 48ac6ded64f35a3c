//! One repository, and starting its tasks.

use audit::Event;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use redact::Redactor;
use serde::Deserialize;
use studio_web::pages::repository::{self, Shown};
use wgx_verbs::list::{ListRequest, list};
use wgx_verbs::runs::{RunsRequest, runs};
use wgx_verbs::suggest::suggest;

use super::at_work;
use crate::server::auth::Caller;
use crate::server::change::change;
use crate::server::error::{ApiError, Code};
use crate::server::extract::Params;
use crate::state::AppState;
use crate::studio::form::Form;
use crate::studio::{self, frame, go, repositories};

/// Runs on the page.
const RUNS: u32 = 15;
/// Bytes of the arguments of a task.
const MOST_ARGS_BYTES: usize = 16 << 10;

/// Query of the page.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Query {
    #[serde(default)]
    filter: String,
    task: Option<String>,
}

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<String>,
    Params(query): Params<Query>,
) -> Result<Response, ApiError> {
    let frame = frame(&headers, &caller, &format!("/studio/repos/{id}"));
    let shown = at_work(move || look(&state, &id, query)).await?;
    Ok(studio::page(repository::page(&frame, &shown)))
}

fn look(state: &AppState, id: &str, query: Query) -> Result<Shown, ApiError> {
    let (all, _) = repositories::status(state)?;
    let found = all.into_iter().find(|it| it.id == id).ok_or_else(ApiError::not_found)?;
    let mut shown = Shown {
        repository: found,
        tasks: Err(String::new()),
        runs: Vec::new(),
        suggestions: Vec::new(),
        filter: query.filter,
        chosen: query.task,
        notes: Vec::new(),
    };
    let context = match repositories::within(state, &shown.repository.known.root) {
        Ok(context) => context,
        Err(error) => {
            shown.tasks = Err(error.message().to_owned());
            return Ok(shown);
        }
    };
    shown.tasks = list(&context, &ListRequest::default()).map_err(|error| error.to_string());
    let request = RunsRequest { limit: Some(RUNS), ..RunsRequest::default() };
    match runs(&context, &request) {
        Ok(report) => shown.runs = report.runs,
        Err(error) => shown.notes.push(format!("{error}: {}", error.hint())),
    }
    match suggest(&context) {
        Ok(report) => shown.suggestions = report.suggestions,
        Err(error) => shown.notes.push(format!("{error}: {}", error.hint())),
    }
    Ok(shown)
}

/// Starts a task that the person named by its button.
pub(crate) async fn run(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, ApiError> {
    let wanted = form.need("task")?.to_owned();
    let args = arguments(form.get("args"))?;
    let own = state.clone();
    let repository = id.clone();
    let (context, name, task) = at_work(move || {
        let found = repositories::find(&own, &repository)?;
        let context = repositories::within(&own, &found.known.root)?;
        let report = list(&context, &ListRequest::default())
            .map_err(|error| repositories::failed(&error))?;
        let task = report.tasks.into_iter().find(|task| task.id == wanted);
        let gone = || ApiError::new(Code::NotFound, "This task is not there any more.");
        Ok((context, found.known.name, task.ok_or_else(gone)?))
    })
    .await?;
    if !task.runnable {
        return Err(ApiError::new(Code::Conflict, "This task is only shown; it runs elsewhere."));
    }
    if task.destructive && form.get("confirm") != "yes" {
        let message = "This task may destroy or publish something; check the box to start it.";
        return Err(ApiError::new(Code::Conflict, message));
    }
    let event = Event::new(caller.owner_name(), "task.run", task.id.clone());
    let event = event.with("repository", context.root.path.display().to_string());
    let own = state.clone();
    let job = change(&state, event, async move {
        let full = |_| {
            ApiError::new(Code::Overloaded, "Too many tasks are at work; wait for one.")
                .retry_after(5)
        };
        let job = own.jobs.add(&task.id, (id, name)).map_err(full)?;
        let mask = Redactor::for_merges();
        let worker = std::sync::Arc::clone(&job);
        // Not among the changes: the daemon ends without waiting for it, and the task's own process records its end.
        tokio::task::spawn_blocking(move || worker.run(&context, args, mask));
        Ok(job)
    });
    Ok(go(&format!("/studio/jobs/{}", job.await?.id)))
}

/// Words as a shell reads them; nothing in them is expanded.
fn arguments(text: &str) -> Result<Vec<String>, ApiError> {
    let fault = |message: &str| ApiError::new(Code::InvalidValue, message).param("args");
    if text.len() > MOST_ARGS_BYTES {
        return Err(fault("The arguments are longer than 16 KiB."));
    }
    shlex::split(text).ok_or_else(|| fault("A quote in the arguments has no end."))
}
