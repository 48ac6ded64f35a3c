//! `/admin/config`: what holds, where it comes from, and changing it while the daemon runs.

use std::sync::Arc;

use audit::Event;
use axum::Json;
use axum::extract::{Path, State};
use contracts::hauski::config::{Change, PolicyFile, Report, SCHEMA};
use contracts::hauski::keys::{self, Key};
use contracts::hauski::plugin_status::{PluginState, PluginStatus};
use contracts::hauski::status::{self, Daemon};
use policy::Policies;

use crate::keys::now_ms;
use crate::options::{self, Options};
use crate::server;
use crate::server::auth::Caller;
use crate::server::error::{ApiError, Code};
use crate::server::extract::JsonBody;
use crate::state::AppState;

/// Every setting with the source that wins, and the policy files in force.
pub(crate) async fn show(State(state): State<AppState>) -> Result<Json<Report>, ApiError> {
    let stored = state.store.settings().await.map_err(|error| ApiError::internal(&error))?;
    Ok(Json(Report {
        schema: SCHEMA.to_owned(),
        running: true,
        home: state.settings.home.display().to_string(),
        settings: options::report(&state.settings.given, &stored),
        policies: policy_files(&state.policies.load()),
    }))
}

/// Stores a setting, or forgets what was stored.
pub(crate) async fn change(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    JsonBody(change): JsonBody<Change>,
) -> Result<Json<Report>, ApiError> {
    let invalid = |what: String| ApiError::new(Code::InvalidValue, what).param(name.clone());
    let known = options::OPTIONS.iter().find(|info| info.name == name);
    let default = known.map_or("", |info| info.default);
    let value = change.value.as_deref();
    let info = options::check(&name, value.unwrap_or(default)).map_err(invalid)?;
    let event = Event::new(caller.owner_name(), "config.change", info.name);
    let (own, value) = (state.clone(), change.value.clone());
    let setting = info.name;
    server::change::change(&state, event, async move {
        let _one = own.settling.lock().await;
        let stored = match value {
            Some(value) => own.store.set_setting(setting, &value, now_ms()).await,
            None => own.store.unset_setting(setting).await,
        };
        stored.map_err(|error| ApiError::internal(&error))?;
        let stored = own.store.settings().await.map_err(|error| ApiError::internal(&error))?;
        let options = Options::resolve(&own.settings.given, &stored);
        own.options.store(Arc::new(options.map_err(|error| ApiError::internal(&error))?));
        Ok(())
    })
    .await?;
    show(State(state)).await
}

/// How the daemon is.
pub(crate) async fn status(State(state): State<AppState>) -> Json<status::Report> {
    let plugins = state.host.plugins();
    let audit = state.audit.status();
    let is_running = |plugin: &&PluginStatus| plugin.state == PluginState::Running;
    let is_active = |key: &&Key| key.state == keys::State::Active;
    let daemon = Daemon {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        url: state.url.clone(),
        ready: state.is_ready(),
        uptime_s: state.started.elapsed().as_secs(),
        memory_bytes: memory_bytes(),
        active_keys: state.keys.list().iter().filter(is_active).count() as u64,
        plugins_running: plugins.iter().filter(is_running).count() as u64,
        plugins: plugins.len() as u64,
        audit_failed: audit.failed,
        audit_failure: audit.failure,
    };
    Json(status::Report {
        schema: status::SCHEMA.to_owned(),
        running: true,
        home: state.settings.home.display().to_string(),
        daemon: Some(daemon),
    })
}

/// The files in force.
pub(crate) fn policy_files(policies: &Policies) -> Vec<PolicyFile> {
    let files = policies.sources().into_iter().map(|(name, path, sha256)| PolicyFile {
        name: name.as_str().to_owned(),
        path: path.display().to_string(),
        sha256: sha256.map(str::to_owned),
    });
    files.collect()
}

/// Resident memory; 0 where the system does not say.
pub(crate) fn memory_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: Option<u64> = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or_default() * rustix::param::page_size() as u64
}
