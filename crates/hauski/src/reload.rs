//! Reads the policies again when a file changed or SIGHUP came. What is wrong in a file is said, and the policies
//! before it stay in force.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use policy::FileName;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::state::AppState;

/// Editors write a file in several steps.
const QUIET: Duration = Duration::from_millis(100);

/// What watches the files, and its word that one changed.
pub(crate) struct Watch {
    watcher: notify::Result<notify::RecommendedWatcher>,
    changes: mpsc::Receiver<()>,
}

/// Begins to watch. A change between reading the files and this is taken when [`run`] begins.
pub(crate) fn watch(state: &AppState) -> Watch {
    let (changed, changes) = mpsc::channel(1);
    // A full channel holds a word that is not read yet; one is enough.
    let _ = changed.try_send(());
    Watch { watcher: watcher(state, changed), changes }
}

/// Reads again what changes until the daemon drains.
pub(crate) async fn run(state: AppState, watch: Watch) -> anyhow::Result<()> {
    let Watch { watcher, mut changes } = watch;
    if let Err(error) = &watcher {
        tracing::warn!(%error, "policy files are not watched; SIGHUP reads them again");
    }
    let mut hang_up = signal(SignalKind::hangup())?;
    loop {
        let mut is_wanted = false;
        tokio::select! {
            () = state.draining.cancelled() => return Ok(()),
            _ = hang_up.recv() => is_wanted = true,
            Some(()) = changes.recv() => {
                tokio::time::sleep(QUIET).await;
                // Whatever came meanwhile is read now as well.
                let _ = changes.try_recv();
            }
        }
        // Files are small; reading them may still wait for a disk.
        let reading = state.clone();
        tokio::task::spawn_blocking(move || reload(&reading, is_wanted)).await?;
    }
}

/// Watches the folders of the files, since editors replace files. A folder that is not there yet is not watched.
fn watcher(
    state: &AppState,
    changed: mpsc::Sender<()>,
) -> notify::Result<notify::RecommendedWatcher> {
    let paths = &state.settings.policies;
    let files: BTreeSet<PathBuf> =
        FileName::ALL.iter().map(|name| paths.path(*name).to_owned()).collect();
    let folders: BTreeSet<PathBuf> =
        files.iter().filter_map(|file| file.parent()).map(PathBuf::from).collect();
    let concerns = move |event: &notify::Event| {
        let is_change = !matches!(event.kind, notify::EventKind::Access(_));
        is_change && event.paths.iter().any(|path| files.contains(path))
    };
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| concerns(&event)) {
            // A full channel holds a word that is not read yet; one is enough.
            let _ = changed.try_send(());
        }
    })?;
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}

/// Reads all files; they count only together. Files that say what is in force anyway are worth a word only where
/// somebody asked.
pub(crate) fn reload(state: &AppState, is_wanted: bool) {
    match policy::load_all(&state.settings.policies) {
        Ok(policies) => {
            if !is_wanted && policy::diff(&state.policies.load(), &policies).is_empty() {
                return;
            }
            let before = state.policies.swap(Arc::new(policies));
            let now = state.policies.load();
            let changes = policy::diff(&before, &now);
            for change in &changes {
                let change = change.to_string();
                tracing::info!(change, "policy changed");
            }
            state.egress.reload(Arc::clone(&now.egress));
            state.room.resize(now.limits.request.max_concurrent);
            tracing::info!(changes = changes.len(), "policies were read again");
        }
        Err(faults) => {
            for fault in &faults {
                let (fault, hint) = (fault.to_string(), fault.hint.as_deref().unwrap_or_default());
                tracing::error!(
                    fault,
                    hint,
                    "policy file refused; the policies before stay in force"
                );
            }
        }
    }
}
