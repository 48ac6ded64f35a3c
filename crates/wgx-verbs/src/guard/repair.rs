//! Mending files: new content is written beside the file and renamed over it, permissions kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use contracts::wgx::FixKind;

use super::tree::{Kind, SourceFile};
use super::{CHECKS, Context, Found};

/// What was mended and what could not be.
#[derive(Debug, Default)]
pub(super) struct Mended {
    done: BTreeSet<(&'static str, String)>,
    failed: BTreeMap<String, String>,
}

impl Mended {
    /// Whether the findings of a rule in a file are gone.
    pub(super) fn holds(&self, rule: &'static str, file: &str) -> bool {
        self.done.contains(&(rule, file.to_owned()))
    }

    /// Why a file could not be written.
    pub(super) fn failure(&self, file: &str) -> Option<&str> {
        self.failed.get(file).map(String::as_str)
    }
}

/// Mends every file with findings whose fix is safe; each file is written once.
pub(super) fn apply(found: &[Vec<Found>], context: &Context<'_>) -> Mended {
    let mut rules_by_file: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, found) in found.iter().enumerate() {
        if CHECKS[index].rule().kind == FixKind::Safe {
            for found in found.iter().filter(|found| found.advice.is_none()) {
                rules_by_file.entry(&found.file).or_default().push(index);
            }
        }
    }
    let mut mended = Mended::default();
    for (path, rules) in rules_by_file {
        let Some(file) = context.tree.get(path).filter(|file| file.kind == Kind::Text) else {
            continue;
        };
        match mend(file, &rules, context) {
            Ok(()) => {
                let done = rules.iter().map(|at| (CHECKS[*at].rule().id, path.to_owned()));
                mended.done.extend(done);
            }
            Err(error) => {
                mended.failed.insert(path.to_owned(), error.to_string());
            }
        }
    }
    mended
}

fn mend(file: &SourceFile, rules: &[usize], context: &Context<'_>) -> io::Result<()> {
    let path = context.tree.root().join(&file.path);
    let mut content = file.content.clone();
    for rule in rules {
        if let Some(better) = CHECKS[*rule].mended(&content, file, context) {
            content = better;
        }
    }
    let executable = rules.iter().any(|rule| CHECKS[*rule].rule().id == super::executable::RULE.id);
    if content != file.content {
        // What changed since it was read is somebody else's work.
        if fs::read(&path)? != file.content {
            return Err(io::Error::other("the file changed meanwhile; run again"));
        }
        replace(&path, &content)?;
    }
    if executable { make_executable(&path) } else { Ok(()) }
}

/// Writes the new content beside the file and renames it over it. A link is replaced, never
/// followed.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("not a regular file any more"));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.wgx-{}", std::process::id()));
    let written =
        write_new(&temporary, content, &metadata).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The original is untouched; a leftover is not worth a second error.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write_new(path: &Path, content: &[u8], like: &fs::Metadata) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(content)?;
    file.set_permissions(like.permissions())?;
    file.sync_all()
}

/// Everybody who may read the file may execute it.
#[cfg(unix)]
fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("not a regular file any more"));
    }
    let mode = metadata.permissions().mode();
    fs::set_permissions(path, fs::Permissions::from_mode(mode | (mode & 0o444) >> 2))
}

#[cfg(not(unix))]
fn make_executable(_path: &Path) -> io::Result<()> {
    Err(io::Error::other("this system has no executable bit"))
}
