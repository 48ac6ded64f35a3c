//! What the native tool of the `make` source lists.

use contracts::wgx::TaskSource;

use super::{NativeTask, Question};
use crate::files::RepoFiles;

/// make has no list of its own: `-p` prints its data base, `-q` with the goal `:` builds nothing (but
/// `$(shell)` runs), `-R` and `-r` leave out what is built in.
pub(super) fn questions(files: &RepoFiles) -> Vec<Question> {
    let names = ["GNUmakefile", "makefile", "Makefile"];
    if !names.iter().any(|name| files.has(name) && files.is_file(name)) {
        return Vec::new();
    }
    vec![Question {
        source: TaskSource::Make,
        argv: ["make", "-pRrqn", ":"].map(str::to_owned).to_vec(),
        dir: String::new(),
        parse,
    }]
}

/// Takes the targets of the section "Files": those that a rule or `.PHONY` declares.
fn parse(answer: &str) -> Result<Vec<NativeTask>, String> {
    let (_, files) = answer.split_once("\n# Files\n").ok_or("make printed no data base")?;
    let files = files.split("\n# files hash-table stats:").next().unwrap_or(files);
    let mut names: Vec<&str> = files.split("\n\n").filter_map(declared).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names.into_iter().map(NativeTask::named).collect())
}

/// The name of one entry; `None` for prerequisites without a rule, special, suffix and pattern targets.
fn declared(entry: &str) -> Option<&str> {
    if entry.lines().any(|line| line == "# Not a target:") {
        return None;
    }
    let searched = "#  Implicit rule search has been done.";
    let stem = "#  Implicit/static pattern stem:";
    if entry.contains(searched) && entry.contains(stem) {
        // A pattern that fits everything also fits the makefile itself.
        return None;
    }
    let head = entry.lines().find(|line| !line.starts_with(['#', '\t']) && !line.is_empty())?;
    let name = match head.split_once(": ") {
        Some((name, _)) => name,
        None => head.strip_suffix(':')?,
    };
    let name = name.strip_suffix(':').unwrap_or(name);
    let special = name.starts_with('.') && name.len() > 3 && {
        let mut rest = name.bytes().skip(1);
        rest.all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    let suffixes = name.starts_with('.') && name.matches('.').count() <= 2 && {
        let parts = name.split('.').skip(1);
        !name.contains('/') && parts.clone().all(|part| SUFFIXES.contains(&part))
    };
    let listed = !special && !suffixes && !name.contains('%') && !name.is_empty();
    listed.then_some(name)
}

/// The parts of suffix rules, after their dots.
const SUFFIXES: [&str; 20] = [
    "c", "o", "cc", "C", "cpp", "s", "S", "h", "a", "l", "y", "f", "F", "p", "r", "m", "sh", "txt",
    "md", "html",
];
