//! `hauski policy explain|check`: what the policies say, and whether a file of them is sound.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Subcommand;
use contracts::hauski::explain::{CHECK, Check, Explain, Outcome, Problem, Verdict};
use contracts::hauski::plugin::Plugins;
use policy::FileName;

use crate::exit::{Exit, Failure};
use crate::output;
use crate::settings::Settings;

/// Options of `hauski policy`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Say whether an address or an action is allowed, and why (exit 1: it is not)
    ///
    /// Ask about `https://host/path`, `chat cloud`, `chat local`, `memory pin KEY`, `plugin:NAME call CAPABILITY`,
    /// `plugin:NAME publish|subscribe TOPIC` or `plugin:NAME egress URL`.
    Explain {
        /// The address or the words of the action
        #[arg(required = true, value_name = "URL|ACTION")]
        question: Vec<String>,
    },
    /// Read a policy file and list its faults (exit 1: there are some)
    Check {
        /// routing.yaml, limits.yaml, memory.yaml or models.yml, in any folder
        file: PathBuf,
    },
}

/// Answers.
pub(crate) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Exit> {
    match &args.what {
        What::Explain { question } => explain(&question.join(" "), settings),
        What::Check { file } => check(file, settings),
    }
}

fn explain(question: &str, settings: &Settings) -> anyhow::Result<Exit> {
    let policies = policy::load(&settings.policies).map_err(Failure::from)?;
    let plugins = match question.starts_with("plugin:") {
        true => Some(plugins(settings)?),
        false => None,
    };
    let answer = policy::explain(question, &policies, plugins.as_ref())
        .map_err(|error| Failure::new(error.to_string(), error.hint()).exit(Exit::Usage))?;
    match settings.json {
        true => output::print_json(&answer)?,
        false => output::print(&told(&answer))?,
    }
    Ok(match answer.verdict {
        Verdict::Allowed => Exit::Good,
        Verdict::Denied => Exit::Findings,
    })
}

/// `plugins.json` of the home; none is a file without plugins.
fn plugins(settings: &Settings) -> anyhow::Result<Plugins> {
    let path = settings.home.join("plugins.json");
    let fault = |what: String| {
        Failure::new(format!("{}: {what}", path.display()), "correct the file").exit(Exit::Config)
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(serde_json::from_str(&text).map_err(|error| fault(error.to_string()))?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(Plugins { schema: 1, plugins: Vec::new() })
        }
        Err(error) => Err(fault(error.to_string()).into()),
    }
}

fn told(answer: &Explain) -> String {
    let verdict = match answer.verdict {
        Verdict::Allowed => "allowed",
        Verdict::Denied => "denied",
    };
    let mut text = format!("{verdict}  {}\n", answer.subject);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "  {} ({})", answer.message, answer.reason);
    if let Some(hint) = &answer.hint {
        let _ = writeln!(text, "  hint: {hint}");
    }
    if let Some(rule) = &answer.rule {
        let line = rule.line.map(|line| format!(":{line}")).unwrap_or_default();
        let purpose = rule.purpose.as_deref().map(|text| format!("  ({text})")).unwrap_or_default();
        let _ =
            writeln!(text, "  rule: {}{line}  {} = {}{purpose}", rule.file, rule.key, rule.value);
    }
    for step in &answer.steps {
        let outcome = match step.outcome {
            Outcome::Passed => "yes",
            Outcome::Failed => "no",
            Outcome::AtDial => "when dialled",
        };
        let _ = writeln!(text, "  {outcome:12}  {}", step.check);
    }
    text
}

fn check(file: &std::path::Path, settings: &Settings) -> anyhow::Result<Exit> {
    let Some(name) = FileName::of(file) else {
        let known = FileName::ALL.map(FileName::as_str).join(", ");
        let message = format!("{} is no policy file by its name", file.display());
        return Err(Failure::new(message, format!("known: {known}")).exit(Exit::Usage).into());
    };
    let problems = policy::check_file(name, file);
    let report = Check {
        schema: CHECK.to_owned(),
        file: file.display().to_string(),
        read_as: name.as_str().to_owned(),
        problems: problems
            .iter()
            .map(|problem| Problem {
                line: problem.line,
                column: problem.column,
                what: problem.what.clone(),
                hint: problem.hint.clone(),
            })
            .collect(),
    };
    match settings.json {
        true => output::print_json(&report)?,
        false if problems.is_empty() => output::print(&format!("{}: sound\n", report.file))?,
        false => {
            let told = problems.iter().fold(String::new(), |mut text, problem| {
                let _ = writeln!(text, "{problem}");
                if let Some(hint) = &problem.hint {
                    let _ = writeln!(text, "  hint: {hint}");
                }
                text
            });
            output::print(&told)?;
        }
    }
    Ok(if problems.is_empty() { Exit::Good } else { Exit::Findings })
}
