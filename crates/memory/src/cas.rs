//! The content-addressed store: bytes under the SHA-256 of themselves, written once
//! (temporary file → fsync → rename → fsync of the folder) and never changed.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{AtFlags, CWD, FlockOperation, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use rustix::fs::{flock, utimensat};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::home::{HomeError, create_folder, sync_folder};

/// The objects below one folder.
#[derive(Clone, Debug)]
pub struct Cas {
    root: PathBuf,
}

/// SHA-256 of an object as 64 lower-case hex digits, which is also its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

/// What [`Cas::put`] and [`ObjectWriter::finish`] stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Its name.
    pub digest: Digest,
    /// Its size.
    pub bytes: u64,
}

/// Why an object cannot be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum CasError {
    /// Not 64 lower-case hex digits.
    #[error("`{name}` is not a SHA-256 in lower-case hex")]
    InvalidDigest {
        /// What was given.
        name: String,
    },
    /// There is no such object.
    #[error("object {digest} is not in the store")]
    Missing {
        /// Its name.
        digest: Digest,
    },
    /// The bytes are not those of the name.
    #[error("object {digest} is damaged: its content has SHA-256 {found}")]
    Damaged {
        /// Its name.
        digest: Digest,
        /// The SHA-256 of what lies there.
        found: Digest,
    },
    /// The folder cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
}

impl CasError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::InvalidDigest { .. } => "a digest is what `wgx runs --json` shows as `log`",
            Self::Missing { .. } => "it may have been dropped by retention, or never imported",
            Self::Damaged { .. } => "`wgx memory check` lists all damage; import a pack to heal it",
            Self::Home(error) => error.hint(),
        }
    }
}

impl Digest {
    /// Reads a name.
    ///
    /// # Errors
    /// It is not 64 lower-case hex digits.
    pub fn parse(name: &str) -> Result<Self, CasError> {
        let valid =
            name.len() == 64 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !valid {
            return Err(CasError::InvalidDigest { name: name.to_owned() });
        }
        Ok(Self(name.to_owned()))
    }

    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_hash(Sha256::new_with_prefix(bytes))
    }

    /// The 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn from_hash(hash: Sha256) -> Self {
        let mut name = String::with_capacity(64);
        for byte in hash.finalize() {
            for nibble in [byte >> 4, byte & 15] {
                name.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
        Self(name)
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Cas {
    /// The store below this folder. Touches nothing.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where an object lies.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        let name = digest.as_str();
        self.root.join(&name[..2]).join(&name[2..4]).join(name)
    }

    /// Starts a new object, whose name is known when it is complete. Its first 64 KiB stay in memory, so
    /// a small object that is there already touches the disk only to become young again.
    pub fn writer(&self) -> ObjectWriter {
        ObjectWriter {
            cas: self.clone(),
            held: Vec::new(),
            draft: None,
            hash: Sha256::new(),
            bytes: 0,
            placed: false,
        }
    }

    /// Stores what the reader gives.
    ///
    /// # Errors
    /// The reader fails, the folder cannot be written, the disk is full.
    pub fn put(&self, mut content: impl Read) -> Result<StoredObject, CasError> {
        let mut writer = self.writer();
        io::copy(&mut content, &mut writer)
            .map_err(|error| HomeError::from_io(&writer.path(), error))?;
        writer.finish()
    }

    /// Whether an object is there (its content is not looked at).
    pub fn contains(&self, digest: &Digest) -> bool {
        self.path(digest).is_file()
    }

    /// Opens an object.
    ///
    /// # Errors
    /// It is missing or cannot be read.
    pub fn get(&self, digest: &Digest) -> Result<File, CasError> {
        let path = self.path(digest);
        File::open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => CasError::Missing { digest: digest.clone() },
            _ => HomeError::from_io(&path, error).into(),
        })
    }

    /// Reads an object whole and compares it with its name. Returns its size.
    ///
    /// # Errors
    /// It is missing, cannot be read, or is damaged.
    pub fn verify(&self, digest: &Digest) -> Result<u64, CasError> {
        let mut file = self.get(digest)?;
        let mut hash = Sha256::new();
        let bytes = copy_into_hash(&mut file, &mut hash)
            .map_err(|error| HomeError::from_io(&self.path(digest), error))?;
        let found = Digest::from_hash(hash);
        if found != *digest {
            return Err(CasError::Damaged { digest: digest.clone(), found });
        }
        Ok(bytes)
    }

    /// The objects, with size and the time of the last [`Cas::put`] of the same content; in no order.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn objects(&self) -> Result<Vec<ObjectEntry>, CasError> {
        let mut objects = Vec::new();
        for first in entries(&self.root)? {
            if first.file_name().len() != 2 {
                continue;
            }
            for second in entries(&first.path())? {
                for file in entries(&second.path())? {
                    objects.extend(object_entry(&file)?);
                }
            }
        }
        Ok(objects)
    }

    /// Deletes objects that are still as old as `before`. Writers of the same content wait, so that none
    /// is lost that was stored again meanwhile.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn remove(&self, digests: &[Digest], before: SystemTime) -> Result<Removed, CasError> {
        let paths: Vec<_> = digests.iter().map(|digest| self.path(digest)).collect();
        self.remove_files(&paths, before)
    }

    /// Deletes drafts as old as `before`: of writers that were killed.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn remove_drafts(&self, before: SystemTime) -> Result<Removed, CasError> {
        let drafts = entries(&self.drafts())?;
        let paths: Vec<_> = drafts.iter().map(fs::DirEntry::path).collect();
        self.remove_files(&paths, before)
    }

    fn remove_files(&self, paths: &[PathBuf], before: SystemTime) -> Result<Removed, CasError> {
        let mut removed = Removed::default();
        if paths.is_empty() || !self.root.is_dir() {
            return Ok(removed);
        }
        let _alone = self.lock(FlockOperation::LockExclusive)?;
        for path in paths {
            if let Some(bytes) = remove_if_older(path, before)? {
                removed.objects += 1;
                removed.bytes += bytes;
            }
        }
        Ok(removed)
    }

    /// Takes a damaged object away, so that the same content can be stored again.
    pub(crate) fn heal(&self, digest: &Digest) -> Result<(), CasError> {
        let path = self.path(digest);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(HomeError::from_io(&path, error).into())
            }
            _ => Ok(()),
        }
    }

    /// How many drafts there are: of writers at work, and of writers that were killed.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn drafts_left(&self) -> Result<u64, CasError> {
        Ok(entries(&self.drafts())?.len() as u64)
    }

    fn drafts(&self) -> PathBuf {
        self.root.join("drafts")
    }

    /// The lock goes with the file.
    fn lock(&self, operation: FlockOperation) -> Result<File, CasError> {
        let path = self.root.join("lock");
        let open =
            || File::options().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create_folder(&self.root)?;
                let home = self.root.parent().unwrap_or(&self.root);
                sync_folder(home).map_err(|error| HomeError::from_io(home, error))?;
                open()
            }
            other => other,
        };
        let file = file.map_err(|error| HomeError::from_io(&path, error))?;
        flock(&file, operation).map_err(|error| HomeError::from_io(&path, error.into()))?;
        Ok(file)
    }

    /// Whether the object is there already, byte for byte; then it gets young again, and is durable when
    /// this returns. The caller holds the lock until nothing else of its own is left.
    fn renew(&self, digest: &Digest, mut content: impl Read) -> Result<bool, CasError> {
        let path = self.path(digest);
        let Ok(mut existing) = File::open(&path) else { return Ok(false) };
        let at = |error| HomeError::from_io(&path, error);
        let metadata = existing.metadata().map_err(at)?;
        if !is_same(&mut existing, &mut content).map_err(at)? {
            return Ok(false);
        }
        if metadata.permissions().mode() & OWNER_WRITES != 0 {
            // Its writer has not synced the folder yet, or was killed before.
            self.settle(&path)?;
        }
        let now = Timestamps { last_access: OMIT, last_modification: NOW };
        utimensat(CWD, &path, &now, AtFlags::SYMLINK_NOFOLLOW).map_err(|error| at(error.into()))?;
        Ok(true)
    }

    /// Moves a complete and durable draft to its name.
    fn place(&self, draft: &Path, digest: &Digest) -> Result<(), CasError> {
        let path = self.path(digest);
        self.make_folders(&path)?;
        fs::rename(draft, &path).map_err(|error| HomeError::from_io(&path, error))?;
        self.settle(&path)
    }

    /// Makes the name of an object durable, and then says so: only then the object is read-only.
    fn settle(&self, path: &Path) -> Result<(), CasError> {
        let folder = path.parent().unwrap_or(&self.root);
        sync_folder(folder).map_err(|error| HomeError::from_io(folder, error))?;
        // Where rights cannot be set, every writer of this content syncs the folder again.
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o400));
        Ok(())
    }

    /// Makes the two folders of an object durable. A folder carries the sticky bit until the one above it
    /// is synced, so that another writer, or the next one after a kill, knows to do it.
    fn make_folders(&self, path: &Path) -> Result<(), CasError> {
        let folders: Vec<&Path> = path.ancestors().skip(1).take(2).collect();
        if is_settled(folders[0]) {
            return Ok(());
        }
        for folder in folders.into_iter().rev() {
            let at = |error| HomeError::from_io(folder, error);
            match fs::DirBuilder::new().mode(0o700 | STICKY).create(folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(at(error).into());
                }
                _ if is_settled(folder) => continue,
                _ => {}
            }
            sync_folder(folder.parent().unwrap_or(&self.root)).map_err(at)?;
            let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o700));
        }
        Ok(())
    }
}

/// The right that an object loses when its name is durable.
const OWNER_WRITES: u32 = 0o200;
/// The bit that a folder has until its name is durable.
const STICKY: u32 = 0o1000;

const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
const OMIT: Timespec = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };

fn is_settled(folder: &Path) -> bool {
    let metadata = fs::metadata(folder);
    metadata.is_ok_and(|it| it.is_dir() && it.permissions().mode() & STICKY == 0)
}

/// Whether two readers give the same bytes.
fn is_same(one: &mut impl Read, two: &mut impl Read) -> io::Result<bool> {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    loop {
        left.clear();
        right.clear();
        one.take(COMPARED_AT_ONCE).read_to_end(&mut left)?;
        two.take(COMPARED_AT_ONCE).read_to_end(&mut right)?;
        if left != right || left.is_empty() {
            return Ok(left == right);
        }
    }
}

/// An object as a file.
#[derive(Clone, Debug)]
pub struct ObjectEntry {
    /// Its name.
    pub digest: Digest,
    /// Its size.
    pub bytes: u64,
    /// When content like this was last stored.
    pub stored_at: SystemTime,
}

/// What [`Cas::remove`] or [`Cas::remove_drafts`] deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// How many objects or drafts.
    pub objects: u64,
    /// Their size.
    pub bytes: u64,
}

/// So much of two objects is compared at once, in bytes.
const COMPARED_AT_ONCE: u64 = 64 * 1024;

/// So much of an object is held in memory before there is a draft on the disk, in bytes.
const HELD_MAX: usize = 64 * 1024;

/// Writes one object and hashes while writing. Dropped before [`Self::finish`], it leaves nothing.
#[derive(Debug)]
pub struct ObjectWriter {
    cas: Cas,
    held: Vec<u8>,
    draft: Option<Draft>,
    hash: Sha256,
    bytes: u64,
    placed: bool,
}

#[derive(Debug)]
struct Draft {
    path: PathBuf,
    file: File,
}

impl ObjectWriter {
    /// Makes the object durable and gives it its name.
    ///
    /// # Errors
    /// The disk is full or the folder cannot be written.
    pub fn finish(mut self) -> Result<StoredObject, CasError> {
        let digest = self.digest();
        let object = StoredObject { digest: digest.clone(), bytes: self.bytes };
        let _not_alone = self.cas.lock(FlockOperation::LockShared)?;
        let path = self.path();
        let content = self.content().map_err(|error| HomeError::from_io(&path, error))?;
        if self.cas.renew(&digest, content)? {
            return Ok(object);
        }
        let draft = self.draft().map_err(|error| HomeError::from_io(&path, error))?;
        draft.file.sync_all().map_err(|error| HomeError::from_io(&draft.path, error))?;
        let path = draft.path.clone();
        self.cas.place(&path, &digest)?;
        self.placed = true;
        Ok(object)
    }

    /// Where it is written until it has its name; the folder, as long as it is held in memory.
    pub(crate) fn path(&self) -> PathBuf {
        self.draft.as_ref().map_or_else(|| self.cas.drafts(), |draft| draft.path.clone())
    }

    /// What was written so far, to be read from the beginning.
    pub(crate) fn content(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(match &self.draft {
            Some(draft) => Box::new(File::open(&draft.path)?),
            None => Box::new(self.held.as_slice()),
        })
    }

    /// The digest of what was written so far.
    pub(crate) fn digest(&self) -> Digest {
        Digest::from_hash(self.hash.clone())
    }

    /// The draft on the disk with all that was held.
    fn draft(&mut self) -> io::Result<&mut Draft> {
        if self.draft.is_none() {
            let path = self.cas.drafts().join(Uuid::now_v7().to_string());
            let file = create_draft(&path)?;
            // From here on a failure is cleaned up with the writer.
            let draft = self.draft.insert(Draft { path, file });
            draft.file.write_all(&std::mem::take(&mut self.held))?;
        }
        self.draft.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Write for ObjectWriter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let held = self.draft.is_none() && self.held.len() + buffer.len() <= HELD_MAX;
        let written = if held {
            self.held.extend_from_slice(buffer);
            buffer.len()
        } else {
            self.draft()?.file.write(buffer)?
        };
        self.hash.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.draft.as_mut().map_or(Ok(()), |draft| draft.file.flush())
    }
}

impl Drop for ObjectWriter {
    fn drop(&mut self) {
        if let Some(draft) = self.draft.as_ref().filter(|_| !self.placed) {
            // A draft that cannot be removed now goes with the next garbage collection.
            let _ = fs::remove_file(&draft.path);
        }
    }
}

/// A new file in the folder of drafts, which is made where it is missing.
fn create_draft(path: &Path) -> io::Result<File> {
    let open = || File::options().write(true).create_new(true).mode(0o600).open(path);
    match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().unwrap_or(path);
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            open()
        }
        other => other,
    }
}

fn copy_into_hash(content: &mut impl Read, hash: &mut Sha256) -> io::Result<u64> {
    let mut buffer = vec![0; 64 * 1024];
    let mut bytes = 0;
    loop {
        let read = content.read(&mut buffer)?;
        if read == 0 {
            return Ok(bytes);
        }
        hash.update(&buffer[..read]);
        bytes += read as u64;
    }
}

/// Entries of a folder; none when it does not exist or is a file.
fn entries(folder: &Path) -> Result<Vec<fs::DirEntry>, CasError> {
    let listed = fs::read_dir(folder).and_then(Iterator::collect);
    match listed {
        Ok(entries) => Ok(entries),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(Vec::new())
        }
        Err(error) => Err(HomeError::from_io(folder, error).into()),
    }
}

fn object_entry(file: &fs::DirEntry) -> Result<Option<ObjectEntry>, CasError> {
    let Ok(digest) = Digest::parse(&file.file_name().to_string_lossy()) else {
        return Ok(None);
    };
    let at = |error| HomeError::from_io(&file.path(), error);
    let metadata = file.metadata().map_err(at)?;
    let stored_at = metadata.modified().map_err(at)?;
    Ok(Some(ObjectEntry { digest, bytes: metadata.len(), stored_at }))
}

fn remove_if_older(path: &Path, before: SystemTime) -> Result<Option<u64>, CasError> {
    let at = |error| HomeError::from_io(path, error);
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at(error).into()),
    };
    if metadata.modified().map_err(at)? >= before {
        return Ok(None);
    }
    fs::remove_file(path).map_err(at)?;
    Ok(Some(metadata.len()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn store() -> (tempfile::TempDir, Cas) {
        let folder = tempfile::tempdir().unwrap();
        let cas = Cas::at(folder.path().join("cas"));
        (folder, cas)
    }

    #[test]
    fn what_was_put_comes_back_under_its_digest() {
        let (_folder, cas) = store();
        let stored = cas.put(&b"abc"[..]).unwrap();
        assert_eq!(
            stored.digest.as_str(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(cas.verify(&stored.digest).unwrap(), 3);
        assert!(cas.path(&stored.digest).ends_with(format!("ba/78/{}", stored.digest)));
        assert_eq!(cas.drafts_left().unwrap(), 0);
    }

    #[test]
    fn names_that_are_no_digests_are_refused() {
        for name in ["", "..", "AB", &"A".repeat(64), &"g".repeat(64), &"../".repeat(22)] {
            assert!(Digest::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_dropped_writer_leaves_nothing() {
        let (_folder, cas) = store();
        let mut writer = cas.writer();
        writer.write_all(&[b'x'; HELD_MAX + 1]).unwrap();
        assert_eq!(cas.drafts_left().unwrap(), 1);
        drop(writer);
        assert_eq!(cas.drafts_left().unwrap(), 0);
        assert!(cas.objects().unwrap().is_empty());
    }

    #[test]
    fn a_torn_draft_is_no_object_and_goes_when_it_is_old() {
        let (_folder, cas) = store();
        cas.put(&b"whole"[..]).unwrap();
        let draft = cas.drafts().join("0190-torn");
        fs::write(&draft, "to").unwrap();
        assert_eq!(cas.objects().unwrap().len(), 1);
        let past = SystemTime::now() - Duration::from_secs(60);
        assert_eq!(cas.remove_drafts(past).unwrap(), Removed::default());
        let future = SystemTime::now() + Duration::from_secs(60);
        assert_eq!(cas.remove_drafts(future).unwrap().objects, 1);
        assert_eq!(cas.objects().unwrap().len(), 1);
    }

    #[test]
    fn a_truncated_object_is_found_and_put_again() {
        let (_folder, cas) = store();
        let stored = cas.put(&b"content"[..]).unwrap();
        damage(&cas, &stored.digest, "con");
        assert!(matches!(cas.verify(&stored.digest), Err(CasError::Damaged { .. })));
        cas.put(&b"content"[..]).unwrap();
        assert_eq!(cas.verify(&stored.digest).unwrap(), 7);
    }

    #[test]
    fn an_object_damaged_at_its_length_is_healed_by_the_next_put() {
        let (_folder, cas) = store();
        let large = vec![b'y'; HELD_MAX * 3];
        for content in [&b"content"[..], &large] {
            let stored = cas.put(content).unwrap();
            let mut other = content.to_vec();
            *other.last_mut().unwrap() ^= 1;
            damage(&cas, &stored.digest, &other);
            cas.put(content).unwrap();
            assert_eq!(cas.verify(&stored.digest).unwrap(), content.len() as u64);
        }
    }

    /// What a writer leaves that was killed after the rename, or is still at work.
    #[test]
    fn names_that_are_not_known_to_be_durable_are_synced_by_the_next_writer() {
        let (_folder, cas) = store();
        let stored = cas.put(&b"abc"[..]).unwrap();
        let object = cas.path(&stored.digest);
        let folder = object.parent().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode(&object), mode(folder)), (0o400, 0o700));
        fs::set_permissions(&object, fs::Permissions::from_mode(0o600)).unwrap();
        cas.put(&b"abc"[..]).unwrap();
        assert_eq!(mode(&object), 0o400);
        fs::remove_file(&object).unwrap();
        for path in [folder, folder.parent().unwrap()] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o1700)).unwrap();
        }
        cas.put(&b"abc"[..]).unwrap();
        assert_eq!((mode(folder), mode(folder.parent().unwrap())), (0o700, 0o700));
        assert_eq!(cas.verify(&stored.digest).unwrap(), 3);
    }

    fn damage(cas: &Cas, digest: &Digest, bytes: impl AsRef<[u8]>) {
        fs::remove_file(cas.path(digest)).unwrap();
        fs::write(cas.path(digest), bytes).unwrap();
    }

    #[test]
    fn content_stored_again_survives_the_garbage_collection() {
        let (_folder, cas) = store();
        let stored = cas.put(&b"kept"[..]).unwrap();
        let old = SystemTime::now() - Duration::from_secs(7200);
        let path = cas.path(&stored.digest);
        let file = File::open(&path).unwrap();
        file.set_modified(old).unwrap();
        let cutoff = SystemTime::now() - Duration::from_secs(3600);
        cas.put(&b"kept"[..]).unwrap();
        let digests = std::slice::from_ref(&stored.digest);
        assert_eq!(cas.remove(digests, cutoff).unwrap().objects, 0);
        file.set_modified(old).unwrap();
        assert_eq!(cas.remove(digests, cutoff).unwrap().objects, 1);
    }

    #[test]
    fn a_small_object_that_is_there_already_makes_no_draft() {
        let (_folder, cas) = store();
        cas.put(&b"same"[..]).unwrap();
        let drafts = cas.drafts();
        fs::remove_dir(&drafts).unwrap();
        let again = cas.put(&b"same"[..]).unwrap();
        assert_eq!((again.bytes, drafts.exists()), (4, false));
        assert_eq!(cas.verify(&again.digest).unwrap(), 4);
        cas.put(&b"other"[..]).unwrap();
        assert!(drafts.exists());
    }

    #[test]
    fn many_writers_of_one_content_leave_one_sound_object() {
        let (_folder, cas) = store();
        let content = vec![7_u8; 200_000];
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| cas.put(content.as_slice()).unwrap());
            }
        });
        let objects = cas.objects().unwrap();
        assert_eq!(objects.len(), 1);
        assert_eq!(cas.verify(&objects[0].digest).unwrap(), 200_000);
        assert_eq!(cas.drafts_left().unwrap(), 0);
    }
}
