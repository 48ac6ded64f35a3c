//! What the daemon does by itself, once a second: writes what keys have used and how many requests were refused, tends
//! the memory, and takes over what the command line changed in the database while it could not reach the daemon.

use std::sync::Arc;
use std::time::{Duration, Instant};

use audit::Event;

use crate::exit::Failure;
use crate::memories;
use crate::options::Options;
use crate::server::denials;
use crate::state::AppState;

/// How late a change of another process may be noticed, and how much use a power cut may forget.
const PACE: Duration = Duration::from_secs(1);

/// How often documents whose time is over leave the index.
const RETENTION: Duration = Duration::from_secs(3600);

/// Runs until the daemon has drained, and writes once more then.
pub(crate) async fn run(state: AppState) {
    let mut version = state.store.version().await.ok();
    let mut looked_at: Option<Instant> = None;
    loop {
        tokio::select! {
            () = state.ended.cancelled() => break,
            () = tokio::time::sleep(PACE) => {}
        }
        save(&state).await;
        denials::flush(&state).await;
        memories::upkeep(&state, false).await;
        if looked_at.is_none_or(|at| at.elapsed() >= RETENTION) {
            looked_at = Some(Instant::now());
            let_go(&state).await;
        }
        let now = state.store.version().await.ok();
        if now != version {
            version = now;
            reload(&state).await;
        }
    }
    save(&state).await;
    denials::flush(&state).await;
    memories::upkeep(&state, true).await;
}

/// Documents whose time is over leave the index.
async fn let_go(state: &AppState) {
    let Ok(index) = &state.index else { return };
    match index.let_go().await {
        Ok(gone) if gone.is_empty() => {}
        Ok(gone) => {
            let documents: u64 = gone.values().sum();
            let event = Event::new("system", "index.retention", "index");
            crate::record::ordinary(state, event.with("documents", documents));
            tracing::info!(documents, "documents left the index: their time is over");
        }
        Err(error) => {
            let error = crate::exit::with_causes(&error);
            tracing::warn!(error, "the index could not let documents go");
        }
    }
}

async fn save(state: &AppState) {
    if let Err(error) = state.keys.save_usage().await {
        let error = crate::exit::with_causes(&error);
        tracing::warn!(error, "what keys have used could not be written; it is kept in memory");
    }
}

/// Reads keys and settings again.
pub(crate) async fn reload(state: &AppState) {
    let read = async {
        state.keys.reload().await.map_err(Failure::from)?;
        let _one = state.settling.lock().await;
        let stored = state.store.settings().await?;
        let options = Options::resolve(&state.settings.given, &stored)?;
        state.options.store(Arc::new(options));
        Ok::<_, Failure>(())
    };
    match read.await {
        Ok(()) => tracing::info!("another process has changed daemon.sqlite; it was read again"),
        Err(error) => {
            let error = crate::exit::with_causes(&error);
            tracing::error!(error, "daemon.sqlite could not be read again");
        }
    }
}
