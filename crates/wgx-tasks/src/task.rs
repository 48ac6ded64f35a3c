//! A discovered task: what is listed, and how it is started.

use std::collections::BTreeMap;

use contracts::wgx::Task;

/// A task together with everything that running, searching and judging it needs.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundTask {
    /// What `wgx list` shows.
    pub task: Task,
    /// How it is started.
    pub invocation: Invocation,
    /// The declared text of what it does (recipe lines, script), as far as the file shows it. Free text
    /// and the judgement of destructive tasks read it; it is never executed from here.
    pub commands: Vec<String>,
    /// What the profile says: `Some(false)` marks a destructive task.
    pub safe: Option<bool>,
    /// Names of tasks that must have run before (profile `needs`).
    pub needs: Vec<String>,
    /// Outside programs and packages (profile `requires`).
    pub requires: Requires,
    /// Globs of the files that it makes, relative to [`Invocation::dir`] (profile `artifacts`).
    pub artifacts: Vec<String>,
}

/// How a task is started.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// The program.
    pub program: Program,
    /// Working directory relative to the root, with `/`; empty for the root.
    pub dir: String,
    /// Variables to set where the caller's environment has none of that name, in order.
    pub env_defaults: Vec<(String, String)>,
    /// Variables to set, in order; a later one replaces an earlier one.
    pub env: Vec<(String, String)>,
}

impl Invocation {
    /// A program in the root, with nothing else changed.
    pub fn of(program: Program) -> Self {
        Self { program, dir: String::new(), env_defaults: Vec::new(), env: Vec::new() }
    }
}

/// What is executed.
#[derive(Clone, Debug, PartialEq)]
pub enum Program {
    /// An argument vector without a shell.
    Argv {
        /// Program and its arguments.
        argv: Vec<String>,
        /// Put before the person's arguments when there are any (`--` for npm and go-task).
        separator: Option<&'static str>,
    },
    /// An argument vector whose last word takes the person's arguments as `NAME[A,B]` (rake).
    Bracketed(Vec<String>),
    /// One string for `bash -c` (`sh -c` where there is no bash); arguments become `"$@"` and are appended.
    Shell(String),
    /// Each entry is its own line of one shell with `set -e`.
    ShellLines(Vec<String>),
    /// Shown, but not startable from here (a CI job); the text says why.
    Shown(&'static str),
}

/// What a task needs on the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requires {
    /// Tool name → version requirement (`>=1.2`), `*` for any.
    pub tools: BTreeMap<String, String>,
    /// Debian packages.
    pub apt: Vec<String>,
}

impl Requires {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.tools.is_empty() && self.apt.is_empty()
    }
}
