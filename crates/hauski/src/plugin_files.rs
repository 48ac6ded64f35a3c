//! Takes `plugins.json` again when it changes, gives the worker of embeddings the models that come and go, and puts a
//! fresh process in the place of a plugin whose program changed. A file with a fault changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use audit::{Event, Outcome};
use contracts::hauski::plugin::Plugin;
use contracts::hauski::plugin_status::PluginState;
use hauski_plugins::{Manifest, ManifestError};

use crate::gateway::brokers;
use crate::state::AppState;
use crate::{embed, entries, record};

/// A look at a handful of files costs next to nothing; a change counts when two looks see the same.
const PACE: Duration = Duration::from_millis(500);

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Mark {
    device: u64,
    inode: u64,
    size: u64,
    changed_s: i64,
    changed_ns: i64,
}

/// A file that is watched.
#[derive(Clone, Copy, Debug)]
struct Watched {
    /// As it was when it was last taken.
    taken: Mark,
    /// As it was at the last look.
    seen: Mark,
}

impl Watched {
    fn new(path: &Path) -> Self {
        let mark = mark(path);
        Self { taken: mark, seen: mark }
    }

    /// Whether the file is another one than was taken, and whoever writes it has come to rest.
    fn is_changed(&mut self, path: &Path) -> bool {
        let now = mark(path);
        let rests = std::mem::replace(&mut self.seen, now) == now;
        let is_changed = rests && now != self.taken;
        if is_changed {
            self.taken = now;
        }
        is_changed
    }
}

/// A file that is not there has the mark of nothing.
fn mark(path: &Path) -> Mark {
    let Ok(data) = fs::metadata(path) else { return Mark::default() };
    Mark {
        device: data.dev(),
        inode: data.ino(),
        size: data.size(),
        changed_s: data.mtime(),
        changed_ns: data.mtime_nsec(),
    }
}

/// Watches until the daemon drains.
pub(crate) async fn run(state: AppState) {
    if state.settings.only_memory {
        return;
    }
    let file = state.settings.plugins_file.clone();
    let folder = state.settings.home.join(embed::FOLDER);
    let (mut manifest, mut models) = (Watched::new(&file), Watched::new(&folder));
    let mut policies = state.policies.load_full();
    let mut programs = BTreeMap::new();
    // A model that came while the daemon started is taken at the first look.
    let mut is_model_change = true;
    loop {
        tokio::select! {
            () = state.draining.cancelled() => return,
            () = tokio::time::sleep(PACE) => {}
        }
        is_model_change |= models.is_changed(&folder);
        let now = state.policies.load_full();
        is_model_change |= !Arc::ptr_eq(&policies, &now);
        policies = now;
        if manifest.is_changed(&file) {
            apply(&state, &file, Cause::File).await;
        } else if is_model_change {
            apply(&state, &file, Cause::Models).await;
        }
        is_model_change = false;
        look(&state, &mut programs).await;
    }
}

/// Why the plugins are taken again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// `plugins.json` changed.
    File,
    /// Models came or went, perhaps.
    Models,
}

/// Takes the whole file again, with the worker of embeddings where there is a model.
async fn apply(state: &AppState, file: &Path, cause: Cause) {
    let path = file.to_owned();
    let (home, policies) = (state.settings.home.clone(), state.policies.load_full());
    let read = tokio::task::spawn_blocking(move || -> Result<_, ManifestError> {
        let mut manifest = match path.exists() {
            true => Manifest::load(&path)?,
            false => Manifest::empty(path.parent().unwrap_or(&path)),
        };
        let models = embed::found(&home, &policies.models.models);
        if let Ok(program) = std::env::current_exe() {
            embed::add_worker(&mut manifest, &models, &program);
        }
        Ok((manifest, models))
    });
    let (manifest, models) = match read.await {
        Ok(Ok(read)) => read,
        Ok(Err(fault)) => {
            let fault = fault.to_string();
            tracing::error!(fault, "plugins.json refused; the plugins before stay in force");
            return;
        }
        Err(_) => return,
    };
    if let Err(refused) = entries::check(&manifest, state.settings.test_plugins) {
        let fault = refused.to_string();
        tracing::error!(fault, "plugins.json refused; the plugins before stay in force");
        return;
    }
    if cause == Cause::Models {
        if manifest.get(embed::NAME).cloned() == state.host.entry(embed::NAME) {
            return;
        }
        note_models(state, &models);
    }
    let folder = state.settings.run_folder();
    if let Err(error) = brokers::add(&folder, &manifest.plugins, &state.egress) {
        tracing::error!(error = format!("{error:#}"), "a broker could not be opened");
    }
    let plugins = manifest.plugins.len();
    let problems = state.host.apply(manifest).await;
    for (plugin, cause) in &problems {
        tracing::error!(plugin, cause, "a plugin did not take its new entry");
    }
    if cause == Cause::Models {
        return;
    }
    tracing::info!(plugins, problems = problems.len(), "plugins.json was read again");
    let outcome = if problems.is_empty() { Outcome::Ok } else { Outcome::Failed };
    let event = Event::new("system", "plugins.reload", "plugins.json").outcome(outcome);
    // What cannot be recorded is counted by the audit log.
    drop(record::durable(state, event.with("plugins", plugins as u64)).await);
}

/// Puts on record which models there are now, and where each came from.
fn note_models(state: &AppState, models: &[embed::Found]) {
    for model in models {
        let record = model.record.as_ref().map_or("none", |record| &record.package_sha256);
        let event = Event::new("system", "model.found", &model.id).with("package_sha256", record);
        record::ordinary(state, event);
        tracing::info!(model = model.id, "embedding model");
    }
    if models.is_empty() {
        tracing::info!("no embedding model is left");
    }
}

/// Looks at the programs of all plugins.
async fn look(state: &AppState, programs: &mut BTreeMap<(String, PathBuf), Watched>) {
    let base = state.settings.plugins_file.parent().unwrap_or(&state.settings.home).to_owned();
    let mut known = BTreeMap::new();
    for status in state.host.plugins() {
        let Some(program) = state.host.entry(&status.name).and_then(|entry| program(&entry, &base))
        else {
            continue;
        };
        let key = (status.name.clone(), program);
        let mut watched = programs.remove(&key).unwrap_or_else(|| Watched::new(&key.1));
        let is_changed = watched.is_changed(&key.1);
        known.insert(key, watched);
        if is_changed {
            changed(state, &status.name, status.state).await;
        }
    }
    *programs = known;
}

/// The program of a plugin as its entry names it.
fn program(entry: &Plugin, base: &Path) -> Option<PathBuf> {
    entry.command.first().map(|program| base.join(program))
}

async fn changed(state: &AppState, name: &str, is: PluginState) {
    if !matches!(is, PluginState::Running | PluginState::Failed | PluginState::Backoff) {
        tracing::info!(plugin = name, "its program has changed; it counts from its next start");
        return;
    }
    let done = match is {
        PluginState::Running => state.host.reload_plugin(name, None).await,
        _ => state.host.start_plugin(name).await,
    };
    let outcome = match &done {
        Ok(()) => {
            tracing::info!(plugin = name, "its program has changed; a fresh process runs");
            Outcome::Ok
        }
        Err(error) => {
            let error = error.to_string();
            tracing::error!(plugin = name, error, "its program has changed and does not start");
            Outcome::Failed
        }
    };
    let event = Event::new("system", "plugin.reload", format!("plugin:{name}")).outcome(outcome);
    // What cannot be recorded is counted by the audit log.
    drop(record::durable(state, event.with("cause", "program changed")).await);
}
