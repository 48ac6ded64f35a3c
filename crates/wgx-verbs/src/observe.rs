//! What a run is observed with: the repository's identity and the environment, looked at once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use memory::{RepoIdentity, RepoRecord, normalise_origin, repo_key};
use wgx_tasks::fingerprint::{CollectRequest, NeedsInputs, collect, needs_fingerprint};
use wgx_tasks::git::{Fact, Git, Head, Repository};
use wgx_tasks::platform::{self, PlatformSnapshot};
use wgx_tasks::process::Limits;
use wgx_tasks::task::{FoundTask, Program, Requires};
use wgx_tasks::tools::{FactKey, Facts};

use crate::context::Context;
use crate::notebook::{self, Notebook, NotebookError};
use crate::{machine, trust};

/// How long git may take to tell the state of a work tree, in milliseconds.
const GIT_TIMEOUT_MS: u64 = 5_000;
/// Context of the fact that holds a commit and the root commit of its history.
const ROOT_COMMIT: &str = "root commit";
/// Flags of a run that change what it does.
const FLAG_VARIABLES: [&str; 2] = ["CI", "OFFLINE"];

/// Files that name programs of the repository which rustup's and yarn's fronts then start, even when they
/// are only asked for their version.
const CHOOSERS: [&str; 4] = ["rust-toolchain", "rust-toolchain.toml", ".yarnrc", ".yarnrc.yml"];

/// Repository and environment of a run.
pub struct Scene {
    /// The repository as it is recorded.
    pub repo: RepoRecord,
    /// Its key.
    pub repo_key: String,
    /// The environment as it is recorded.
    pub environment: memory::Environment,
    lockfiles: BTreeMap<String, String>,
    toolchain_files: BTreeMap<String, String>,
    sources: Option<String>,
}

/// Whether a task that prepares others must run again.
pub struct NeedFingerprint {
    key: String,
    value: String,
}

impl Scene {
    /// Looks at repository and machine. Starts git once at most, and a tool only when its version is not
    /// known from an earlier run.
    ///
    /// # Errors
    /// When the memory cannot be read.
    pub fn observe<'a>(
        context: &Context,
        root: &Path,
        tasks: impl Iterator<Item = &'a FoundTask>,
        notebook: &mut Notebook,
    ) -> Result<Self, NotebookError> {
        let repository = Repository::find(root);
        let mut known = FactsFile::open(notebook.store().home().root());
        let repo = record(context, repository.as_ref(), notebook, &mut known.facts);
        let snapshot =
            PlatformSnapshot::record(&context.environment.kept.iter().cloned().collect());
        let device_class = platform::detect(&snapshot).system.as_str();
        let programs: Vec<&str> = tasks.filter_map(program).collect();
        let flags = FLAG_VARIABLES
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), context.variable(name)?.to_owned())));
        let is_trusted = may_choose(context, root);
        let environment = match is_trusted {
            true => Cow::Borrowed(&context.environment.kept),
            false => Cow::Owned(machine::questions_environment(context, false)),
        };
        let request = CollectRequest {
            root,
            repository: repository.as_ref(),
            environment: &environment,
            device_class,
            programs: &programs,
            flags: &flags.collect(),
            is_trusted,
            ask_tools: true,
            git_timeout_ms: GIT_TIMEOUT_MS,
        };
        let row = collect(request, &mut known.facts);
        known.keep();
        Ok(Self {
            repo_key: repo_key(&repo.identity),
            repo,
            lockfiles: row.lockfiles.clone(),
            toolchain_files: row.toolchain_files.clone(),
            sources: sources(&row),
            environment: stored(row),
        })
    }

    /// What the implied `up` stands on: its declaration and what the environment is made from.
    pub fn up_fingerprint(&self, task: &FoundTask) -> NeedFingerprint {
        let value = needs_fingerprint(NeedsInputs {
            task,
            lockfiles: &self.lockfiles,
            toolchain_files: &self.toolchain_files,
            requires: &Requires::default(),
        });
        NeedFingerprint { key: format!("need:{}", task.task.id), value }
    }

    /// What an ordinary need stands on: as `up`, and all sources. `None` where their state is not known
    /// whole: then nobody can say that nothing changed.
    pub fn need_fingerprint(&self, task: &FoundTask) -> Option<NeedFingerprint> {
        let sources = self.sources.as_ref()?;
        let NeedFingerprint { key, value } = self.up_fingerprint(task);
        Some(NeedFingerprint { key, value: format!("{value} {sources}") })
    }

    /// Whether the need was green with this very fingerprint on this device.
    ///
    /// # Errors
    /// When the memory cannot be read.
    pub fn is_unchanged(
        &self,
        notebook: &mut Notebook,
        fingerprint: &NeedFingerprint,
    ) -> Result<bool, NotebookError> {
        let (repo, key) = (Some(self.repo_key.as_str()), self.device_key(notebook, fingerprint));
        let last = notebook.with(async |store| store.preference(repo, &key).await)?;
        Ok(last.as_deref() == Some(&fingerprint.value))
    }

    /// Keeps that the need was green.
    ///
    /// # Errors
    /// When the memory cannot be written.
    pub fn remember_fingerprint(
        &self,
        notebook: &mut Notebook,
        fingerprint: &NeedFingerprint,
    ) -> Result<(), NotebookError> {
        let (repo, key) = (Some(self.repo_key.as_str()), self.device_key(notebook, fingerprint));
        let value = Some(fingerprint.value.as_str());
        notebook.with(async |store| store.set_preference(repo, &key, value).await)?;
        Ok(())
    }

    /// Preparations belong to one folder on one device; the preference travels, its key does not fit there.
    fn device_key(&self, notebook: &Notebook, fingerprint: &NeedFingerprint) -> String {
        format!("{}@{}", fingerprint.key, notebook.store().device_id())
    }
}

/// The key of the context's repository.
pub fn repository_key(context: &Context, notebook: &Notebook) -> String {
    repo_key(&repository(context, notebook).identity)
}

/// The context's repository as it is recorded.
pub fn repository(context: &Context, notebook: &Notebook) -> RepoRecord {
    let mut known = FactsFile::open(notebook.store().home().root());
    let repository = Repository::find(&context.root.path);
    let record = record(context, repository.as_ref(), notebook, &mut known.facts);
    known.keep();
    record
}

fn record(
    context: &Context,
    repository: Option<&Repository>,
    notebook: &Notebook,
    facts: &mut Facts,
) -> RepoRecord {
    let device_id = notebook.store().device_id();
    let identity = identity(context, repository, device_id, &Mutex::new(facts));
    let name = match &identity {
        RepoIdentity::Origin(url) => last_part(&normalise_origin(url)),
        _ => last_part(&context.root.path.to_string_lossy()),
    };
    RepoRecord { identity, name, tags: Vec::new(), default_tasks: Vec::new() }
}

/// What identifies the repository around the context's root. Git may be asked meanwhile, so the known facts are
/// held only while they are looked at.
pub(crate) fn identity(
    context: &Context,
    repository: Option<&Repository>,
    device_id: &str,
    facts: &Mutex<&mut Facts>,
) -> RepoIdentity {
    let by_path = || RepoIdentity::Path {
        device_id: device_id.to_owned(),
        path: context.root.path.to_string_lossy().into_owned(),
    };
    let Some(repository) = repository else { return by_path() };
    let limits = Limits { timeout_ms: GIT_TIMEOUT_MS, ..Limits::default() };
    let git = Git { environment: &context.environment.kept, limits };
    let origin = match repository.origin() {
        Fact::Known(origin) => origin,
        Fact::AskGit(_) => git.origin(repository).unwrap_or_default(),
    };
    if let Some(origin) = origin {
        return RepoIdentity::Origin(origin);
    }
    root_commit(git, repository, facts).map_or_else(by_path, RepoIdentity::RootCommit)
}

/// The root commit of HEAD. A commit never gets other ancestors, so the answer for one is a fact, kept by
/// the file whose change means another repository in this place.
fn root_commit(git: Git<'_>, repository: &Repository, facts: &Mutex<&mut Facts>) -> Option<String> {
    let ask = || git.root_commit(repository).ok().flatten();
    let held = || facts.lock().unwrap_or_else(PoisonError::into_inner);
    let Fact::Known(Head { commit: Some(head), .. }) = repository.head() else { return ask() };
    let key = FactKey::of(&repository.common_dir.join("config"), ROOT_COMMIT);
    let (false, Some(key)) = (repository.is_shallow(), key) else { return ask() };
    let known = held().get(&key).and_then(|known| {
        let root = known.strip_prefix(&head)?.strip_prefix(' ')?;
        Some(root.to_owned())
    });
    if known.is_some() {
        return known;
    }
    let root = ask()?;
    held().put(key, format!("{head} {root}"));
    Some(root)
}

fn last_part(path: &str) -> String {
    let path = path.trim_end_matches('/');
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

/// Whether tools may be asked inside the root. Trust is looked up only where a file there can make a tool's
/// front start something of the repository.
fn may_choose(context: &Context, root: &Path) -> bool {
    let chooses = CHOOSERS.iter().any(|name| root.join(name).symlink_metadata().is_ok());
    !chooses || trust::stands(context)
}

fn program(found: &FoundTask) -> Option<&str> {
    match &found.invocation.program {
        Program::Argv { argv, .. } | Program::Bracketed(argv) => argv.first().map(String::as_str),
        _ => None,
    }
}

/// Commit and digest of uncommitted changes, where git tells both and every changed file was read.
fn sources(row: &wgx_tasks::fingerprint::Environment) -> Option<String> {
    let is_unknown = row.gaps.iter().any(|gap| gap.starts_with("dirty state"));
    if is_unknown || row.dirty_unread > 0 || (row.commit.is_none() && row.dirty.is_none()) {
        return None;
    }
    let part = |part: &Option<String>| part.as_deref().unwrap_or("-").to_owned();
    Some(format!("{} {}", part(&row.commit), part(&row.dirty)))
}

fn stored(row: wgx_tasks::fingerprint::Environment) -> memory::Environment {
    let mut machine = BTreeMap::from([
        ("kernel".to_owned(), row.kernel),
        ("cpus".to_owned(), row.cpus.to_string()),
        ("device".to_owned(), row.device_class),
    ]);
    if let Some(branch) = row.branch {
        machine.insert("branch".to_owned(), branch);
    }
    for (at, gap) in row.gaps.into_iter().enumerate() {
        machine.insert(format!("unknown.{at}"), gap);
    }
    let dirty = row.dirty.map(|dirty| match row.dirty_unread {
        0 => dirty,
        unread => format!("{dirty} ({unread} paths by size and time only)"),
    });
    memory::Environment {
        os: row.os,
        arch: row.arch,
        machine,
        tools: row.tools,
        lockfiles: row.lockfiles.into_iter().chain(row.toolchain_files).collect(),
        commit: row.commit,
        dirty,
        flags: row.flags,
    }
}

/// Versions of tools and digests of lockfiles found out earlier: a cache, not a memory.
pub(crate) struct FactsFile {
    path: PathBuf,
    pub(crate) facts: Facts,
}

impl FactsFile {
    /// Reads what is known; nothing where there is no such file.
    pub(crate) fn open(home: &Path) -> Self {
        let path = home.join("cache/facts.json");
        let facts = fs::read_to_string(&path).map(|text| Facts::from_json(&text));
        Self { path, facts: facts.unwrap_or_default() }
    }

    /// A cache that cannot be written costs time, not correctness.
    pub(crate) fn keep(&self) {
        if self.facts.is_changed() {
            // A cache that cannot be written costs time, not correctness.
            let _ = notebook::write_private(&self.path, &self.facts.to_json());
        }
    }
}
