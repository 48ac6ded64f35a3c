//! What a repository's files say and a report repeats: secrets in it are masked, in every form of output.
//!
//! The masks are those of merges: the same in every call and on every machine, so that reports can be
//! compared, and none confirms a guess.

use std::ffi::OsString;

use contracts::wgx::list::Note;
use contracts::wgx::{GuardReport, RunReport, Task};
use redact::{Redactor, may_hold_secret};

/// Masks the texts of tasks.
pub(crate) fn tasks<'t>(tasks: impl IntoIterator<Item = &'t mut Task>) {
    for task in tasks {
        let defaults = task.args.iter_mut().filter_map(|arg| arg.default.as_mut());
        task.description.iter_mut().chain(defaults).for_each(text);
    }
}

/// Masks the texts of notes.
pub(crate) fn notes(notes: &mut [Note]) {
    for note in notes {
        text(&mut note.reason);
        note.hint.iter_mut().for_each(text);
    }
}

/// Masks the texts and commands of a report of `wgx run`.
pub(crate) fn run(report: &mut RunReport) {
    tasks(&mut report.task);
    for candidate in &mut report.candidates {
        text(&mut candidate.why);
        tasks([&mut candidate.task]);
    }
    report.meaning.iter_mut().for_each(text);
    command(&mut report.command);
    report.steps.iter_mut().for_each(|step| command(&mut step.command));
}

/// Masks the texts of findings and the commands of checks.
pub(crate) fn guard(report: &mut GuardReport) {
    for check in &mut report.checks {
        text(&mut check.reason);
        check.command.iter_mut().for_each(text);
    }
    for finding in &mut report.findings {
        text(&mut finding.message);
        text(&mut finding.fix.description);
    }
}

fn text(text: &mut String) {
    if may_hold_secret(text.as_bytes()) {
        *text = Redactor::for_merges().mask(text).text;
    }
}

/// A command as words: what stands behind a flag is known by the flag before it.
fn command(words: &mut Vec<String>) {
    if words.iter().any(|word| may_hold_secret(word.as_bytes())) {
        let given: Vec<OsString> = words.iter().map(OsString::from).collect();
        *words = Redactor::for_merges().mask_args(&given);
    }
}
