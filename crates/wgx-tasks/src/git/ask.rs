//! Asks git without letting the repository run anything.
//!
//! A repository's configuration can name programs: `core.fsmonitor`, hooks, filters, external
//! diffs, a pager, an alias, an ssh command. System and user configuration are left out, every such
//! setting is overridden for the one command, filters by each name that the configuration mentions,
//! and submodules are not entered, because their configuration is not known here. Nothing is
//! fetched.
//!
//! What that costs: files ignored only by a user-wide `core.excludesFile` show as untracked, a
//! changed file under a filter (Git LFS) is compared unfiltered, and changes inside a submodule do
//! not show, only a change of its commit.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use contracts::git::{ENVIRONMENT, HARMLESS};
use thiserror::Error;

use super::status::{self, Status};
use super::{Head, Repository, object_id};
use crate::process::capture::minimal_environment;
use crate::process::{Capture, CaptureError, Captured, Limits, Variables, capture};

const FILTER_KEYS: &[(&str, &str)] =
    &[("clean", ""), ("smudge", ""), ("process", ""), ("required", "false")];

/// The question for everything that differs from the commit. What the branch is ahead of costs git a walk
/// through history, and nobody here wants to know.
const STATUS: &[&str] = &[
    "status",
    "--porcelain=v2",
    "--branch",
    "--no-ahead-behind",
    "--no-renames",
    "--untracked-files=all",
    "--ignore-submodules=dirty",
    "-z",
];

/// Why git could not tell.
#[derive(Debug, Error)]
pub enum GitError {
    /// There is no git on PATH.
    #[error("git is missing")]
    Missing,
    /// The repository belongs to another user, and git refuses to read it.
    #[error("git refuses to read `{0}`, which belongs to another user")]
    ForeignOwner(PathBuf),
    /// It took too long.
    #[error("git did not answer within {0} ms")]
    TimedOut(u64),
    /// The answer is longer than the limit, so it would be incomplete.
    #[error("the answer of git is longer than {0} bytes")]
    TooLong(usize),
    /// Git failed.
    #[error("git failed: {0}")]
    Failed(String),
    /// Git could not be started.
    #[error("git cannot be asked")]
    NotAsked(#[source] CaptureError),
    /// History is cut off.
    #[error("the clone is shallow, so its root commit is unknown")]
    Shallow,
}

impl GitError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Missing => "install git",
            Self::ForeignOwner(_) => {
                "if you trust it: `git config --global --add safe.directory DIR`"
            }
            Self::TimedOut(_) | Self::TooLong(_) => "is a big folder missing in .gitignore?",
            Self::Failed(_) | Self::NotAsked(_) => "try `git status` there",
            Self::Shallow => "`git fetch --unshallow`, or give the repository a remote",
        }
    }
}

/// Asks git about repositories.
#[derive(Clone, Copy, Debug)]
pub struct Git<'a> {
    /// The person's environment: PATH decides which git, HOME where its settings are.
    pub environment: &'a Variables,
    /// Limits of each question.
    pub limits: Limits,
}

impl Git<'_> {
    /// Commit, branch and everything that differs from the commit. One start of git; two where the
    /// configuration mentions filters or includes other files.
    ///
    /// # Errors
    ///
    /// [`GitError`] when git is missing, refuses, fails or exceeds the limits.
    pub fn status(&self, repository: &Repository) -> Result<Status, GitError> {
        Ok(status::parse(&self.ask(repository, STATUS)?))
    }

    /// As [`Git::status`], and what it ignores, unless that is too much to tell.
    pub(crate) fn status_with_ignored(&self, repository: &Repository) -> Result<Status, GitError> {
        let question: Vec<&str> = STATUS.iter().copied().chain(["--ignored=matching"]).collect();
        match self.ask(repository, &question) {
            Err(GitError::TooLong(_)) => self.status(repository),
            answer => Ok(status::parse(&answer?)),
        }
    }

    /// All files that belong to the work tree: tracked ones and those that are neither tracked nor
    /// ignored. Relative to the work tree, sorted, none twice.
    ///
    /// # Errors
    ///
    /// As for [`Git::status`].
    pub fn files(&self, repository: &Repository) -> Result<Vec<PathBuf>, GitError> {
        let question = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let answer = self.ask(repository, &question)?;
        let paths = answer.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        let paths: BTreeSet<&[u8]> = paths.collect();
        Ok(paths.into_iter().map(|path| PathBuf::from(OsStr::from_bytes(path))).collect())
    }

    /// The oldest commit without parents that HEAD descends from.
    ///
    /// # Errors
    ///
    /// As for [`Git::status`], and [`GitError::Shallow`].
    pub fn root_commit(&self, repository: &Repository) -> Result<Option<String>, GitError> {
        if repository.is_shallow() {
            return Err(GitError::Shallow);
        }
        let question = ["rev-list", "--max-parents=0", "--date-order", "HEAD", "--"];
        let answer = self.ask(repository, &question)?;
        Ok(String::from_utf8_lossy(&answer).lines().rev().find_map(object_id))
    }

    /// Commit and branch where [`Repository::head`] cannot tell.
    ///
    /// # Errors
    ///
    /// As for [`Git::status`].
    pub fn head(&self, repository: &Repository) -> Result<Head, GitError> {
        let question = ["status", "--porcelain=v2", "--branch", "--untracked-files=no", "-z"];
        Ok(status::parse(&self.ask(repository, &question)?).head)
    }

    /// The first address of the remote `origin` where [`Repository::origin`] cannot tell.
    ///
    /// # Errors
    ///
    /// As for [`Git::status`].
    pub fn origin(&self, repository: &Repository) -> Result<Option<String>, GitError> {
        let answer = self.ask_with(repository, &["config", "--list", "--includes", "-z"], &[])?;
        Ok(answer.split(|byte| *byte == 0).find_map(|entry| {
            let value = entry.strip_prefix(b"remote.origin.url\n")?;
            Some(String::from_utf8_lossy(value).into_owned())
        }))
    }

    /// Any other question or change, with everything made harmless that the configuration mentions; gives
    /// what git writes to standard output. Paths in it are taken literally.
    ///
    /// # Errors
    ///
    /// As for [`Git::status`].
    pub fn ask(&self, repository: &Repository, question: &[&str]) -> Result<Vec<u8>, GitError> {
        let filters = if repository.may_have_filters() {
            let names = ["config", "--list", "--includes", "--name-only", "-z"];
            filter_overrides(&self.ask_with(repository, &names, &[])?)
        } else {
            Vec::new()
        };
        self.ask_with(repository, question, &filters)
    }

    fn ask_with(
        &self,
        repository: &Repository,
        question: &[&str],
        overrides: &[(OsString, OsString)],
    ) -> Result<Vec<u8>, GitError> {
        let answer = self.start(&repository.work_tree, question, overrides)?;
        if answer.code == Some(0) {
            return Ok(answer.stdout);
        }
        if !String::from_utf8_lossy(&answer.stderr).contains("dubious ownership") {
            return Err(failure(&answer));
        }
        let mut overrides = overrides.to_vec();
        overrides.extend(self.safe_directories()?);
        let answer = self.start(&repository.work_tree, question, &overrides)?;
        match answer.code {
            Some(0) => Ok(answer.stdout),
            _ => Err(GitError::ForeignOwner(repository.work_tree.clone())),
        }
    }

    /// What the person's own settings call safe; reading them executes nothing.
    fn safe_directories(&self) -> Result<Variables, GitError> {
        let environment = minimal_environment(self.environment);
        let question =
            ["git", "config", "--global", "--includes", "-z", "--get-all", "safe.directory"];
        let answer = self.capture(Path::new("/"), &question, &environment)?;
        let values = answer.stdout.split(|byte| *byte == 0).filter(|value| !value.is_empty());
        Ok(values.map(|it| ("safe.directory".into(), OsString::from_vec(it.to_vec()))).collect())
    }

    fn start(
        &self,
        work_tree: &Path,
        question: &[&str],
        overrides: &[(OsString, OsString)],
    ) -> Result<Captured, GitError> {
        let environment = self.safe_environment(work_tree, overrides);
        let mut words = vec!["git", "--no-pager", "--no-optional-locks", "--literal-pathspecs"];
        words.extend(question);
        self.capture(work_tree, &words, &environment)
    }

    fn capture(
        &self,
        dir: &Path,
        words: &[&str],
        environment: &Variables,
    ) -> Result<Captured, GitError> {
        let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
        let limits = self.limits;
        let answer = capture(Capture { argv: &argv, dir, environment, limits });
        let answer = answer.map_err(|error| match error {
            CaptureError::Missing(_) => GitError::Missing,
            error @ CaptureError::System { .. } => GitError::NotAsked(error),
        })?;
        if answer.timed_out {
            return Err(GitError::TimedOut(limits.timeout_ms));
        }
        if answer.omitted_bytes > 0 {
            return Err(GitError::TooLong(limits.max_output_bytes));
        }
        Ok(answer)
    }

    fn safe_environment(&self, work_tree: &Path, overrides: &[(OsString, OsString)]) -> Variables {
        let mut variables = minimal_environment(self.environment);
        variables.extend(ENVIRONMENT.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        // `core.worktree` must not point elsewhere, and no repository further up may step in.
        variables.push(("GIT_WORK_TREE".into(), work_tree.into()));
        if let Some(parent) = work_tree.parent() {
            variables.push(("GIT_CEILING_DIRECTORIES".into(), parent.into()));
        }
        let harmless = HARMLESS.iter().map(|(key, value)| ((*key).into(), (*value).into()));
        let settings: Vec<(OsString, OsString)> =
            harmless.chain(overrides.iter().cloned()).collect();
        variables.push(("GIT_CONFIG_COUNT".into(), settings.len().to_string().into()));
        for (index, (key, value)) in settings.into_iter().enumerate() {
            variables.push((format!("GIT_CONFIG_KEY_{index}").into(), key));
            variables.push((format!("GIT_CONFIG_VALUE_{index}").into(), value));
        }
        variables
    }
}

/// Overrides for every filter in a list of setting names, each ended by NUL.
fn filter_overrides(names: &[u8]) -> Vec<(OsString, OsString)> {
    let filters: BTreeSet<&[u8]> = names
        .split(|byte| *byte == 0)
        .filter_map(|name| {
            let rest = name.strip_prefix(b"filter.")?;
            Some(&rest[..rest.iter().rposition(|byte| *byte == b'.')?])
        })
        .collect();
    let overrides = filters.into_iter().flat_map(|filter| {
        FILTER_KEYS.iter().map(move |(key, value)| {
            let name = [b"filter.", filter, b".", key.as_bytes()].concat();
            (OsString::from_vec(name), OsString::from(value))
        })
    });
    overrides.collect()
}

fn failure(answer: &Captured) -> GitError {
    let text = String::from_utf8_lossy(&answer.stderr);
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("no message");
    GitError::Failed(line.strip_prefix("fatal: ").unwrap_or(line).chars().take(300).collect())
}
