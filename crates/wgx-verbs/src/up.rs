//! `wgx up`: finds out what the repository needs on this machine, plans it, and does what needs no
//! sudo. Planning is a pure function of recorded facts.

pub mod here;
mod installs;
mod needs;
mod plan;
mod toolchains;

use std::collections::{BTreeMap, BTreeSet};

use contracts::wgx::up::{PlatformInfo, SCHEMA, UpAction, UpFingerprint, UpReport, UpStep};
use sha2::{Digest, Sha256};
use wgx_tasks::platform::Platform;
use wgx_tasks::tools::{self, Asking, Facts};

pub use installs::{InstallNeed, Way};
pub use needs::{Needs, PackageNeed, ToolNeed, find_needs};
pub use plan::{UpFact, UpMachine, plan};

/// What is known about a tool on this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolFact {
    /// Where it lies; `None` when it is not on PATH.
    pub path: Option<String>,
    /// Its version, when it told one.
    pub version: Option<String>,
}

/// Facts about tools, by name.
pub type ToolFacts = BTreeMap<String, ToolFact>;

/// What `wgx up` is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpMode {
    /// Do what can be done.
    Do,
    /// `--dry-run`: only show the plan.
    Plan,
    /// `--check`: only say what is missing.
    Check,
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpError {
    /// The steps run code that the repository chooses.
    #[error("{count} step(s) would run, and this repository is not trusted")]
    NeedsTrust {
        /// How many steps would run.
        count: usize,
    },
}

impl UpError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        "look at wgx up --dry-run, then allow it with wgx trust (in CI: --yes)"
    }
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepEnd {
    /// Exit code of the command that failed, or 0.
    pub exit_code: i32,
    /// How long all commands took, in milliseconds.
    pub duration_ms: u64,
}

/// A request to make the environment ready.
#[derive(Clone, Copy, Debug)]
pub struct UpRequest<'a> {
    /// What to do.
    pub mode: UpMode,
    /// Whether the person trusts the repository.
    pub trusted: bool,
    /// What the repository needs ([`find_needs`]).
    pub needs: &'a Needs,
    /// The machine.
    pub machine: &'a UpMachine,
    /// What succeeded here before, oldest first.
    pub history: &'a [UpFact],
}

/// Plans and, in [`UpMode::Do`], runs the steps in order through `run`, which gets a step and
/// executes its commands in the root (or, for `task:…`, that task). The first failure of a step
/// that the repository itself needs ends the work.
///
/// # Errors
/// When steps would run and the repository is not trusted; nothing has run then.
pub fn up(
    request: UpRequest<'_>,
    run: &mut dyn FnMut(&UpStep) -> StepEnd,
) -> Result<UpReport, UpError> {
    let mut steps = plan(request.machine, request.needs, request.history);
    let waiting = steps.iter().filter(|step| step.action == UpAction::Run).count();
    if request.mode == UpMode::Do {
        if waiting > 0 && !request.trusted {
            return Err(UpError::NeedsTrust { count: waiting });
        }
        run_steps(&mut steps, run);
    }
    let missing = missing(&steps, request);
    let ok = match request.mode {
        UpMode::Plan => true,
        UpMode::Check => missing.is_empty(),
        UpMode::Do => steps.iter().all(|step| is_ready(step) || !step.required),
    };
    let done = request.mode == UpMode::Do && ok;
    let fingerprint = done.then(|| fingerprint(request.machine, &steps));
    let platform = platform_info(&request.machine.platform);
    Ok(UpReport { schema: SCHEMA.to_owned(), ok, platform, steps, missing, fingerprint })
}

/// Exit code of the verb: 0 when everything needed is there, 1 otherwise.
pub fn exit_code(report: &UpReport) -> u8 {
    u8::from(!report.ok)
}

/// What the next call needs to know: the steps that succeeded in this one, for the history.
pub fn succeeded(report: &UpReport) -> Vec<UpFact> {
    let ran = report.steps.iter().filter(|step| step.exit_code == Some(0));
    let fact =
        |step: &UpStep| UpFact { key: step.key.clone(), input_sha256: step.input_sha256.clone() };
    ran.map(fact).collect()
}

/// A detected platform, for reports.
pub fn platform_info(platform: &Platform) -> PlatformInfo {
    PlatformInfo {
        system: platform.system.as_str().to_owned(),
        label: platform.label.clone(),
        version: platform.version.clone(),
        surroundings: platform
            .surroundings
            .iter()
            .map(|around| around.as_str().to_owned())
            .collect(),
        machine: platform.machine.clone(),
    }
}

/// Names of all tools whose facts the plan looks at.
pub fn tools_to_ask(needs: &Needs) -> BTreeSet<String> {
    let named = needs.tools.iter().map(|need| need.name.clone());
    let ways = needs.installs.iter().flat_map(|install| &install.ways);
    let providers = ["rustup", "mise", "corepack"].map(str::to_owned);
    named.chain(ways.map(|way| way.tool.clone())).chain(providers).collect()
}

/// Looks the tools up on PATH and asks each for its version, unless it is known already. Version
/// managers and shells only have to be there.
pub fn look_up_tools(names: &BTreeSet<String>, asking: Asking<'_>, facts: &mut Facts) -> ToolFacts {
    let present_only = ["rustup", "mise", "corepack", "sh"];
    let mut tools = ToolFacts::new();
    for name in names {
        let path = tools::find_program(name, asking.path);
        let version = match path.is_some() && !present_only.contains(&name.as_str()) {
            true => tools::version(name, asking, facts),
            false => None,
        };
        let path = path.map(|path| path.to_string_lossy().into_owned());
        let version = version.map(|version| version.to_string());
        tools.insert(name.clone(), ToolFact { path, version });
    }
    tools
}

/// Equal commands run once; only a step that the repository itself needs ends the work by failing.
fn run_steps(steps: &mut [UpStep], run: &mut dyn FnMut(&UpStep) -> StepEnd) {
    let mut failed: Option<String> = None;
    let mut ran: Vec<(Vec<Vec<String>>, StepEnd)> = Vec::new();
    for step in steps.iter_mut().filter(|step| step.action == UpAction::Run) {
        if let Some(failed) = &failed {
            step.note = Some(format!("did not run: {failed} failed"));
            continue;
        }
        let same = ran.iter().find(|(commands, _)| *commands == step.commands);
        let end = match same {
            Some((_, end)) => StepEnd { duration_ms: 0, ..*end },
            None => run(step),
        };
        ran.push((step.commands.clone(), end));
        step.exit_code = Some(end.exit_code);
        step.duration_ms = Some(end.duration_ms);
        if end.exit_code != 0 && step.required {
            failed = Some(step.key.clone());
        }
    }
}

fn is_ready(step: &UpStep) -> bool {
    step.action == UpAction::Done || step.exit_code == Some(0)
}

/// A step that fills a cache outside the repository leaves nothing to look at: a check cannot call
/// it missing.
fn missing(steps: &[UpStep], request: UpRequest<'_>) -> Vec<String> {
    let unseen = |step: &UpStep| {
        request.mode != UpMode::Do
            && step.action == UpAction::Run
            && plan::is_unseen(&step.key, request.needs)
    };
    let open = steps.iter().filter(|step| !is_ready(step) && !unseen(step));
    open.map(|step| format!("{} ({})", step.title, step.reason)).collect()
}

fn fingerprint(machine: &UpMachine, steps: &[UpStep]) -> UpFingerprint {
    let ready = || steps.iter().filter(|step| is_ready(step));
    let input = |step: &UpStep| Some((step.key.clone(), step.input_sha256.clone()?));
    let known = |(name, fact): (&String, &ToolFact)| Some((name.clone(), fact.version.clone()?));
    let mut fingerprint = UpFingerprint {
        platform: format!("{} {}", machine.platform.system.as_str(), machine.platform.version),
        tools: machine.tools.iter().filter_map(known).collect(),
        inputs: ready().filter_map(input).collect(),
        steps: ready().map(|step| step.key.clone()).collect(),
        sha256: String::new(),
    };
    let text = serde_json::to_string(&fingerprint).unwrap_or_default();
    fingerprint.sha256 = sha256(text.as_bytes());
    fingerprint
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
