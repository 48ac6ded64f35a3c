//! Whether the folder of the memory can be written.

use std::path::Path;

/// What was seen of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HomeState {
    /// It is there and a file could be made in it.
    Writable,
    /// It is not there, and the nearest folder above it can be written.
    Creatable,
    /// A file cannot be made; with the system's reason.
    Refused(String),
}

/// Makes and removes an empty file in the folder, or in the nearest folder above it that exists:
/// modes and owners alone do not tell of read-only mounts, quotas and root.
pub fn look_at_home(home: &Path) -> HomeState {
    let existing = home.ancestors().find(|folder| folder.symlink_metadata().is_ok());
    let Some(folder) = existing else {
        return HomeState::Refused("no folder above it exists".to_owned());
    };
    let probe = folder.join(format!(".wgx-doctor-{}", std::process::id()));
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(&probe);
    match made {
        Err(error) => HomeState::Refused(error.to_string()),
        Ok(_) => {
            // A probe that cannot be removed again still was written.
            let _ = std::fs::remove_file(&probe);
            if folder == home { HomeState::Writable } else { HomeState::Creatable }
        }
    }
}
