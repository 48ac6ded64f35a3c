//! `wgx validate`: judges the profile contract, runs the declared checks and writes the receipt.

mod checks;
pub mod here;
mod receipt;
mod redaction;
mod requirement;

use contracts::wgx::validate::{ProfileProblem, SCHEMA, ValidateReport};
use wgx_tasks::profile::{self, LoadedProfile, Problem, Severity};

pub use checks::{CheckEnd, CheckLevel, CheckRequest, CheckRunner, NotDeclared, plan, run_checks};
pub use receipt::{
    IdentityFacts, ReceiptError, ReceiptFault, read_receipt, receipt_text, verify_receipt,
    write_receipt,
};

/// Judges the profile of a repository; `None` when it has none.
pub fn validate(loaded: Option<&LoadedProfile>) -> ValidateReport {
    let Some(loaded) = loaded else {
        return no_manifest();
    };
    let missing_capabilities = requirement::missing_capabilities(&loaded.profile);
    let problems = problems(loaded, &missing_capabilities);
    let error = |problem: &&Problem| problem.severity == Severity::Error;
    let errors: Vec<String> =
        problems.iter().filter(error).map(|problem| problem.code.clone()).collect();
    ValidateReport {
        schema: SCHEMA.to_owned(),
        ok: errors.is_empty(),
        errors,
        missing_capabilities,
        file: Some(loaded.profile.file.clone()),
        problems: problems.into_iter().map(reported).collect(),
        plan: Vec::new(),
        receipt: None,
        receipt_file: None,
    }
}

/// Exit code of the verb: 0 when everything is in order, 1 otherwise.
pub fn exit_code(report: &ValidateReport) -> u8 {
    u8::from(!report.ok)
}

/// A broken file has no content to judge: only its own problems count.
fn problems(loaded: &LoadedProfile, missing_capabilities: &[String]) -> Vec<Problem> {
    let mut problems = loaded.problems.clone();
    if loaded.is_broken() {
        return problems;
    }
    problems.extend(profile::check(&loaded.profile));
    problems.extend(requirement::check(&loaded.profile, missing_capabilities));
    problems.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    problems
}

fn no_manifest() -> ValidateReport {
    let problem = ProfileProblem {
        code: "no_manifest".to_owned(),
        severity: "error".to_owned(),
        file: profile::PROFILE_FILES[0].to_owned(),
        line: None,
        message: "there is no profile".to_owned(),
        hint: "wgx init writes one from the tasks that wgx list finds".to_owned(),
    };
    ValidateReport {
        schema: SCHEMA.to_owned(),
        ok: false,
        errors: vec![problem.code.clone()],
        missing_capabilities: Vec::new(),
        file: None,
        problems: vec![problem],
        plan: Vec::new(),
        receipt: None,
        receipt_file: None,
    }
}

pub(crate) fn reported(problem: Problem) -> ProfileProblem {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    ProfileProblem {
        code: problem.code,
        severity: severity.to_owned(),
        file: problem.file,
        line: problem.line,
        message: problem.message,
        hint: problem.hint,
    }
}

#[cfg(test)]
mod tests;
