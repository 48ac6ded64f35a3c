//! The machine that figures belong to, and the build of wgx that is measured.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, bail};
use serde::Serialize;

use crate::cargo;

/// What a figure is worth nothing without.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    /// Processor, as the kernel names it.
    pub(super) processor: String,
    /// Processors this process may use.
    pub(super) processors: usize,
    /// Kernel release.
    pub(super) kernel: String,
    /// Load average of the last minute when measuring began.
    pub(super) load: String,
    /// Size of the program in bytes.
    pub(super) program_bytes: u64,
}

impl Machine {
    pub(super) fn look(wgx: &std::path::Path) -> anyhow::Result<Self> {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
        let first_word =
            |text: String| text.split_whitespace().next().unwrap_or("unknown").to_owned();
        Ok(Self {
            processor: model
                .map_or(std::env::consts::ARCH, |name| name.trim_matches([' ', '\t', ':']))
                .to_owned(),
            processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            kernel: first_word(read("/proc/sys/kernel/osrelease")),
            load: first_word(read("/proc/loadavg")),
            program_bytes: fs::metadata(wgx)?.len(),
        })
    }
}

/// Builds a program as people install it and says where it lies.
pub(super) fn build(package: &str) -> anyhow::Result<PathBuf> {
    build_program(package, package)
}

/// Builds one program of a package as people install it and says where it lies.
pub(super) fn build_program(package: &str, name: &str) -> anyhow::Result<PathBuf> {
    build_target(&["--package", package], name)
}

/// Builds an example of a package, which measures what only its code can reach.
pub(super) fn build_example(package: &str, example: &str) -> anyhow::Result<PathBuf> {
    build_target(&["--package", package, "--example", example], example)
}

fn build_target(which: &[&str], name: &str) -> anyhow::Result<PathBuf> {
    let fixed = ["build", "--release", "--locked", "--message-format", "json-render-diagnostics"];
    let arguments = [&fixed[..], which].concat();
    let mut child = cargo(&arguments).stdout(Stdio::piped()).spawn().context("starting cargo")?;
    let output = child.stdout.take().context("cargo has no output")?;
    let mut program = None;
    for line in BufReader::new(output).lines() {
        let message: serde_json::Value = serde_json::from_str(&line?)?;
        if message["target"]["name"] == name
            && let Some(path) = message["executable"].as_str()
        {
            program = Some(PathBuf::from(path));
        }
    }
    if !child.wait()?.success() {
        bail!("{name} could not be built");
    }
    program.context("cargo named no program")
}

/// Progress on standard error.
#[expect(clippy::print_stderr, reason = "a chore talks to a person")]
pub(super) fn say(text: &str) {
    eprintln!("{text}");
}
