//! The only place that reads the environment: options and variables become [`Settings`] once.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use contracts::hauski::config::Source;
use policy::{FileName, Paths};

use hauski_plugins::sandbox::Waivers;

use crate::cli::Shared;
use crate::exit::{Exit, Failure};
use crate::options::{Given, Info, OPTIONS};

/// Everything about this call that is not a verb's own option.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Folder of all files of the daemon (`HAUSKI_HOME`), absolute.
    pub(crate) home: PathBuf,
    /// Whether that folder was named for this call (`--home`, `HAUSKI_HOME`); a repository's own memory does
    /// not count then.
    pub(crate) home_is_explicit: bool,
    /// Where each policy file is read.
    pub(crate) policies: Paths,
    /// The `./policies` that rules only because the call was made in its folder, outside the home; nobody named it.
    pub(crate) unnamed_policies: Option<PathBuf>,
    /// The folder that `--policies` names.
    pub(crate) policy_folder: Option<PathBuf>,
    /// The file that lists the plugins (`HAUSKI_PLUGINS`); default `plugins/plugins.json` in the home.
    pub(crate) plugins_file: PathBuf,
    /// Folders that get copies of the audit log's checkpoints (`HAUSKI_AUDIT_ANCHORS`, separated by `:` as in PATH);
    /// default none.
    pub(crate) audit_anchors: Vec<PathBuf>,
    /// Whether the scripted engine for tests may be loaded (`HAUSKI_TEST_PLUGINS`, `--test-plugins`); default no.
    pub(crate) test_plugins: bool,
    /// Whether only the memory is served, without plugins.
    pub(crate) only_memory: bool,
    /// What flags and variables say about the settings of `options.rs`.
    pub(crate) given: Given,
    /// Whether standard error is read by a person.
    pub(crate) stderr_is_terminal: bool,
    /// The environment as it was at the start, for secret references and for processes that inherit parts of it.
    pub(crate) environment: BTreeMap<OsString, OsString>,
    /// The working folder.
    pub(crate) cwd: PathBuf,
    /// Whether a report is wanted as JSON.
    pub(crate) json: bool,
}

impl Settings {
    /// Resolves options, variables and defaults, in this order of weight.
    pub(crate) fn resolve(shared: &Shared) -> anyhow::Result<Self> {
        let environment = environment();
        let cwd = working_directory()?;
        let reader = Reader { environment: &environment, cwd: &cwd };
        let home = reader.home(shared.home.as_deref())?;
        let home_is_explicit = shared.home.is_some() || reader.raw("HAUSKI_HOME").is_some();
        Ok(Self {
            unnamed_policies: reader.unnamed_policies(shared.policies.as_deref(), &home),
            policies: reader.policies(shared.policies.as_deref())?,
            policy_folder: shared.policies.clone(),
            plugins_file: reader
                .path("HAUSKI_PLUGINS")
                .unwrap_or_else(|| home.join("plugins/plugins.json")),
            audit_anchors: reader.paths("HAUSKI_AUDIT_ANCHORS"),
            only_memory: false,
            test_plugins: reader.raw("HAUSKI_TEST_PLUGINS").is_some_and(|value| value == "1"),
            given: reader.given()?,
            stderr_is_terminal: std::io::stderr().is_terminal(),
            json: shared.json,
            home_is_explicit,
            home,
            environment,
            cwd,
        })
    }

    /// A variable of the environment as text.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variable_os(name)?.to_str()
    }

    /// A variable of the environment, which need not be text.
    pub(crate) fn variable_os(&self, name: &str) -> Option<&OsStr> {
        let value = self.environment.get(&OsString::from(name))?;
        (!value.is_empty()).then_some(value)
    }

    /// Layers of the sandbox that the person has given up for single plugins (`HAUSKI_SANDBOX_WAIVE`).
    pub(crate) fn sandbox_waivers(&self) -> anyhow::Result<Waivers> {
        let text = self.variable("HAUSKI_SANDBOX_WAIVE").unwrap_or_default();
        text.parse().map_err(|reason: String| {
            let hint = "write name:layer, several with commas; see docs/sandbox.md";
            Failure::new(format!("HAUSKI_SANDBOX_WAIVE: {reason}"), hint).exit(Exit::Config).into()
        })
    }

    /// The Unix socket for the owner of this machine's account.
    pub(crate) fn socket(&self) -> PathBuf {
        self.run_folder().join("hauski.sock")
    }

    /// Folder of what lives only as long as the daemon.
    pub(crate) fn run_folder(&self) -> PathBuf {
        self.home.join("run")
    }
}

/// Reads single variables and says which one is at fault.
struct Reader<'a> {
    environment: &'a BTreeMap<OsString, OsString>,
    cwd: &'a Path,
}

impl Reader<'_> {
    fn raw(&self, name: &str) -> Option<&OsString> {
        self.environment.get(&OsString::from(name)).filter(|value| !value.is_empty())
    }

    fn paths(&self, name: &str) -> Vec<PathBuf> {
        let list = self.raw(name).map(std::env::split_paths).into_iter().flatten();
        list.filter(|path| !path.as_os_str().is_empty()).map(|path| self.cwd.join(path)).collect()
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.raw(name).map(|value| self.cwd.join(value))
    }

    /// The variables of all settings that are set.
    fn given(&self) -> anyhow::Result<Given> {
        // The name that every exporter of traces knows counts where our own says nothing.
        let other = |info: &Info| match info.name {
            "otlp_endpoint" => self.raw("OTEL_EXPORTER_OTLP_ENDPOINT"),
            _ => None,
        };
        let set = OPTIONS
            .iter()
            .filter_map(|info| Some((info, self.raw(info.variable).or_else(|| other(info))?)));
        let read = |(info, value): (&Info, &OsString)| {
            let text = value.to_str().ok_or_else(|| {
                Failure::new(format!("{} is not UTF-8", info.variable), "set it anew")
                    .exit(Exit::Usage)
            })?;
            Ok((info.name, (text.to_owned(), Source::Environment)))
        };
        set.map(read).collect()
    }

    /// `--home`, else `HAUSKI_HOME`, else `$XDG_DATA_HOME/hauski`, else `~/.local/share/hauski`. A folder
    /// of a repository is never taken by itself: keys do not belong there.
    fn home(&self, option: Option<&Path>) -> anyhow::Result<PathBuf> {
        if let Some(home) = option {
            return Ok(self.cwd.join(home));
        }
        if let Some(home) = self.path("HAUSKI_HOME") {
            return Ok(home);
        }
        Ok(self.xdg("XDG_DATA_HOME", ".local/share")?.join("hauski"))
    }

    /// A folder of the XDG specification, which says to ignore relative paths.
    fn xdg(&self, name: &str, below_home: &str) -> anyhow::Result<PathBuf> {
        let named = self.raw(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = self.raw("HOME").map(PathBuf::from).or_else(std::env::home_dir);
        named.or_else(|| Some(home?.join(below_home))).ok_or_else(|| {
            Failure::new("there is no home folder", "set HAUSKI_HOME to a folder of your own")
                .exit(Exit::Usage)
                .into()
        })
    }

    /// `./policies`, where it holds a policy file.
    fn own_policies(&self) -> Option<PathBuf> {
        let own = self.cwd.join("policies");
        FileName::ALL.iter().any(|name| own.join(name.as_str()).exists()).then_some(own)
    }

    /// `./policies` of a folder that is not the daemon's own, where neither option nor variables name the files.
    fn unnamed_policies(&self, option: Option<&Path>, home: &Path) -> Option<PathBuf> {
        let own = self.own_policies().filter(|own| option.is_none() && !own.starts_with(home))?;
        let variables = ["HAUSKI_ROUTING", "HAUSKI_LIMITS", "HAUSKI_MEMORY", "HAUSKI_MODELS"];
        variables.iter().any(|variable| self.raw(variable).is_none()).then_some(own)
    }

    /// `--policies`, else the first folder that has one of the files; a variable names a single file.
    fn policies(&self, option: Option<&Path>) -> anyhow::Result<Paths> {
        if let Some(folder) = option {
            return Ok(Paths::in_dir(&self.cwd.join(folder)));
        }
        let folder = match self.own_policies() {
            Some(own) => own,
            None => self.xdg("XDG_CONFIG_HOME", ".config")?.join("hauski/policies"),
        };
        let variables = [
            ("HAUSKI_ROUTING", FileName::Routing),
            ("HAUSKI_LIMITS", FileName::Limits),
            ("HAUSKI_MEMORY", FileName::Memory),
            ("HAUSKI_MODELS", FileName::Models),
        ];
        Ok(variables.into_iter().fold(Paths::in_dir(&folder), |paths, (variable, name)| match self
            .path(variable)
        {
            Some(file) => paths.with(name, file),
            None => paths,
        }))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the place that reads the environment")]
fn environment() -> BTreeMap<OsString, OsString> {
    std::env::vars_os().collect()
}

#[expect(clippy::disallowed_methods, reason = "this is the place that reads the working directory")]
fn working_directory() -> anyhow::Result<PathBuf> {
    use anyhow::Context;
    std::env::current_dir().context("cannot read the working directory")
}
