//! A repository's own `.hauski/` folder: when its memory is used instead of the person's.
//!
//! A clone may bring a `.hauski/` along, with a history that never happened or a mask key that
//! others know. So only folders that were adopted here are used: the person's home lists them, each
//! by its path and by the device id in it. An empty one is adopted by the first write.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use memory::{Home, HomeError};
use rustix::fs::{FlockOperation, flock};

/// Name of the folder in a repository's root.
const FOLDER: &str = ".hauski";
/// The list of adopted folders in the person's home; a line is a device id and a path.
const ADOPTED: &str = "adopted";

/// Where the runs of a repository go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenHome {
    /// The repository's own folder, or the person's home.
    pub home: PathBuf,
    /// Why the repository's own folder is not used although there is one, as a lower-case fragment.
    pub refused: Option<String>,
}

/// Chooses between the repository's own `.hauski/` and the person's home. Writes nothing.
pub fn choose(root: &Path, user_home: &Path) -> ChosenHome {
    let folder = root.join(FOLDER);
    let kept = |refused| ChosenHome { home: user_home.to_owned(), refused };
    let Ok(metadata) = fs::symlink_metadata(&folder) else { return kept(None) };
    // The person's home itself may lie in the root.
    if folder == user_home {
        return kept(None);
    }
    match fault(&folder, &metadata, user_home) {
        None => ChosenHome { home: folder, refused: None },
        Some(reason) => kept(Some(format!("{} is not used: {reason}", folder.display()))),
    }
}

fn fault(folder: &Path, metadata: &fs::Metadata, user_home: &Path) -> Option<&'static str> {
    if !metadata.is_dir() {
        return Some("it is not a folder");
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Some("it belongs to somebody else");
    }
    if metadata.mode() & 0o022 != 0 {
        return Some("others can write to it (chmod go-w)");
    }
    if is_fresh(folder) || is_adopted(folder, user_home) {
        return None;
    }
    // Another process may be adopting it at this moment.
    let lock = lock_existing(user_home);
    let adopted = is_adopted(folder, user_home);
    drop(lock);
    (!adopted).then_some("it was not begun on this device at this place")
}

/// Adopts a fresh folder before its first write. Any other home stays as it is.
///
/// # Errors
/// When the folder or the person's home cannot be written, or the folder has been filled by others.
pub(crate) fn adopt(home: &Path, root: &Path, user_home: &Path) -> Result<(), HomeError> {
    if home == user_home || home != root.join(FOLDER) || is_adopted(home, user_home) {
        return Ok(());
    }
    Home::at(user_home).create()?;
    let list = user_home.join(ADOPTED);
    let fault = |error| HomeError::from_io(&list, error);
    let mut file = lock(&list).map_err(fault)?;
    if is_adopted(home, user_home) {
        return Ok(());
    }
    if !is_fresh(home) {
        let source = io::Error::other("it was filled by somebody else meanwhile");
        return Err(HomeError::Io { path: home.to_owned(), source });
    }
    let device_id = Home::at(home).device_id()?;
    let line = format!("{}\n", entry(home, &device_id).map_err(fault)?);
    file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(fault)?;
    hide_from_git(home);
    Ok(())
}

/// Nothing in it but what keeps an empty folder in git, and what explains it.
fn is_fresh(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.into_iter().all(|entry| {
        let name = entry.map(|entry| entry.file_name().to_string_lossy().into_owned());
        name.is_ok_and(|name| {
            matches!(name.as_str(), ".gitignore" | ".gitkeep" | ".keep" | "README.md")
        })
    })
}

fn is_adopted(folder: &Path, user_home: &Path) -> bool {
    let Ok(list) = fs::read_to_string(user_home.join(ADOPTED)) else { return false };
    let device_file = Home::at(folder).device_file();
    let Ok(device_id) = fs::read_to_string(device_file) else { return false };
    entry(folder, device_id.trim()).is_ok_and(|entry| list.lines().any(|line| line == entry))
}

/// A line of the list; a path may hold any byte, so it is written in printable characters.
fn entry(folder: &Path, device_id: &str) -> io::Result<String> {
    let path = folder.canonicalize()?;
    Ok(format!("{device_id} {}", path.as_os_str().as_encoded_bytes().escape_ascii()))
}

fn lock(list: &Path) -> io::Result<File> {
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(list)?;
    flock(&file, FlockOperation::LockExclusive)?;
    Ok(file)
}

fn lock_existing(user_home: &Path) -> Option<File> {
    let file = File::open(user_home.join(ADOPTED)).ok()?;
    flock(&file, FlockOperation::LockShared).ok()?;
    Some(file)
}

/// The memory is no part of the work tree. Where that cannot be written, git merely shows the folder.
fn hide_from_git(home: &Path) {
    let file = OpenOptions::new().write(true).create_new(true).open(home.join(".gitignore"));
    let _ = file.and_then(|mut file| file.write_all(b"*\n"));
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Place {
        dir: tempfile::TempDir,
    }

    impl Place {
        fn new() -> Self {
            let place = Self { dir: tempfile::tempdir().unwrap() };
            fs::create_dir_all(place.own()).unwrap();
            place
        }

        fn root(&self) -> PathBuf {
            self.dir.path().join("repo")
        }

        fn own(&self) -> PathBuf {
            self.root().join(FOLDER)
        }

        fn user(&self) -> PathBuf {
            self.dir.path().join("user")
        }

        fn reason(&self) -> Option<String> {
            let chosen = choose(&self.root(), &self.user());
            assert_eq!(chosen.home == self.own(), chosen.refused.is_none());
            chosen.refused
        }
    }

    #[test]
    fn an_empty_folder_is_adopted_and_stays_ours() {
        let place = Place::new();
        assert_eq!(place.reason(), None);
        adopt(&place.own(), &place.root(), &place.user()).unwrap();
        adopt(&place.own(), &place.root(), &place.user()).unwrap();
        fs::write(place.own().join("memory.sqlite"), "x").unwrap();
        assert_eq!(place.reason(), None);
        assert_eq!(fs::read_to_string(place.user().join(ADOPTED)).unwrap().lines().count(), 1);
    }

    #[test]
    fn a_planted_or_moved_folder_is_refused() {
        let place = Place::new();
        fs::write(place.own().join("memory.sqlite"), "planted").unwrap();
        assert!(place.reason().unwrap().contains("not begun on this device"));
        let place = Place::new();
        fs::write(place.own().join("mask.key"), [7; 32]).unwrap();
        assert!(place.reason().is_some(), "a key that others know");
        let place = Place::new();
        adopt(&place.own(), &place.root(), &place.user()).unwrap();
        let copy = place.dir.path().join("copy");
        fs::rename(place.root(), &copy).unwrap();
        assert!(choose(&copy, &place.user()).refused.is_some());
    }

    #[test]
    fn a_link_or_an_open_folder_is_refused() {
        let place = Place::new();
        fs::set_permissions(place.own(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(place.reason().unwrap().contains("others can write"));
        fs::remove_dir(place.own()).unwrap();
        assert_eq!(choose(&place.root(), &place.user()).refused, None);
        std::os::unix::fs::symlink(place.dir.path(), place.own()).unwrap();
        assert!(place.reason().unwrap().contains("not a folder"));
    }

    #[test]
    fn a_folder_that_was_filled_meanwhile_is_not_adopted() {
        let place = Place::new();
        fs::write(place.own().join("memory.sqlite"), "planted").unwrap();
        let error = adopt(&place.own(), &place.root(), &place.user()).unwrap_err();
        assert!(error.to_string().contains(FOLDER), "{error}");
    }
}
