//! What a run stood on: the machine, the tools, the lockfiles, the commit and what differed from
//! it.
//!
//! A collector looks at the machine; the digests are pure functions of what it found.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::git::dirty::hex;
use crate::git::still::{self, State};
use crate::git::{Dirty, DirtyBounds, Fact, Git, Head, Repository, dirty};
use crate::process::{Limits, Variables};
use crate::task::{FoundTask, Program, Requires};
use crate::tools::{self, Asking, FactKey, Facts, VERSION_TIMEOUT_MS};

/// Files that pin what is installed, looked for in the root.
pub const LOCKFILES: &[&str] = &[
    "Cargo.lock",
    "Gemfile.lock",
    "Pipfile.lock",
    "bun.lock",
    "bun.lockb",
    "composer.lock",
    "deno.lock",
    "devbox.lock",
    "flake.lock",
    "go.sum",
    "go.work.sum",
    "gradle.lockfile",
    "mise.lock",
    "mix.lock",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "pdm.lock",
    "pnpm-lock.yaml",
    "poetry.lock",
    "pubspec.lock",
    "pylock.toml",
    "requirements.txt",
    "uv.lock",
    "yarn.lock",
];

/// Files that choose tools and their versions, looked for in the root.
pub const TOOLCHAIN_FILES: &[&str] = &[
    ".devcontainer/devcontainer.json",
    ".mise.toml",
    ".node-version",
    ".nvmrc",
    ".python-version",
    ".ruby-version",
    ".sdkmanrc",
    ".tool-versions",
    "devbox.json",
    "flake.nix",
    "go.mod",
    "gradle/wrapper/gradle-wrapper.properties",
    "mise.toml",
    "rust-toolchain",
    "rust-toolchain.toml",
];

/// File in the root → tools whose versions matter there.
const TOOLS_BY_FILE: &[(&str, &[&str])] = &[
    (".node-version", &["node"]),
    (".nvmrc", &["node"]),
    (".python-version", &["python3"]),
    (".ruby-version", &["ruby"]),
    ("Cargo.lock", &["cargo", "rustc"]),
    ("Cargo.toml", &["cargo", "rustc"]),
    ("Gemfile.lock", &["ruby", "bundle"]),
    ("Pipfile.lock", &["python3", "pipenv"]),
    ("bun.lock", &["bun"]),
    ("bun.lockb", &["bun"]),
    ("composer.lock", &["php", "composer"]),
    ("deno.lock", &["deno"]),
    ("devbox.json", &["devbox"]),
    ("flake.nix", &["nix"]),
    ("go.mod", &["go"]),
    ("mise.toml", &["mise"]),
    ("mix.lock", &["elixir"]),
    ("package-lock.json", &["node", "npm"]),
    ("pdm.lock", &["python3", "pdm"]),
    ("pnpm-lock.yaml", &["node", "pnpm"]),
    ("poetry.lock", &["python3", "poetry"]),
    ("requirements.txt", &["python3"]),
    ("rust-toolchain", &["cargo", "rustc"]),
    ("rust-toolchain.toml", &["cargo", "rustc"]),
    ("uv.lock", &["python3", "uv"]),
    ("yarn.lock", &["node", "yarn"]),
];

/// Variables that change what a build does.
const FLAG_VARIABLES: &[&str] = &[
    "CARGO_BUILD_TARGET",
    "CFLAGS",
    "CI",
    "CPPFLAGS",
    "CXXFLAGS",
    "GOFLAGS",
    "JAVA_TOOL_OPTIONS",
    "LDFLAGS",
    "MAKEFLAGS",
    "NODE_ENV",
    "NODE_OPTIONS",
    "PYTHONPATH",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

/// Variables by which fronts such as rustup and pyenv choose a version.
const SELECTING_VARIABLES: &[&str] =
    &["PYENV_VERSION", "RBENV_VERSION", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "NODE_VERSION"];
/// Below the person's rustup folder: these change with every toolchain that is installed or
/// updated.
const RUSTUP_STATE: &[&str] = &["settings.toml", "toolchains", "update-hashes"];

/// A file that changed this recently may change again without another time of change.
const SETTLED: Duration = Duration::from_secs(2);
/// Lockfiles beyond this are not read; the row says so.
const MAX_LOCKFILE_BYTES: u64 = 64 * 1024 * 1024;

/// The content of an environment row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Operating system (`linux`, `macos`, `android`).
    pub os: String,
    /// Processor architecture (`x86_64`, `aarch64`).
    pub arch: String,
    /// Release of the kernel.
    pub kernel: String,
    /// Processors this process may use.
    pub cpus: usize,
    /// What kind of device it is (`debian`, `wsl`, `codespaces`, `termux` …).
    pub device_class: String,
    /// Tool → version; empty text for a tool that tells none. Missing tools are left out.
    pub tools: BTreeMap<String, String>,
    /// Lockfile → SHA-256.
    pub lockfiles: BTreeMap<String, String>,
    /// Toolchain file → SHA-256.
    pub toolchain_files: BTreeMap<String, String>,
    /// Commit of HEAD.
    pub commit: Option<String>,
    /// Branch of HEAD.
    pub branch: Option<String>,
    /// SHA-256 of everything that differs from the commit; null when nothing does.
    pub dirty: Option<String>,
    /// Changed paths that the digest knows only by size and time.
    pub dirty_unread: usize,
    /// Flags of the run and variables that change what a build does. The caller masks secrets.
    pub flags: BTreeMap<String, String>,
    /// What could not be found out, with the reason.
    pub gaps: Vec<String>,
}

impl Environment {
    /// SHA-256 over everything, in hexadecimal digits: equal rows are stored once.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut parts = Parts::new("environment");
        let cpus = self.cpus.to_string();
        let texts = [&self.os, &self.arch, &self.kernel, &cpus, &self.device_class];
        parts.list(texts.into_iter().map(String::as_str));
        for map in [&self.tools, &self.lockfiles, &self.toolchain_files, &self.flags] {
            parts.map(map);
        }
        parts.list(
            [&self.commit, &self.branch, &self.dirty].into_iter().flatten().map(String::as_str),
        );
        parts.list(self.gaps.iter().map(String::as_str));
        parts.finish()
    }
}

/// What the collector needs to know.
#[derive(Clone, Copy, Debug)]
pub struct CollectRequest<'a> {
    /// Absolute root.
    pub root: &'a Path,
    /// The repository around it, if any.
    pub repository: Option<&'a Repository>,
    /// The cleaned environment of the person.
    pub environment: &'a Variables,
    /// What kind of device this is.
    pub device_class: &'a str,
    /// Programs the task starts, besides those the files name.
    pub programs: &'a [&'a str],
    /// Flags of this run.
    pub flags: &'a BTreeMap<String, String>,
    /// A person named the task or trusts the repository: tools are asked for their version inside
    /// the root, where a toolchain file chooses it (and may name a program of the repository).
    /// Otherwise they are asked in `/`.
    pub is_trusted: bool,
    /// Ask tools that are not among the facts. Without it they are left out and named in the gaps.
    pub ask_tools: bool,
    /// How long git may take for the state of the work tree, in milliseconds.
    pub git_timeout_ms: u64,
}

/// Looks at machine and repository. Starts git once at most, and a tool only when its version is
/// not among the `facts`.
#[must_use]
pub fn collect(request: CollectRequest<'_>, facts: &mut Facts) -> Environment {
    let mut row = Environment {
        os: std::env::consts::OS.into(),
        arch: std::env::consts::ARCH.into(),
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        cpus: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        device_class: request.device_class.into(),
        flags: flags(request),
        ..Environment::default()
    };
    let names = Names::of(request.root);
    (row.lockfiles, row.toolchain_files) = pinned(request.root, &names, facts, &mut row.gaps);
    collect_state(request, facts, &mut row);
    collect_tools(request, &names, facts, &mut row);
    row
}

/// Digests of the lockfiles and toolchain files in the root, as rows and `needs` count them.
#[must_use]
pub fn pinned_files(
    root: &Path,
    facts: &mut Facts,
    gaps: &mut Vec<String>,
) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    pinned(root, &Names::of(root), facts, gaps)
}

/// The names in the root: one look instead of one for each of the many files that are usually not there.
struct Names(Option<Vec<OsString>>);

impl Names {
    fn of(root: &Path) -> Self {
        let read =
            || std::fs::read_dir(root)?.map(|entry| entry.map(|entry| entry.file_name())).collect();
        let names: std::io::Result<Vec<OsString>> = read();
        Self(names.ok())
    }

    /// Whether this relative path may be there; where the folder cannot be listed, any may.
    fn may_hold(&self, path: &str) -> bool {
        let first = path.split('/').next().unwrap_or(path);
        let is_first = |name: &OsString| name.eq_ignore_ascii_case(first);
        self.0.as_ref().is_none_or(|names| names.iter().any(is_first))
    }
}

fn pinned(
    root: &Path,
    names: &Names,
    facts: &mut Facts,
    gaps: &mut Vec<String>,
) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let mut digests = |files: &[&str]| {
        let digest = |name: &&str| {
            file_digest(&root.join(name), facts).transpose().map(|found| (name.to_string(), found))
        };
        let files = files.iter().filter(|file| names.may_hold(file));
        let mut found = BTreeMap::new();
        for (name, digest) in files.filter_map(digest) {
            match digest {
                Ok(digest) => drop(found.insert(name, digest)),
                Err(reason) => gaps.push(format!("{name}: {reason}")),
            }
        }
        found
    };
    (digests(LOCKFILES), digests(TOOLCHAIN_FILES))
}

/// What a task that prepares others stands on: while it is the same, the task need not run again.
#[derive(Clone, Copy, Debug)]
pub struct NeedsInputs<'a> {
    /// The task.
    pub task: &'a FoundTask,
    /// Lockfile → SHA-256.
    pub lockfiles: &'a BTreeMap<String, String>,
    /// Toolchain file → SHA-256.
    pub toolchain_files: &'a BTreeMap<String, String>,
    /// What the profile as a whole requires.
    pub requires: &'a Requires,
}

/// SHA-256 of the declared inputs, in hexadecimal digits.
#[must_use]
pub fn needs_fingerprint(inputs: NeedsInputs<'_>) -> String {
    let mut parts = Parts::new("needs");
    let task = inputs.task;
    parts.list([task.task.id.as_str(), task.invocation.dir.as_str()]);
    match &task.invocation.program {
        Program::Argv { argv, separator } => {
            parts.list(["argv", separator.unwrap_or_default()]);
            parts.list(argv.iter().map(String::as_str));
        }
        Program::Bracketed(argv) => {
            parts.list(["bracketed"]);
            parts.list(argv.iter().map(String::as_str));
        }
        Program::Shell(script) => parts.list(["shell", script]),
        Program::ShellLines(lines) => {
            parts.list(["lines"]);
            parts.list(lines.iter().map(String::as_str));
        }
        Program::Shown(reason) => parts.list(["shown", reason]),
    }
    for pairs in [&task.invocation.env_defaults, &task.invocation.env] {
        parts.list(pairs.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]));
    }
    parts.list(task.commands.iter().map(String::as_str));
    parts.list(task.needs.iter().map(String::as_str));
    for requires in [&task.requires, inputs.requires] {
        parts.map(&requires.tools);
        parts.list(requires.apt.iter().map(String::as_str));
    }
    parts.map(inputs.lockfiles);
    parts.map(inputs.toolchain_files);
    parts.finish()
}

/// Hashes parts with their lengths, so that no two lists of parts give the same bytes.
struct Parts(Sha256);

impl Parts {
    fn new(kind: &str) -> Self {
        let mut parts = Self(Sha256::new());
        parts.list([kind, "1"]);
        parts
    }

    fn list<'t>(&mut self, texts: impl IntoIterator<Item = &'t str>) {
        let mut count: u64 = 0;
        for text in texts {
            self.0.update((text.len() as u64).to_le_bytes());
            self.0.update(text);
            count += 1;
        }
        self.0.update([0xff]);
        self.0.update(count.to_le_bytes());
    }

    fn map(&mut self, map: &BTreeMap<String, String>) {
        self.list(map.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]));
    }

    fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

fn flags(request: CollectRequest<'_>) -> BTreeMap<String, String> {
    let variables = request.environment.iter().filter_map(|(name, value)| {
        let name = FLAG_VARIABLES.iter().find(|flag| name == *flag)?;
        Some(((*name).to_owned(), value.to_string_lossy().into_owned()))
    });
    variables.chain(request.flags.clone()).collect()
}

/// The digest of a regular file: known, freshly read, `None` when there is none.
fn file_digest(path: &Path, facts: &mut Facts) -> Result<Option<String>, String> {
    // First of all: most of the files that are looked for are not there, and one look tells.
    if !path.is_file() {
        return Ok(None);
    }
    let Some(key) = FactKey::of(path, "sha256") else {
        return Ok(None);
    };
    if let Some(known) = facts.get(&key) {
        return Ok(Some(known.to_owned()));
    }
    if key.size_bytes > MAX_LOCKFILE_BYTES {
        return Err(format!(
            "{} bytes are more than the {MAX_LOCKFILE_BYTES} that are read",
            key.size_bytes
        ));
    }
    let content = std::fs::read(path).map_err(|error| error.to_string())?;
    let digest = hex(&Sha256::digest(&content));
    let modified = SystemTime::UNIX_EPOCH + Duration::from_nanos(key.modified_ns);
    if modified.elapsed().is_ok_and(|age| age >= SETTLED) {
        facts.put(key, digest.clone());
    }
    Ok(Some(digest))
}

fn collect_state(request: CollectRequest<'_>, facts: &mut Facts, row: &mut Environment) {
    let Some(repository) = request.repository else {
        return;
    };
    if let Some(State { commit, branch, dirty }) = still::state(repository, facts) {
        (row.commit, row.branch, row.dirty) = (commit, branch, dirty);
        return;
    }
    let asked_at = SystemTime::now();
    let limits = Limits { timeout_ms: request.git_timeout_ms, ..Limits::default() };
    let git = Git { environment: request.environment, limits };
    match git.status_with_ignored(repository) {
        Ok(status) => {
            let found = dirty(&status, &repository.work_tree, DirtyBounds::default());
            take_head(status.head.clone(), row);
            if let Some(Dirty { sha256, unread, .. }) = found {
                (row.dirty, row.dirty_unread) = (Some(sha256), unread);
            }
            if row.dirty_unread == 0 {
                let (commit, branch) = (row.commit.clone(), row.branch.clone());
                let state = State { commit, branch, dirty: row.dirty.clone() };
                still::keep(repository, (&status, state), asked_at, facts);
            }
        }
        Err(error) => {
            row.gaps.push(format!("dirty state: {error}"));
            match repository.head() {
                Fact::Known(head) => take_head(head, row),
                Fact::AskGit(reason) => row.gaps.push(format!("commit: {reason}")),
            }
        }
    }
}

fn take_head(head: Head, row: &mut Environment) {
    (row.commit, row.branch) = (head.commit, head.branch);
}

fn collect_tools(
    request: CollectRequest<'_>,
    names: &Names,
    facts: &mut Facts,
    row: &mut Environment,
) {
    let path = variable(request.environment, "PATH").unwrap_or_default();
    let dir = if request.is_trusted { request.root } else { Path::new("/") };
    let context = version_context(request.environment, dir, &row.toolchain_files);
    let asking = Asking {
        path,
        environment: request.environment,
        dir,
        timeout_ms: VERSION_TIMEOUT_MS,
        context: &context,
        is_trusted: request.is_trusted,
    };
    for name in relevant_tools(request, names) {
        let Some(program) = tools::find_program(name, path) else {
            continue;
        };
        let known = FactKey::of(&program, &context).is_some_and(|key| facts.get(&key).is_some());
        if !known && !request.ask_tools {
            row.gaps.push(format!("version of {name}: not asked yet"));
            continue;
        }
        let version = tools::version(name, asking, facts);
        row.tools.insert(name.into(), version.map(|it| it.to_string()).unwrap_or_default());
    }
}

fn relevant_tools<'a>(request: CollectRequest<'a>, names: &Names) -> BTreeSet<&'a str> {
    let by_file = TOOLS_BY_FILE
        .iter()
        .filter(|(file, _)| names.may_hold(file) && request.root.join(file).is_file())
        .flat_map(|(_, tools)| tools.iter().copied());
    let programs = request.programs.iter().copied().filter(|name| !name.contains('/'));
    by_file.chain(programs).collect()
}

/// Everything besides the file itself that decides which version a front (rustup, mise) starts in `dir`:
/// the digest for [`Asking::context`].
#[must_use]
pub fn version_context(
    environment: &Variables,
    dir: &Path,
    toolchain_files: &BTreeMap<String, String>,
) -> String {
    let mut parts = Parts::new("version");
    parts.list([dir.to_string_lossy().as_ref()]);
    parts.map(toolchain_files);
    for name in SELECTING_VARIABLES {
        let value = variable(environment, name).map(OsStr::to_string_lossy);
        parts.list([*name, value.as_deref().unwrap_or_default()]);
    }
    let rustup = variable(environment, "RUSTUP_HOME")
        .map(PathBuf::from)
        .or_else(|| variable(environment, "HOME").map(|home| Path::new(home).join(".rustup")));
    for name in rustup.iter().flat_map(|_| RUSTUP_STATE) {
        let changed = rustup.as_ref().and_then(|home| FactKey::of(&home.join(name), ""));
        parts.list([changed.map(|key| key.modified_ns).unwrap_or_default().to_string().as_str()]);
    }
    parts.finish()
}

fn variable<'v>(variables: &'v Variables, name: &str) -> Option<&'v OsStr> {
    let is_named = |(key, _): &&(OsString, OsString)| key == name;
    variables.iter().rev().find(is_named).map(|(_, value)| value.as_os_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Environment {
        Environment {
            os: "linux".into(),
            tools: [("rustc".to_owned(), "1.95.0".to_owned())].into(),
            commit: Some("a".repeat(40)),
            ..Environment::default()
        }
    }

    #[test]
    fn every_part_of_a_row_counts() {
        let changes: [fn(&mut Environment); 9] = [
            |row| row.kernel = "6.1".into(),
            |row| row.cpus = 3,
            |row| row.device_class = "wsl".into(),
            |row| drop(row.tools.insert("cargo".into(), "1.95.0".into())),
            |row| drop(row.lockfiles.insert("Cargo.lock".into(), "x".into())),
            |row| drop(row.toolchain_files.insert("Cargo.lock".into(), "x".into())),
            |row| row.dirty = Some("x".into()),
            |row| drop(row.flags.insert("CI".into(), "1".into())),
            |row| row.gaps.push("x".into()),
        ];
        let mut seen = BTreeSet::from([row().fingerprint()]);
        for change in changes {
            let mut changed = row();
            change(&mut changed);
            assert!(seen.insert(changed.fingerprint()), "{changed:?}");
        }
        assert_eq!(row().fingerprint(), row().fingerprint());
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let digest = |lists: &[&[&str]]| {
            let mut parts = Parts::new("x");
            lists.iter().for_each(|list| parts.list(list.iter().copied()));
            parts.finish()
        };
        assert_ne!(digest(&[&["ab", "c"]]), digest(&[&["a", "bc"]]));
        assert_ne!(digest(&[&["a"], &["b"]]), digest(&[&["a", "b"], &[]]));
    }

    fn preparing(script: &str) -> FoundTask {
        let task = serde_json::json!({
            "id": "profile:up", "name": "up", "source": "profile", "file": "x", "line": 1,
            "description": null, "group": null, "args": [], "shadowed_by": null,
        });
        FoundTask {
            task: serde_json::from_value(task).unwrap(),
            invocation: crate::task::Invocation {
                program: Program::Shell(script.into()),
                dir: String::new(),
                env_defaults: Vec::new(),
                env: Vec::new(),
            },
            commands: Vec::new(),
            safe: None,
            needs: Vec::new(),
            requires: Requires::default(),
            artifacts: Vec::new(),
        }
    }

    #[test]
    fn a_preparation_is_due_again_when_a_declared_input_changes() {
        let digest = |script: &str, lock: &str, toolchain: &str, apt: &[&str]| {
            let map = |name: &str, text: &str| BTreeMap::from([(name.to_owned(), text.to_owned())]);
            needs_fingerprint(NeedsInputs {
                task: &preparing(script),
                lockfiles: &map("uv.lock", lock),
                toolchain_files: &map(".nvmrc", toolchain),
                requires: &Requires {
                    tools: BTreeMap::new(),
                    apt: apt.iter().map(ToString::to_string).collect(),
                },
            })
        };
        let base = digest("npm ci", "1", "1", &[]);
        assert_eq!(base, digest("npm ci", "1", "1", &[]));
        let others = [
            digest("npm i", "1", "1", &[]),
            digest("npm ci", "2", "1", &[]),
            digest("npm ci", "1", "2", &[]),
            digest("npm ci", "1", "1", &["jq"]),
        ];
        assert!(!others.contains(&base));
    }
}
