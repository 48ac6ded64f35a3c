//! Reads the policy files of this call; what no file says has its built-in default.

use std::path::{Path, PathBuf};

use contracts::hauski::policy::{Limits, Memory, Models, Routing};
use serde::de::DeserializeOwned;

use crate::exit::{Exit, Failure};

/// Where each policy file is read; `None` means the built-in defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Paths {
    /// `routing.yaml`.
    pub(crate) routing: Option<PathBuf>,
    /// `limits.yaml`.
    pub(crate) limits: Option<PathBuf>,
    /// `memory.yaml`.
    pub(crate) memory: Option<PathBuf>,
    /// `models.yml`.
    pub(crate) models: Option<PathBuf>,
}

impl Paths {
    /// The files of one folder that exist there.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self::first_of(&[folder.to_owned()])
    }

    /// For each file the first folder that has it.
    pub(crate) fn first_of(folders: &[PathBuf]) -> Self {
        let find = |name: &str| folders.iter().map(|f| f.join(name)).find(|file| file.exists());
        Self {
            routing: find("routing.yaml"),
            limits: find("limits.yaml"),
            memory: find("memory.yaml"),
            models: find("models.yml"),
        }
    }
}

/// The policies in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Policies {
    /// Where connections may go.
    pub(crate) routing: Routing,
    /// Bounds and budgets.
    pub(crate) limits: Limits,
    /// How long memory is kept.
    pub(crate) memory: Memory,
    /// The models of this machine.
    pub(crate) models: Models,
}

/// Reads all files.
pub(crate) fn load(paths: &Paths) -> anyhow::Result<Policies> {
    Ok(Policies {
        routing: read(paths.routing.as_deref())?,
        limits: read(paths.limits.as_deref())?,
        memory: read(paths.memory.as_deref())?,
        models: read(paths.models.as_deref())?,
    })
}

fn read<T: DeserializeOwned + Default>(path: Option<&Path>) -> anyhow::Result<T> {
    let Some(path) = path else { return Ok(T::default()) };
    let fault = |what: &dyn std::fmt::Display| {
        let message = format!("{}: {what}", path.display());
        Failure::new(message, "correct the file; `hauski config validate` checks it")
            .exit(Exit::Config)
    };
    let text = std::fs::read_to_string(path).map_err(|error| fault(&error))?;
    Ok(serde_saphyr::from_str(&text).map_err(|error| fault(&error))?)
}
