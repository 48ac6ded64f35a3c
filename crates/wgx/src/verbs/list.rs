//! `wgx list`.

use std::borrow::Cow;
use std::fmt::Write;

use contracts::wgx::{ListReport, Task, TaskArg, TaskSource};
use redact::escape::escape_ctl_line;
use wgx_verbs::list::{self, ListRequest};
use wgx_verbs::run::Dialogue;
use wgx_verbs::trust;

use crate::exit::{Exit, Failure};
use crate::face::Face;
use crate::output::{DIM, NAME, STRONG, WARN, fit, pad};
use crate::verbs::run::Terminal;

/// List every task this repository offers.
///
/// Reads the files of all known task runners and executes nothing. Of two tasks with one name, the
/// first in the list is the one that `wgx run NAME` starts; the other carries its id.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only tasks of this source (repeat for several), for example `just` or `npm`
    #[arg(long, value_name = "SOURCE")]
    source: Vec<String>,
    /// Also look into nested folders that nothing in the root includes or declares
    #[arg(long)]
    deep: bool,
    /// Also list the tasks of Markdown files
    #[arg(long)]
    markdown: bool,
    /// Also ask the native tools, which may execute code of the repository; needs trust
    #[arg(long)]
    ask_tools: bool,
    /// With --ask-tools: answer the question for trust with yes
    #[arg(short, long, requires = "ask_tools")]
    yes: bool,
}

pub(crate) fn run(args: &Args, face: &Face) -> anyhow::Result<Exit> {
    let request = ListRequest {
        deep: args.deep,
        markdown: args.markdown,
        sources: sources(&args.source)?,
        ask_tools: args.ask_tools,
    };
    if args.ask_tools && !args.yes {
        require_trust(face)?;
    }
    let report = list::list(&face.context, &request)?;
    if face.json {
        face.print_json(&report)?;
        return Ok(Exit::Good);
    }
    face.output.print(&render(&report, face.output.width()))?;
    face.print_notes(&report.notes);
    Ok(Exit::Good)
}

fn require_trust(face: &Face) -> anyhow::Result<()> {
    let question = "Native tools may execute code of this repository. Trust it as it is now?";
    let trusted = trust::ensure(&face.context, &|| Terminal::of(face).confirm(question))
        .map_err(|error| Failure::of(1, &error, error.hint()))?;
    if trusted {
        return Ok(());
    }
    let hint = "`wgx trust` trusts it as it is now; --yes does it for this call";
    Err(Failure::code(1, "--ask-tools needs a trusted repository", hint))
}

fn sources(names: &[String]) -> anyhow::Result<Vec<TaskSource>> {
    let source = |name: &String| {
        TaskSource::from_name(name).ok_or_else(|| {
            let known: Vec<&str> = TaskSource::ALL.iter().map(|source| source.as_str()).collect();
            let hint = format!("the sources are {}", known.join(", "));
            Failure::usage(format!("there is no task source `{name}`"), hint)
        })
    };
    names.iter().map(source).collect()
}

/// The report for people: a block a file, a line a task.
pub(crate) fn render(report: &ListReport, width: Option<usize>) -> String {
    let mut text = String::new();
    if report.tasks.is_empty() {
        let _ = writeln!(text, "No tasks in {}.", escape_ctl_line(&report.root));
        let _ = writeln!(text, "`wgx init` writes a profile to begin with.");
        return text;
    }
    let column = report.tasks.iter().map(|task| label(task).chars().count()).max().unwrap_or(0);
    let column = column.min(32);
    let mut heading = None;
    for task in &report.tasks {
        let here = (task.source, task.file.as_str());
        if heading != Some(here) {
            let gap = if heading.is_some() { "\n" } else { "" };
            let file = escape_ctl_line(&task.file);
            let _ = writeln!(text, "{gap}{STRONG}{}{STRONG:#} {DIM}{file}{DIM:#}", task.source);
            heading = Some(here);
        }
        line(&mut text, task, column, width);
    }
    text
}

fn line(text: &mut String, task: &Task, column: usize, width: Option<usize>) {
    let mut about = task.description.clone().unwrap_or_default();
    if let Some(original) = &task.alias_of {
        about = join(&about, &format!("= {original}"));
    }
    if !task.aliases.is_empty() {
        about = join(&about, &format!("(also {})", task.aliases.join(", ")));
    }
    if let (Some(winner), None) = (&task.shadowed_by, &task.member) {
        about = join(&about, &format!("(use {}; the name starts {winner})", task.id));
    }
    let mark = if task.destructive { "!" } else { " " };
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(column + 4).max(20));
    let label = pad(&label(task), column);
    let about = fit(&escape_ctl_line(&about), room);
    if about.is_empty() {
        let label = label.trim_end();
        let _ = writeln!(text, "{WARN}{mark}{WARN:#} {NAME}{label}{NAME:#}");
        return;
    }
    let _ = writeln!(text, "{WARN}{mark}{WARN:#} {NAME}{label}{NAME:#}  {about}");
}

/// What a person types after `wgx run`, with the parameters.
fn label(task: &Task) -> String {
    let name = match &task.member {
        Some(_) => task.id.split_once(':').map_or(task.id.as_str(), |(_, rest)| rest),
        None => task.name.as_str(),
    };
    let mut label = name.to_owned();
    for arg in &task.args {
        let _ = write!(label, " {}", parameter(arg));
    }
    match escape_ctl_line(&label) {
        Cow::Borrowed(_) => label,
        Cow::Owned(escaped) => escaped,
    }
}

fn parameter(arg: &TaskArg) -> String {
    let dots = if arg.variadic { "…" } else { "" };
    match (&arg.default, arg.required) {
        (Some(default), _) => format!("[{}={default}]{dots}", arg.name),
        (None, true) => format!("<{}>{dots}", arg.name),
        (None, false) => format!("[{}]{dots}", arg.name),
    }
}

fn join(left: &str, right: &str) -> String {
    if left.is_empty() { right.to_owned() } else { format!("{left} {right}") }
}
