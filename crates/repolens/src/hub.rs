//! The hub: a folder of working copies, remembered in `.repolens-hub-path.txt` (specification 3c).
//!
//! The file lies in the configuration folder and holds one absolute path. Setting another folder
//! replaces it, so a hub that was renamed is set once again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// The file's name.
pub const FILE: &str = ".repolens-hub-path.txt";

/// Most bytes of the file that are read; no path is longer.
const READ_MAX: u64 = 16 << 10;

/// Why the hub is not known or cannot be set.
#[derive(Debug, Error)]
pub enum HubError {
    /// No file.
    #[error("no hub is set: run `repolens hub set FOLDER`")]
    NotSet,
    /// The file holds no absolute path of a folder that is there.
    #[error("the hub `{}` in {} is no folder: run `repolens hub set FOLDER`", hub.display(), file.display())]
    Gone {
        /// What the file says.
        hub: PathBuf,
        /// The file.
        file: PathBuf,
    },
    /// What is to be the hub is no folder.
    #[error("`{}` is no folder that can be the hub", path.display())]
    NotAFolder {
        /// As given.
        path: PathBuf,
    },
    /// A path with a line break or that is no text cannot stand in the file.
    #[error("the path `{}` cannot be written in a text file of one line", path.display())]
    NotALine {
        /// As given.
        path: PathBuf,
    },
    /// The file cannot be read or written.
    #[error("{} cannot be used: {source}", path.display())]
    Io {
        /// The file or its folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Remembers `hub`; the answer is the path as it was written.
pub fn set(configuration: &Path, hub: &Path) -> Result<PathBuf, HubError> {
    let not_a_folder = || HubError::NotAFolder { path: hub.to_owned() };
    let real = hub.canonicalize().map_err(|_| not_a_folder())?;
    if !real.is_dir() {
        return Err(not_a_folder());
    }
    let line = real.to_str().filter(|line| !line.contains(['\n', '\r']) && line.trim() == *line);
    let line = line.ok_or_else(|| HubError::NotALine { path: real.clone() })?;
    let io = |path: &Path, source| HubError::Io { path: path.to_owned(), source };
    fs::create_dir_all(configuration).map_err(|source| io(configuration, source))?;
    let file = configuration.join(FILE);
    let mut draft =
        tempfile::NamedTempFile::new_in(configuration).map_err(|source| io(&file, source))?;
    io::Write::write_all(&mut draft, format!("{line}\n").as_bytes())
        .map_err(|source| io(&file, source))?;
    draft.persist(&file).map_err(|error| io(&file, error.error))?;
    Ok(real)
}

/// The hub that was set.
pub fn get(configuration: &Path) -> Result<PathBuf, HubError> {
    let file = configuration.join(FILE);
    let mut text = String::new();
    let read = fs::File::open(&file)
        .and_then(|open| io::Read::read_to_string(&mut io::Read::take(open, READ_MAX), &mut text));
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(HubError::NotSet),
        Err(source) => return Err(HubError::Io { path: file, source }),
        Ok(_) => {}
    }
    let hub = PathBuf::from(text.trim());
    if hub.is_absolute() && hub.is_dir() { Ok(hub) } else { Err(HubError::Gone { hub, file }) }
}

/// The working copies in the hub: its folders that have a `.git`, sorted by name.
pub fn working_copies(hub: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(hub)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() && path.join(".git").symlink_metadata().is_ok() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
