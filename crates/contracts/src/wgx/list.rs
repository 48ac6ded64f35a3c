//! `wgx list`: every task a repository offers.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of [`ListReport`].
pub const SCHEMA: &str = "wgx.list/1";

/// What a repository offers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ListReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Absolute path of the repository root.
    pub root: String,
    /// Whether everything that is declared could be read statically. `false` comes with a reason in
    /// `notes`.
    pub complete: bool,
    /// The tasks, in the order of their sources and, within a file, of their declaration.
    pub tasks: Vec<Task>,
    /// Why the list is not complete, and files that could not be read.
    pub notes: Vec<Note>,
}

/// Something a reader of the list must know: a dynamic source, an unreadable file, an include that
/// was not followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// The source that the note is about.
    pub source: TaskSource,
    /// Path relative to the root, with `/`.
    pub file: String,
    /// Line from 1, where one can be named.
    pub line: Option<u32>,
    /// What is missing or wrong, as a lower-case fragment.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// `true` when the file is broken (a fault of the file), `false` when it is merely dynamic.
    pub broken: bool,
}

/// One task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Task {
    /// `SOURCE:NAME`, in a workspace member `SOURCE:MEMBER-PATH:NAME`.
    pub id: String,
    /// What the native tool calls it.
    pub name: String,
    /// Where it is declared.
    pub source: TaskSource,
    /// File of the declaration, relative to the root, with `/`.
    pub file: String,
    /// Line of the declaration, from 1.
    pub line: u32,
    /// One line that says what it is for, where the file has one.
    pub description: Option<String>,
    /// Group, where the source has groups (`file` for file targets of make, `ci` for CI jobs).
    pub group: Option<String>,
    /// Parameters that the task declares.
    pub args: Vec<TaskArg>,
    /// The id of the task that a plain `wgx run NAME` starts instead of this one.
    pub shadowed_by: Option<String>,
    /// Other names of this task.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// For an entry that is only another name: what it stands for.
    #[serde(default)]
    pub alias_of: Option<String>,
    /// Path of the workspace member or nested folder that the task belongs to, relative to the root.
    #[serde(default)]
    pub member: Option<String>,
    /// Whether free text needs a confirmation before it starts this task.
    #[serde(default)]
    pub destructive: bool,
    /// `false` for what is only shown (a CI job).
    #[serde(default = "yes")]
    pub runnable: bool,
}

fn yes() -> bool {
    true
}

/// A parameter of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskArg {
    /// Its name.
    pub name: String,
    /// Whether the task refuses to run without it.
    pub required: bool,
    /// Its default as written in the file.
    pub default: Option<String>,
    /// Whether it takes any number of values.
    pub variadic: bool,
}

/// Where tasks are declared. The order is the order of precedence: of two tasks with one name, the
/// earlier source wins.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is the name of a well-known tool")]
pub enum TaskSource {
    Profile,
    Just,
    Task,
    Make,
    Npm,
    Cargo,
    CargoMake,
    Mise,
    Devbox,
    Pyproject,
    Tox,
    Nox,
    Invoke,
    Deno,
    Composer,
    Rake,
    Mage,
    Gradle,
    Maven,
    Turbo,
    Nx,
    Moon,
    Devcontainer,
    Vscode,
    Markdown,
    Github,
}

impl TaskSource {
    /// All sources in order of precedence.
    pub const ALL: [Self; 26] = [
        Self::Profile,
        Self::Just,
        Self::Task,
        Self::Make,
        Self::Npm,
        Self::Cargo,
        Self::CargoMake,
        Self::Mise,
        Self::Devbox,
        Self::Pyproject,
        Self::Tox,
        Self::Nox,
        Self::Invoke,
        Self::Deno,
        Self::Composer,
        Self::Rake,
        Self::Mage,
        Self::Gradle,
        Self::Maven,
        Self::Turbo,
        Self::Nx,
        Self::Moon,
        Self::Devcontainer,
        Self::Vscode,
        Self::Markdown,
        Self::Github,
    ];

    /// The name in ids and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Just => "just",
            Self::Task => "task",
            Self::Make => "make",
            Self::Npm => "npm",
            Self::Cargo => "cargo",
            Self::CargoMake => "cargo-make",
            Self::Mise => "mise",
            Self::Devbox => "devbox",
            Self::Pyproject => "pyproject",
            Self::Tox => "tox",
            Self::Nox => "nox",
            Self::Invoke => "invoke",
            Self::Deno => "deno",
            Self::Composer => "composer",
            Self::Rake => "rake",
            Self::Mage => "mage",
            Self::Gradle => "gradle",
            Self::Maven => "maven",
            Self::Turbo => "turbo",
            Self::Nx => "nx",
            Self::Moon => "moon",
            Self::Devcontainer => "devcontainer",
            Self::Vscode => "vscode",
            Self::Markdown => "markdown",
            Self::Github => "github",
        }
    }

    /// The source of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == name)
    }
}

impl fmt::Display for TaskSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
