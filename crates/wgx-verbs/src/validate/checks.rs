//! The declared checks of a profile: what runs, in which order, and how it ended.

use std::collections::BTreeMap;
use std::time::Duration;

use contracts::wgx::validate::{
    PlannedCheck, RECEIPT_KIND, ReceiptCheck, ReceiptManifest, ReceiptRepository, ReceiptSkip,
    ValidateReceipt, ValidateReport,
};
use jiff::Timestamp;
use wgx_tasks::profile::{
    AbsentReason, LoadedProfile, Profile, ProfileTask, TaskCommand, normalise_task_name,
};
use wgx_tasks::task::FoundTask;

use super::receipt::{self, IdentityFacts, sha256};
use super::redaction;

/// Which declared checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckLevel {
    /// `validate.quick`.
    Quick,
    /// `validate.full`.
    Full,
}

impl CheckLevel {
    /// Its name in the profile and in the receipt.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Full => "full",
        }
    }

    /// Default time limit of each check, in seconds.
    pub fn default_timeout_seconds(self) -> u64 {
        match self {
            Self::Quick => 120,
            Self::Full => 900,
        }
    }
}

/// The profile does not declare the checks that were asked for. Exit code 2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the profile does not declare validate.{level}")]
pub struct NotDeclared {
    /// `quick` or `full`.
    pub level: &'static str,
}

impl NotDeclared {
    /// What to do about it.
    pub fn hint(&self) -> String {
        format!("list the tasks that judge the repository under wgx.validate.{}", self.level)
    }
}

/// What running the checks needs from outside.
#[derive(Clone, Debug)]
pub struct CheckRequest {
    /// Which checks.
    pub level: CheckLevel,
    /// Time limit of each check; `None` for the level's default.
    pub timeout_seconds: Option<u64>,
    /// The repository's state.
    pub repository: ReceiptRepository,
    /// The machine.
    pub identity: IdentityFacts,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckEnd {
    /// Exit code, 128+N for a signal; ignored when it timed out.
    pub exit_code: i32,
    /// Whether the time limit ended it.
    pub timed_out: bool,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// What runs a check: in its own process group, ended with TERM and a second later with KILL when
/// the time is over. `now` is the clock; `mask` hides what else looks like a secret in a command.
pub struct CheckRunner<'a> {
    /// Runs a task, with what it needs before it, within a time limit.
    pub run: &'a mut dyn FnMut(&FoundTask, Duration) -> CheckEnd,
    /// The clock.
    pub now: &'a dyn Fn() -> Timestamp,
    /// Masks secrets beyond the receipt's own rules.
    pub mask: &'a dyn Fn(&str) -> String,
}

/// What would run and what would be skipped: the declared order first, then the skips of the whole
/// repository by name.
///
/// # Errors
/// When the profile does not declare that level.
pub fn plan(profile: &Profile, level: CheckLevel) -> Result<Vec<PlannedCheck>, NotDeclared> {
    let declared = profile.validate.declared().find(|(name, _)| *name == level.as_str());
    let Some((_, checks)) = declared else {
        return Err(NotDeclared { level: level.as_str() });
    };
    let index = profile.index();
    let mut planned = Vec::with_capacity(checks.len());
    for check in checks {
        let task = index.task(&check.name);
        planned.push(planned_check(profile, &normalise_task_name(&check.name), task));
    }
    let unsupported = profile.validate.unsupported.iter().map(|skip| ("unsupported", skip));
    let mut skips: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    let ci_only = profile.validate.ci_only.iter().map(|skip| ("ci-only", skip));
    for (kind, (name, reason)) in unsupported.chain(ci_only) {
        skips.entry(name).or_insert((kind, reason));
    }
    for (name, (kind, reason)) in skips {
        if !planned.iter().any(|known| known.task == name) {
            planned.push(skipped(name, kind, reason));
        }
    }
    Ok(planned)
}

fn planned_check(profile: &Profile, name: &str, task: Option<&ProfileTask>) -> PlannedCheck {
    if let Some((kind, reason)) = profile.validate.skip_reason(name) {
        return skipped(name, kind, reason);
    }
    match task {
        None => skipped(name, "undeclared", "the profile lists a task that it does not declare"),
        Some(task) => match &task.command {
            TaskCommand::Absent(AbsentReason::OtherSystem) => {
                skipped(&task.name, "unsupported", AbsentReason::OtherSystem.as_str())
            }
            _ => PlannedCheck {
                action: "run".to_owned(),
                task: task.name.clone(),
                kind: None,
                reason: None,
            },
        },
    }
}

fn skipped(task: &str, kind: &str, reason: &str) -> PlannedCheck {
    PlannedCheck {
        action: "skip".to_owned(),
        task: task.to_owned(),
        kind: Some(kind.to_owned()),
        reason: Some(reason.to_owned()),
    }
}

/// Runs the declared checks and puts the receipt into the report.
///
/// # Errors
/// When the profile does not declare that level; nothing has run then.
pub fn run_checks(
    loaded: &LoadedProfile,
    request: &CheckRequest,
    runner: &mut CheckRunner<'_>,
) -> Result<ValidateReport, NotDeclared> {
    let mut report = super::validate(Some(loaded));
    report.plan = plan(&loaded.profile, request.level)?;
    let started = (runner.now)();
    let checks = run_all(&loaded.profile, request, &report.plan, runner);
    let receipt = ValidateReceipt {
        schema_version: 1,
        kind: RECEIPT_KIND.to_owned(),
        profile: request.level.as_str().to_owned(),
        repository: request.repository.clone(),
        manifest: ReceiptManifest {
            ok: report.errors.is_empty(),
            errors: report.errors.clone(),
            missing_capabilities: report.missing_capabilities.clone(),
        },
        skipped: receipt_skips(&report.plan, runner.mask),
        result: String::new(),
        started_at: seconds(started),
        finished_at: seconds((runner.now)()),
        timeout_seconds: timeout_seconds(request),
        environment: receipt::environment(&request.identity),
        does_not_establish: receipt::does_not_establish(),
        receipt_sha256: String::new(),
        checks,
    };
    let receipt = receipt::sealed(receipt);
    report.ok = receipt.result == "passed";
    report.receipt = Some(receipt);
    Ok(report)
}

fn timeout_seconds(request: &CheckRequest) -> u64 {
    request.timeout_seconds.unwrap_or_else(|| request.level.default_timeout_seconds())
}

fn run_all(
    profile: &Profile,
    request: &CheckRequest,
    plan: &[PlannedCheck],
    runner: &mut CheckRunner<'_>,
) -> Vec<ReceiptCheck> {
    let timeout = Duration::from_secs(timeout_seconds(request));
    let found = profile.found_tasks("");
    let index = profile.index();
    let mut checks = Vec::new();
    for planned in plan.iter().filter(|planned| planned.action == "run") {
        let Some(at) = index.position(&planned.task) else { continue };
        let end = match &profile.tasks[at].command {
            // An empty command would pass without having checked anything.
            TaskCommand::Absent(_) => CheckEnd { exit_code: 126, timed_out: false, duration_ms: 0 },
            _ => (runner.run)(&found[at], timeout),
        };
        let command = (runner.mask)(&redaction::redact(&command_text(&profile.tasks[at].command)));
        checks.push(receipt_check(&planned.task, end, command));
    }
    checks
}

fn receipt_check(name: &str, end: CheckEnd, command: String) -> ReceiptCheck {
    let (status, exit_code) = match end {
        CheckEnd { timed_out: true, .. } => ("timeout", 124),
        CheckEnd { exit_code: 0, .. } => ("passed", 0),
        CheckEnd { exit_code, .. } => ("failed", exit_code),
    };
    ReceiptCheck {
        name: name.to_owned(),
        status: status.to_owned(),
        exit_code,
        duration_ms: end.duration_ms,
        command_sha256: sha256(command.as_bytes()),
        command,
    }
}

fn receipt_skips(plan: &[PlannedCheck], mask: &dyn Fn(&str) -> String) -> Vec<ReceiptSkip> {
    let skip = |planned: &PlannedCheck| {
        Some(ReceiptSkip {
            name: planned.task.clone(),
            kind: planned.kind.clone()?,
            reason: mask(&redaction::redact(planned.reason.as_deref().unwrap_or_default())),
        })
    };
    plan.iter().filter_map(skip).collect()
}

/// `STR:` and the shell text, or `ARRJSON:` and the arguments, as upstream's receipts have it.
fn command_text(command: &TaskCommand) -> String {
    match command {
        TaskCommand::Shell(text) => format!("STR:{}", text.trim_end()),
        TaskCommand::Lines(lines) => format!("STR:{}", lines.join("\n").trim_end()),
        TaskCommand::Argv(argv) => {
            let words: Vec<String> = argv.iter().map(|word| receipt::json_text(word)).collect();
            format!("ARRJSON:[{}]", words.join(", "))
        }
        TaskCommand::NeedsOnly | TaskCommand::Absent(_) => "STR:".to_owned(),
    }
}

fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
