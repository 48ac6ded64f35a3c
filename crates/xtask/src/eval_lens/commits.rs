//! Which commits are asked for, and what they changed.

use std::collections::BTreeMap;

use repolens::git::Git;
use repolens::pack::history::{Commit, History};
use repolens::pack::role::is_code;

/// A commit whose change is to be foreseen from its message.
pub(super) struct Target {
    /// Its message.
    pub(super) message: String,
    /// Its parent, at which the question is asked.
    pub(super) parent: String,
    /// Modified code files, with the lines of the parent's version that changed. An insertion
    /// counts the line before it.
    pub(super) gold: BTreeMap<String, Vec<(u32, u32)>>,
    /// Whether the message names one of them.
    pub(super) named: bool,
}

/// The newest commits that are no merge, touch at most 12 files, modify a code file, and say in at
/// least 5 words what they are for.
pub(super) fn targets(git: &Git, history: &History, most: usize) -> anyhow::Result<Vec<Target>> {
    let mut found = Vec::new();
    for commit in &history.commits {
        if found.len() >= most {
            break;
        }
        let [parent] = &commit.parents[..] else { continue };
        if commit.files.len() + commit.renames.len() > 12 || !says_enough(commit) {
            continue;
        }
        let gold = changes(git, parent, &commit.id)?;
        if gold.is_empty() {
            continue;
        }
        let lower = commit.message.to_lowercase();
        let named = gold.keys().any(|path| {
            let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
            lower.contains(&name)
        });
        let message = commit.message.clone();
        found.push(Target { message, parent: parent.clone(), gold, named });
    }
    Ok(found)
}

fn says_enough(commit: &Commit) -> bool {
    let subject = commit.message.lines().next().unwrap_or_default().to_lowercase();
    let no = ["bump", "revert", "release", "merge", "update dependenc", "chore(deps", "build(deps"];
    let doc = ["doc:", "docs:", "doc(", "docs(", "doc ", "docs ", "[doc", "changelog", "readme"];
    let words =
        commit.message.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic));
    let dull = no.iter().any(|word| subject.contains(word))
        || doc.iter().any(|word| subject.starts_with(word));
    !dull && words.count() >= 5
}

/// Modified code files and their changed lines.
fn changes(
    git: &Git,
    parent: &str,
    commit: &str,
) -> anyhow::Result<BTreeMap<String, Vec<(u32, u32)>>> {
    let answer = git.ask(&[
        "diff-tree",
        "-r",
        "-p",
        "-U0",
        "--no-renames",
        "--diff-filter=M",
        "--no-ext-diff",
        "--no-textconv",
        "--no-color",
        parent,
        commit,
    ])?;
    let text = String::from_utf8_lossy(&answer);
    let mut changes: BTreeMap<String, Vec<(u32, u32)>> = BTreeMap::new();
    let mut path = None;
    for line in text.lines() {
        if line.starts_with("diff --git ") {
            path = None;
        } else if let Some(old) = line.strip_prefix("--- a/") {
            path = path.or_else(|| is_code(old).then(|| old.to_owned()));
        } else if let (Some(range), Some(path)) = (line.strip_prefix("@@ -"), &path) {
            let Some(range) = range.split(' ').next() else { continue };
            let (from, lines) = range.split_once(',').unwrap_or((range, "1"));
            let (from, lines): (u32, u32) = (from.parse()?, lines.parse()?);
            let from = from.max(1);
            changes.entry(path.clone()).or_default().push((from, from + lines.max(1) - 1));
        }
    }
    Ok(changes)
}
