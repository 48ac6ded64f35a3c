//! The daemon's folder: made for its owner alone, opened the same way by the daemon and the command line.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use hauski_index::{IndexError, IndexOptions};
use policy::Policies;
use redact::Redactor;

use crate::embed;
use crate::exit::{Exit, Failure, with_causes};
use crate::keys::{KeyError, Keys};
use crate::settings::Settings;
use crate::store::{Store, StoreError};

/// Makes the folders, and takes everybody else's rights away.
pub(crate) fn prepare(settings: &Settings) -> Result<(), Failure> {
    let models = settings.home.join(embed::FOLDER);
    // The sandbox of a plugin is set up beside this folder, also where no file lies in it.
    let plugins = settings.home.join("plugins");
    for folder in [settings.home.clone(), settings.run_folder(), models, plugins] {
        private_folder(&folder).map_err(|error| {
            let message = format!("cannot use {}: {error}", folder.display());
            let hint = match error.kind() {
                io::ErrorKind::StorageFull => "the disk is full: make room, then try again",
                _ => "name a folder that you may write to with --home or HAUSKI_HOME",
            };
            Failure::new(message, hint).exit(Exit::Config)
        })?;
    }
    Ok(())
}

fn private_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mode = folder.metadata()?.permissions().mode() & 0o777;
    if mode == 0o700 {
        return Ok(());
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

/// Opens the database and the keys in it.
pub(crate) async fn open(settings: &Settings) -> Result<(Arc<Store>, Keys), Failure> {
    let store = Arc::new(Store::open(&settings.home).await?);
    let keys = Keys::open(&settings.home, store.clone()).await?;
    Ok((store, keys))
}

/// Opens the audit log for writing; only one process can.
pub(crate) fn audit(settings: &Settings) -> Result<audit::Log, Failure> {
    let options =
        audit::Options { anchors: settings.audit_anchors.clone(), ..audit::Options::default() };
    let opened = audit::Log::open(settings.home.join("audit"), options);
    opened.map_err(|error| Failure::new(with_causes(&error), error.hint()).exit(Exit::Config))
}

/// How the index of this home is opened.
pub(crate) fn index_options(policies: &Policies) -> IndexOptions {
    IndexOptions {
        budget_ms: u64::from(policies.limits.latency.index_topk20_ms),
        mask: Some(Redactor::for_merges()),
        ..IndexOptions::default()
    }
}

impl From<IndexError> for Failure {
    fn from(error: IndexError) -> Self {
        let hint = error.hint();
        let exit = match &error {
            IndexError::Invalid { .. } | IndexError::MissingSourceRef { .. } => Exit::Usage,
            IndexError::NotFound { .. } => Exit::Findings,
            _ => Exit::Config,
        };
        let message = match &error {
            IndexError::Invalid { param, what } => format!("{param}: {what}"),
            error => with_causes(error),
        };
        Self::new(message, hint).exit(exit)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let hint = error.hint();
        Self::new(with_causes(&error), hint).exit(Exit::Config)
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        let hint = match &error {
            KeyError::Store(error) => error.hint(),
            KeyError::Pepper(_) => "check the rights of the file and the room on the disk".into(),
            KeyError::PepperGone { .. } => {
                "put the file back from a copy; or move daemon.sqlite away, \
                 start again and make new keys"
                    .into()
            }
            KeyError::Random(_) => "try again when the system has random numbers".into(),
            KeyError::Invalid { .. } => "`hauski keys create --help` tells what is possible".into(),
            KeyError::Unknown { .. } | KeyError::Ended { .. } => {
                "`hauski keys list` shows all keys".into()
            }
        };
        let exit = match &error {
            KeyError::Invalid { .. } => Exit::Usage,
            KeyError::Unknown { .. } | KeyError::Ended { .. } => Exit::Findings,
            _ => Exit::Config,
        };
        Self::new(with_causes(&error), hint).exit(exit)
    }
}
