//! `wgx trust`: things start by themselves only in a repository that a person trusts as it is.
//!
//! Trust is bound to the folder and to a hash of all files that describe tasks and hooks. It is kept in
//! the person's own store, never in the repository's, and never travels in packs to another device.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;

use contracts::wgx::RunReport;
use contracts::wgx::trust::{SCHEMA, TrustReport, TrustedFile};
use memory::{Access, RepoIdentity, StoreError, repo_key};
use redact::escape::escape_ctl_line;
use sha2::{Digest, Sha256};
use wgx_tasks::files::{ReadError, RepoFiles, file_name, join, parent};
use wgx_tasks::process::OwnExit;

use crate::context::Context;
use crate::guard::hook_files;
use crate::list::{self, ListRequest};
use crate::notebook::{Notebook, NotebookError};
use crate::run::{Dialogue, Reason, RunRequest, Step};

/// Files of the root that tools execute or obey although they declare no task: build scripts, choosers
/// of toolchains, settings of package managers and of test runners.
const OBEYED_FILES: [&str; 47] = [
    ".wgx/profile.example.yml",
    ".wgx/profile.json",
    ".wgx/profile.local.json",
    ".wgx/profile.local.yaml",
    ".wgx/profile.local.yml",
    ".wgx/profile.yaml",
    ".wgx/profile.yml",
    ".babelrc",
    ".bundle/config",
    ".cargo/config",
    ".cargo/config.toml",
    ".env",
    ".env.local",
    ".envrc",
    ".mvn/jvm.config",
    ".mvn/maven.config",
    ".mvn/wrapper/maven-wrapper.properties",
    ".npmrc",
    ".pnpmfile.cjs",
    ".rspec",
    ".tool-versions",
    ".yarnrc",
    ".yarnrc.yml",
    "Cargo.toml",
    "Gemfile",
    "MANIFEST.in",
    "build.gradle",
    "build.gradle.kts",
    "build.rs",
    "bunfig.toml",
    "clippy.toml",
    "conftest.py",
    "go.mod",
    "gradle.properties",
    "gradle/wrapper/gradle-wrapper.properties",
    "mise.toml",
    "pip.conf",
    "pnpm-workspace.yaml",
    "pyproject.toml",
    "pytest.ini",
    "rust-toolchain",
    "rust-toolchain.toml",
    "settings.gradle",
    "setup.cfg",
    "setup.py",
    "sitecustomize.py",
    "uv.toml",
];
/// A build script beside a manifest is executed by every build.
const MANIFEST: &str = "Cargo.toml";

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustRequest {
    /// Trust the repository as it is now.
    Grant,
    /// Take all trust in it back, and every no.
    Revoke,
    /// Only look.
    Status,
}

/// Why trust cannot be looked up or kept.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The repository cannot be read.
    #[error("the repository cannot be read: {0}")]
    Root(#[from] std::io::Error),
    /// The memory cannot be used.
    #[error(transparent)]
    Memory(#[from] NotebookError),
}

impl From<StoreError> for TrustError {
    fn from(error: StoreError) -> Self {
        Self::Memory(error.into())
    }
}

impl TrustError {
    /// What to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Root(_) => "name a readable folder with -C",
            Self::Memory(error) => error.hint(),
        }
    }
}

/// What trust is about: the files of a repository that describe what can be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The resolved root.
    pub root: String,
    /// SHA-256 over paths and digests.
    pub content_hash: String,
    /// The files.
    pub files: Vec<TrustedFile>,
}

/// Grants, revokes or shows trust.
///
/// # Errors
/// When the repository cannot be read or the memory not be used.
pub fn trust(context: &Context, request: TrustRequest) -> Result<TrustReport, TrustError> {
    let subject = subject(context)?;
    match request {
        TrustRequest::Grant => grant(context, &subject)?,
        TrustRequest::Revoke => revoke(context)?,
        TrustRequest::Status => {}
    }
    let trusted = is_trusted(context, &subject)?;
    Ok(TrustReport {
        schema: SCHEMA.to_owned(),
        trusted,
        changed_since_trust: !trusted && was_trusted(context)?,
        declined: !trusted && is_declined(context, &subject)?,
        root: subject.root,
        content_hash: subject.content_hash,
        files: subject.files,
    })
}

/// The files that trust is bound to, and the hash over them: everything that one fixed discovery reads,
/// whatever the calling verb looked at, and what tools execute or obey besides.
///
/// # Errors
/// When the root cannot be read.
pub fn subject(context: &Context) -> std::io::Result<Subject> {
    let request = ListRequest { markdown: true, deep: false, ..ListRequest::default() };
    let found = list::discover(context, &request)?;
    let files = RepoFiles::new(&found.root)?;
    let mut trusted = Vec::new();
    let mut all = Sha256::new();
    for path in paths(found.read) {
        let Some(digest) = digest(&files, &path) else { continue };
        all.update(path.as_bytes());
        all.update([0]);
        all.update(digest.as_bytes());
        all.update([b'\n']);
        trusted.push(TrustedFile { path, sha256: digest });
    }
    let root = found.root.to_string_lossy().into_owned();
    Ok(Subject { root, content_hash: hex(&all.finalize()), files: trusted })
}

fn paths(read: BTreeSet<String>) -> BTreeSet<String> {
    let manifests = read.iter().filter(|path| file_name(path) == MANIFEST);
    let scripts: Vec<String> =
        manifests.filter_map(|path| join(parent(path), "build.rs")).collect();
    let fixed = OBEYED_FILES.into_iter().chain(hook_files()).map(str::to_owned);
    read.into_iter().chain(scripts).chain(fixed).collect()
}

/// Digest of a file of any size and content; `None` where there is none. What cannot be read cannot be
/// vouched for either: its fault stands for it.
fn digest(files: &RepoFiles, path: &str) -> Option<String> {
    if !files.exists(path) || files.is_dir(path) {
        return None;
    }
    let content = files.resolve(path).and_then(|resolved| {
        if !resolved.is_file() {
            return Err(ReadError::NotAFile);
        }
        Ok(hash(File::open(resolved)?)?)
    });
    Some(content.unwrap_or_else(|error| {
        let leads_to = std::fs::canonicalize(files.root().join(path)).unwrap_or_default();
        hex(&Sha256::digest(format!("{error} {}", leads_to.display()).as_bytes()))
    }))
}

fn hash(mut file: File) -> std::io::Result<String> {
    let mut all = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&all.finalize())),
            count => all.update(&buffer[..count]),
        }
    }
}

/// Whether the repository is trusted with this content.
///
/// # Errors
/// When there is a memory that cannot be read.
pub fn is_trusted(context: &Context, subject: &Subject) -> Result<bool, TrustError> {
    let Some(mut notebook) = open_existing(context)? else { return Ok(false) };
    let key = folder_key(context, &notebook);
    Ok(notebook.with(async |store| store.is_trusted(&key, &subject.content_hash).await)?)
}

/// Whether the context's repository is trusted as it is now; what cannot be found out is no trust.
pub(crate) fn stands(context: &Context) -> bool {
    subject(context).is_ok_and(|subject| is_trusted(context, &subject).unwrap_or(false))
}

/// Whether the context's repository is trusted, or becomes so because a person says yes now.
///
/// # Errors
/// When the repository cannot be read or the memory not be used.
pub fn ensure(context: &Context, says_yes: &dyn Fn() -> bool) -> Result<bool, TrustError> {
    let subject = subject(context)?;
    if is_trusted(context, &subject)? {
        return Ok(true);
    }
    if !says_yes() {
        return Ok(false);
    }
    grant(context, &subject)?;
    Ok(true)
}

/// Trusts the repository with this content.
///
/// # Errors
/// When the memory cannot be written.
pub fn grant(context: &Context, subject: &Subject) -> Result<(), TrustError> {
    let mut notebook = Notebook::open(&context.user_home, Access::Write, context)?;
    let key = folder_key(context, &notebook);
    notebook.with(async |store| store.grant_trust(&key, &subject.content_hash).await)?;
    notebook.close();
    Ok(())
}

fn revoke(context: &Context) -> Result<(), TrustError> {
    let mut notebook = Notebook::open(&context.user_home, Access::Write, context)?;
    let key = folder_key(context, &notebook);
    notebook.with(async |store| store.revoke_trust(&key).await)?;
    notebook.close();
    Ok(())
}

/// Remembers a person's no to this content.
fn decline(context: &Context, subject: &Subject) -> Result<(), TrustError> {
    let mut notebook = Notebook::open(&context.user_home, Access::Write, context)?;
    let key = folder_key(context, &notebook);
    notebook.with(async |store| store.decline_trust(&key, &subject.content_hash).await)?;
    notebook.close();
    Ok(())
}

fn is_declined(context: &Context, subject: &Subject) -> Result<bool, TrustError> {
    let Some(mut notebook) = open_existing(context)? else { return Ok(false) };
    let key = folder_key(context, &notebook);
    Ok(notebook.with(async |store| store.is_declined(&key, &subject.content_hash).await)?)
}

/// Whether other content was trusted since everything was last taken back.
fn was_trusted(context: &Context) -> Result<bool, TrustError> {
    let Some(mut notebook) = open_existing(context)? else { return Ok(false) };
    let key = folder_key(context, &notebook);
    Ok(notebook.with(async |store| store.was_trusted(&key).await)?)
}

fn open_existing(context: &Context) -> Result<Option<Notebook>, TrustError> {
    match Notebook::open(&context.user_home, Access::Read, context) {
        Err(NotebookError::Store(error)) if error.is_missing() => Ok(None),
        opened => Ok(Some(opened?)),
    }
}

/// Trust is about one folder: another clone may hold other scripts behind the same task files.
fn folder_key(context: &Context, notebook: &Notebook) -> String {
    repo_key(&RepoIdentity::Path {
        device_id: notebook.store().device_id().to_owned(),
        path: context.root.path.to_string_lossy().into_owned(),
    })
}

/// Names the steps of a plan that wait for trust.
pub(crate) fn mark(
    context: &Context,
    steps: &[Step],
    report: &mut RunReport,
) -> Result<(), TrustError> {
    if steps.iter().any(|step| step.reason.needs_trust())
        && !is_trusted(context, &subject(context)?)?
    {
        report.needs_trust = waiting(steps, report);
    }
    Ok(())
}

/// Whether the steps of a run may start: all of them were named, or the repository is trusted, or a person
/// says yes. An implied `up` alone never stops a run: without trust it is left out, and that is said. A no
/// about it is remembered until the content changes.
pub(crate) fn allow(
    context: &Context,
    request: &RunRequest,
    steps: &mut Vec<Step>,
    (report, dialogue): (&mut RunReport, &dyn Dialogue),
) -> Result<bool, TrustError> {
    if !steps.iter().any(|step| step.reason.needs_trust()) {
        return Ok(true);
    }
    let subject = subject(context)?;
    if is_trusted(context, &subject)? {
        return Ok(true);
    }
    report.needs_trust = waiting(steps, report);
    // `--yes` answers for this call alone; a person's own answer is kept.
    if request.yes {
        report.needs_trust.clear();
        return Ok(true);
    }
    let up_alone = up_that_waits_alone(steps);
    let said_no = up_alone.is_some() && is_declined(context, &subject)?;
    let answer = match said_no {
        true => None,
        false => dialogue.answer(&question(report, &subject, up_alone.is_some())),
    };
    if answer == Some(true) {
        grant(context, &subject)?;
        report.needs_trust.clear();
        return Ok(true);
    }
    if let Some(up) = up_alone {
        if answer == Some(false)
            && let Err(error) = decline(context, &subject)
        {
            dialogue.note(&format!("your no is not remembered: {error}"));
        }
        steps.drain(..=up);
        report.steps.drain(..=up);
        report.needs_trust.clear();
        dialogue.note("the profile's `up` is left out: the repository is not trusted (wgx trust)");
        return Ok(true);
    }
    report.exit_code = Some(i32::from(OwnExit::NeedsConfirmationOrTrust.code()));
    Ok(false)
}

fn waiting(steps: &[Step], report: &RunReport) -> Vec<String> {
    let names = report.steps.iter().map(|step| match &step.task {
        Some(task) => task.clone(),
        None => step.command.join(" "),
    });
    let waits = steps.iter().map(|step| step.reason.needs_trust());
    names.zip(waits).filter_map(|(name, waits)| waits.then_some(name)).collect()
}

fn question(report: &RunReport, subject: &Subject, up_alone: bool) -> String {
    const SHOWN: usize = 3;
    let mut files: Vec<&str> = subject.files.iter().map(|file| file.path.as_str()).collect();
    let more = files.len().saturating_sub(SHOWN);
    files.truncate(SHOWN);
    let mut files = escape_ctl_line(&files.join(", ")).into_owned();
    if more > 0 {
        files.push_str(&format!(" and {more} more"));
    }
    let tasks = report.needs_trust.join(", ");
    let tasks = escape_ctl_line(&tasks);
    let no = if up_alone { " (no: not asked again until these files change)" } else { "" };
    format!(
        "{tasks} would start by itself, as described in {files}.\nTrust this repository as it is \
         now?{no}"
    )
}

/// Place of an implied `up`, where nothing behind it waits for trust.
pub(crate) fn up_that_waits_alone(steps: &[Step]) -> Option<usize> {
    let up = steps.iter().position(|step| step.reason == Reason::Up)?;
    let others_wait = steps[up + 1..].iter().any(|step| step.reason.needs_trust());
    (!others_wait).then_some(up)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
