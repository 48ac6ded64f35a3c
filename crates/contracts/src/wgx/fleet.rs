//! `wgx fleet`: the repositories of this device that a person remembers, and how each of them stands.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RunRow;

/// Identifier of [`FleetReport`].
pub const SCHEMA: &str = "wgx.fleet/1";

/// The remembered repositories, by name. `add` gives those that the call named or found, `rm` the one it
/// forgot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FleetReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The repositories.
    pub repositories: Vec<FleetRepository>,
    /// What was left out, passed over or could not be told, a sentence each.
    pub notes: Vec<String>,
}

/// A remembered repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FleetRepository {
    /// The name of its folder when it was added. Several may have the same.
    pub name: String,
    /// Its work tree, absolute, links resolved.
    pub root: String,
    /// The key that its runs are recorded under, which all its clones and worktrees share; null where the
    /// folder is gone or holds no work tree.
    pub key: Option<String>,
    /// What git says; null where it was not asked (all but `status`) or could not tell (then there is a
    /// `problem`).
    pub state: Option<GitState>,
    /// The newest recorded run; null where there is none or where nobody looked (all but `status`).
    pub last_run: Option<RunRow>,
    /// Why nothing, or not everything, is known about it.
    pub problem: Option<String>,
    /// What to do about the problem.
    pub hint: Option<String>,
}

/// The state of a work tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GitState {
    /// Null when HEAD is detached.
    pub branch: Option<String>,
    /// The full id of the commit; null before the first one.
    pub commit: Option<String>,
    /// The branch that this one follows, `origin/main`; null without one.
    pub upstream: Option<String>,
    /// Commits that the upstream lacks, as of the last fetch: nothing is asked of a remote.
    pub ahead: u32,
    /// Commits of the upstream that this branch lacks, as of the last fetch.
    pub behind: u32,
    /// Paths whose index differs from the commit; a renamed file counts twice.
    pub staged: u32,
    /// Paths whose file differs from the index. One that is staged too counts in both.
    pub unstaged: u32,
    /// Files that git does not know and does not ignore; a folder of nothing else counts once.
    pub untracked: u32,
    /// Paths with a conflict; they count nowhere else.
    pub conflicts: u32,
    /// Stashes.
    pub stashes: u32,
    /// What is in progress: `rebase`, `am`, `merge`, `cherry-pick`, `revert` or `bisect`.
    pub operation: Option<String>,
}
