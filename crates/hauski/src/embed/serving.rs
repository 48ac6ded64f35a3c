//! Gives the index the model that a worker offers, for as long as it offers it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use contracts::hauski::engine::capability;
use contracts::hauski::plugin_status::{HostEvent, PluginState};
use hauski_index::embed::{Embedder as _, ModelId};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::over_host::{HostEmbedder, models};
use crate::state::AppState;

/// How long it waits before it asks a worker again that did not say what its vectors are.
const AGAIN: Duration = Duration::from_secs(2);

/// What the index should do now.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    /// No plugin computes vectors.
    None,
    /// One does, but does not answer yet, or is being started anew: what is set stays.
    Patience,
    /// This model.
    Model(String),
}

/// Sets and takes away the index's model until the daemon drains. Costs nothing while no plugin changes.
pub(crate) async fn run(state: AppState, mut events: Receiver<HostEvent>) {
    let Ok(index) = &state.index else { return };
    // Which one is set, with its revision.
    let mut now: Option<ModelId> = None;
    loop {
        let mut again = None;
        match wanted(&state) {
            Wanted::None => {
                if now.take().is_some() {
                    index.unset_embedder();
                    tracing::info!("no embedding model: searches go by words");
                }
            }
            Wanted::Patience => {}
            Wanted::Model(name) => match set(&state, &name, now.as_ref()).await {
                Ok(model) => now = Some(model),
                Err(cause) => {
                    tracing::warn!(model = name, cause, "the embedding model does not serve yet");
                    again = Some(AGAIN);
                }
            },
        }
        tokio::select! {
            () = state.draining.cancelled() => return,
            () = tokio::time::sleep(again.unwrap_or_default()), if again.is_some() => {}
            is_open = concerns(&mut events) => if !is_open { return },
        }
    }
}

/// Waits for something that may change the answer; false when there are no more events.
async fn concerns(events: &mut Receiver<HostEvent>) -> bool {
    loop {
        match events.recv().await {
            Ok(HostEvent::Capabilities { .. }) | Err(RecvError::Lagged(_)) => return true,
            Ok(HostEvent::State { to, .. }) => {
                if matches!(to, PluginState::Running | PluginState::Stopped | PluginState::Failed) {
                    return true;
                }
            }
            Ok(HostEvent::Published { .. }) => {}
            Err(RecvError::Closed) => return false,
        }
    }
}

/// The model for the index: the first of `models.yml` that a worker offers, else the first by name.
fn wanted(state: &AppState) -> Wanted {
    let offered: BTreeSet<String> = models(&state.host).into_iter().collect();
    let policies = state.policies.load();
    let named = policies.models.models.iter().map(|model| &model.id);
    let first = named.clone().find(|id| offered.contains(*id)).or_else(|| offered.first());
    if let Some(first) = first {
        return Wanted::Model(first.clone());
    }
    let computes = |name: &str| {
        let entry = state.host.entry(name);
        entry.is_some_and(|entry| {
            entry.capabilities.iter().any(|one| one == capability::EMBED_DESCRIBE)
        })
    };
    let is_coming = state.host.plugins().iter().any(|plugin| computes(&plugin.name));
    if is_coming { Wanted::Patience } else { Wanted::None }
}

/// Gives the index the model of this name, unless it has the very same.
async fn set(state: &AppState, name: &str, now: Option<&ModelId>) -> Result<ModelId, String> {
    let embedder = HostEmbedder::connect(&state.host, name).await;
    let embedder = embedder.map_err(|error| error.to_string())?;
    let model = embedder.model().clone();
    if now == Some(&model) {
        return Ok(model);
    }
    if let Ok(index) = &state.index {
        let set = index.set_embedder(Arc::new(embedder)).await;
        set.map_err(|error| crate::exit::with_causes(&error))?;
        tracing::info!(model = %model, "the index searches by meaning too");
    }
    Ok(model)
}
