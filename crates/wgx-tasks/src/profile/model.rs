//! What a profile says, as types: the result of reading `.wgx/profile.yml` and its local overrides.

use std::collections::{BTreeMap, HashMap};

use crate::task::Requires;

/// A wgx profile (v1, v1.1 and this program's additions), nested and root-level keys resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The file, relative to the root, with `/`.
    pub file: String,
    /// Whether the file is the example that stands in for a missing profile.
    pub is_example: bool,
    /// The file of the local overrides, when there is one.
    pub local_file: Option<String>,
    /// `apiVersion` as written (`v1` when absent is the reader's business).
    pub api_version: ApiVersion,
    /// `requiredWgx`.
    pub required_wgx: Option<RequiredWgx>,
    /// `repoKind`, free text.
    pub repo_kind: Option<String>,
    /// `dirs`: what a folder is for → its path.
    pub dirs: BTreeMap<String, String>,
    /// Environment of all tasks.
    pub env: ProfileEnv,
    /// The tasks in the order of the file; tasks that only the local overrides have come last.
    pub tasks: Vec<ProfileTask>,
    /// `workflows` in the order of the file.
    pub workflows: Vec<Workflow>,
    /// `validate`.
    pub validate: ValidateProfiles,
    /// `synonyms`: word → words that mean the same here.
    pub synonyms: BTreeMap<String, Vec<String>>,
    /// `semantics` in the order of the file.
    pub semantics: Vec<Semantic>,
}

impl Profile {
    /// The task of a name, which may be the raw one, the normalised one or an alias. For many names
    /// use [`Profile::index`].
    pub fn task(&self, name: &str) -> Option<&ProfileTask> {
        self.index().task(name)
    }

    /// Finds tasks by name without searching the whole list each time.
    pub fn index(&self) -> TaskIndex<'_> {
        let mut names = HashMap::with_capacity(self.tasks.len() * 2);
        let exact = |task: &'_ ProfileTask| [task.name.clone(), task.raw_name.clone()];
        for (at, task) in self.tasks.iter().enumerate() {
            for name in exact(task) {
                names.entry(name).or_insert(at);
            }
        }
        for (at, task) in self.tasks.iter().enumerate() {
            for alias in &task.aliases {
                names.entry(alias.clone()).or_insert(at);
            }
        }
        TaskIndex { tasks: &self.tasks, names }
    }
}

/// The tasks of a profile by every spelling of their names.
pub struct TaskIndex<'a> {
    tasks: &'a [ProfileTask],
    names: HashMap<String, usize>,
}

impl<'a> TaskIndex<'a> {
    /// The task of a name, which may be the raw one, the normalised one or an alias.
    pub fn task(&self, name: &str) -> Option<&'a ProfileTask> {
        self.position(name).map(|at| &self.tasks[at])
    }

    /// Its place in the list of tasks.
    pub fn position(&self, name: &str) -> Option<usize> {
        let exact = self.names.get(name);
        let at = exact.or_else(|| self.names.get(&normalise_task_name(name)));
        at.copied()
    }
}

/// How a profile states its `apiVersion`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ApiVersion {
    /// No such key: `v1`.
    #[default]
    Absent,
    /// The key without a value.
    Empty {
        /// Line of the key.
        line: u32,
    },
    /// A value.
    Stated {
        /// As written.
        text: String,
        /// Line of the value.
        line: u32,
    },
}

/// What a profile demands of wgx.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequiredWgx {
    /// A version range: `^x.y.z`, or a plain version that means "at least".
    pub range: Option<String>,
    /// Lowest version.
    pub min: Option<String>,
    /// Names of capabilities.
    pub capabilities: Vec<String>,
    /// Line of the demand.
    pub line: u32,
}

/// The environment that a profile gives to its tasks, in the order in which it applies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileEnv {
    /// `envDefaults`: only where the caller's environment has no such variable.
    pub defaults: Vec<EnvVar>,
    /// `env`: always.
    pub base: Vec<EnvVar>,
    /// `envOverrides`: always, and over `env`.
    pub overrides: Vec<EnvVar>,
}

impl ProfileEnv {
    /// The variables to set, in order, for a caller whose environment has certain names.
    ///
    /// `envDefaults` yields to the caller, as its name says; upstream's wgx exported it over the
    /// caller's value, which made it a second `env`.
    pub fn resolved(&self, caller_has: impl Fn(&str) -> bool) -> Vec<(String, String)> {
        let defaults = self.defaults.iter().filter(|var| !caller_has(&var.name));
        let fixed = self.base.iter().chain(&self.overrides);
        defaults.chain(fixed).map(EnvVar::pair).collect()
    }
}

/// One variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvVar {
    /// `[A-Za-z_][A-Za-z0-9_]*`.
    pub name: String,
    /// Its value; nothing is expanded.
    pub value: String,
    /// Line of the key.
    pub line: u32,
}

impl EnvVar {
    /// Name and value.
    pub fn pair(&self) -> (String, String) {
        (self.name.clone(), self.value.clone())
    }
}

/// A task of the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileTask {
    /// The normalised name ([`normalise_task_name`]); the raw one where two names collide.
    pub name: String,
    /// The name as written.
    pub raw_name: String,
    /// File that declares it: the profile or its local overrides.
    pub file: String,
    /// Line of its name, from 1.
    pub line: u32,
    /// `desc` (or `description`).
    pub description: Option<String>,
    /// `group` or `groups`, in order.
    pub groups: Vec<String>,
    /// `safe`; `Some(false)` marks a destructive task.
    pub safe: Option<bool>,
    /// What it runs on this operating system, arguments included.
    pub command: TaskCommand,
    /// `needs` (or `deps`): names of tasks that run before it.
    pub needs: Vec<String>,
    /// `aliases`: other words for it.
    pub aliases: Vec<String>,
    /// `requires`.
    pub requires: Requires,
    /// `artifacts`: globs of the files that it makes, relative to the folder of the profile.
    pub artifacts: Vec<String>,
}

/// What a task of a profile runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskCommand {
    /// A string for one shell.
    Shell(String),
    /// Program and arguments, without a shell.
    Argv(Vec<String>),
    /// Entries of `sh:`, each its own line of one shell that stops at the first failure.
    Lines(Vec<String>),
    /// Nothing of its own: it stands for the tasks it needs.
    NeedsOnly,
    /// It cannot be started.
    Absent(AbsentReason),
}

/// Why a task of a profile cannot be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbsentReason {
    /// No command, or an empty one.
    NoCommand,
    /// Commands for other operating systems only.
    OtherSystem,
    /// `enabled: false`.
    Disabled,
    /// `steps` with keys whose meaning is unknown.
    UnknownSteps,
}

impl AbsentReason {
    /// The reason, as a lower-case fragment.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoCommand => "the profile gives this task no command",
            Self::OtherSystem => "the profile has no command for this operating system",
            Self::Disabled => "the profile switches this task off (enabled: false)",
            Self::UnknownSteps => "its steps use keys that wgx does not know",
        }
    }
}

/// A named sequence of tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workflow {
    /// Its name.
    pub name: String,
    /// Line of its name, from 1.
    pub line: u32,
    /// Names of tasks in order.
    pub tasks: Vec<TaskRef>,
}

/// A name of a task somewhere in the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskRef {
    /// As written.
    pub name: String,
    /// Where, from 1.
    pub line: u32,
}

/// `validate`: which tasks judge the repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValidateProfiles {
    /// `quick`; `None` when it is not declared.
    pub quick: Option<Vec<TaskRef>>,
    /// `full`; `None` when it is not declared.
    pub full: Option<Vec<TaskRef>>,
    /// `unsupported`: normalised task name → reason.
    pub unsupported: BTreeMap<String, String>,
    /// `ciOnly`: normalised task name → reason.
    pub ci_only: BTreeMap<String, String>,
}

impl ValidateProfiles {
    /// The declared profiles by name, with their tasks.
    pub fn declared(&self) -> impl Iterator<Item = (&'static str, &[TaskRef])> {
        let named = [("quick", &self.quick), ("full", &self.full)];
        named.into_iter().filter_map(|(name, checks)| Some((name, checks.as_deref()?)))
    }

    /// Why a task is skipped everywhere: the kind (`unsupported`, `ci-only`) and the reason.
    pub fn skip_reason(&self, task: &str) -> Option<(&'static str, &str)> {
        let name = normalise_task_name(task);
        let unsupported = self.unsupported.get(&name).map(|why| ("unsupported", &**why));
        unsupported.or_else(|| self.ci_only.get(&name).map(|why| ("ci-only", &**why)))
    }
}

/// A phrase that means an ordered set of tasks and commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Semantic {
    /// The phrase as written.
    pub phrase: String,
    /// Line of the phrase, from 1.
    pub line: u32,
    /// Names of tasks, or commands where no task has that name.
    pub steps: Vec<String>,
}

/// The operating systems that a profile distinguishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Os {
    /// `linux` (Termux and WSL too).
    Linux,
    /// `darwin`.
    Darwin,
    /// `win32`.
    Win32,
    /// Anything else: only `default` applies.
    Other,
}

impl Os {
    /// The one this program was built for.
    pub fn current() -> Self {
        match std::env::consts::OS {
            "linux" | "android" => Self::Linux,
            "macos" | "ios" => Self::Darwin,
            "windows" => Self::Win32,
            _ => Self::Other,
        }
    }

    /// Its keys in a per-system map: that of the contract first, then what people write instead.
    pub fn spellings(self) -> &'static [&'static str] {
        match self {
            Self::Linux => &["linux"],
            Self::Darwin => &["darwin", "macos"],
            Self::Win32 => &["win32", "windows"],
            Self::Other => &[],
        }
    }

    /// Whether a key names one of the systems.
    pub fn is_spelling(key: &str) -> bool {
        [Self::Linux, Self::Darwin, Self::Win32].iter().any(|os| os.spellings().contains(&key))
    }
}

/// The name under which a task is listed: spaces removed, `_` → `-`, runs of `-` collapsed, lower
/// case.
pub fn normalise_task_name(raw: &str) -> String {
    let mut name = String::with_capacity(raw.len());
    for letter in raw.chars().filter(|letter| *letter != ' ') {
        let letter = if letter == '_' { '-' } else { letter };
        if letter != '-' || !name.ends_with('-') {
            name.extend(letter.to_lowercase());
        }
    }
    name
}
