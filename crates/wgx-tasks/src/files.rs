//! Reading files of a repository: inside the root only, bounded, never a device or a pipe.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Largest file that discovery reads, in bytes.
pub const MAX_FILE_BYTES: u64 = 10 * 1024 * 1024;

/// The files below a repository root. Paths are relative, with `/`.
#[derive(Debug)]
pub struct RepoFiles {
    root: PathBuf,
    top: OnceCell<BTreeSet<String>>,
    /// Path → content, instead of the disk.
    memory: Option<BTreeMap<String, Vec<u8>>>,
    /// Paths that were read, or could not be although there is something.
    read: RefCell<BTreeSet<String>>,
}

/// What stands in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, wherever it leads.
    Link,
    /// A device, a pipe, a socket.
    Other,
}

impl EntryKind {
    fn of(kind: fs::FileType) -> Self {
        if kind.is_symlink() {
            Self::Link
        } else if kind.is_dir() {
            Self::Folder
        } else if kind.is_file() {
            Self::File
        } else {
            Self::Other
        }
    }
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is larger than [`MAX_FILE_BYTES`].
    #[error("{bytes} bytes are more than the {MAX_FILE_BYTES} that are read of one file")]
    TooLarge {
        /// Its size.
        bytes: u64,
    },
    /// A link or `..` leads out of the repository.
    #[error("the path leads out of the repository")]
    Outside,
    /// A device, a pipe or a folder stands in the file's place.
    #[error("not a regular file")]
    NotAFile,
    /// Its text is not UTF-8.
    #[error("byte {at} is not UTF-8")]
    NotUtf8 {
        /// Offset of the first wrong byte.
        at: usize,
    },
    /// The system refused.
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
}

impl ReadError {
    /// What to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "make it smaller; files of tasks are read whole",
            Self::Outside => "put it inside the repository",
            Self::NotAFile => "put a regular file in its place",
            Self::NotUtf8 { .. } => "save it as UTF-8 text",
            Self::Io(_) => "make it readable for you",
        }
    }
}

impl RepoFiles {
    /// For the repository at `root`, which must exist.
    ///
    /// # Errors
    /// When the root cannot be resolved.
    pub fn new(root: &Path) -> std::io::Result<Self> {
        let root = fs::canonicalize(root)?;
        Ok(Self { root, top: OnceCell::new(), memory: None, read: RefCell::default() })
    }

    /// Files that exist only in memory, for property tests and fuzzing. Nothing can be executed in such a
    /// repository and no link exists there.
    pub fn in_memory(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let memory = Some(files.into_iter().collect());
        let root = PathBuf::from("/");
        Self { root, top: OnceCell::new(), memory, read: RefCell::default() }
    }

    /// The resolved root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether the root folder itself has an entry of that name. Reads the folder once.
    pub fn has(&self, name: &str) -> bool {
        self.top_entries().contains(name)
    }

    /// Names in the root folder (UTF-8 ones), sorted.
    pub fn top_entries(&self) -> &BTreeSet<String> {
        self.top.get_or_init(|| self.list("").into_iter().collect())
    }

    /// Names in a folder (UTF-8 ones), sorted; empty when there is no such folder inside the root.
    pub fn list(&self, dir: &str) -> Vec<String> {
        if let Some(memory) = &self.memory {
            return names_below(memory, dir);
        }
        let Ok(path) = self.resolve(dir) else {
            return Vec::new();
        };
        let Ok(entries) = fs::read_dir(path) else {
            return Vec::new();
        };
        let mut names: Vec<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort_unstable();
        names
    }

    /// Names of the folders in a folder (UTF-8 ones), sorted. Links are left out unless `links` asks for
    /// those that lead to a folder inside the root. The folder itself must be known to lie inside
    /// ([`RepoFiles::is_dir`], or a name from here): resolving it each time would dominate a walk.
    pub fn folders(&self, dir: &str, links: bool) -> Vec<String> {
        if let Some(memory) = &self.memory {
            let mut names = names_below(memory, dir);
            names.retain(|name| join(dir, name).is_some_and(|path| self.is_dir(&path)));
            return names;
        }
        let Ok(entries) = fs::read_dir(self.root.join(dir)) else {
            return Vec::new();
        };
        let is_folder = |entry: &fs::DirEntry, name: &str| match entry.file_type() {
            Ok(kind) if kind.is_symlink() => {
                links && join(dir, name).is_some_and(|path| self.is_dir(&path))
            }
            Ok(kind) => kind.is_dir(),
            Err(_) => false,
        };
        let mut names: Vec<String> = entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                is_folder(&entry, &name).then_some(name)
            })
            .collect();
        names.sort_unstable();
        names
    }

    /// What stands in a folder (UTF-8 names), sorted; links are not followed. The folder itself must be known
    /// to lie inside, as for [`RepoFiles::folders`].
    pub fn entries(&self, dir: &str) -> Vec<(String, EntryKind)> {
        if self.memory.is_some() {
            let kind = |name: String| Some((name.clone(), self.kind(&join(dir, &name)?)?));
            return self.list(dir).into_iter().filter_map(kind).collect();
        }
        let Ok(entries) = fs::read_dir(self.root.join(dir)) else {
            return Vec::new();
        };
        let mut found: Vec<(String, EntryKind)> = entries
            .flatten()
            .filter_map(|entry| {
                let kind = EntryKind::of(entry.file_type().ok()?);
                Some((entry.file_name().into_string().ok()?, kind))
            })
            .collect();
        found.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        found
    }

    /// What stands at a path, a link not followed; `None` when nothing does or a folder above it leads out.
    pub fn kind(&self, path: &str) -> Option<EntryKind> {
        if let Some(memory) = &self.memory {
            return match memory.contains_key(path) {
                true => Some(EntryKind::File),
                false => (path.is_empty() || self.is_dir(path)).then_some(EntryKind::Folder),
            };
        }
        self.resolve(parent(path)).ok()?;
        let metadata = fs::symlink_metadata(self.root.join(path)).ok()?;
        Some(EntryKind::of(metadata.file_type()))
    }

    /// Whether there is anything of that path, in one system call. It says nothing about where links
    /// lead; reading does.
    pub fn exists(&self, path: &str) -> bool {
        match &self.memory {
            Some(memory) => memory.contains_key(path),
            None => fs::symlink_metadata(self.root.join(path)).is_ok(),
        }
    }

    /// Whether there is a regular file of that path inside the root.
    pub fn is_file(&self, path: &str) -> bool {
        match &self.memory {
            Some(memory) => memory.contains_key(path),
            None => self.resolve(path).is_ok_and(|path| path.is_file()),
        }
    }

    /// Whether there is a folder of that path inside the root.
    pub fn is_dir(&self, path: &str) -> bool {
        match &self.memory {
            Some(memory) => !names_below(memory, path).is_empty(),
            None => self.resolve(path).is_ok_and(|path| path.is_dir()),
        }
    }

    /// The text of a file; `None` when there is none.
    ///
    /// # Errors
    /// When it exists and cannot be read as text of a bounded size from inside the root.
    pub fn read(&self, path: &str) -> Result<Option<String>, ReadError> {
        let bytes = self.read_bytes(path);
        if !matches!(bytes, Ok(None)) {
            self.read.borrow_mut().insert(path.to_owned());
        }
        match bytes? {
            Some(bytes) => text(bytes).map(Some),
            None => Ok(None),
        }
    }

    /// The paths that were read since the last call, with those that could not be read.
    pub fn take_read(&self) -> BTreeSet<String> {
        self.read.take()
    }

    fn read_bytes(&self, path: &str) -> Result<Option<Vec<u8>>, ReadError> {
        if let Some(memory) = &self.memory {
            return Ok(memory.get(path).cloned());
        }
        let resolved = match self.resolve(path) {
            Err(ReadError::Io(error)) if absent(&error) => return Ok(None),
            resolved => resolved?,
        };
        let metadata = fs::metadata(&resolved)?;
        if !metadata.is_file() {
            return Err(ReadError::NotAFile);
        }
        if metadata.len() > MAX_FILE_BYTES {
            return Err(ReadError::TooLarge { bytes: metadata.len() });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
        File::open(&resolved)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(ReadError::TooLarge { bytes: bytes.len() as u64 });
        }
        Ok(Some(bytes))
    }

    /// The absolute path of a relative one, links resolved.
    ///
    /// # Errors
    /// When it does not exist or leads out of the root.
    pub fn resolve(&self, path: &str) -> Result<PathBuf, ReadError> {
        if self.memory.is_some() {
            return Err(ReadError::Io(std::io::ErrorKind::NotFound.into()));
        }
        if path.is_empty() {
            return Ok(self.root.clone());
        }
        let resolved = fs::canonicalize(self.root.join(path))?;
        if resolved.starts_with(&self.root) { Ok(resolved) } else { Err(ReadError::Outside) }
    }
}

fn text(bytes: Vec<u8>) -> Result<String, ReadError> {
    String::from_utf8(bytes)
        .map_err(|error| ReadError::NotUtf8 { at: error.utf8_error().valid_up_to() })
}

/// The names directly below a folder of an in-memory repository.
fn names_below(memory: &BTreeMap<String, Vec<u8>>, dir: &str) -> Vec<String> {
    let prefix = if dir.is_empty() { String::new() } else { format!("{dir}/") };
    let below = memory.keys().filter_map(|path| path.strip_prefix(&prefix));
    let names: BTreeSet<&str> = below.filter_map(|rest| rest.split('/').next()).collect();
    names.into_iter().map(str::to_owned).collect()
}

fn absent(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

/// Joins a folder and a path in it and removes `.` and `..`; `None` when it leads above the root.
pub fn join(dir: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in dir.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The folder of a relative path; empty for a file in the root.
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

/// The last part of a relative path.
pub fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_the_root_is_read() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "s").unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), dir.path().join("link")).unwrap();
        let files = RepoFiles::new(dir.path()).unwrap();
        assert!(matches!(files.read("link"), Err(ReadError::Outside)));
        assert!(matches!(files.read("../x"), Ok(None) | Err(ReadError::Outside)));
        assert!(files.read("absent").unwrap().is_none());
        assert!(matches!(files.read("."), Err(ReadError::NotAFile)));
    }

    #[test]
    fn what_was_read_is_known_once() {
        let files =
            RepoFiles::in_memory([("a".to_owned(), b"x".to_vec()), ("b".into(), vec![255])]);
        assert!(files.read("a").is_ok() && files.read("b").is_err() && files.read("c").is_ok());
        assert_eq!(files.take_read(), BTreeSet::from(["a".to_owned(), "b".to_owned()]));
        assert!(files.take_read().is_empty());
    }

    #[test]
    fn joining_stays_below_the_root() {
        assert_eq!(join("a/b", "../c").as_deref(), Some("a/c"));
        assert_eq!(join("a", "../../c"), None);
        assert_eq!(join("", "/etc"), None);
    }
}
