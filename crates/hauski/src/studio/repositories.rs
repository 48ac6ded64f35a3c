//! The repositories of this machine, under short names for addresses.

use contracts::wgx::fleet::FleetReport;
use sha2::{Digest as _, Sha256};
use studio_web::pages::fleet::Repository;
use wgx_verbs::context::Context;
use wgx_verbs::fleet;

use crate::mcp::tools::ToolError;
use crate::mcp::{Surroundings, context};
use crate::server::error::{ApiError, Code};
use crate::state::AppState;

/// The name of a repository in addresses: it depends on its folder alone.
pub(crate) fn id(root: &str) -> String {
    let hash = Sha256::digest(root.as_bytes());
    hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The world of verbs that stand in no repository.
pub(crate) fn anywhere(state: &AppState) -> Result<Context, ApiError> {
    let surroundings = surroundings(state);
    context(&surroundings, &state.settings.home).map_err(refused)
}

/// The world of verbs in a repository.
pub(crate) fn within(state: &AppState, root: &str) -> Result<Context, ApiError> {
    context(&surroundings(state), root.as_ref()).map_err(refused)
}

fn surroundings(state: &AppState) -> Surroundings {
    // Without its own path no task can be started, and only then is it needed.
    Surroundings::of(&state.settings, std::env::current_exe().unwrap_or_default())
}

/// All repositories without a look at their work trees.
pub(crate) fn list(state: &AppState) -> Result<Vec<Repository>, ApiError> {
    let report = fleet::list(&anywhere(state)?).map_err(|error| failed(&error))?;
    Ok(named(report).0)
}

/// All repositories with the state of their work trees, and notes.
pub(crate) fn status(state: &AppState) -> Result<(Vec<Repository>, Vec<String>), ApiError> {
    let report = fleet::status(&anywhere(state)?).map_err(|error| failed(&error))?;
    Ok(named(report))
}

/// The repository of a name, with the state of its work tree.
pub(crate) fn find(state: &AppState, id: &str) -> Result<Repository, ApiError> {
    let mut all = list(state)?;
    all.retain(|it| it.id == id);
    all.pop().ok_or_else(ApiError::not_found)
}

fn named(report: FleetReport) -> (Vec<Repository>, Vec<String>) {
    let all = report.repositories.into_iter();
    (all.map(|known| Repository { id: id(&known.root), known }).collect(), report.notes)
}

/// What a verb said, for the page: these are the person's own folders.
pub(crate) fn failed(error: &(dyn std::error::Error + 'static)) -> ApiError {
    ApiError::new(Code::Conflict, format!("{}.", crate::exit::with_causes(error)))
}

/// What a tool refused, for the page.
pub(crate) fn refused(error: ToolError) -> ApiError {
    let hint = error.hint.map(|hint| format!(" {hint}")).unwrap_or_default();
    ApiError::new(Code::Conflict, format!("{}.{hint}", error.message))
}
