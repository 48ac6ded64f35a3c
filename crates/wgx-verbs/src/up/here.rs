//! `wgx up` for a repository and a machine as they are: looks at both, plans, starts the steps as
//! recorded runs, and keeps what succeeded for the next time.

use std::path::Path;

use contracts::wgx::TaskSource;
use contracts::wgx::up::{UpAction, UpFingerprint, UpReport, UpStep};
use memory::StoreError;
use serde::{Deserialize, Serialize};
use wgx_tasks::files::RepoFiles;
use wgx_tasks::profile::{self, Os};
use wgx_tasks::sources::Discovery;
use wgx_tasks::task::{Invocation, Program};

use super::{
    InstallNeed, Needs, StepEnd, UpError, UpFact, UpMode, UpRequest, find_needs, sha256, succeeded,
    tools_to_ask, up,
};
use crate::context::Context;
use crate::list::{self, ListRequest};
use crate::machine;
use crate::notebook::{Notebook, NotebookError};
use crate::observe;
use crate::run::{self, Dialogue, Reason, RunError, RunRequest, Step};
use crate::trust::{self, TrustError};

/// Exit codes of a step that a person or the system stopped (SIGHUP, SIGINT, SIGQUIT, SIGTERM).
const STOPPED: [i32; 4] = [129, 130, 131, 143];

/// What to do here.
#[derive(Clone, Copy, Debug)]
pub struct HereRequest {
    /// Do, plan or check.
    pub mode: UpMode,
    /// Answers the question for trust with yes, for this call alone.
    pub yes: bool,
    /// Output of the steps goes to standard error, since the report goes to standard output.
    pub to_stderr: bool,
}

/// What the verb says while it works.
pub trait UpDialogue: Dialogue {
    /// The plan, before anything of it starts.
    fn planned(&self, plan: &UpReport);
    /// A step begins.
    fn step(&self, step: &UpStep);
}

/// Why the environment is not ready.
#[derive(Debug, thiserror::Error)]
pub enum HereError {
    /// The repository cannot be read.
    #[error("the repository cannot be read: {0}")]
    Root(#[from] std::io::Error),
    /// Nothing may start.
    #[error(transparent)]
    Up(#[from] UpError),
    /// Trust cannot be looked up.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A step could not be recorded.
    #[error(transparent)]
    Run(#[from] RunError),
    /// What succeeded cannot be remembered.
    #[error("what was done is not remembered: {0}")]
    Memory(#[from] NotebookError),
}

impl From<StoreError> for HereError {
    fn from(error: StoreError) -> Self {
        Self::Memory(error.into())
    }
}

impl HereError {
    /// What to do.
    pub fn hint(&self) -> String {
        match self {
            Self::Root(_) => "name a readable folder with -C".to_owned(),
            Self::Up(error) => error.hint().to_owned(),
            Self::Trust(error) => error.hint().to_owned(),
            Self::Run(error) => error.hint(),
            Self::Memory(error) => error.hint().to_owned(),
        }
    }
}

/// Makes the environment of the context's repository ready, plans it, or checks it.
///
/// # Errors
/// When the repository cannot be read, is not trusted, or the memory cannot be used.
pub fn up_here(
    context: &Context,
    request: &HereRequest,
    dialogue: &dyn UpDialogue,
) -> Result<UpReport, HereError> {
    let found = list::discover(context, &ListRequest::default())?;
    let needs = needs_of(context)?;
    let subject = trust::subject(context)?;
    // Where nothing may be written nothing was trusted either; what is wrong there shows when it matters.
    let trusted = request.yes || trust::is_trusted(context, &subject)?;
    let mut machine = machine::record(context, &needs, &tools_to_ask(&needs), trusted);
    let mut past = Past::read(context)?;
    machine.outputs.extend(past.bare_outputs(&needs));
    let history = past.facts();
    let plan =
        |mode| UpRequest { mode, trusted, needs: &needs, machine: &machine, history: &history };
    let never = &mut |_: &UpStep| StepEnd { exit_code: 0, duration_ms: 0 };
    if request.mode != UpMode::Do {
        return Ok(up(plan(request.mode), never)?);
    }
    let planned = up(plan(UpMode::Plan), never)?;
    dialogue.planned(&planned);
    let trusted = trusted || asks_for_trust(context, &planned, &subject, dialogue)?;
    let mut steps = Steps { context, request, found: &found, dialogue, stopped: None, error: None };
    let report =
        up(UpRequest { trusted, ..plan(UpMode::Do) }, &mut |step: &UpStep| steps.run(step))?;
    if let Some(error) = steps.error {
        return Err(error.into());
    }
    past.add(&report, (&needs, &context.root.path));
    past.write(context, report.fingerprint.as_ref())?;
    Ok(report)
}

/// What the context's repository needs.
///
/// # Errors
/// When the root cannot be read.
pub(crate) fn needs_of(context: &Context) -> std::io::Result<Needs> {
    let files = RepoFiles::new(&context.root.path)?;
    let loaded = profile::load(&files, "", Os::current());
    let profile = loaded.as_ref().map(|loaded| &loaded.profile);
    Ok(find_needs(&files, profile, run::is_within_up(context)))
}

/// A yes in a terminal is kept; nothing is asked where nothing would start.
fn asks_for_trust(
    context: &Context,
    plan: &UpReport,
    subject: &trust::Subject,
    dialogue: &dyn UpDialogue,
) -> Result<bool, TrustError> {
    let starts = plan.steps.iter().any(|step| step.action == UpAction::Run);
    let root = &subject.root;
    let question = format!("Start what is marked `run`? This trusts {root} as it is now.");
    if !starts || !dialogue.confirm(&question) {
        return Ok(false);
    }
    trust::grant(context, subject)?;
    Ok(true)
}

/// Starts steps as recorded runs.
struct Steps<'a> {
    context: &'a Context,
    request: &'a HereRequest,
    found: &'a Discovery,
    dialogue: &'a dyn UpDialogue,
    /// The code with which a stopped step ended: nothing starts after it.
    stopped: Option<i32>,
    /// A run that could not be recorded.
    error: Option<RunError>,
}

impl Steps<'_> {
    fn run(&mut self, step: &UpStep) -> StepEnd {
        if let Some(exit_code) = self.stopped {
            return StepEnd { exit_code, duration_ms: 0 };
        }
        self.dialogue.step(step);
        let steps = match step.key.strip_prefix("task:") {
            Some(name) => self.of_task(name),
            None => Ok(self.of_commands(step)),
        };
        let run = RunRequest {
            yes: self.request.yes,
            force_needs: true,
            to_stderr: self.request.to_stderr,
            ..RunRequest::default()
        };
        let ended = steps
            .and_then(|steps| run::run_steps(self.context, &run, self.found, steps, self.dialogue));
        match ended {
            Ok(report) => {
                let durations = report.steps.iter().filter_map(|step| step.duration_ms);
                self.ended(report.exit_code.unwrap_or_default(), durations.sum())
            }
            Err(error) => self.failed(error),
        }
    }

    fn ended(&mut self, exit_code: i32, duration_ms: u64) -> StepEnd {
        if STOPPED.contains(&exit_code) {
            self.stopped = Some(exit_code);
        }
        StepEnd { exit_code, duration_ms }
    }

    /// A step that cannot start is one that failed; a run that cannot be recorded ends everything.
    fn failed(&mut self, error: RunError) -> StepEnd {
        let exit_code = i32::from(error.exit_code());
        match error {
            RunError::Record(_) | RunError::Log { .. } | RunError::Trust(_) => {
                self.stopped = Some(exit_code);
                self.error = Some(error);
            }
            error => self.dialogue.note(&format!("{error} ({})", error.hint())),
        }
        StepEnd { exit_code, duration_ms: 0 }
    }

    fn of_task(&self, name: &str) -> Result<Vec<Step>, RunError> {
        let is_it = |found: &wgx_tasks::task::FoundTask| {
            found.task.source == TaskSource::Profile
                && found.task.member.is_none()
                && found.task.name == name
        };
        let index = self.found.tasks.iter().position(is_it);
        let index = index.ok_or_else(|| RunError::NoSuchStep(name.to_owned()))?;
        Ok(run::steps(self.context, &[index], self.found, Reason::Up)?)
    }

    fn of_commands(&self, step: &UpStep) -> Vec<Step> {
        let command = |argv: &Vec<String>| {
            let program = Program::Argv { argv: argv.clone(), separator: None };
            let mut invocation = Invocation::of(program);
            invocation.env.push(run::within_up(&self.found.root));
            Step { task: None, invocation, reason: Reason::Up }
        };
        step.commands.iter().map(command).collect()
    }
}

/// What succeeded before, as the memory keeps it.
#[derive(Default)]
struct Past {
    /// Ways of installing that worked on this device in any repository, oldest first.
    device: Vec<Kept>,
    /// Steps that succeeded in this very folder, oldest first.
    folder: Vec<Kept>,
    is_changed: bool,
}

/// A step that succeeded.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    key: String,
    input: Option<String>,
    /// It left nothing behind although such steps do: there was nothing to install.
    #[serde(default)]
    bare: bool,
}

impl Past {
    fn read(context: &Context) -> Result<Self, HereError> {
        let Some(mut notebook) = Notebook::read(context)? else { return Ok(Self::default()) };
        let keys = Keys::of(context, &notebook);
        let (device, folder) = notebook.with(async |store| {
            let device = store.preference(None, &keys.device).await?;
            Ok::<_, StoreError>((device, store.preference(Some(&keys.repo), &keys.folder).await?))
        })?;
        Ok(Self { device: kept(device), folder: kept(folder), is_changed: false })
    }

    /// Facts of the folder come last: what worked here counts more than what worked elsewhere. Digests
    /// count only here, because what they vouch for lies here.
    fn facts(&self) -> Vec<UpFact> {
        let device =
            self.device.iter().map(|kept| UpFact { key: kept.key.clone(), input_sha256: None });
        let folder = self
            .folder
            .iter()
            .map(|kept| UpFact { key: kept.key.clone(), input_sha256: kept.input.clone() });
        device.chain(folder).collect()
    }

    /// Outputs that are rightly missing: where nothing is to be installed none is made.
    fn bare_outputs(&self, needs: &Needs) -> Vec<String> {
        let bare = |install: &&InstallNeed| {
            let mut kept = self.folder.iter().filter(|kept| kept.bare);
            kept.any(|kept| is_of(&kept.key, install))
        };
        let outputs = needs.installs.iter().filter(bare).filter_map(|install| install.output);
        outputs.map(str::to_owned).collect()
    }

    fn add(&mut self, report: &UpReport, (needs, root): (&Needs, &Path)) {
        for fact in succeeded(report) {
            self.is_changed = true;
            let key = fact.key.clone();
            if key.starts_with("install:") {
                push(&mut self.device, Kept { key: key.clone(), input: None, bare: false });
            }
            let install = needs.installs.iter().find(|install| is_of(&key, install));
            let output = install.and_then(|install| install.output);
            let bare = output.is_some_and(|output| !root.join(output).is_dir());
            push(&mut self.folder, Kept { key, input: fact.input_sha256, bare });
        }
    }

    /// Where nothing ran and nothing is new nothing is written.
    fn write(
        &self,
        context: &Context,
        fingerprint: Option<&UpFingerprint>,
    ) -> Result<(), HereError> {
        let new = fingerprint.filter(|fingerprint| !fingerprint.steps.is_empty());
        if !self.is_changed && new.is_none() {
            return Ok(());
        }
        let text = new.map(json);
        if !self.is_changed && last_fingerprint(context)? == text {
            return Ok(());
        }
        let mut notebook = Notebook::write(context)?;
        let keys = Keys::of(context, &notebook);
        let (device, folder) = (json(&self.device), json(&self.folder));
        notebook.with(async |store| {
            if self.is_changed {
                store.set_preference(None, &keys.device, Some(&device)).await?;
                store.set_preference(Some(&keys.repo), &keys.folder, Some(&folder)).await?;
            }
            if text.is_some() {
                let (repo, key) = (Some(keys.repo.as_str()), &keys.fingerprint);
                store.set_preference(repo, key, text.as_deref()).await?;
            }
            Ok::<_, StoreError>(())
        })?;
        notebook.close();
        Ok(())
    }
}

fn last_fingerprint(context: &Context) -> Result<Option<String>, HereError> {
    let Some(mut notebook) = Notebook::read(context)? else { return Ok(None) };
    let keys = Keys::of(context, &notebook);
    let (repo, key) = (Some(keys.repo.as_str()), &keys.fingerprint);
    Ok(notebook.with(async |store| store.preference(repo, key).await)?)
}

/// Whether a step's key is about this installation.
fn is_of(key: &str, install: &InstallNeed) -> bool {
    let rest = key.strip_prefix("install:").and_then(|rest| rest.strip_prefix(install.kind));
    rest.is_some_and(|rest| rest.starts_with(':'))
}

/// The newest of a key stands last, and once.
fn push(list: &mut Vec<Kept>, new: Kept) {
    list.retain(|kept| kept.key != new.key);
    list.push(new);
}

fn kept(text: Option<String>) -> Vec<Kept> {
    // An unreadable list means that nothing is known; it is written anew.
    text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Keys of the preferences. They carry the device and the folder: the memory travels, a prepared folder
/// does not.
struct Keys {
    repo: String,
    device: String,
    folder: String,
    fingerprint: String,
}

impl Keys {
    fn of(context: &Context, notebook: &Notebook) -> Self {
        let device = notebook.store().device_id();
        let folder = folder_id(&context.root.path);
        Self {
            repo: observe::repository_key(context, notebook),
            device: format!("up:ways@{device}"),
            folder: format!("up:done:{folder}@{device}"),
            fingerprint: format!("up:fingerprint:{folder}@{device}"),
        }
    }
}

fn folder_id(root: &Path) -> String {
    let mut digest = sha256(root.as_os_str().as_encoded_bytes());
    digest.truncate(16);
    digest
}
