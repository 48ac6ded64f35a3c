//! What needs the person now.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::Response;
use contracts::hauski::plugin_status::PluginState;
use http::HeaderMap;
use studio_web::pages::home::{self, Home};
use wgx_verbs::runs::{RunsRequest, runs};
use wgx_verbs::suggest::suggest;

use super::at_work;
use crate::routes::admin::budgets;
use crate::server::auth::Caller;
use crate::server::error::ApiError;
use crate::state::AppState;
use crate::studio::{self, frame, repositories};

/// Runs that are looked at for red ones.
const LOOKED_AT: u32 = 300;
/// Rows of each list.
const SHOWN: usize = 8;
/// Proposals of each repository.
const PROPOSED: usize = 2;
/// Repositories that are asked for proposals: those on top of the list.
const ASKED: usize = 12;

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let frame = frame(&headers, &caller, "/studio");
    let own = state.clone();
    let mut shown = at_work(move || look(&own)).await?;
    let is_down = |state: PluginState| {
        matches!(state, PluginState::Failed | PluginState::Unhealthy | PluginState::Backoff)
    };
    shown.plugins = state.host.plugins().into_iter().filter(|it| is_down(it.state)).collect();
    let axum::Json(budgets) = budgets::budgets(State(state)).await?;
    shown.budgets = budgets.budgets.into_iter().filter(|it| it.kept == Some(false)).collect();
    Ok(studio::page(home::page(&frame, &shown)))
}

fn look(state: &AppState) -> Result<Home, ApiError> {
    let context = repositories::anywhere(state)?;
    let mut home = Home::default();
    let request = RunsRequest { all: true, limit: Some(LOOKED_AT), ..RunsRequest::default() };
    let report = runs(&context, &request).map_err(|error| repositories::failed(&error))?;
    let mut seen = BTreeSet::new();
    for run in &report.runs {
        // The newest run of a task is the one that counts.
        let is_newest = seen.insert((run.repo.clone(), run.task.clone()));
        let is_red = run.exit_code.is_some_and(|code| code != 0);
        if is_newest && is_red && home.red.len() < SHOWN {
            home.red.push(run.clone());
        }
    }
    home.recent = report.runs.into_iter().take(SHOWN).collect();
    let repositories = repositories::list(state)?;
    home.repositories = repositories.len();
    for it in repositories.iter().take(ASKED) {
        let Ok(context) = repositories::within(state, &it.known.root) else { continue };
        match suggest(&context) {
            Ok(report) => home.proposals.extend(
                report
                    .suggestions
                    .into_iter()
                    .take(PROPOSED)
                    .map(|one| (it.id.clone(), it.known.name.clone(), one)),
            ),
            Err(error) => home.notes.push(format!("{}: {error}", it.known.name)),
        }
    }
    if repositories.len() > ASKED {
        let left = repositories.len() - ASKED;
        home.notes.push(format!(
            "{left} repositories were not asked for proposals; their own pages are."
        ));
    }
    home.proposals.sort_by(|left, right| right.2.score.total_cmp(&left.2.score));
    home.proposals.truncate(SHOWN);
    Ok(home)
}
