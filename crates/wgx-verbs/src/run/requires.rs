//! Outside programs and packages that a task names in the profile (`requires`).
//!
//! Missing Debian packages are installed as root in CI, after one question in a terminal, and otherwise
//! only named: the task runs and finds their names in `WGX_MISSING`.

use std::cell::LazyCell;
use std::ffi::OsString;
use std::path::Path;

use wgx_tasks::platform::is_deb_name;
use wgx_tasks::process::capture::minimal_environment;
use wgx_tasks::process::{Capture, Launch, Limits, RunOptions, capture, run};
use wgx_tasks::sources::Discovery;
use wgx_tasks::tools::{self, Requirement};

use super::plan::Step;
use super::{Dialogue, RunRequest};
use crate::context::Context;
use crate::{machine, trust};

/// Variable that tells a task what it will miss.
pub(super) const MISSING: &str = "WGX_MISSING";
/// Longest time for the package database to answer, in milliseconds.
const QUERY_TIMEOUT_MS: u64 = 10_000;

/// What is missing for a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Missing {
    packages: Vec<String>,
    /// What is asked for as a package and can be none.
    wrong: Vec<String>,
    tools: Vec<String>,
}

impl Missing {
    fn names(&self) -> String {
        let all = self.packages.iter().chain(&self.wrong).chain(&self.tools);
        all.map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.wrong.is_empty() && self.tools.is_empty()
    }
}

/// Looks at what the steps that will run require, installs what may be installed, and returns the names of what is still
/// missing (empty when nothing is).
pub(super) fn settle(
    context: &Context,
    request: &RunRequest,
    found: &Discovery,
    steps: &[&Step],
    dialogue: &dyn Dialogue,
) -> String {
    let mut missing = look(context, request, found, steps);
    if missing.is_empty() {
        return String::new();
    }
    for name in &missing.wrong {
        dialogue.note(&format!("`{name}` in requires.apt can be no package; it counts as missing"));
    }
    if !missing.packages.is_empty() && may_install(context, request, &missing, dialogue) {
        install(context, &missing.packages, dialogue);
        missing = look(context, request, found, steps);
    }
    let names = missing.names();
    if !names.is_empty() {
        dialogue.note(&format!("missing: {names}; what needs them will not run"));
    }
    names
}

fn look(context: &Context, request: &RunRequest, found: &Discovery, steps: &[&Step]) -> Missing {
    let trusted = LazyCell::new(|| request.yes || trust::stands(context));
    let requires =
        steps.iter().filter_map(|step| step.task).map(|index| &found.tasks[index].requires);
    let mut missing = Missing::default();
    for requires in requires {
        let (apt, wrong): (Vec<&String>, Vec<&String>) =
            requires.apt.iter().partition(|package| is_deb_name(package));
        missing.wrong.extend(wrong.into_iter().cloned());
        let apt = apt.into_iter().filter(|package| !is_installed(context, package));
        missing.packages.extend(apt.cloned());
        let tools = requires.tools.iter();
        let lacking = tools.filter(|(name, wanted)| !has_tool(context, name, wanted, &|| *trusted));
        missing.tools.extend(lacking.map(|(name, wanted)| format!("{name}({wanted})")));
    }
    missing.packages.sort_unstable();
    missing.packages.dedup();
    missing
}

/// Packages count by their program where there is no Debian package database (`strace` is `strace`).
fn is_installed(context: &Context, package: &str) -> bool {
    let path = context.variable("PATH").unwrap_or_default();
    if tools::find_program("dpkg-query", path.as_ref()).is_none() {
        return tools::find_program(package, path.as_ref()).is_some();
    }
    let argv: Vec<OsString> =
        ["dpkg-query", "--show", "--showformat=${db:Status-Status}", "--", package]
            .map(Into::into)
            .into();
    let limits = Limits { timeout_ms: QUERY_TIMEOUT_MS, ..Limits::default() };
    let environment = minimal_environment(&context.environment.kept);
    let asked = capture(Capture {
        argv: &argv,
        dir: &context.root.path,
        environment: &environment,
        limits,
    });
    asked.is_ok_and(|answer| answer.stdout.starts_with(b"installed"))
}

/// Without trust a tool is asked outside the root, where no file of the repository chooses what answers.
fn has_tool(context: &Context, name: &str, wanted: &str, is_trusted: &dyn Fn() -> bool) -> bool {
    let path = context.variable("PATH").unwrap_or_default();
    if tools::find_program(name, path.as_ref()).is_none() {
        return false;
    }
    let Ok(requirement) = Requirement::parse(wanted) else { return true };
    if wanted.trim() == "*" {
        return true;
    }
    let is_trusted = is_trusted();
    let environment = machine::questions_environment(context, is_trusted);
    let asking = tools::Asking {
        path: path.as_ref(),
        environment: &environment,
        dir: if is_trusted { &context.root.path } else { Path::new("/") },
        is_trusted,
        timeout_ms: tools::VERSION_TIMEOUT_MS,
        context: "",
    };
    match tools::version(name, asking, &mut tools::Facts::default()) {
        Some(version) => requirement.fits(&version),
        // A tool that tells no version is there; only a wrong version is a fault.
        None => true,
    }
}

fn may_install(
    context: &Context,
    request: &RunRequest,
    missing: &Missing,
    dialogue: &dyn Dialogue,
) -> bool {
    let root = rustix::process::geteuid().is_root();
    let path = context.variable("PATH").unwrap_or_default();
    if !root || tools::find_program("apt-get", path.as_ref()).is_none() {
        let packages = missing.packages.join(" ");
        dialogue.note(&format!("to install what is missing: sudo apt-get install {packages}"));
        return false;
    }
    let question = format!("Install {} with apt-get?", missing.packages.join(", "));
    context.ci || request.yes || dialogue.confirm(&question)
}

fn install(context: &Context, packages: &[String], dialogue: &dyn Dialogue) {
    let update = ["apt-get", "-o", "DPkg::Lock::Timeout=120", "-qq", "update"];
    let install = [
        "apt-get",
        "-o",
        "DPkg::Lock::Timeout=120",
        "-qq",
        "-y",
        "--no-install-recommends",
        "install",
        "--",
    ];
    let update: Vec<OsString> = update.map(Into::into).into();
    let install: Vec<OsString> =
        install.map(Into::into).into_iter().chain(packages.iter().map(Into::into)).collect();
    for argv in [update, install] {
        if let Err(error) = apt(context, argv) {
            dialogue.note(&format!("apt-get failed: {error}"));
            return;
        }
    }
}

fn apt(context: &Context, argv: Vec<OsString>) -> Result<(), String> {
    let path = context.variable("PATH").unwrap_or_default();
    let program = tools::find_program("apt-get", path.as_ref()).ok_or("there is no apt-get")?;
    let set = [("DEBIAN_FRONTEND".into(), "noninteractive".into())].into();
    let launch = Launch {
        argv,
        program,
        cwd: context.root.path.clone(),
        set,
        unset: Vec::new(),
        base: context.environment.kept.clone(),
        arguments_unused: false,
    };
    let outcome = run(&launch, RunOptions { inherit: true, ..RunOptions::default() });
    let outcome = outcome.map_err(|error| error.to_string())?;
    match outcome.exit_code() {
        0 => Ok(()),
        code => Err(format!("it ended with {code}")),
    }
}
