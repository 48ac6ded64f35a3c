//! The entry of the worker among the plugins: made by the daemon itself where there is a model.

use std::path::Path;

use contracts::hauski::engine::capability;
use contracts::hauski::plugin::{Kind, Plugin};
use hauski_plugins::Manifest;
use serde_json::{Value, json};

use super::Found;

/// Name of the plugin. An entry of `plugins.json` with this name takes its place.
pub(crate) const NAME: &str = "embed";
/// The program; it lies beside the daemon's own.
const PROGRAM: &str = "hauski-embed";
/// Memory for batches, vocabularies and the program.
const ROOM_BYTES: u64 = 512 << 20;

/// Adds the worker to the plugins that `plugins.json` names, where there is a model and no entry takes its place. The
/// process is small until a model is first asked for.
pub(crate) fn add_worker(manifest: &mut Manifest, models: &[Found], daemon: &Path) {
    if manifest.get(NAME).is_some() || models.is_empty() {
        return;
    }
    let program = daemon.with_file_name(PROGRAM);
    if !program.is_file() {
        let program = program.display().to_string();
        tracing::warn!(
            program,
            "there are embedding models but no program that computes with them"
        );
        return;
    }
    match entry(models, &program) {
        Ok(entry) => manifest.plugins.push(entry),
        Err(error) => tracing::error!(%error, "the embedding worker has no entry"),
    }
}

fn entry(models: &[Found], program: &Path) -> serde_json::Result<Plugin> {
    let each = models.iter().map(|model| json!({ "id": model.id, "path": model.path }));
    let marks: Vec<&str> = models.iter().map(|model| model.mark.as_str()).collect();
    let folders: Vec<&Path> = models.iter().map(|model| model.path.as_path()).collect();
    let weights: u64 = models.iter().map(|model| model.memory_bytes).sum();
    let config = json!({ "models": each.collect::<Vec<Value>>() });
    let mut plugin: Plugin = serde_json::from_value(json!({
        "name": NAME,
        "description": "Turns texts into vectors",
        "version": env!("CARGO_PKG_VERSION"),
        "command": [program],
        "cwd": folders.first(),
        // Other weights in the same folder are another worker: vectors of two never mix.
        "env": { "MODELS": marks.join(" ") },
        "capabilities": [capability::EMBED, capability::EMBED_DESCRIBE],
        "sandbox": { "read": folders },
        "config": config,
    }))?;
    plugin.kind = Kind::Stdio;
    plugin.limits.memory_bytes = (weights + ROOM_BYTES).max(plugin.limits.memory_bytes);
    Ok(plugin)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn model(path: &Path) -> Found {
        Found {
            id: "tiny".to_owned(),
            path: path.to_owned(),
            dimensions: 8,
            memory_bytes: 3 << 30,
            disk_bytes: 1,
            mark: String::new(),
            record: None,
        }
    }

    #[test]
    fn the_worker_is_there_where_a_model_and_the_program_are() {
        let folder = tempfile::tempdir().unwrap();
        let daemon = folder.path().join("hauski");
        let mut manifest = Manifest::empty(folder.path());
        add_worker(&mut manifest, &[model(folder.path())], &daemon);
        assert_eq!(manifest.plugins, [], "no program");
        fs::write(folder.path().join(PROGRAM), "").unwrap();
        add_worker(&mut manifest, &[], &daemon);
        assert_eq!(manifest.plugins, [], "no model");
        add_worker(&mut manifest, &[model(folder.path())], &daemon);
        let [worker] = manifest.plugins.as_slice() else { panic!("one worker") };
        assert_eq!(Manifest::check_entry(worker), Ok(()));
        assert_eq!(worker.limits.memory_bytes, (3 << 30) + ROOM_BYTES);
        let own = manifest.plugins.clone();
        add_worker(&mut manifest, &[model(Path::new("/another"))], &daemon);
        assert_eq!(manifest.plugins, own, "an entry of its own stays");
    }
}
