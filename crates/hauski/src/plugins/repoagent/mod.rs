//! `repoagent`: looks at repositories and changes them, inside declared roots only. Reading shows no
//! secret; a patch is applied whole or not at all and can be taken back; commands come from a list.

mod analyze;
mod command;
mod commit;
mod draft;
mod journal;
mod patch;
mod place;
mod read;
mod search;
mod serve;
mod tree;

use std::path::{Path, PathBuf};

use contracts::hauski::protocol::{RpcError, code};
use redact::Redactor;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use wgx_tasks::process::Variables;

use place::Place;
pub(crate) use serve::serve;

/// What the plugin can be asked for.
pub(crate) const CAPABILITIES: &[&str] = &[
    "repo.analyze",
    "repo.tree",
    "repo.read",
    "repo.search",
    "repo.patch",
    "repo.revert",
    "repo.command",
    "repo.commit",
    "pr.draft",
];

/// Its settings in `plugins.json`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Folders that hold the repositories it may look at; absolute.
    roots: Vec<PathBuf>,
    /// Whether it may change files and commit there.
    write: bool,
    /// Programs it may start there.
    commands: Vec<Command>,
    /// Where it keeps what it needs to take patches back; absolute.
    state: Option<PathBuf>,
}

/// A program of the list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Command {
    /// How it is asked for.
    name: String,
    /// Program and fixed arguments.
    argv: Vec<String>,
    /// Whether the caller may add arguments.
    #[serde(default)]
    allow_args: bool,
    /// Seconds, 1 to 3,600; default 60.
    #[serde(default)]
    timeout_s: Option<u64>,
}

/// Why something was not done: a code of the protocol, what, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    code: i64,
    param: Option<&'static str>,
    message: String,
}

impl Fault {
    fn invalid(param: &'static str, message: impl Into<String>) -> Self {
        Self { code: code::INVALID_VALUE, param: Some(param), message: message.into() }
    }

    fn forbidden(message: impl Into<String>) -> Self {
        Self { code: code::FORBIDDEN, param: None, message: message.into() }
    }

    fn failed(message: impl Into<String>) -> Self {
        Self { code: -32_603, param: None, message: message.into() }
    }
}

impl From<Fault> for RpcError {
    fn from(fault: Fault) -> Self {
        let data = fault.param.map(|param| json!({ "param": param }));
        Self { code: fault.code, message: fault.message, data }
    }
}

/// The plugin without its connection.
pub(crate) struct Agent {
    roots: Vec<PathBuf>,
    write: bool,
    commands: Vec<Command>,
    journal: Option<journal::Journal>,
    environment: Variables,
    redactor: Redactor,
}

impl Agent {
    /// Takes its settings. Patches that a crash left half applied are taken back here.
    ///
    /// # Errors
    /// When the settings do not fit, or a half-applied patch cannot be taken back.
    pub(crate) fn new(config: Value, environment: Variables) -> Result<Self, Fault> {
        let config: Config = serde_json::from_value(config).map_err(|error| {
            Fault::invalid("config", format!("the settings do not fit: {error}"))
        })?;
        let mut roots = Vec::new();
        for root in config.roots {
            let is_absolute = root.is_absolute();
            let resolved = root.canonicalize().ok().filter(|path| is_absolute && path.is_dir());
            roots.push(resolved.ok_or_else(|| {
                let root = root.display();
                Fault::invalid("config", format!("roots: {root} is no absolute path of a folder"))
            })?);
        }
        for command in &config.commands {
            if command.argv.is_empty() || !(1..=3_600).contains(&command.timeout_s.unwrap_or(60)) {
                let name = &command.name;
                let what = "needs `argv` with a program and `timeout_s` from 1 to 3600";
                return Err(Fault::invalid("config", format!("commands: {name} {what}")));
            }
        }
        let journal = match config.state {
            Some(folder) if config.write => Some(journal::Journal::open(&folder)?),
            None if config.write => {
                let what = "`write` needs `state`, a folder for what takes patches back";
                return Err(Fault::invalid("config", what));
            }
            _ => None,
        };
        let agent = Self {
            roots,
            write: config.write,
            commands: config.commands,
            journal,
            environment,
            redactor: Redactor::for_merges(),
        };
        if let Some(journal) = &agent.journal {
            journal.recover(&agent.roots)?;
        }
        Ok(agent)
    }

    /// Does what a capability says. Blocks.
    ///
    /// # Errors
    /// When the parameters do not fit, the policy forbids it, or it went wrong; then nothing has changed.
    pub(crate) fn answer(&self, capability: &str, params: Value) -> Result<Value, Fault> {
        match capability {
            "repo.analyze" => analyze::analyze(self, &parameters(params)?),
            "repo.tree" => tree::tree(self, &parameters(params)?),
            "repo.read" => read::read(self, &parameters(params)?),
            "repo.search" => search::search(self, &parameters(params)?),
            "repo.patch" => patch::patch(self, &parameters(params)?),
            "repo.revert" => patch::revert(self, &parameters(params)?),
            "repo.command" => command::command(self, &parameters(params)?),
            "repo.commit" => commit::commit(self, &parameters(params)?),
            "pr.draft" => draft::draft(self, &parameters(params)?),
            _ => Err(Fault {
                code: -32_601,
                param: None,
                message: format!("repoagent has {}", CAPABILITIES.join(", ")),
            }),
        }
    }

    /// A repository that a caller names: it must lie in one of the roots.
    fn place(&self, repo: &str) -> Result<Place, Fault> {
        let path = Path::new(repo);
        let resolved = path.canonicalize().ok().filter(|_| path.is_absolute());
        let inside = resolved.filter(|path| self.roots.iter().any(|root| path.starts_with(root)));
        // One answer for what is missing and for what lies elsewhere: it tells nothing about the machine.
        let Some(inside) = inside else {
            return Err(Fault::forbidden("the repository lies in none of the declared roots"));
        };
        Place::open(&inside)
    }

    fn require_write(&self) -> Result<&journal::Journal, Fault> {
        self.journal.as_ref().filter(|_| self.write).ok_or_else(|| {
            Fault::forbidden(
                "repoagent may only read here; `config.write` in plugins.json allows more",
            )
        })
    }
}

fn parameters<T: DeserializeOwned>(params: Value) -> Result<T, Fault> {
    serde_json::from_value(params)
        .map_err(|error| Fault::invalid("params", format!("they do not fit: {error}")))
}

/// A number inside its range, or its default.
fn within(
    param: &'static str,
    given: Option<u64>,
    default: u64,
    range: std::ops::RangeInclusive<u64>,
) -> Result<usize, Fault> {
    let value = given.unwrap_or(default);
    if !range.contains(&value) {
        let (least, most) = (range.start(), range.end());
        return Err(Fault::invalid(param, format!("{value} is not between {least} and {most}")));
    }
    usize::try_from(value).map_err(|_| Fault::invalid(param, "too large for this machine"))
}

#[cfg(test)]
mod tests;
