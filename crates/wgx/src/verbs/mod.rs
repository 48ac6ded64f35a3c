//! The faces of the verbs, one module a verb: arguments, call, rendering.

pub(crate) mod ask;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod fleet;
pub(crate) mod guard;
pub(crate) mod help;
pub(crate) mod init;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod memory;
pub(crate) mod profile;
pub(crate) mod recall;
pub(crate) mod remember;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod secrets;
pub(crate) mod seeds;
pub(crate) mod smoke;
pub(crate) mod suggest;
pub(crate) mod trust;
pub(crate) mod up;
pub(crate) mod validate;

use std::ffi::OsStr;

use clap_complete::CompletionCandidate;
use redact::escape::escape_ctl_line;

use crate::cli::{self, Arguments, Verb};
use crate::exit::{self, Exit};
use crate::face::Face;
use crate::{external, output};

/// Calls the verb and turns a failure into its message and code.
pub(crate) fn dispatch(arguments: Arguments) -> Exit {
    output::choose_color(arguments.shared.color);
    call(arguments).unwrap_or_else(|error| exit::failed(&error, cli::wants_json()))
}

fn call(arguments: Arguments) -> anyhow::Result<Exit> {
    let shared = arguments.shared;
    match arguments.verb {
        Verb::List(args) => list::run(&args, &Face::new(&shared)?),
        Verb::Run(args) => run::run(args, &Face::new(&shared)?),
        Verb::Up(args) => up::run(&args, &Face::new(&shared)?),
        Verb::Doctor(args) => doctor::run(&args, &Face::new(&shared)?),
        Verb::Validate(args) => validate::run(&args, &Face::new(&shared)?),
        Verb::Init(args) => init::run(&args, &Face::new(&shared)?),
        Verb::Runs(args) => runs::run(&args, &Face::new(&shared)?),
        Verb::Fleet(args) => fleet::run(args, &Face::new(&shared)?),
        Verb::Recall(args) => recall::run(&args, &Face::new(&shared)?),
        Verb::Ask(args) => ask::run(&args, &Face::new(&shared)?),
        Verb::Remember(args) => remember::run(&args, &Face::new(&shared)?),
        Verb::Memory(args) => memory::run(&args, &Face::new(&shared)?),
        Verb::Seeds(args) => seeds::run(args, &Face::new(&shared)?),
        Verb::Secrets(args) => secrets::run(args, &Face::new(&shared)?),
        Verb::Guard(args) => guard::run(&args, &Face::new(&shared)?),
        Verb::Profile(args) => profile::run(&args, &Face::new(&shared)?),
        Verb::Smoke(args) => smoke::run(&args, &Face::new(&shared)?),
        Verb::Suggest(args) => suggest::run(&args, &Face::new(&shared)?),
        Verb::Trust(args) => trust::run(&args, &Face::new(&shared)?),
        Verb::Completions(args) => completions::run(&args),
        Verb::Man(args) => man::run(&args),
        Verb::Help(args) => help::run(&args, &Face::new(&shared)?),
        Verb::External(words) => external::start(&words),
    }
}

/// Names of the tasks here, for a shell that asks.
pub(crate) fn complete_task(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let Ok(context) = crate::settings::context_for_completion() else { return Vec::new() };
    let Ok(report) = wgx_verbs::list::list(&context, &Default::default()) else {
        return Vec::new();
    };
    let label = |task: contracts::wgx::Task| {
        let plain = task.shadowed_by.is_none() && task.member.is_none();
        let name = if plain { task.name } else { task.id };
        let about = task.description.map(|about| escape_ctl_line(&about).into_owned());
        CompletionCandidate::new(name).help(about.map(Into::into))
    };
    let is_offered = |candidate: &CompletionCandidate| {
        let name = candidate.get_value().to_string_lossy();
        name.starts_with(current) && is_harmless(&name)
    };
    let runnable = report.tasks.into_iter().filter(|task| task.runnable).map(label);
    runnable.filter(is_offered).collect()
}

/// Whether no shell sees anything but a word in a name: some insert completions as they are.
fn is_harmless(name: &str) -> bool {
    let is_safe = |c: char| c.is_alphanumeric() || "-_.:/@+%=,".contains(c);
    !name.starts_with('-') && name.chars().all(is_safe)
}

/// `90s`, `5m`, `1h`, `500ms`, or a number of seconds, in milliseconds.
pub(crate) fn duration_ms(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        unit => return Err(format!("`{unit}` is not a unit; use ms, s, m or h")),
    };
    let number: u64 = digits.parse().map_err(|_| format!("`{digits}` is not a number"))?;
    match number.checked_mul(factor) {
        Some(0) => Err("a time limit of nothing leaves no time".to_owned()),
        Some(duration_ms) => Ok(duration_ms),
        None => Err(format!("`{text}` is too long")),
    }
}
