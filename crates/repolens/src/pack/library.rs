//! The files of a working copy as a corpus: read once, inside the root, links not followed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use super::corpus::{Corpus, Document};
use super::terms::{Bag, Splitter};
use crate::model::{Kind, Repo, SkipReason};
use crate::scan::beneath::Root;

/// A file above this is no candidate.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// A working copy, ready to be asked.
pub(super) struct Shelf {
    /// Its name.
    pub(super) name: String,
    /// Its text files.
    pub(super) corpus: Corpus,
    /// The path of each text file as the file system has it.
    raw: Vec<Vec<u8>>,
    root: Root,
    /// Files and entries that are no candidates, by reason.
    pub(super) left_out: BTreeMap<&'static str, u64>,
}

/// What reading a file for its terms gave.
enum Outcome {
    Counted(Bag),
    Not(&'static str),
}

impl Shelf {
    /// Reads and counts the files of a scanned repository, with `threads` threads (0: one a core).
    ///
    /// # Errors
    ///
    /// When the root cannot be opened.
    pub(super) fn open(repo: &Repo, threads: usize) -> io::Result<Self> {
        let root = Root::open(&repo.root)?;
        let outcomes = read_all(&root, repo, threads);
        let mut shelf = Self {
            name: repo.name.clone(),
            corpus: Corpus::default(),
            raw: Vec::new(),
            root,
            left_out: BTreeMap::new(),
        };
        let mut splitter = Splitter::default();
        let mut documents = Vec::new();
        for (file, outcome) in repo.files.iter().zip(outcomes) {
            match outcome {
                Outcome::Counted(bag) => {
                    let bag = Arc::new(bag);
                    documents.push(Document::new(file.path.clone(), file.size, bag, &mut splitter));
                    shelf.raw.push(file.raw_path().into_owned());
                }
                Outcome::Not(reason) => *shelf.left_out.entry(reason).or_default() += 1,
            }
        }
        for skipped in &repo.skipped {
            let reason = match skipped.reason {
                SkipReason::Ignored => "ignored",
                SkipReason::Tooling => "tooling",
                SkipReason::GitFolder => "git-folder",
                SkipReason::OwnOutput => "earlier-merge",
            };
            *shelf.left_out.entry(reason).or_default() += 1;
        }
        shelf.corpus = Corpus::new(documents);
        Ok(shelf)
    }

    /// The text of a file as it is now; nothing when it is no text any more.
    #[must_use]
    pub(super) fn text(&self, file: usize) -> Option<String> {
        let bytes = read(&self.root, &self.raw[file], MAX_FILE_BYTES).ok()?;
        text_of(bytes).ok()
    }
}

fn read_all(root: &Root, repo: &Repo, threads: usize) -> Vec<Outcome> {
    let each = repo.files.len().div_ceil(crate::scan::threads(threads)).max(1);
    std::thread::scope(|scope| {
        let parts: Vec<_> = repo
            .files
            .chunks(each)
            .map(|files| {
                let work = move || {
                    let mut splitter = Splitter::default();
                    files.iter().map(|file| count(root, file, &mut splitter)).collect::<Vec<_>>()
                };
                (files.len(), scope.spawn(work))
            })
            .collect();
        let lost = |files: usize| (0..files).map(|_| Outcome::Not("unreadable")).collect();
        parts
            .into_iter()
            .flat_map(|(files, part)| part.join().unwrap_or_else(|_| lost(files)))
            .collect()
    })
}

fn count(root: &Root, file: &crate::model::File, splitter: &mut Splitter) -> Outcome {
    match file.kind {
        Kind::Symlink { .. } | Kind::Submodule | Kind::Special => return Outcome::Not("special"),
        Kind::Withheld => return Outcome::Not("secret-name"),
        Kind::Unreadable { .. } => return Outcome::Not("unreadable"),
        Kind::Binary | Kind::LfsPointer => return Outcome::Not("binary"),
        _ => {}
    }
    if crate::classify::is_secret_file(&file.path) {
        return Outcome::Not("secret-file");
    }
    if file.size > MAX_FILE_BYTES {
        return Outcome::Not("oversized");
    }
    match read(root, &file.raw_path(), MAX_FILE_BYTES) {
        Ok(bytes) => match text_of(bytes) {
            Ok(text) => Outcome::Counted(Bag::of(&text, splitter)),
            Err(reason) => Outcome::Not(reason),
        },
        Err(_) => Outcome::Not("unreadable"),
    }
}

fn text_of(bytes: Vec<u8>) -> Result<String, &'static str> {
    if bytes.iter().take(8192).any(|byte| *byte == 0) {
        return Err("binary");
    }
    String::from_utf8(bytes).map_err(|_| "encoding")
}

/// A regular file below the root, at most `most` bytes of it.
fn read(root: &Root, path: &[u8], most: u64) -> io::Result<Vec<u8>> {
    let file = File::from(root.file(path)?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Lines `from` to `to` of a file below `root`, both included, from 1; nothing is followed out of it.
///
/// # Errors
///
/// When the file cannot be read, is larger than [`MAX_FILE_BYTES`], or is no UTF-8 text.
pub fn read_file(root: &Path, path: &str, lines: Option<(u32, u32)>) -> io::Result<String> {
    let bytes = read(&Root::open(root)?, path.as_bytes(), MAX_FILE_BYTES + 1)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other(format!("larger than {MAX_FILE_BYTES} bytes")));
    }
    let text =
        text_of(bytes).map_err(|reason| io::Error::other(format!("no UTF-8 text ({reason})")))?;
    let text = crate::pack::mask::masked(&text).0;
    let Some((from, to)) = lines else { return Ok(text) };
    let skip = from.saturating_sub(1) as usize;
    let take = (to as usize).saturating_sub(skip);
    Ok(text.split_inclusive('\n').skip(skip).take(take).collect())
}
