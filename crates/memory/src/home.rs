//! The folder that everything lies in (`HAUSKI_HOME`, or a repository's own `.hauski/`): its layout,
//! its creation, and the device id.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// Paths below the home. Making one touches nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

/// Why the home cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// Something that is not a folder lies where a folder must be.
    #[error("{} is not a folder", path.display())]
    NotAFolder {
        /// The place.
        path: PathBuf,
    },
    /// Missing rights, or a read-only file system.
    #[error("{} cannot be written", path.display())]
    ReadOnly {
        /// The place.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No space, or the quota is used up.
    #[error("no space left for {}", path.display())]
    Full {
        /// The place.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The device id file holds something else.
    #[error("{} does not hold a device id", path.display())]
    DeviceId {
        /// The file.
        path: PathBuf,
    },
    /// The file of the mask key holds something else.
    #[error("{} does not hold a key of 32 bytes", path.display())]
    MaskKey {
        /// The file.
        path: PathBuf,
    },
    /// Anything else that the system said.
    #[error("{} cannot be used", path.display())]
    Io {
        /// The place.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl HomeError {
    /// Sorts what the system said about a place.
    pub fn from_io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly { path, source }
            }
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::Full { path, source },
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                Self::NotAFolder { path }
            }
            _ => Self::Io { path, source },
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotAFolder { .. } => "move the file away, or set HAUSKI_HOME to a folder",
            Self::ReadOnly { .. } => {
                "make it writable for you, or set HAUSKI_HOME to another folder"
            }
            Self::Full { .. } => "free some space (`wgx memory gc` drops old logs), then try again",
            Self::DeviceId { .. } | Self::MaskKey { .. } => {
                "delete this file: the next start writes a new one"
            }
            Self::Io { .. } => "check the path and the disk, or set HAUSKI_HOME to another folder",
        }
    }
}

impl Home {
    /// The home at this path.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.root.join("memory.sqlite")
    }

    /// Held exclusively while the database is made or migrated.
    pub fn lock_file(&self) -> PathBuf {
        self.root.join("memory.lock")
    }

    /// The content-addressed store.
    pub fn cas(&self) -> PathBuf {
        self.root.join("cas")
    }

    /// Seeds, `<name>@<ver>.tgz`.
    pub fn seeds(&self) -> PathBuf {
        self.root.join("seeds")
    }

    /// Evidence bundles, `<pr>-<ts>.zip`.
    pub fn evidence(&self) -> PathBuf {
        self.root.join("evidence")
    }

    /// Learned shortcuts, `<repo>.yml`.
    pub fn profiles(&self) -> PathBuf {
        self.root.join("profiles")
    }

    /// Models of engines.
    pub fn models(&self) -> PathBuf {
        self.root.join("models")
    }

    /// The file that holds [`Self::device_id`].
    pub fn device_file(&self) -> PathBuf {
        self.root.join("device")
    }

    /// Makes the folder, readable for its owner only. An existing folder stays as it is.
    ///
    /// # Errors
    /// A file lies there, the place is read-only, the disk is full.
    pub fn create(&self) -> Result<(), HomeError> {
        create_folder(&self.root)
    }

    /// The id of this device: a random UUID that the first start writes into [`Self::device_file`].
    ///
    /// # Errors
    /// The file is damaged, or it is missing and cannot be written.
    pub fn device_id(&self) -> Result<String, HomeError> {
        let path = self.device_file();
        match fs::read_to_string(&path) {
            Ok(text) => parse_device_id(&path, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.write_device_id(&path),
            Err(error) => Err(HomeError::from_io(&path, error)),
        }
    }

    /// The id of this device where one was written already. Writes nothing.
    pub(crate) fn known_device_id(&self) -> Option<String> {
        let path = self.device_file();
        parse_device_id(&path, &fs::read_to_string(&path).ok()?).ok()
    }

    /// The key of the masks in this memory ([`redact::Redactor::new`]): 32 random bytes that the first
    /// start writes, and that no pack carries.
    ///
    /// # Errors
    /// The file is damaged, or it is missing and cannot be written.
    pub fn mask_key(&self) -> Result<[u8; 32], HomeError> {
        let path = self.root.join("mask.key");
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut key = [0; 32];
                fs::File::open("/dev/urandom")
                    .and_then(|mut random| random.read_exact(&mut key))
                    .map_err(|error| HomeError::from_io(Path::new("/dev/urandom"), error))?;
                self.write_once(&path, &key)?
            }
            other => other.map_err(|error| HomeError::from_io(&path, error))?,
        };
        bytes.try_into().map_err(|_| HomeError::MaskKey { path })
    }

    fn write_device_id(&self, path: &Path) -> Result<String, HomeError> {
        let id = Uuid::now_v7();
        let bytes = self.write_once(path, format!("{id}\n").as_bytes())?;
        parse_device_id(path, &String::from_utf8_lossy(&bytes))
    }

    /// Of several first starts at once, one wins: a complete file is linked into place, never replaced.
    /// Returns what the winner wrote.
    fn write_once(&self, path: &Path, bytes: &[u8]) -> Result<Vec<u8>, HomeError> {
        self.create()?;
        let draft = self.root.join(format!(".draft-{}", Uuid::now_v7()));
        let written = write_private_file(&draft, bytes)
            .and_then(|()| match fs::hard_link(&draft, path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                other => other,
            })
            .and_then(|()| fs::read(path));
        let removed = fs::remove_file(&draft);
        let bytes = written.map_err(|error| HomeError::from_io(path, error))?;
        removed.map_err(|error| HomeError::from_io(&draft, error))?;
        Ok(bytes)
    }
}

/// Makes a folder and those above it (mode 0700). An existing folder is fine.
pub(crate) fn create_folder(path: &Path) -> Result<(), HomeError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| HomeError::from_io(path, error))
}

/// Makes what was renamed or linked into this folder survive a power cut.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

fn write_private_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn parse_device_id(path: &Path, text: &str) -> Result<String, HomeError> {
    let id =
        Uuid::parse_str(text.trim()).map_err(|_| HomeError::DeviceId { path: path.to_owned() })?;
    Ok(id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_device_id_stays() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().join("deep/home"));
        let first = home.device_id().unwrap();
        assert_eq!(home.device_id().unwrap(), first);
        let key = home.mask_key().unwrap();
        assert_eq!(home.mask_key().unwrap(), key);
        assert_ne!(key, [0; 32]);
        assert_eq!(fs::read_dir(home.root()).unwrap().count(), 2, "no draft is left");
    }

    #[test]
    fn a_damaged_device_id_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        fs::write(home.device_file(), "not an id").unwrap();
        assert!(matches!(home.device_id(), Err(HomeError::DeviceId { .. })));
        assert_eq!(fs::read_to_string(home.device_file()).unwrap(), "not an id");
    }

    #[test]
    fn a_file_in_place_of_the_home_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("home");
        fs::write(&file, "").unwrap();
        for home in [Home::at(&file), Home::at(file.join("below"))] {
            let error = home.create().unwrap_err();
            assert!(matches!(error, HomeError::NotAFolder { .. }), "{error:?}");
        }
    }
}
