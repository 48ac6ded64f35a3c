//! Our own questions to programs: a short command, its answer within limits, nothing to type.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use thiserror::Error;

use super::environment::Variables;
use super::spawn::{self, Started};
use super::tree::Tree;
use crate::tools::{self, Found};

/// Bytes read at once.
const BUFFER_BYTES: usize = 64 * 1024;
/// How long output is awaited when something the program left behind keeps a pipe open.
const DRAIN: Duration = Duration::from_millis(50);
/// What is not wanted any more may end by itself for so long.
const GRACE: Duration = Duration::from_secs(5);
/// Without a pipe to wait on, the end is looked for so often.
const LOOK_EVERY: Duration = Duration::from_micros(200);

/// Limits of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Then the program and all it started are killed. In milliseconds.
    pub timeout_ms: u64,
    /// Bytes kept of stdout, and as many of stderr; what is over is counted.
    pub max_output_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { timeout_ms: 10_000, max_output_bytes: 16 * 1024 * 1024 }
    }
}

/// A question to a program.
#[derive(Clone, Copy, Debug)]
pub struct Capture<'a> {
    /// Program and arguments. A plain name is searched on PATH of `environment`.
    pub argv: &'a [OsString],
    /// Absolute working directory.
    pub dir: &'a Path,
    /// The whole environment; [`minimal_environment`] is enough for most programs.
    pub environment: &'a Variables,
    /// Limits.
    pub limits: Limits,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// Exit code, unless a signal ended the program.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: Vec<u8>,
    /// What it wrote to stderr.
    pub stderr: Vec<u8>,
    /// Bytes of both streams over the limit.
    pub omitted_bytes: u64,
    /// The time limit was over and the program was killed.
    pub timed_out: bool,
    /// It was ended because its answer was not wanted any more.
    pub cancelled: bool,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// Why a program could not be asked.
#[derive(Debug, Error)]
pub enum CaptureError {
    /// The program is missing or cannot be executed.
    #[error("program `{0}` is missing")]
    Missing(String),
    /// The system refused.
    #[error("asking `{program}` failed")]
    System {
        /// The program.
        program: String,
        /// The system's answer.
        source: io::Error,
    },
}

/// Variables that programs need to find themselves and their settings.
const MINIMAL: &[&str] = &["PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "PREFIX", "SYSTEMROOT"];

/// The few variables of `variables` that programs need, and English output (`LC_ALL=C`).
#[must_use]
pub fn minimal_environment(variables: &Variables) -> Variables {
    let is_needed = |name: &OsString| MINIMAL.iter().any(|needed| name == needed);
    let mut minimal: Variables =
        variables.iter().filter(|(name, _)| is_needed(name)).cloned().collect();
    minimal.push(("LC_ALL".into(), "C".into()));
    minimal
}

/// Asks a program: stdin is empty, output is kept up to the limit, and after the time limit the
/// program and everything it started is killed.
///
/// # Errors
///
/// [`CaptureError`] when it cannot be started. A non-zero exit is an answer, not an error.
pub fn capture(question: Capture<'_>) -> Result<Captured, CaptureError> {
    capture_until(question, &AtomicBool::new(false))
}

/// As [`capture`], for an answer that may become unwanted: once another thread sets `cancel`, the
/// program gets SIGTERM and, when it has not ended five seconds later, is killed with all it started.
///
/// # Errors
///
/// As [`capture`].
pub fn capture_until(question: Capture<'_>, cancel: &AtomicBool) -> Result<Captured, CaptureError> {
    capture_watched(question, cancel, &mut |_| {})
}

/// The same; `watch` gets what the program writes to stderr as it comes, also what is over the limit.
///
/// # Errors
///
/// As [`capture`].
pub fn capture_watched(
    question: Capture<'_>,
    cancel: &AtomicBool,
    watch: &mut dyn FnMut(&[u8]),
) -> Result<Captured, CaptureError> {
    let name = question.argv.first().map(OsString::as_os_str).unwrap_or_default();
    let path = question.environment.iter().find(|(name, _)| name == "PATH");
    let path = path.map(|(_, value)| value.as_os_str()).unwrap_or_default();
    let Found::Program(program) = tools::find_for_task(name, path, question.dir) else {
        return Err(CaptureError::Missing(name.to_string_lossy().into_owned()));
    };
    ask(question, &program, cancel, watch).map_err(|source| CaptureError::System {
        program: OsStr::to_string_lossy(name).into_owned(),
        source,
    })
}

fn ask(
    question: Capture<'_>,
    program: &Path,
    cancel: &AtomicBool,
    watch: &mut dyn FnMut(&[u8]),
) -> io::Result<Captured> {
    let started_at = Instant::now();
    let (output, write_output) = io::pipe()?;
    let (error, write_error) = io::pipe()?;
    let mut command = spawn::command(program);
    command.args(question.argv.iter().skip(1)).current_dir(question.dir);
    command.envs(question.environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(write_output).stderr(write_error).process_group(0);
    let mut process = Started::new(|| command.spawn())?;
    // The command holds the write ends; only the program may.
    drop(command);
    let mut asked = Asked {
        streams: [Kept::new(output.into())?, Kept::new(error.into())?],
        max_bytes: question.limits.max_output_bytes,
        deadline: started_at.checked_add(Duration::from_millis(question.limits.timeout_ms)),
        timed_out: false,
        cancel,
        cancelled: false,
        watch,
    };
    let status = asked.listen(&mut process)?;
    let [stdout, stderr] = asked.streams;
    Ok(Captured {
        code: status.code(),
        signal: status.signal(),
        omitted_bytes: stdout.omitted_bytes + stderr.omitted_bytes,
        stdout: stdout.bytes,
        stderr: stderr.bytes,
        timed_out: asked.timed_out && !asked.cancelled,
        cancelled: asked.cancelled,
        duration_ms: u64::try_from(started_at.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

struct Asked<'a> {
    streams: [Kept; 2],
    max_bytes: usize,
    deadline: Option<Instant>,
    /// Whether it was killed.
    timed_out: bool,
    cancel: &'a AtomicBool,
    cancelled: bool,
    watch: &'a mut dyn FnMut(&[u8]),
}

impl Asked<'_> {
    fn listen(&mut self, process: &mut Started) -> io::Result<ExitStatus> {
        let mut ended: Option<(ExitStatus, Instant)> = None;
        let mut buffer = Vec::with_capacity(BUFFER_BYTES);
        loop {
            let all_closed = self.streams.iter().all(|stream| stream.source.is_none());
            match ended {
                Some((status, _)) if all_closed => return Ok(status),
                Some((status, at)) if at.elapsed() >= DRAIN => return Ok(status),
                Some(_) => {}
                None => {
                    // Programs end right after closing their streams: waiting costs nothing then.
                    let status = process.0.try_wait()?;
                    ended = status.map(|status| (status, Instant::now()));
                    if ended.is_none() && self.is_cancelled() {
                        self.cancelled = true;
                        self.deadline = Some(Instant::now() + GRACE);
                        let _ = kill_process(Pid::from_child(&process.0), Signal::TERM);
                    }
                    if ended.is_none() && self.is_late() {
                        self.timed_out = true;
                        kill(process);
                    }
                    if all_closed && ended.is_none() {
                        thread::sleep(LOOK_EVERY);
                    }
                }
            }
            if !all_closed {
                self.read(&mut buffer, ended.is_some())?;
            }
        }
    }

    fn is_cancelled(&self) -> bool {
        !self.cancelled && self.cancel.load(Ordering::Relaxed)
    }

    fn is_late(&self) -> bool {
        !self.timed_out && self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    fn read(&mut self, buffer: &mut Vec<u8>, has_ended: bool) -> io::Result<()> {
        let left = self.deadline.map(|at| at.saturating_duration_since(Instant::now()));
        // Without a signal to wake us, the end of a program that left its pipes to another is
        // looked for from time to time.
        let wait = if has_ended || self.timed_out { DRAIN / 5 } else { DRAIN };
        let wait = left.filter(|_| !self.timed_out).map_or(wait, |left| wait.min(left));
        let wait = Timespec::try_from(wait + LOOK_EVERY).ok();
        let mut wishes: Vec<PollFd<'_>> = self
            .streams
            .iter()
            .filter_map(|stream| Some(PollFd::new(stream.source.as_ref()?, PollFlags::IN)))
            .collect();
        match poll(&mut wishes, wait.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        drop(wishes);
        let max_bytes = self.max_bytes;
        let [output, error] = &mut self.streams;
        output.read(buffer, max_bytes);
        error.read(buffer, max_bytes);
        if !buffer.is_empty() {
            (self.watch)(buffer);
        }
        Ok(())
    }
}

fn kill(process: &Started) {
    let child = Pid::from_child(&process.0);
    Tree { child, own_group: true, owns_orphans: false }.kill();
}

struct Kept {
    source: Option<OwnedFd>,
    bytes: Vec<u8>,
    omitted_bytes: u64,
}

impl Kept {
    fn new(source: OwnedFd) -> io::Result<Self> {
        fcntl_setfl(&source, fcntl_getfl(&source)? | OFlags::NONBLOCK)?;
        Ok(Self { source: Some(source), bytes: Vec::new(), omitted_bytes: 0 })
    }

    fn read(&mut self, buffer: &mut Vec<u8>, max_bytes: usize) {
        buffer.clear();
        let Some(source) = &self.source else { return };
        match rustix::io::read(source, spare_capacity(buffer)) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            Ok(0) | Err(_) => self.source = None,
            Ok(length) => {
                let room = max_bytes.saturating_sub(self.bytes.len()).min(length);
                self.bytes.extend_from_slice(&buffer[..room]);
                self.omitted_bytes += (length - room) as u64;
            }
        }
    }
}
