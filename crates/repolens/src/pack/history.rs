//! What git remembers: commits with their messages and the files they touched.

use std::collections::{HashMap, HashSet};

use super::terms::{Bag, Splitter};
use crate::git::{Git, GitError};

/// Most commits read, newest first.
pub const MAX_COMMITS: usize = 6_000;
/// A commit that touches more files than this says nothing about any of them.
pub const MAX_FILES: usize = 60;

/// Commits, newest first.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The commits.
    pub commits: Vec<Commit>,
    /// Every path that a commit names; commits hold positions in it.
    pub paths: Vec<String>,
}

/// One commit.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// Its id.
    pub id: String,
    /// The ids of its parents.
    pub parents: Vec<String>,
    /// Seconds since 1970, as the committer's clock had it.
    pub time: i64,
    /// Subject and body.
    pub message: String,
    /// Terms of the message.
    pub terms: Bag,
    /// Touched files as positions in [`History::paths`].
    pub files: Vec<u32>,
    /// Files renamed without a change, old position and new one.
    pub renames: Vec<(u32, u32)>,
}

impl History {
    /// Reads at most `max_commits` commits that `revision` descends from.
    ///
    /// # Errors
    ///
    /// [`GitError`] when git cannot tell.
    pub fn read(git: &Git, revision: &str, max_commits: usize) -> Result<Self, GitError> {
        let count = format!("--max-count={max_commits}");
        let answer = git.ask(&[
            "log",
            &count,
            "--diff-merges=off",
            "--find-renames=100%",
            "--no-ext-diff",
            "--no-textconv",
            "--name-status",
            "--no-notes",
            "-z",
            "--format=%x1e%H%x1f%P%x1f%ct%x1f%B%x1f",
            "--end-of-options",
            revision,
            "--",
        ])?;
        Ok(Self::parse(&answer))
    }

    /// Reads the answer of git.
    #[must_use]
    pub fn parse(answer: &[u8]) -> Self {
        let text = String::from_utf8_lossy(answer);
        let mut reader = Reader::default();
        let mut history = Self::default();
        for record in text.split('\u{1e}').skip(1) {
            let mut fields = record.splitn(5, '\u{1f}');
            let (Some(id), Some(parents), Some(time), Some(message)) =
                (fields.next(), fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            let mut commit = Commit {
                id: id.to_owned(),
                parents: parents
                    .split(' ')
                    .filter(|id| !id.is_empty())
                    .map(str::to_owned)
                    .collect(),
                time: time.parse().unwrap_or_default(),
                message: message.trim_end().to_owned(),
                terms: Bag::of(message, &mut reader.splitter),
                ..Commit::default()
            };
            reader.files(fields.next().unwrap_or_default(), &mut commit);
            history.commits.push(commit);
        }
        history.paths = reader.paths;
        history
    }

    /// Positions of the commits that `tip` descends from, itself included, in the order of the
    /// history. Empty when `tip` is not in it.
    #[must_use]
    pub fn ancestors(&self, tip: &str) -> Vec<usize> {
        let places: HashMap<&str, usize> = self
            .commits
            .iter()
            .enumerate()
            .map(|(place, commit)| (commit.id.as_str(), place))
            .collect();
        let mut seen = HashSet::new();
        let mut open: Vec<usize> = places.get(tip).copied().into_iter().collect();
        while let Some(place) = open.pop() {
            if seen.insert(place) {
                let parents = self.commits[place].parents.iter();
                open.extend(parents.filter_map(|id| places.get(id.as_str()).copied()));
            }
        }
        let mut ancestors: Vec<usize> = seen.into_iter().collect();
        ancestors.sort_unstable();
        ancestors
    }
}

#[derive(Default)]
struct Reader {
    splitter: Splitter,
    paths: Vec<String>,
    places: HashMap<String, u32>,
}

impl Reader {
    /// `status NUL path NUL …`, renames with two paths.
    fn files(&mut self, text: &str, commit: &mut Commit) {
        let mut fields = text.split('\0').filter(|field| !field.is_empty());
        while let Some(status) = fields.next() {
            let status = status.trim_start();
            let Some(path) = fields.next() else { break };
            let place = self.place(path);
            if status.starts_with('R') {
                let Some(new) = fields.next() else { break };
                let new = self.place(new);
                commit.renames.push((place, new));
            } else {
                commit.files.push(place);
            }
        }
    }

    fn place(&mut self, path: &str) -> u32 {
        if let Some(place) = self.places.get(path) {
            return *place;
        }
        let place = u32::try_from(self.paths.len()).unwrap_or(u32::MAX);
        self.paths.push(path.to_owned());
        self.places.insert(path.to_owned(), place);
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_with_messages_files_and_renames() {
        let log = "\u{1e}b\u{1f}a\u{1f}20\u{1f}Move things\n\nfor order\n\u{1f}\0\nR100\0old.rs\0new.rs\0M\0lib.rs\0\
                   \u{1e}a\u{1f}\u{1f}10\u{1f}Begin\n\u{1f}\0\nA\0old.rs\0";
        let history = History::parse(log.as_bytes());
        assert_eq!(history.commits.len(), 2);
        let newest = &history.commits[0];
        assert_eq!(newest.message, "Move things\n\nfor order");
        let path = |place: u32| history.paths[place as usize].as_str();
        assert_eq!(
            newest.renames.iter().map(|r| (path(r.0), path(r.1))).collect::<Vec<_>>(),
            [("old.rs", "new.rs")]
        );
        assert_eq!(newest.files.iter().map(|f| path(*f)).collect::<Vec<_>>(), ["lib.rs"]);
        assert_eq!(history.ancestors("b"), [0, 1]);
        assert_eq!(history.ancestors("a"), [1]);
    }
}
