//! Tasks that cannot be executed, as the memory knows them: a run that ended at once, with its reason.

use memory::{NewPolicyEvent, StartedRun};
use wgx_tasks::process::{OwnExit, RunError as ProcessError};

use super::RunError;

/// Outcome of the policy events.
pub(crate) const BLOCKED: &str = "blocked";
/// Rule of the event where a program is missing.
pub(crate) const PROGRAM_MISSING: &str = "run:program-missing";
/// Rule of the event where a program, or its working directory, cannot be used.
pub(crate) const CANNOT_EXECUTE: &str = "run:cannot-execute";

/// Why a task did not run.
pub(super) struct Refusal {
    /// wgx's own exit code.
    pub(super) code: u8,
    message: String,
}

impl Refusal {
    pub(super) fn of(error: &RunError) -> Self {
        Self { code: error.exit_code(), message: error.to_string() }
    }

    pub(super) fn of_process(task: &str, error: &ProcessError) -> Self {
        Self { code: error.exit().code(), message: format!("`{task}`: {error}") }
    }

    /// Whether it tells something about this machine: a broken task file and a missing answer do not.
    pub(super) fn is_remembered(&self) -> bool {
        self.rule().is_some()
    }

    /// The log of the run.
    pub(super) fn log_text(&self) -> String {
        format!("wgx: {}\n", self.message)
    }

    /// What stood in the way, for the history of rules.
    pub(super) fn event(&self, run: &StartedRun, place: Option<String>) -> Option<NewPolicyEvent> {
        Some(NewPolicyEvent {
            repo_key: run.repo_key.clone(),
            run_id: Some(run.id.clone()),
            rule: self.rule()?.to_owned(),
            outcome: BLOCKED.to_owned(),
            place,
            message: self.message.clone(),
            fix_link: Some("docs/exit-codes.md".to_owned()),
            auto_fixable: false,
        })
    }

    fn rule(&self) -> Option<&'static str> {
        match self.code {
            code if code == OwnExit::ProgramMissing.code() => Some(PROGRAM_MISSING),
            code if code == OwnExit::CannotExecute.code() => Some(CANNOT_EXECUTE),
            _ => None,
        }
    }
}
