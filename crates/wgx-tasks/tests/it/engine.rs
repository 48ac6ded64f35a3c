//! Runs the engine in a process of its own: signals, terminals and process trees belong to a whole
//! process, so tests cannot share one.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pty_process::blocking as pty;
use serde_json::{Value, json};
use tempfile::TempDir;
use wgx_tasks::process::{
    self, CleanEnvironment, Launch, LaunchRequest, LogSink, ParallelJob, ParallelObserver,
    ParallelOptions, ParallelResult, RunOptions, Stream,
};
use wgx_tasks::task::{Invocation, Program};

/// What the test harness prints before the task starts ends with this.
const MARK: &[u8] = b"<<task starts>>\n";
const REQUEST: &str = "WGX_TEST_ENGINE_REQUEST";

/// A task to run in an engine of its own.
pub(crate) struct Engine {
    pub(crate) dir: TempDir,
    request: Value,
}

/// What an engine left behind.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) report: Value,
    pub(crate) took: Duration,
}

impl Engine {
    pub(crate) fn shell(script: &str) -> Self {
        Self::request(json!({ "shell": [script] }))
    }

    pub(crate) fn parallel(scripts: &[&str]) -> Self {
        Self::request(json!({ "shell": scripts, "parallel": 2 }))
    }

    fn request(request: Value) -> Self {
        Self { dir: TempDir::new().unwrap(), request }
    }

    pub(crate) fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.request[key] = value.into();
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The command that starts the engine; `cwd` of the task is the temporary folder.
    #[expect(clippy::disallowed_methods, reason = "the test starts the engine under test")]
    pub(crate) fn command(&self) -> Command {
        let mut request = self.request.clone();
        request["root"] = self.dir.path().to_str().unwrap().into();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["engine::entry", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env(REQUEST, request.to_string());
        command
    }

    /// Starts the engine with the default for every signal: whoever starts the tests may ignore some (`nohup`), and the
    /// engine keeps what it inherits.
    #[expect(clippy::disallowed_methods, reason = "the test starts the engine under test")]
    pub(crate) fn spawn(&self) -> Child {
        let engine = self.command();
        let mut command = Command::new("env");
        command.arg("--default-signal").arg(engine.get_program()).args(engine.get_args());
        for (name, value) in engine.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    pub(crate) fn run(&self) -> Ended {
        self.wait(self.spawn())
    }

    pub(crate) fn wait(&self, child: Child) -> Ended {
        let started = Instant::now();
        let output = child.wait_with_output().unwrap();
        Ended {
            code: output.status.code(),
            stdout: after_mark(&output.stdout),
            stderr: output.stderr,
            report: self.report(),
            took: started.elapsed(),
        }
    }

    pub(crate) fn report(&self) -> Value {
        let text = fs::read_to_string(self.path("report.json")).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Waits until the task has written `name`, and reads it as a process id.
    pub(crate) fn pid(&self, name: &str) -> i32 {
        let path = self.path(name);
        wait_for(&format!("{name} to be written"), || {
            fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok())
        })
    }

    /// Runs the engine on a terminal of 30 rows and 100 columns.
    pub(crate) fn on_terminal(&self) -> Terminal {
        self.on_terminal_with(self.command())
    }

    pub(crate) fn on_terminal_with(&self, command: Command) -> Terminal {
        let (master, slave) = pty::open().unwrap();
        master.resize(pty_process::Size::new(30, 100)).unwrap();
        let modes_before = modes(&master);
        let child = pty::Command::from(command).spawn(slave).unwrap();
        Terminal { master, child, seen: Vec::new(), started: Instant::now(), modes_before }
    }
}

/// A terminal with an engine on it, seen from the person's side.
pub(crate) struct Terminal {
    pub(crate) master: pty::Pty,
    pub(crate) child: Child,
    modes_before: Modes,
    seen: Vec<u8>,
    started: Instant,
}

impl Terminal {
    pub(crate) fn type_keys(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until `text` is on the screen.
    pub(crate) fn wait_for(&mut self, text: &str) {
        while !String::from_utf8_lossy(&self.seen).contains(text) {
            let more = self.read();
            let seen = String::from_utf8_lossy(&self.seen);
            assert!(more, "the terminal never showed {text:?}:\n{seen}");
        }
        // What was seen does not count again.
        let seen = String::from_utf8_lossy(&self.seen).into_owned();
        let end = seen.find(text).unwrap() + text.len();
        self.seen = seen.as_bytes()[end..].to_vec();
    }

    /// The terminal has its settings from before the engine started.
    pub(crate) fn is_as_before(&self) -> bool {
        modes(&self.master) == self.modes_before
    }

    /// Reads to the end and returns everything not yet seen, with the exit code.
    pub(crate) fn finish(mut self) -> (String, Option<i32>) {
        while self.read() {}
        let status = self.child.wait().unwrap();
        (String::from_utf8_lossy(&self.seen).into_owned(), status.code())
    }

    fn read(&mut self) -> bool {
        assert!(self.started.elapsed() < Duration::from_secs(60), "the terminal hangs");
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let limit = Timespec { tv_sec: 20, tv_nsec: 0 };
        let ready = poll(&mut [PollFd::new(&self.master, PollFlags::IN)], Some(&limit));
        // A child of another test ended: its signal interrupts every waiting call.
        if ready == Err(rustix::io::Errno::INTR) {
            return true;
        }
        let ready = ready.unwrap();
        let seen = String::from_utf8_lossy(&self.seen).into_owned();
        assert!(ready > 0, "nothing happens on the terminal any more:\n{seen}");
        let mut buffer = [0; 4096];
        let length = match self.master.read(&mut buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return true,
            read => read.unwrap_or(0),
        };
        self.seen.extend_from_slice(&buffer[..length]);
        length > 0
    }
}

/// Input, output and local modes.
type Modes = (u32, u32, u32);

fn modes(terminal: &pty::Pty) -> Modes {
    let settings = rustix::termios::tcgetattr(terminal).unwrap();
    let output = settings.output_modes.bits();
    (settings.input_modes.bits(), output, settings.local_modes.bits())
}

pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A process that can still do something.
pub(crate) fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

pub(crate) fn kill(pid: i32, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
}

fn after_mark(output: &[u8]) -> Vec<u8> {
    let at = output.windows(MARK.len()).position(|window| window == MARK);
    output[at.expect("the engine started") + MARK.len()..].to_vec()
}

#[derive(Default)]
struct Log {
    output: Vec<u8>,
    error: Vec<u8>,
    terminal: Vec<u8>,
    fails: bool,
}

impl LogSink for Log {
    fn write(&mut self, stream: Stream, bytes: &[u8]) -> std::io::Result<()> {
        if self.fails {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        match stream {
            Stream::Output => self.output.extend_from_slice(bytes),
            Stream::Error => self.error.extend_from_slice(bytes),
            Stream::Terminal => self.terminal.extend_from_slice(bytes),
        }
        Ok(())
    }

    fn gap(&mut self, bytes: u64) -> std::io::Result<()> {
        self.output.extend_from_slice(format!("<gap {bytes}>").as_bytes());
        Ok(())
    }
}

struct NoObserver;

impl ParallelObserver for NoObserver {
    fn starting(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }

    fn finished(&self, _: usize, _: &ParallelResult) {}
}

#[test]
#[ignore = "the program that other tests start"]
#[expect(clippy::disallowed_methods, reason = "the request comes through the environment")]
#[expect(clippy::exit, reason = "the exit code is what is tested")]
fn entry() {
    let Ok(request) = std::env::var(REQUEST) else {
        return;
    };
    let request: Value = serde_json::from_str(&request).unwrap();
    std::io::stdout().write_all(MARK).unwrap();
    std::io::stdout().flush().unwrap();
    let code =
        if request["parallel"].is_u64() { run_parallel(&request) } else { run_one(&request) };
    std::process::exit(code);
}

fn run_one(request: &Value) -> i32 {
    let launch = launches(request).remove(0);
    let mut log = Log { fails: request["log_fails"] == true, ..Log::default() };
    let mut options = RunOptions {
        log: Some(&mut log),
        inherit: request["inherit"] == true,
        timeout_ms: request["timeout_ms"].as_u64(),
        kill_grace_ms: request["kill_grace_ms"].as_u64().unwrap_or(300),
        ..RunOptions::default()
    };
    if let Some(grace) = request["interrupt_grace_ms"].as_u64() {
        options.interrupt_grace_ms = grace;
    }
    let outcome = process::run(&launch, options).unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]).into_owned();
    write_report(
        request,
        &json!({
            "code": outcome.code, "signal": outcome.signal, "timed_out": outcome.timed_out,
            "stopped_by": outcome.stopped_by, "on_terminal": outcome.on_terminal,
            "seen_bytes": outcome.log.seen_bytes, "kept_bytes": outcome.log.kept_bytes,
            "omitted_bytes": outcome.log.omitted_bytes,
            "log_error": outcome.log.error.as_ref().map(ToString::to_string),
            "output": text(&log.output), "error": text(&log.error),
            "terminal": text(&log.terminal), "peak_kib": peak_kib(),
        }),
    );
    outcome.exit_code()
}

fn run_parallel(request: &Value) -> i32 {
    let launches = launches(request).into_iter().enumerate();
    let jobs = launches
        .map(|(index, launch)| ParallelJob { name: format!("task{index}"), launch, log: None })
        .collect();
    let options = ParallelOptions {
        width: NonZeroUsize::new(2).unwrap(),
        keep_going: request["keep_going"] == true,
        timeout_ms: request["timeout_ms"].as_u64(),
        kill_grace_ms: 300,
        ..ParallelOptions::default()
    };
    let results = process::run_parallel(jobs, options, &NoObserver);
    let codes: Vec<Option<i32>> = results
        .iter()
        .map(|result| match result {
            ParallelResult::Ran(outcome) => Some(outcome.exit_code()),
            _ => None,
        })
        .collect();
    write_report(request, &json!({ "codes": codes }));
    i32::from(!results.iter().all(ParallelResult::is_success))
}

fn write_report(request: &Value, report: &Value) {
    let path = Path::new(request["root"].as_str().unwrap()).join("report.json");
    fs::write(path, report.to_string()).unwrap();
}

#[expect(
    clippy::disallowed_methods,
    reason = "the engine under test gets its environment passed in"
)]
fn launches(request: &Value) -> Vec<Launch> {
    let kept = std::env::vars_os().filter(|(name, _)| name != REQUEST).collect();
    let environment = CleanEnvironment { kept, removed: Vec::new() };
    let scripts = request["shell"].as_array().unwrap();
    scripts
        .iter()
        .map(|script| {
            let program = Program::Shell(script.as_str().unwrap().to_owned());
            let invocation = Invocation {
                program,
                dir: String::new(),
                env_defaults: Vec::new(),
                env: Vec::new(),
            };
            process::launch(LaunchRequest {
                invocation: &invocation,
                root: Path::new(request["root"].as_str().unwrap()),
                args: &[] as &[OsString],
                environment: &environment,
            })
            .unwrap()
        })
        .collect()
}

fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
