//! Routes that hand JSON to whoever has a capability: `/audio/profile`, `/obsidian/canvas/suggest` and
//! `/code/pr/draft`. What they take and give is the plugin's to say.

use std::path::{Path, PathBuf};

use axum::Json;
use axum::extract::State;
use contracts::hauski::engine::capability;
use serde_json::{Map, Value, json};
use wgx_verbs::runs::{self, RunsRequest};

use crate::gateway::plugin;
use crate::keys::scopes::Right;
use crate::mcp::{self, Surroundings};
use crate::server::auth::Caller;
use crate::server::error::{ApiError, Code};
use crate::server::extract::RawBody;
use crate::state::AppState;

/// Runs that a draft is told of: enough for the newest one of each task.
const PROOF_RUNS: u32 = 100;
/// Logs that a draft names.
const PROOF_LOGS: usize = 5;

/// Facts about a recording.
pub(crate) async fn audio_profile(
    State(state): State<AppState>,
    body: RawBody,
) -> Result<Json<Value>, ApiError> {
    ask(&state, capability::AUDIO_PROFILE, &body).await
}

/// Suggestions for a canvas.
pub(crate) async fn canvas_suggest(
    State(state): State<AppState>,
    body: RawBody,
) -> Result<Json<Value>, ApiError> {
    ask(&state, capability::CANVAS_SUGGEST, &body).await
}

/// The draft of a pull request. The plugin that writes it sees only the repository; how its tasks ended lately
/// comes from the memory, which no plugin can read.
pub(crate) async fn pr_draft(
    State(state): State<AppState>,
    caller: Caller,
    body: RawBody,
) -> Result<Json<Value>, ApiError> {
    let mut params = object(&body)?;
    // What a client says about runs is nobody's word.
    params.retain(|name, _| name != "runs" && name != "evidence");
    let sees_all = caller.has(Right::Admin);
    if let Some(repo) = params.get("repo").and_then(Value::as_str).map(PathBuf::from)
        && repo.is_absolute()
    {
        let surroundings = Surroundings::of(&state.settings, PathBuf::new());
        let proof =
            tokio::task::spawn_blocking(move || proof(&surroundings, &repo, sees_all)).await;
        let (runs, evidence) = proof.map_err(|error| ApiError::internal(&error))?;
        params.insert("runs".to_owned(), runs);
        params.insert("evidence".to_owned(), evidence);
    }
    plugin::ask(&state, capability::PR_DRAFT, &Value::Object(params)).await.map(Json)
}

/// The newest runs of a repository, and the logs that tell of them. A repository without a memory has none.
fn proof(surroundings: &Surroundings, repo: &Path, sees_all: bool) -> (Value, Value) {
    let request = RunsRequest { limit: Some(PROOF_RUNS), ..RunsRequest::default() };
    // A key that is not the owner's learns only of what the person trusts, as over MCP.
    let context = match sees_all {
        true => mcp::context(surroundings, repo).ok(),
        false => mcp::trusted(surroundings, repo),
    };
    let runs = context.and_then(|context| {
        let report = runs::runs(&context, &request).ok()?;
        Some(report.runs)
    });
    let runs = runs.unwrap_or_default();
    let evidence: Vec<String> = runs
        .iter()
        .filter_map(|run| {
            let sha256 = run.log.as_deref()?;
            Some(format!("log of {} sha256:{}", run.task, sha256.get(..16).unwrap_or(sha256)))
        })
        .take(PROOF_LOGS)
        .collect();
    let told = runs.iter().map(|run| {
        json!({
            "task": run.task,
            "exit_code": run.exit_code,
            "started_at": run.started_at,
            "duration_ms": run.duration_ms,
            "id": run.id,
        })
    });
    (told.collect(), json!(evidence))
}

/// A body that is a JSON object; none is an empty one.
fn object(RawBody(bytes): &RawBody) -> Result<Map<String, Value>, ApiError> {
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { bytes };
    serde_json::from_slice(text)
        .map_err(|_| ApiError::new(Code::InvalidBody, "The body must be a JSON object."))
}

async fn ask(
    state: &AppState,
    capability: &'static str,
    body: &RawBody,
) -> Result<Json<Value>, ApiError> {
    plugin::ask(state, capability, &Value::Object(object(body)?)).await.map(Json)
}
