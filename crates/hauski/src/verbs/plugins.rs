//! `hauski plugins`: how plugins are, what they say, and starting, stopping and replacing them.

use std::fmt::Write;

use clap::Subcommand;
use contracts::hauski::plugin_status::{LogLine, PluginReport, PluginState, PluginStatus};
use http::Method;
use serde::Deserialize;

use crate::exit::Exit;
use crate::local::{self, block_on};
use crate::output;
use crate::settings::Settings;

/// Options of `hauski plugins`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show all plugins
    Ls,
    /// Start one; returns when it answers
    Start {
        /// Its name
        name: String,
    },
    /// Stop one; returns when nothing of it is left
    Stop {
        /// Its name
        name: String,
    },
    /// Stop and start one
    Restart {
        /// Its name
        name: String,
    },
    /// Put a fresh process in its place without a failed call; reads plugins.json again
    Reload {
        /// Its name
        name: String,
    },
    /// Show the newest lines of its log
    Logs {
        /// Its name
        name: String,
        /// Lines, at most 10,000
        #[arg(short = 'n', long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        lines: u32,
    },
}

#[derive(Deserialize)]
struct Lines {
    lines: Vec<LogLine>,
}

/// Does it and prints the report.
pub(crate) fn run(args: Args, settings: &Settings) -> anyhow::Result<Exit> {
    match args.what {
        What::Ls => {
            let report: PluginReport = block_on(local::get(settings, "/admin/plugins"))?;
            match settings.json {
                true => output::print_json(&report)?,
                false => output::print(&plain(&report))?,
            }
        }
        What::Start { name } => order(&name, "start", settings)?,
        What::Stop { name } => order(&name, "stop", settings)?,
        What::Restart { name } => order(&name, "restart", settings)?,
        What::Reload { name } => order(&name, "reload", settings)?,
        What::Logs { name, lines } => logs(&name, lines, settings)?,
    }
    Ok(Exit::Good)
}

/// Names go into an address; what no plugin can be called is not asked for.
fn path(name: &str) -> String {
    let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    format!("/admin/plugins/{name}")
}

fn order(name: &str, verb: &str, settings: &Settings) -> anyhow::Result<()> {
    let path = format!("{}/{verb}", path(name));
    let call = local::call(settings, Method::POST, &path, None::<&()>);
    let status: PluginStatus = block_on(call)?;
    match settings.json {
        true => output::print_json(&status),
        false => output::print(&line(&status)),
    }
}

fn logs(name: &str, lines: u32, settings: &Settings) -> anyhow::Result<()> {
    let path = format!("{}/logs?limit={lines}", path(name));
    let found: Lines = block_on(local::get(settings, &path))?;
    if settings.json {
        return output::print_json(&found.lines);
    }
    let text = found.lines.iter().fold(String::new(), |mut text, line| {
        let level = format!("{:?}", line.level).to_lowercase();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} {level:5} {}", line.at, line.message);
        text
    });
    output::print(&text)
}

fn plain(report: &PluginReport) -> String {
    match report.plugins.is_empty() {
        true => "no plugins; plugins/plugins.json in the home would name them\n".to_owned(),
        false => report.plugins.iter().map(line).collect(),
    }
}

/// One plugin in one line.
fn line(status: &PluginStatus) -> String {
    let state = format!("{:?}", status.state).to_lowercase();
    let mut parts = vec![status.capabilities.join(", ")];
    parts.retain(|part| !part.is_empty());
    parts.push(format!("calls {}", status.calls));
    if status.failures > 0 {
        parts.push(format!("failed {}", status.failures));
    }
    parts.extend(status.memory_bytes.map(|bytes| format!("{} MiB", bytes >> 20)));
    if status.state != PluginState::Running && !status.cause.is_empty() {
        parts.push(status.cause.clone());
    }
    parts.extend(status.next_try_ms.map(|ms| format!("next try in {ms} ms")));
    format!("{:16} {state:9} {}\n", status.name, parts.join(" · "))
}
