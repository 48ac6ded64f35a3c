//! A small daemon: starts one plugin in its sandbox as standard input asks, and says what became of it.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use contracts::hauski::plugin::Plugin;
use hauski_plugins::sandbox::{Channels, Init, Paths, Plan, Refusal};
use serde::Deserialize;
use serde_json::{Value, json};

/// What to start.
#[derive(Deserialize)]
struct Request {
    plugin: Plugin,
    home: PathBuf,
    plugins: PathBuf,
    person: Option<PathBuf>,
    brokers: Option<PathBuf>,
    #[serde(default)]
    waive: String,
    /// Host path by path inside, to be shared.
    #[serde(default)]
    share: BTreeMap<PathBuf, PathBuf>,
    /// Where to write the number of this process.
    pid_file: Option<PathBuf>,
    /// A folder that becomes a link to another between the check and the start.
    swap: Option<(PathBuf, PathBuf)>,
}

pub(crate) fn run() -> ExitCode {
    let mut text = String::new();
    let request = io::stdin().read_to_string(&mut text).map(|_| serde_json::from_str(&text));
    let answer = match request {
        Ok(Ok(request)) => start(request).unwrap_or_else(|refusal| json!({ "refused": refusal })),
        other => json!({ "fault": format!("{other:?}", other = other.map(|r| r.map(|_| ()))) }),
    };
    #[expect(clippy::print_stdout, reason = "the answer")]
    {
        println!("{answer}");
    }
    ExitCode::SUCCESS
}

fn start(request: Request) -> Result<Value, Refusal> {
    let fault = |reason: String| Refusal { what: "lab".to_owned(), reason, hint: None };
    let paths = Paths {
        home: request.home,
        plugins: request.plugins,
        person: request.person,
        brokers: request.brokers,
        hidden: Vec::new(),
        waivers: request.waive.parse().map_err(fault)?,
    };
    let begun = Instant::now();
    let mut plan = Plan::new(&request.plugin, &paths)?;
    for (inside, host) in &request.share {
        plan.share(host, inside, hauski_plugins::sandbox::Access::Write)?;
    }
    let io_fault = |error: io::Error| fault(error.to_string());
    if let Some(file) = &request.pid_file {
        std::fs::write(file, std::process::id().to_string()).map_err(io_fault)?;
    }
    if let Some((folder, other)) = &request.swap {
        std::fs::remove_dir(folder).map_err(io_fault)?;
        std::os::unix::fs::symlink(other, folder).map_err(io_fault)?;
    }
    let program = std::env::current_exe().map_err(|error| fault(error.to_string()))?;
    let init = Init { program, role: vec!["sandbox-init".to_owned()] };
    let mut launch = plan.launch(&init, Channels::default())?;
    let started = launch.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = started.map_err(|error| fault(error.to_string()))?;
    drop(launch.command);
    launch.guard.started(Duration::from_secs(20))?;
    let micros = begun.elapsed().as_micros();
    let output = child.wait_with_output().map_err(|error| fault(error.to_string()))?;
    let ended = launch.guard.ended();
    Ok(json!({
        "stdout": String::from_utf8_lossy(&output.stdout),
        "stderr": String::from_utf8_lossy(&output.stderr),
        "init": { "code": output.status.code(), "signal": output.status.signal() },
        "code": ended.and_then(|ended| ended.code),
        "signal": ended.and_then(|ended| ended.signal),
        "out_of_memory": ended.is_some_and(|ended| ended.out_of_memory),
        "started_us": u64::try_from(micros).unwrap_or(u64::MAX),
    }))
}
