//! The parallel walk of one root.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};

use super::beneath::Root;
use super::ignores::{NAMES, Rules};
use super::{ScanOptions, names};
use crate::classify::classify;
use crate::model::{File, Inclusion, Kind, Reason, SkipReason, Skipped, Stamp};

/// Most bytes of an ignore file; a larger one is not obeyed, and said so.
const IGNORE_FILE_MAX: usize = 1 << 20;

/// Folders that only tools write, wherever they stand.
const TOOLING: [&str; 13] = [
    "node_modules",
    "__pycache__",
    ".venv",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".svelte-kit",
    ".next",
    ".gradle",
    ".hg",
    ".svn",
    ".jj",
    ".terraform",
];

/// The first bytes of a `CACHEDIR.TAG` (bford.info/cachedir).
const CACHE_TAG: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// Everything below a root.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) files: Vec<File>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) folders: Vec<PathBuf>,
    pub(super) notes: Vec<String>,
}

impl Found {
    fn append(&mut self, mut other: Self) {
        self.files.append(&mut other.files);
        self.skipped.append(&mut other.skipped);
        self.folders.append(&mut other.folders);
        self.notes.append(&mut other.notes);
    }
}

/// A folder still to be read.
struct Task {
    /// Relative to the root; empty for the root.
    path: Vec<u8>,
    rules: Arc<Rules>,
}

/// The folders that wait, and how many workers may still add some.
#[derive(Default)]
struct Queue {
    waiting: Vec<Task>,
    busy: usize,
}

struct Walk<'a> {
    root: &'a Root,
    options: &'a ScanOptions,
    queue: Mutex<Queue>,
    changed: Condvar,
}

/// Walks everything below `root`. Only a root that cannot be read at all is an error.
pub(super) fn walk(root: &Root, options: &ScanOptions) -> io::Result<Found> {
    let global = match &options.global_ignore {
        Some(path) if !options.no_ignore => Some(std::fs::read(path)?),
        _ => None,
    };
    root.folder(b"")?;
    let exclude = (!options.no_ignore).then(|| read_small(root, b".git/info/exclude")).flatten();
    let rules = Arc::new(Rules::of_root(exclude.as_deref(), global.as_deref()));
    let first = Task { path: Vec::new(), rules };
    let walk = Walk {
        root,
        options,
        queue: Mutex::new(Queue { waiting: vec![first], busy: 0 }),
        changed: Condvar::new(),
    };
    let threads = super::threads(options.threads);
    let mut found = Found::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (1..threads).map(|_| scope.spawn(|| walk.work())).collect();
        found = walk.work();
        for worker in workers {
            match worker.join() {
                Ok(part) => found.append(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    settle(&mut found);
    Ok(found)
}

/// Sorts, and gives an escaped name that another file really has a different escape.
fn settle(found: &mut Found) {
    let real: BTreeSet<&str> = if found.files.iter().any(|file| file.escaped) {
        found.files.iter().filter(|file| !file.escaped).map(|file| file.path.as_str()).collect()
    } else {
        BTreeSet::new()
    };
    let mut renamed = Vec::new();
    for (index, file) in found.files.iter().enumerate().filter(|(_, file)| file.escaped) {
        if real.contains(file.path.as_str()) {
            let raw = file.raw_path();
            let free = (1..=raw.len())
                .map(|more| names::escape(&raw, more))
                .find(|path| !real.contains(path.as_str()));
            renamed.extend(free.map(|path| (index, path)));
        }
    }
    for (index, path) in renamed {
        found.files[index].path = path;
    }
    found.files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    found.skipped.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    found.folders.sort_unstable();
    found.notes.sort_unstable();
}

impl Walk<'_> {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) -> Found {
        let mut found = Found::default();
        while let Some(task) = self.next() {
            let folders = self.folder(&task, &mut found);
            let mut queue = self.queue();
            queue.waiting.extend(folders);
            queue.busy -= 1;
            self.changed.notify_all();
        }
        found
    }

    /// The next folder; nothing once no worker can add another.
    fn next(&self) -> Option<Task> {
        let mut queue = self.queue();
        loop {
            if let Some(task) = queue.waiting.pop() {
                queue.busy += 1;
                return Some(task);
            }
            if queue.busy == 0 {
                self.changed.notify_all();
                return None;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lists one folder and returns those below it.
    fn folder(&self, task: &Task, found: &mut Found) -> Vec<Task> {
        let opened = self.root.folder(&task.path).and_then(|folder| {
            let entries = entries(&folder)?;
            Ok((folder, entries))
        });
        let (folder, entries) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let reason = format!("folder: {}", reason(&error));
                found.files.push(file(&task.path, Kind::Unreadable { reason }, None));
                return Vec::new();
            }
        };
        let has = |name: &str| entries.iter().any(|entry| entry.name == name.as_bytes());
        if !task.path.is_empty() {
            if has(".git") {
                found.files.push(file(&task.path, Kind::Submodule, None));
                return Vec::new();
            }
            if !self.options.no_ignore && (has("pyvenv.cfg") || has_cache_tag(&folder, &has)) {
                found.skipped.push(skipped(&task.path, true, SkipReason::Tooling));
                return Vec::new();
            }
        }
        found.folders.push(PathBuf::from(OsStr::from_bytes(&task.path)));
        let rules = self.rules(task, &folder, &entries, found);
        let mut folders = Vec::new();
        for entry in &entries {
            if let Some(path) = self.entry(task, &rules, &folder, entry, found) {
                folders.push(Task { path, rules: Arc::clone(&rules) });
            }
        }
        folders
    }

    fn rules(
        &self,
        task: &Task,
        folder: &OwnedFd,
        entries: &[Entry],
        found: &mut Found,
    ) -> Arc<Rules> {
        let mut files = Vec::new();
        if !self.options.no_ignore {
            for (kind, name) in NAMES.iter().enumerate() {
                if !entries.iter().any(|entry| entry.name == name.as_bytes()) {
                    continue;
                }
                match read_at(folder, name.as_bytes(), IGNORE_FILE_MAX) {
                    Ok(text) => files.push((kind, text)),
                    Err(error) => {
                        let path = names::text(&join(&task.path, name.as_bytes())).0;
                        found.notes.push(format!("`{path}` was not obeyed: {}", reason(&error)));
                    }
                }
            }
        }
        Rules::of_folder(&task.rules, Path::new(OsStr::from_bytes(&task.path)), &files)
    }

    /// Files one entry; a folder to enter comes back as its path.
    fn entry(
        &self,
        task: &Task,
        rules: &Rules,
        folder: &OwnedFd,
        entry: &Entry,
        found: &mut Found,
    ) -> Option<Vec<u8>> {
        let path = join(&task.path, &entry.name);
        if path == b".git" {
            let is_folder = entry.kind == FileType::Directory;
            found.skipped.push(skipped(&path, is_folder, SkipReason::GitFolder));
            return None;
        }
        let mut stat = None;
        let kind = if entry.kind == FileType::Unknown {
            stat = statat(folder, OsStr::from_bytes(&entry.name), AtFlags::SYMLINK_NOFOLLOW).ok();
            stat.as_ref().map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode))
        } else {
            entry.kind
        };
        let is_folder = kind == FileType::Directory;
        if !self.options.no_ignore {
            let tooling = TOOLING.iter().any(|name| name.as_bytes() == entry.name);
            let reason = if rules.ignores(Path::new(OsStr::from_bytes(&path)), is_folder) {
                Some(SkipReason::Ignored)
            } else {
                (is_folder && tooling).then_some(SkipReason::Tooling)
            };
            if let Some(reason) = reason {
                found.skipped.push(skipped(&path, is_folder, reason));
                return None;
            }
        }
        if is_folder {
            return Some(path);
        }
        let name = OsStr::from_bytes(&entry.name);
        let stat = match stat {
            Some(stat) => Ok(stat),
            None => statat(folder, name, AtFlags::SYMLINK_NOFOLLOW),
        };
        let listed = match stat {
            Ok(stat) => {
                let kind = match FileType::from_raw_mode(stat.st_mode) {
                    FileType::RegularFile => Kind::Unread,
                    FileType::Symlink => Kind::Symlink { target: target(folder, name) },
                    FileType::Directory => Kind::Unreadable { reason: "changed its kind".into() },
                    _ => Kind::Special,
                };
                file(&path, kind, Some(&stat))
            }
            Err(error) => {
                let reason = reason(&error.into());
                file(&path, Kind::Unreadable { reason }, None)
            }
        };
        found.files.push(listed);
        None
    }
}

struct Entry {
    name: Vec<u8>,
    kind: FileType,
}

/// The entries of a folder, sorted: the order of the disk means nothing.
fn entries(folder: &OwnedFd) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            entries.push(Entry { name: name.to_vec(), kind: entry.file_type() });
        }
    }
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

fn has_cache_tag(folder: &OwnedFd, has: &impl Fn(&str) -> bool) -> bool {
    let name = "CACHEDIR.TAG";
    has(name) && read_at(folder, name.as_bytes(), 4096).is_ok_and(|tag| tag.starts_with(CACHE_TAG))
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, name].join(&b'/') }
}

fn file(raw: &[u8], kind: Kind, stat: Option<&Stat>) -> File {
    let (path, escaped) = names::text(raw);
    let (category, tags) = classify(&path);
    let inclusion = match &kind {
        Kind::Symlink { .. } => Inclusion::MetaOnly(Reason::Symlink),
        Kind::Submodule => Inclusion::MetaOnly(Reason::Submodule),
        Kind::Special => Inclusion::MetaOnly(Reason::Special),
        Kind::Unreadable { .. } => Inclusion::MetaOnly(Reason::Unreadable),
        _ => Inclusion::Full,
    };
    let (size, stamp) = stat.map_or_else(Default::default, |stat| (size_of(stat), stamp(stat)));
    File { path, escaped, size, kind, category, tags, inclusion, stamp }
}

/// The size of a file or link; a pipe or device has none that means anything.
fn size_of(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

/// What tells whether a file changed.
pub fn stamp(stat: &Stat) -> Stamp {
    let nanoseconds = |seconds: i64, part: u64| seconds.wrapping_mul(1_000_000_000) + part as i64;
    #[expect(clippy::unnecessary_cast, reason = "the fields differ between systems")]
    Stamp {
        mtime_ns: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as u64),
        ctime_ns: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as u64),
        inode: stat.st_ino as u64,
    }
}

fn skipped(raw: &[u8], is_folder: bool, reason: SkipReason) -> Skipped {
    let mut path = names::text(raw).0;
    if is_folder {
        path.push('/');
    }
    Skipped { path, reason }
}

fn target(folder: &OwnedFd, name: &OsStr) -> String {
    readlinkat(folder, name, Vec::new())
        .map_or_else(|_| String::new(), |target| names::text(target.to_bytes()).0)
}

/// Reads a small regular file of an open folder; a link or anything else is an error.
fn read_at(folder: &OwnedFd, name: &[u8], max: usize) -> io::Result<Vec<u8>> {
    let flags =
        OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = openat(folder.as_fd(), OsStr::from_bytes(name), flags, Mode::empty())?;
    read_bounded(file, max)
}

fn read_small(root: &Root, path: &[u8]) -> Option<Vec<u8>> {
    read_bounded(root.file(path).ok()?, IGNORE_FILE_MAX).ok()
}

/// At most `max` bytes of a regular file.
pub(super) fn read_bounded(file: OwnedFd, max: usize) -> io::Result<Vec<u8>> {
    let stat = fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    if size_of(&stat) > max as u64 {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("larger than {max} bytes"),
        ));
    }
    let mut text = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(std::fs::File::from(file), max as u64), &mut text)?;
    Ok(text)
}

/// An error in words, without a path and without the system's number.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::NotFound => "gone while it was read".into(),
        io::ErrorKind::InvalidFilename => "the path is too long".into(),
        _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            "a link stands in its way".into()
        }
        _ if error.raw_os_error().is_none() => error.to_string(),
        kind => kind.to_string(),
    }
}
