//! `hauski bench`: puts load on a daemon of this machine and says how fast it answered.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;

use crate::exit::{Exit, Failure};
use crate::load::{self, Figures, Plan, Target, Work, percentile};
use crate::output;
use crate::settings::Settings;

/// Options of `hauski bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Clients at once, each with a connection of its own
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1024))]
    clients: u32,
    /// Seconds that count
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    duration: u64,
    /// Seconds before anything counts
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(0..=600))]
    warm_up: u64,
    /// Path that is asked for
    #[arg(long, value_name = "PATH", default_value = "/health", conflicts_with = "chat")]
    path: String,
    /// Streams short chats of this model instead, and measures the time to the first token
    #[arg(long, value_name = "MODEL")]
    chat: Option<String>,
    /// A daemon of this machine, such as http://127.0.0.1:7070; HAUSKI_API_KEY holds a key [default: the
    /// Unix socket of the daemon of this home]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Write the figures in the fields of k6 to this file
    #[arg(long, value_name = "FILE")]
    summary_export: Option<PathBuf>,
}

/// Puts the load on, prints the figures, and fails when a request failed.
pub(crate) fn run(args: Args, settings: &Settings) -> anyhow::Result<Exit> {
    let target = match &args.url {
        Some(url) => Target::parse(url)?,
        None => Target::Unix(settings.socket()),
    };
    let plan = Plan {
        target,
        key: settings.variable("HAUSKI_API_KEY").map(str::to_owned),
        work: args.chat.map_or(Work::Get(args.path), Work::Chat),
        clients: args.clients,
        warm_up: Duration::from_secs(args.warm_up),
        duration: Duration::from_secs(args.duration),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let figures = runtime
        .block_on(load::run(&plan))
        .map_err(|error| Failure::new(format!("{error:#}"), "start the daemon: hauski serve"))?;
    let summary = load::summary(&plan, &figures);
    if let Some(file) = args.summary_export {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let mut text = serde_json::to_string_pretty(&summary)?;
        text.push('\n');
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    match settings.json {
        true => output::print_json(&summary)?,
        false => output::print(&plain(&figures))?,
    }
    if figures.requests() == 0 || figures.failed() > 0 {
        let (failed, all) = (figures.failed(), figures.requests());
        let message = format!("{failed} of {all} requests that count failed");
        return Err(Failure::new(message, "the daemon's log says why: hauski status").into());
    }
    Ok(Exit::Good)
}

fn plain(figures: &Figures) -> String {
    let mut text = format!("{} requests, {:.0} a second\n", figures.requests(), figures.rate());
    for (what, times) in
        [("whole answer", figures.whole_ms()), ("first token", figures.first_token_ms())]
    {
        if !times.is_empty() {
            let at = |percent| percentile(&times, percent);
            let (p50, p95, p99) = (at(50.0), at(95.0), at(99.0));
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{what:12}  p50 {p50:.3} ms  p95 {p95:.3} ms  p99 {p99:.3} ms");
        }
    }
    text
}
