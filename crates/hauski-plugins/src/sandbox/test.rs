//! The start-up self-test: a probe in the sandbox tries the nine forbidden operations and looks around.

use std::collections::BTreeSet;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::init::Fact;
use super::init::probe::{self, Operation, Seen};
use super::launch::Channels;
use super::layer::Layer;
use super::plan::{Init, Plan, Refusal};

/// Time within which a missing layer is refused, at the latest.
const START: Duration = Duration::from_secs(5);

/// What the self-test found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfTest {
    /// Whether plugins may be started.
    pub passed: bool,
    /// The nine forbidden operations.
    pub operations: Vec<Operation>,
    /// What was seen of each layer.
    pub findings: Vec<Finding>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The layer that it shows.
    pub layer: Layer,
    /// Whether it is as it must be.
    pub holds: bool,
    /// What was seen.
    pub seen: String,
}

impl SelfTest {
    /// Why plugins are refused; none when all is well.
    pub fn refusal(&self) -> Option<Refusal> {
        let allowed = self.operations.iter().find(|operation| operation.allowed);
        let allowed = allowed.map(|operation| {
            Refusal::new(
                "self-test",
                format!("{} is possible: {}", operation.name, operation.answer),
            )
        });
        allowed.or_else(|| {
            let broken = self.findings.iter().find(|finding| !finding.holds)?;
            Some(Refusal::new(broken.layer, broken.seen.clone()))
        })
    }
}

/// Starts the probe in a sandbox without the layers in `without` (none in the usual case). Blocks for some ten milliseconds.
///
/// # Errors
///
/// When the sandbox itself cannot be had.
pub fn self_test(init: &Init, without: &BTreeSet<Layer>) -> Result<SelfTest, Refusal> {
    let fault = |reason: String| Refusal::new("self-test", reason);
    let plan = Plan::of_role(init, &["probe"], without)?;
    let mut launch = plan.launch(init, Channels::default())?;
    let child = launch.command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = child.map_err(|error| fault(error.to_string()))?;
    drop(launch.command);
    let mut text = String::new();
    let started = launch.guard.started(START);
    if started.is_ok()
        && let Some(mut out) = child.stdout.take()
    {
        out.read_to_string(&mut text).map_err(|error| fault(error.to_string()))?;
    }
    drop(launch.guard);
    child.wait().map_err(|error| fault(error.to_string()))?;
    started?;
    let seen = serde_json::from_str(&text).map_err(|error| fault(format!("the probe: {error}")))?;
    Ok(judge(seen))
}

/// The self-test, once in the life of a daemon and before its first plugin. Others that start meanwhile wait for it.
///
/// # Errors
///
/// Its refusal, for every plugin.
pub(crate) fn tested(init: &Init) -> Result<(), Refusal> {
    static RESULT: OnceLock<Result<(), Refusal>> = OnceLock::new();
    let test = || self_test(init, &BTreeSet::new())?.refusal().map_or(Ok(()), Err);
    RESULT.get_or_init(test).clone()
}

/// Which layers this machine gives, each tried by a process of its own.
///
/// # Errors
///
/// When that process cannot be started or says nothing.
pub fn matrix(init: &Init) -> Result<Vec<Fact>, Refusal> {
    let fault = |reason: String| Refusal::new("matrix", reason);
    #[expect(clippy::disallowed_methods, reason = "the sandbox starts its own role")]
    let output = Command::new(&init.program)
        .args(&init.role)
        .arg("matrix")
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .map_err(|error| fault(error.to_string()))?;
    serde_json::from_slice(&output.stdout).map_err(|error| fault(error.to_string()))
}

fn judge(seen: Seen) -> SelfTest {
    let outside = probe::namespaces();
    let mut findings = Vec::new();
    let mut add = |layer, holds, seen: String| findings.push(Finding { layer, holds, seen });
    for (layer, kind) in [
        (Layer::User, "user"),
        (Layer::Network, "net"),
        (Layer::Process, "pid"),
        (Layer::Ipc, "ipc"),
        (Layer::Hostname, "uts"),
        (Layer::ControlGroups, "cgroup"),
        (Layer::Files, "mnt"),
    ] {
        let own = seen.namespaces.get(kind);
        let holds = own.is_some() && own != outside.get(kind);
        let what = if holds { "its own" } else { "the daemon's, or not to be seen" };
        add(layer, holds, format!("{kind} namespace: {what}"));
    }
    add(
        Layer::User,
        !seen.further_namespace,
        said("further user namespace", seen.further_namespace),
    );
    add(Layer::Network, seen.devices == ["lo"], listed("network devices", &seen.devices));
    add(Layer::Process, seen.processes.is_empty(), listed("other processes", &seen.processes));
    add(
        Layer::Files,
        seen.writable.is_empty(),
        listed("writable folders of the system", &seen.writable),
    );
    let capabilities: Vec<_> = seen
        .status
        .iter()
        .filter(|(name, value)| name.starts_with("Cap") && value.bytes().any(|byte| byte != b'0'))
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    add(Layer::Privileges, capabilities.is_empty(), listed("capabilities", &capabilities));
    let is = |name: &str, value: &str| seen.status.get(name).is_some_and(|found| found == value);
    add(Layer::Privileges, is("NoNewPrivs", "1"), said("no_new_privs", is("NoNewPrivs", "1")));
    add(Layer::SystemCalls, is("Seccomp", "2"), said("filter of system calls", is("Seccomp", "2")));
    let extra: Vec<_> = seen.descriptors.iter().filter(|number| **number > 2).collect();
    add(Layer::Descriptors, extra.is_empty(), listed("descriptors above 2", &extra));
    let known = ["PATH", "HOME", "TMPDIR", "LANG", "HAUSKI_PLUGIN_NAME"];
    let foreign: Vec<_> =
        seen.variables.iter().filter(|name| !known.contains(&name.as_str())).collect();
    add(Layer::Environment, foreign.is_empty(), listed("variables of the daemon", &foreign));
    let allowed = seen.operations.iter().any(|operation| operation.allowed);
    let passed = !allowed && findings.iter().all(|finding| finding.holds);
    SelfTest { passed, operations: seen.operations, findings }
}

fn said(what: &str, yes: bool) -> String {
    format!("{what}: {}", if yes { "yes" } else { "no" })
}

fn listed(what: &str, all: &[impl std::fmt::Display]) -> String {
    let all: Vec<_> = all.iter().map(ToString::to_string).collect();
    format!("{what}: {}", if all.is_empty() { "none".to_owned() } else { all.join(", ") })
}
