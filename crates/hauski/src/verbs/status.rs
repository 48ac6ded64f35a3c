//! `hauski status`: how the daemon of this home is. Exit code 1 when none runs.

use contracts::hauski::status::{Daemon, Report, SCHEMA};

use crate::exit::Exit;
use crate::local::{self, block_on};
use crate::output;
use crate::settings::Settings;

/// Options of `hauski status`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Asks and prints.
pub(crate) fn run(_: &Args, settings: &Settings) -> anyhow::Result<Exit> {
    let home = settings.home.display().to_string();
    let none = Report { schema: SCHEMA.to_owned(), running: false, home, daemon: None };
    let report: Report = block_on(async {
        match local::is_running(settings).await {
            true => local::get(settings, "/admin/status").await,
            false => Ok(none),
        }
    })?;
    match settings.json {
        true => output::print_json(&report)?,
        false => output::print(&plain(&report))?,
    }
    Ok(if report.running { Exit::Good } else { Exit::Findings })
}

fn plain(report: &Report) -> String {
    let Some(daemon) = &report.daemon else {
        return format!("no daemon runs in {}; `hauski serve` starts one\n", report.home);
    };
    let Daemon { pid, version, url, uptime_s, active_keys, plugins, plugins_running, .. } = daemon;
    let state = if daemon.ready { "ready" } else { "ending" };
    let mib = daemon.memory_bytes >> 20;
    let failed = match daemon.audit_failed {
        0 => String::new(),
        failed => format!("audit    {failed} events could not be written: see the log\n"),
    };
    let why = daemon
        .audit_failure
        .as_deref()
        .map_or_else(String::new, |why| format!("audit    cannot be written: {why}\n"));
    format!(
        "hauski {version} is {state}: {url}\n\
         process  {pid}, up {uptime_s} s, {mib} MiB\n\
         home     {}\n\
         plugins  {plugins_running} of {plugins} run\n\
         keys     {active_keys} work\n{failed}{why}",
        report.home
    )
}
