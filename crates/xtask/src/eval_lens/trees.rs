//! Files of old commits, straight from git's objects: no checkout, every blob read once.

use std::collections::HashMap;
use std::io::{BufReader, Write as _};
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context, bail};
use repolens::git::Git;
use repolens::pack::terms::{Bag, Splitter};

/// Files above this are no candidates: no budget here could hold them.
const MAX_BYTES: u64 = 1 << 20;

/// One blob as ranking sees it.
pub(super) struct Blob {
    /// Its text.
    pub(super) text: String,
    /// Its terms.
    pub(super) bag: Arc<Bag>,
}

/// One file of a tree.
pub(super) struct Entry {
    /// Path from the root.
    pub(super) path: String,
    /// Id of the blob.
    pub(super) blob: String,
    /// Size in bytes.
    pub(super) bytes: u64,
}

/// The text files of one commit.
pub(super) fn list(git: &Git, commit: &str) -> anyhow::Result<Vec<Entry>> {
    let answer = git.ask(&["ls-tree", "-r", "-l", "-z", "--full-tree", commit])?;
    let mut entries = Vec::new();
    for record in String::from_utf8_lossy(&answer).split('\0') {
        let Some((facts, path)) = record.split_once('\t') else { continue };
        let facts: Vec<&str> = facts.split_whitespace().collect();
        let [mode, "blob", blob, bytes] = facts[..] else { continue };
        let bytes = bytes.parse().unwrap_or(u64::MAX);
        if mode.starts_with("100") && bytes <= MAX_BYTES {
            entries.push(Entry { path: path.to_owned(), blob: blob.to_owned(), bytes });
        }
    }
    Ok(entries)
}

/// Reads the blobs that are not known yet. Binary and missing ones are left out.
pub(super) fn load(
    git: &Git,
    wanted: &[&str],
    known: &mut HashMap<String, Option<Arc<Blob>>>,
) -> anyhow::Result<()> {
    let mut missing: Vec<&str> =
        wanted.iter().copied().filter(|blob| !known.contains_key(*blob)).collect();
    missing.sort_unstable();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let mut child = git
        .command(&["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("starting git")?;
    let mut questions = child.stdin.take().context("no pipe to git")?;
    let list = missing.join("\n") + "\n";
    let asker = std::thread::spawn(move || questions.write_all(list.as_bytes()));
    let mut answers = BufReader::new(child.stdout.take().context("no pipe from git")?);
    let mut splitter = Splitter::default();
    for blob in missing {
        let content = read_one(&mut answers)?;
        let text = content.filter(|bytes| !bytes.iter().take(8000).any(|byte| *byte == 0));
        let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
        let blob_read = text.map(|text| {
            let bag = Arc::new(Bag::of(&text, &mut splitter));
            Arc::new(Blob { text, bag })
        });
        known.insert(blob.to_owned(), blob_read);
    }
    asker.join().ok().context("the question thread ended")??;
    child.wait()?;
    Ok(())
}

/// `id type size LF content LF`, or `id missing LF`.
fn read_one(answers: &mut impl std::io::BufRead) -> anyhow::Result<Option<Vec<u8>>> {
    let mut head = String::new();
    answers.read_line(&mut head)?;
    if head.trim_end().ends_with("missing") {
        return Ok(None);
    }
    let Some(size) = head.split_whitespace().nth(2).and_then(|size| size.parse().ok()) else {
        bail!("git answered `{}`", head.trim_end());
    };
    let mut content = vec![0; size];
    answers.read_exact(&mut content)?;
    answers.read_exact(&mut [0])?;
    Ok(Some(content))
}
