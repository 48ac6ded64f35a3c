//! The archive of a seed: regular files only, sorted, without times and owners. Nothing is read through a
//! link and nothing is written through one; `.git` is no part of a seed.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use contracts::wgx::seeds::{SeedFile, SeedPlace};
use ignore::WalkBuilder;
use memory::open_regular;
use redact::Redactor;
use tar::{Archive, Builder, EntryType, Header};

/// Most files of a seed.
pub const MOST_FILES: usize = 2_000;
/// Most bytes of a seed, all files together: half of what a pack takes as one object.
pub const MOST_BYTES: u64 = 32 << 20;

/// Why files cannot be packed, or an archive not be written back.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A path cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The path.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// Neither a file nor a folder.
    #[error("{0} is neither a regular file nor a folder")]
    NoFile(String),
    /// A name that no archive holds.
    #[error("{0} is no name for a file of a seed")]
    Name(String),
    /// Too many files or bytes.
    #[error("a seed holds at most {MOST_FILES} files and {} MiB", MOST_BYTES >> 20)]
    TooMuch,
    /// Nothing to keep.
    #[error("there is no file in what was named")]
    Nothing,
    /// Something looks like a secret.
    #[error("{file}:{line}: {reason}")]
    Secret {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u32,
        /// What it looks like.
        reason: String,
    },
    /// What is stored is no archive of a seed.
    #[error("the archive cannot be read: {0}")]
    Damaged(String),
}

impl ArchiveError {
    /// What to do.
    pub fn hint(&self) -> String {
        match self {
            Self::File { .. } => "check the path and its rights".to_owned(),
            Self::NoFile(_) => "name files and folders without links in them".to_owned(),
            Self::Name(_) => "rename it".to_owned(),
            Self::TooMuch => "take less data: a seed is a small state".to_owned(),
            Self::Nothing => "name files, or folders that hold some".to_owned(),
            Self::Secret { .. } => {
                "a seed travels in packs: replace real data by made-up data".to_owned()
            }
            Self::Damaged(_) => "take the snapshot again".to_owned(),
        }
    }

    fn at(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.display().to_string(), source }
    }
}

/// A file of a seed with its content.
#[derive(Debug)]
pub(super) struct Packed {
    name: String,
    content: Vec<u8>,
    executable: bool,
}

/// Packs files and folders of a root.
pub(super) fn pack(
    root: &Path,
    names: &[String],
    redactor: &Redactor,
) -> Result<Vec<u8>, ArchiveError> {
    let mut found = Vec::new();
    for name in names {
        collect(root, name, &mut found)?;
    }
    found.sort_unstable();
    found.dedup();
    match found.len() {
        0 => return Err(ArchiveError::Nothing),
        files if files > MOST_FILES => return Err(ArchiveError::TooMuch),
        _ => {}
    }
    let mut left = MOST_BYTES;
    let mut archive = Builder::new(Vec::new());
    for name in found {
        let path = root.join(&name);
        let at = |error| ArchiveError::at(&path, error);
        let file = open_regular(root, &name).map_err(at)?;
        let executable = file.metadata().map_err(at)?.permissions().mode() & 0o100 != 0;
        let mut content = Vec::new();
        file.take(left + 1).read_to_end(&mut content).map_err(at)?;
        left = left.checked_sub(content.len() as u64).ok_or(ArchiveError::TooMuch)?;
        if let Some(finding) = redactor.mask_bytes(&content).findings.first() {
            let (line, reason) = (finding.line, finding.reason.clone());
            return Err(ArchiveError::Secret { file: name, line, reason });
        }
        let mut header = Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(if executable { 0o755 } else { 0o644 });
        header.set_entry_type(EntryType::Regular);
        // A ustar header holds no longer name; extensions would need readers that know them.
        header.set_path(&name).map_err(|_| ArchiveError::Name(name.clone()))?;
        header.set_cksum();
        archive.append(&header, content.as_slice()).map_err(at)?;
    }
    archive.into_inner().map_err(|error| ArchiveError::at(root, error))
}

/// The names of the regular files of a path. A link or a device in it is an error, not a gap.
fn collect(root: &Path, name: &str, found: &mut Vec<String>) -> Result<(), ArchiveError> {
    let mut walk = WalkBuilder::new(root.join(name));
    walk.standard_filters(false).follow_links(false);
    walk.filter_entry(|entry| entry.file_name() != ".git");
    for entry in walk.build() {
        let entry = entry.map_err(|error| {
            let text = error.to_string();
            let source = error.into_io_error().unwrap_or_else(|| io::Error::other(text));
            ArchiveError::at(&root.join(name), source)
        })?;
        let shown = || entry.path().display().to_string();
        let kind = entry.file_type().ok_or_else(|| ArchiveError::NoFile(shown()))?;
        if kind.is_dir() {
            continue;
        }
        if !kind.is_file() {
            return Err(ArchiveError::NoFile(shown()));
        }
        let relative = entry.path().strip_prefix(root).ok().and_then(Path::to_str);
        let name = relative.ok_or_else(|| ArchiveError::Name(shown()))?;
        found.push(name.strip_prefix("./").unwrap_or(name).to_owned());
        if found.len() > 10 * MOST_FILES {
            return Err(ArchiveError::TooMuch);
        }
    }
    Ok(())
}

/// The files of an archive. It may come from another device, so nothing in it is taken on trust.
pub(super) fn unpack(archive: impl Read) -> Result<Vec<Packed>, ArchiveError> {
    let damaged = |error: io::Error| ArchiveError::Damaged(error.to_string());
    let mut archive = Archive::new(archive);
    let mut files = Vec::new();
    let mut left = MOST_BYTES;
    for entry in archive.entries().map_err(damaged)? {
        let entry = entry.map_err(damaged)?;
        let path = entry.path().map_err(damaged)?.into_owned();
        let name = path.to_str().filter(|name| is_harmless(name));
        let name = name.ok_or_else(|| ArchiveError::Name(path.display().to_string()))?.to_owned();
        if entry.header().entry_type() != EntryType::Regular {
            return Err(ArchiveError::NoFile(name));
        }
        let executable = entry.header().mode().map_err(damaged)? & 0o100 != 0;
        let mut content = Vec::new();
        entry.take(left + 1).read_to_end(&mut content).map_err(damaged)?;
        left = left.checked_sub(content.len() as u64).ok_or(ArchiveError::TooMuch)?;
        if files.len() == MOST_FILES {
            return Err(ArchiveError::TooMuch);
        }
        files.push(Packed { name, content, executable });
    }
    Ok(files)
}

/// Whether a name stays below the folder it is joined to, and out of git's own.
fn is_harmless(name: &str) -> bool {
    let part = |part: &str| {
        !matches!(part, "" | "." | "..")
            && !part.eq_ignore_ascii_case(".git")
            && !part.contains('\0')
    };
    name.split('/').all(part)
}

/// What lies where a file belongs.
pub(super) fn compare(into: &Path, file: &Packed) -> Result<SeedFile, ArchiveError> {
    let path = into.join(&file.name);
    let before = match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => SeedPlace::Absent,
        Err(error) => return Err(ArchiveError::at(&path, error)),
        Ok(metadata) => {
            let is_same = metadata.is_file()
                && metadata.len() == file.content.len() as u64
                && open_regular(into, &file.name).is_ok_and(|it| holds(it, &file.content));
            if is_same { SeedPlace::Same } else { SeedPlace::Different }
        }
    };
    Ok(SeedFile { path: file.name.clone(), bytes: file.content.len() as u64, before })
}

fn holds(file: File, content: &[u8]) -> bool {
    let mut there = Vec::new();
    let read = file.take(content.len() as u64 + 1).read_to_end(&mut there);
    read.is_ok() && there == content
}

/// Writes a file under its name: complete, or not at all. A link on the way is an error, one at the place
/// is replaced.
pub(super) fn write(into: &Path, file: &Packed) -> Result<(), ArchiveError> {
    let mut folder = into.to_owned();
    let (folders, name) = file.name.rsplit_once('/').unwrap_or(("", &file.name));
    for part in folders.split('/').filter(|part| !part.is_empty()) {
        folder.push(part);
        match fs::create_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(ArchiveError::at(&folder, error));
            }
            _ => {}
        }
        let metadata = folder.symlink_metadata().map_err(|it| ArchiveError::at(&folder, it))?;
        if !metadata.is_dir() {
            return Err(ArchiveError::NoFile(folder.display().to_string()));
        }
    }
    let draft = folder.join(format!(".{name}.{}.seed", std::process::id()));
    let written = write_draft(&draft, file).and_then(|()| fs::rename(&draft, folder.join(name)));
    written.map_err(|error| {
        let _ = fs::remove_file(&draft);
        ArchiveError::at(&folder.join(name), error)
    })
}

fn write_draft(draft: &PathBuf, file: &Packed) -> io::Result<()> {
    let mode = if file.executable { 0o755 } else { 0o644 };
    let mut draft = File::options().write(true).create_new(true).mode(mode).open(draft)?;
    draft.write_all(&file.content)?;
    draft.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn redactor() -> Redactor {
        Redactor::new([3; 32])
    }

    #[test]
    fn the_same_files_give_the_same_archive_and_come_back() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for root in [&one, &two] {
            fs::create_dir_all(root.path().join("data/sub")).unwrap();
            fs::write(root.path().join("data/sub/b.sql"), "insert 2;\n").unwrap();
            fs::write(root.path().join("data/a.sql"), "insert 1;\n").unwrap();
        }
        let packed = pack(one.path(), &["data".into()], &redactor()).unwrap();
        let names = ["data/sub/b.sql".to_owned(), "data/a.sql".to_owned(), "data".to_owned()];
        assert_eq!(pack(two.path(), &names, &redactor()).unwrap(), packed);
        let files = unpack(packed.as_slice()).unwrap();
        let into = tempfile::tempdir().unwrap();
        for file in &files {
            assert_eq!(compare(into.path(), file).unwrap().before, SeedPlace::Absent);
            write(into.path(), file).unwrap();
            assert_eq!(compare(into.path(), file).unwrap().before, SeedPlace::Same);
        }
        fs::write(into.path().join("data/a.sql"), "insert 3;\n").unwrap();
        assert_eq!(compare(into.path(), &files[0]).unwrap().before, SeedPlace::Different);
        assert_eq!(fs::read_dir(into.path().join("data")).unwrap().count(), 2, "no draft is left");
    }

    #[test]
    fn links_are_neither_packed_nor_written_through() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("data")).unwrap();
        fs::write(root.path().join("data/a"), "a").unwrap();
        let packed = pack(root.path(), &["data".into()], &redactor()).unwrap();
        symlink("/etc/passwd", root.path().join("data/link")).unwrap();
        let error = pack(root.path(), &["data".into()], &redactor()).unwrap_err();
        assert!(matches!(error, ArchiveError::NoFile(_)), "{error}");
        let (into, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        symlink(elsewhere.path(), into.path().join("data")).unwrap();
        let files = unpack(packed.as_slice()).unwrap();
        assert!(write(into.path(), &files[0]).is_err());
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_looks_like_a_secret_is_named_and_not_packed() {
        let root = tempfile::tempdir().unwrap();
        let secret = format!("x: 1\ndb_password: {}{}\n", "h8J2kD4e", "5F6g7");
        fs::write(root.path().join("dump.yml"), secret).unwrap();
        let error = pack(root.path(), &["dump.yml".into()], &redactor()).unwrap_err();
        assert!(error.to_string().starts_with("dump.yml:2: "), "{error}");
    }

    /// An archive as another device might send it.
    fn foreign(name: &[u8], kind: EntryType) -> Vec<u8> {
        let mut header = Header::new_ustar();
        header.set_size(0);
        header.set_mode(0o644);
        header.set_entry_type(kind);
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_cksum();
        let mut archive = Builder::new(Vec::new());
        archive.append(&header, io::empty()).unwrap();
        archive.into_inner().unwrap()
    }

    #[test]
    fn names_that_lead_elsewhere_and_links_in_archives_are_refused() {
        for name in ["../x", "/etc/x", "a/../../x", ".git/hooks/post-commit", "a/.GIT/x", "a//x"] {
            let archive = foreign(name.as_bytes(), EntryType::Regular);
            assert!(matches!(unpack(archive.as_slice()), Err(ArchiveError::Name(_))), "{name}");
        }
        for kind in [EntryType::Symlink, EntryType::Link, EntryType::Directory, EntryType::Fifo] {
            let archive = foreign(b"a", kind);
            assert!(unpack(archive.as_slice()).is_err(), "{kind:?}");
        }
        assert_eq!(unpack(foreign(b"a/b", EntryType::Regular).as_slice()).unwrap().len(), 1);
    }
}
