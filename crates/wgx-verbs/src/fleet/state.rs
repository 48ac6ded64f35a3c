//! How one work tree stands: what `git status` says, and what is in progress.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use contracts::wgx::fleet::GitState;
use wgx_tasks::git::{Git, GitError, Repository};

/// Everything is named that a repository's configuration could choose otherwise.
const STATUS: &[&str] = &[
    "status",
    "--porcelain=v2",
    "--branch",
    "--ahead-behind",
    "--show-stash",
    "--no-renames",
    "--untracked-files=normal",
    "--ignore-submodules=dirty",
    "-z",
];

/// What git told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) state: GitState,
    /// The branch follows one that is not there.
    pub(super) is_upstream_gone: bool,
}

/// Asks git. Nothing that the repository names is started, and nobody is asked over the network.
pub(super) fn ask(git: Git<'_>, repository: &Repository) -> Result<Answer, GitError> {
    let mut answer = parse(&git.ask(repository, STATUS)?);
    answer.state.operation = operation(&repository.git_dir).map(str::to_owned);
    Ok(answer)
}

fn parse(output: &[u8]) -> Answer {
    let mut state = GitState::default();
    let mut has_counts = false;
    let mut records = output.split(|byte| *byte == 0).filter(|record| !record.is_empty());
    while let Some(record) = records.next() {
        match record {
            [b'#', b' ', header @ ..] => {
                has_counts |= read_header(&String::from_utf8_lossy(header), &mut state);
            }
            [kind @ (b'1' | b'2'), b' ', index, tree, ..] => {
                state.staged += u32::from(*index != b'.');
                state.unstaged += u32::from(*tree != b'.');
                if *kind == b'2' {
                    // The path that it had before is a record of its own.
                    records.next();
                }
            }
            [b'u', b' ', ..] => state.conflicts += 1,
            [b'?', b' ', ..] => state.untracked += 1,
            _ => {}
        }
    }
    // Before the first commit there is nothing to compare, whether the upstream is there or not.
    let is_upstream_gone = state.upstream.is_some() && state.commit.is_some() && !has_counts;
    Answer { state, is_upstream_gone }
}

/// Reads one line about the branch; whether it was the one with the counts.
fn read_header(header: &str, state: &mut GitState) -> bool {
    let Some((name, value)) = header.split_once(' ') else { return false };
    match name {
        "branch.oid" => state.commit = (value != "(initial)").then(|| value.to_owned()),
        "branch.head" => state.branch = (value != "(detached)").then(|| value.to_owned()),
        "branch.upstream" => state.upstream = Some(value.to_owned()),
        "branch.ab" => {
            let count = |text: &str| text.get(1..).and_then(|text| text.parse().ok()).unwrap_or(0);
            let (ahead, behind) = value.split_once(' ').unwrap_or((value, ""));
            (state.ahead, state.behind) = (count(ahead), count(behind));
            return true;
        }
        "stash" => state.stashes = value.parse().unwrap_or(0),
        _ => {}
    }
    false
}

/// What is in progress, by the files that git keeps for it. Where two are (a merge while one bisects), the
/// one that has to be ended first.
fn operation(git_dir: &Path) -> Option<&'static str> {
    let has = |name: &str| git_dir.join(name).symlink_metadata().is_ok();
    let files = [
        ("rebase-merge", "rebase"),
        ("rebase-apply/applying", "am"),
        ("rebase-apply", "rebase"),
        ("MERGE_HEAD", "merge"),
        ("CHERRY_PICK_HEAD", "cherry-pick"),
        ("REVERT_HEAD", "revert"),
    ];
    let found = files.iter().find(|(file, _)| has(file)).map(|(_, operation)| *operation);
    found.or_else(|| sequence(git_dir)).or_else(|| has("BISECT_LOG").then_some("bisect"))
}

/// A series of picks or reverts of which one was committed by hand and the rest still waits.
fn sequence(git_dir: &Path) -> Option<&'static str> {
    let path = git_dir.join("sequencer/todo");
    // Nobody waits on a pipe that lies there.
    if !path.symlink_metadata().ok()?.is_file() {
        return None;
    }
    let mut first = [0; 7];
    let read = File::open(path).and_then(|mut file| file.read(&mut first)).ok()?;
    let first = &first[..read];
    if first.starts_with(b"revert ") {
        return Some("revert");
    }
    [&b"pick "[..], b"p "].iter().any(|word| first.starts_with(word)).then_some("cherry-pick")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counts_and_headers_are_read() {
        let id = "a".repeat(40);
        let output = format!(
            "# branch.oid {id}\0# branch.head main\0# branch.upstream origin/main\0\
             # branch.ab +2 -13\0# stash 3\0\
             1 MM N... 100644 100644 100644 {id} {id} a\nb\0\
             1 .M N... 100644 100644 100644 {id} {id} ? c\0\
             2 R. N... 100644 100644 100644 {id} {id} R100 new\0? old\0\
             u UU N... 100644 100644 100644 100644 {id} {id} {id} both\0? new folder/\0"
        );
        let expected = GitState {
            branch: Some("main".into()),
            commit: Some(id),
            upstream: Some("origin/main".into()),
            ahead: 2,
            behind: 13,
            staged: 2,
            unstaged: 2,
            untracked: 1,
            conflicts: 1,
            stashes: 3,
            operation: None,
        };
        assert_eq!(parse(output.as_bytes()), Answer { state: expected, is_upstream_gone: false });
    }

    #[test]
    fn a_missing_upstream_is_not_one_that_is_level() {
        let gone = parse(b"# branch.oid aa\0# branch.head x\0# branch.upstream origin/x\0");
        assert!(gone.is_upstream_gone);
        let first = parse(b"# branch.oid (initial)\0# branch.head x\0# branch.upstream o/x\0");
        assert!(!first.is_upstream_gone);
        assert_eq!(first.state.commit, None);
        let detached = parse(b"# branch.oid aa\0# branch.head (detached)\0");
        assert_eq!((detached.state.branch, detached.is_upstream_gone), (None, false));
    }

    #[test]
    fn what_is_in_progress_is_known_by_its_files() {
        let table: [(&[&str], &str); 8] = [
            (&["rebase-merge/x", "CHERRY_PICK_HEAD"], "rebase"),
            (&["rebase-apply/rebasing"], "rebase"),
            (&["rebase-apply/applying"], "am"),
            (&["MERGE_HEAD", "BISECT_LOG"], "merge"),
            (&["CHERRY_PICK_HEAD"], "cherry-pick"),
            (&["REVERT_HEAD"], "revert"),
            (&["sequencer/todo"], "cherry-pick"),
            (&["BISECT_LOG"], "bisect"),
        ];
        for (files, expected) in table {
            let dir = tempfile::tempdir().unwrap();
            for file in files {
                let file = dir.path().join(file);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, "pick 1234 x\n").unwrap();
            }
            assert_eq!(operation(dir.path()), Some(expected), "{files:?}");
        }
        assert_eq!(operation(tempfile::tempdir().unwrap().path()), None);
    }

    proptest! {
        #[test]
        fn any_output_is_read_without_panic(output in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&output);
        }
    }
}
