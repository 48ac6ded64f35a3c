//! Tasks run in a process of their own: this program once more, in a hidden role. A task's end, its
//! signals and its leftovers are then nobody's business but that process's.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wgx_tasks::process::{Capture, Limits, capture_watched};
use wgx_tasks::root::Root;
use wgx_verbs::context::{Context, Terminal, UseMemory};
use wgx_verbs::run::{self, RunRequest};

use super::tools::ToolError;

/// The hidden role.
pub(crate) const ROLE: &str = "task-child";
/// Bytes kept of what the role prints; the log of the task itself lies in the memory.
const MAX_BYTES: usize = 4 << 20;
/// Bytes of a job: an argument of a process may have 128 KiB.
const MAX_ORDER_BYTES: usize = 64 << 10;
/// Steps that one task brings along at most (its needs run before it, each within the time limit).
const MAX_STEPS: u64 = 8;
/// Time beyond a task's own limit that is left for recording its end.
const RECORDING_MS: u64 = 30_000;

/// What the role is to run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    /// Id of the task.
    pub(crate) task: String,
    /// What goes on to it.
    pub(crate) args: Vec<String>,
    /// Only show what would happen.
    pub(crate) dry_run: bool,
    /// Time limit of each step.
    pub(crate) timeout_ms: u64,
}

/// A job with the world of its repository.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    job: Job,
    cwd: PathBuf,
    root: PathBuf,
    home: PathBuf,
    user_home: PathBuf,
    ci: bool,
}

/// The answer of the role: the report of `wgx run --json`, or why there is none.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Report(Value),
    Refused { message: String, hint: String },
}

/// Runs a job in a process of its own and waits for its end. When `cancel` is set, the task is ended as
/// by Ctrl-C and its end is recorded. `watch` gets what the task prints, as it comes; `program` is this very program.
pub(crate) fn start(
    program: &Path,
    context: &Context,
    job: &Job,
    cancel: &AtomicBool,
    watch: &mut dyn FnMut(&[u8]),
) -> Result<Value, ToolError> {
    let broken = |what: String| ToolError::failed(what, "`wgx doctor` looks at this machine");
    let order = Order {
        job: Job { args: job.args.clone(), task: job.task.clone(), ..*job },
        cwd: context.cwd.clone(),
        root: context.root.path.clone(),
        home: context.home.clone(),
        user_home: context.user_home.clone(),
        ci: context.ci,
    };
    let order = serde_json::to_string(&order).map_err(|error| broken(error.to_string()))?;
    if order.len() > MAX_ORDER_BYTES {
        return Err(ToolError::invalid("args", "they are longer than 64 KiB together"));
    }
    let argv: [OsString; 3] = [program.to_owned().into(), ROLE.into(), order.into()];
    let question = Capture {
        argv: &argv,
        dir: &context.root.path,
        environment: &context.environment.kept,
        limits: Limits {
            timeout_ms: job.timeout_ms.saturating_mul(MAX_STEPS).saturating_add(RECORDING_MS),
            max_output_bytes: MAX_BYTES,
        },
    };
    let answer =
        capture_watched(question, cancel, watch).map_err(|error| broken(error.to_string()))?;
    if answer.cancelled {
        return Err(ToolError::failed(
            "the call was cancelled; the task was ended",
            "see run_history",
        ));
    }
    match serde_json::from_slice(&answer.stdout) {
        Ok(Answer::Report(report)) => Ok(report),
        Ok(Answer::Refused { message, hint }) => Err(ToolError::failed(message, hint)),
        Err(_) => Err(broken("the process of the task broke off".to_owned())),
    }
}

/// The hidden role: runs the one job that stands in its argument, and prints the answer.
///
/// # Errors
/// When the order cannot be read or the answer not be written.
pub(crate) fn run_task_child(
    order: &str,
    variables: wgx_tasks::process::Variables,
) -> anyhow::Result<()> {
    let order: Order = serde_json::from_str(order)?;
    let context = Context {
        cwd: order.cwd,
        root: Root { kind: wgx_tasks::root::find_root(&order.root)?.kind, path: order.root },
        environment: wgx_tasks::process::clean_environment(variables, "hauski"),
        user_home: order.user_home,
        home: order.home,
        use_memory: UseMemory::Auto,
        terminal: Terminal::default(),
        ci: order.ci,
    };
    let request = RunRequest {
        words: vec![order.job.task],
        args: order.job.args.into_iter().map(Into::into).collect(),
        dry_run: order.job.dry_run,
        yes: false,
        parallel: None,
        keep_going: false,
        timeout_ms: Some(order.job.timeout_ms),
        deadline: None,
        no_log: false,
        to_stderr: true,
        force_needs: false,
    };
    let answer = match run::run(&context, &request, &Silent) {
        Ok(report) => Answer::Report(serde_json::to_value(report)?),
        Err(error) => Answer::Refused { message: error.to_string(), hint: error.hint() },
    };
    let mut stdout = std::io::stdout().lock();
    serde_json::to_writer(&mut stdout, &answer)?;
    stdout.flush()?;
    Ok(())
}

/// Nobody is there to be asked: every question stays without answer.
struct Silent;

impl run::Dialogue for Silent {
    fn chosen(&self, _: &contracts::wgx::RunReport) {}

    fn starting(&self, _: &contracts::wgx::RunStep) {}

    fn note(&self, _: &str) {}

    fn answer(&self, _: &str) -> Option<bool> {
        None
    }

    fn choose(&self, _: &[contracts::wgx::Candidate]) -> Option<usize> {
        None
    }
}
