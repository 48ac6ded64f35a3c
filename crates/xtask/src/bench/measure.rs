//! Runs programs in turn and takes their CPU and wall time.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::Serialize;
use wait4::Wait4 as _;

/// Runs before the first that counts: caches of the system and of wgx fill.
const WARM_UPS: usize = 3;

/// A program that is measured.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    program: PathBuf,
    arguments: Vec<OsString>,
    directory: PathBuf,
    variables: Vec<(&'static str, OsString)>,
}

/// What one program needed, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Figures {
    /// Median of user and system time.
    pub(super) cpu_ms: f64,
    /// The least of it.
    pub(super) cpu_min_ms: f64,
    /// Median of wall time.
    pub(super) wall_ms: f64,
    /// Median of the most memory it held, in MiB.
    pub(super) peak_mib: f64,
}

/// One run.
pub(super) struct Sample {
    cpu: Duration,
    wall: Duration,
    peak_bytes: u64,
}

impl Probe {
    /// A call in a folder. Its output goes nowhere, its input is empty.
    pub(super) fn new<A: AsRef<OsStr>>(program: &Path, arguments: &[A], directory: &Path) -> Self {
        Self {
            program: program.to_owned(),
            arguments: arguments.iter().map(|argument| argument.as_ref().to_owned()).collect(),
            directory: directory.to_owned(),
            variables: Vec::new(),
        }
    }

    /// With this memory.
    pub(super) fn home(mut self, home: &Path) -> Self {
        self.variables.push(("HAUSKI_HOME", home.into()));
        self
    }

    /// With this search path.
    pub(super) fn path(mut self, path: &OsStr) -> Self {
        self.variables.push(("PATH", path.to_owned()));
        self
    }

    /// The command, for those who do more with it than measuring.
    #[expect(clippy::disallowed_methods, reason = "a benchmark starts what it measures")]
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.directory);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// What it writes; for checks that the right thing is measured.
    pub(super) fn output(&self) -> anyhow::Result<String> {
        let mut command = self.command();
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
        let output = output.with_context(|| self.to_string())?;
        if !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr);
            bail!("`{self}` failed: {}", error.lines().next().unwrap_or_default());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn sample(&self) -> anyhow::Result<Sample> {
        let mut command = self.command();
        let began = Instant::now();
        let child = command.spawn().with_context(|| self.to_string())?;
        let ended = child.wait4()?;
        let wall = began.elapsed();
        if !ended.status.success() {
            bail!("`{self}` failed while it was measured");
        }
        let cpu = ended.rusage.utime + ended.rusage.stime;
        Ok(Sample { cpu, wall, peak_bytes: ended.rusage.maxrss })
    }
}

impl std::fmt::Display for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.program.file_name().unwrap_or_default().to_string_lossy();
        write!(f, "{name}")?;
        self.arguments.iter().try_for_each(|word| write!(f, " {}", word.to_string_lossy()))
    }
}

/// Measures several programs in turn, so that whatever else the machine does hits all of them alike.
pub(super) fn in_turn<const N: usize>(
    rounds: usize,
    probes: [&Probe; N],
) -> anyhow::Result<[Figures; N]> {
    for probe in probes {
        probe.output()?;
        for _ in 0..WARM_UPS {
            probe.sample()?;
        }
    }
    let mut samples = probes.map(|_| Vec::with_capacity(rounds));
    for round in 0..rounds {
        // Every other round backwards: none always follows the same other.
        for step in 0..N {
            let at = if round % 2 == 0 { step } else { N - 1 - step };
            samples[at].push(probes[at].sample()?);
        }
    }
    Ok(samples.map(|samples| Figures::of(&samples)))
}

impl Figures {
    fn of(samples: &[Sample]) -> Self {
        let cpu = sorted(samples.iter().map(|sample| sample.cpu));
        let wall = sorted(samples.iter().map(|sample| sample.wall));
        let mut peaks: Vec<f64> =
            samples.iter().map(|sample| sample.peak_bytes as f64 / 1_048_576.0).collect();
        peaks.sort_by(f64::total_cmp);
        Self {
            peak_mib: middle(&peaks),
            cpu_ms: middle(&cpu),
            cpu_min_ms: cpu.first().copied().unwrap_or(0.0),
            wall_ms: middle(&wall),
        }
    }
}

/// Durations in milliseconds, the shortest first.
pub(super) fn sorted(durations: impl Iterator<Item = Duration>) -> Vec<f64> {
    let mut all: Vec<f64> = durations.map(|duration| duration.as_secs_f64() * 1000.0).collect();
    all.sort_by(f64::total_cmp);
    all
}

fn middle(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}
