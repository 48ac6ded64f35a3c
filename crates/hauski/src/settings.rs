//! The only place that reads the environment: options and variables become [`Settings`] once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use policy::{FileName, Paths};

use crate::cli::Shared;
use crate::exit::{Exit, Failure};

/// Where the daemon listens unless told otherwise.
pub(crate) const DEFAULT_BIND: &str = "127.0.0.1:7070";

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
    /// Address to listen on; port 0 takes a free one.
    pub(crate) bind: SocketAddr,
    /// Whether `/config/*` answers (`HAUSKI_EXPOSE_CONFIG`).
    pub(crate) expose_config: bool,
    /// Origins of pages that may call the daemon besides its own (`HAUSKI_ALLOWED_ORIGIN`, separated by commas).
    pub(crate) allowed_origins: Vec<String>,
    /// Further host names that the daemon answers to (`HAUSKI_ALLOWED_HOST`, separated by commas).
    pub(crate) allowed_hosts: Vec<String>,
    /// How long a client may keep the daemon waiting for the head of a request, for more of its body, or for room to
    /// write to (`HAUSKI_CLIENT_TIMEOUT_MS`, 100 to 600,000); default 15 s.
    pub(crate) client_timeout: Duration,
    /// Least level of the log (`HAUSKI_LOG`: error, warn, info, debug, trace); default info.
    pub(crate) log_level: tracing::Level,
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
            policies: reader.policies(shared.policies.as_deref())?,
            bind: parse_bind(reader.text("HAUSKI_BIND")?.unwrap_or(DEFAULT_BIND), "HAUSKI_BIND")?,
            expose_config: reader.flag("HAUSKI_EXPOSE_CONFIG")?,
            allowed_origins: reader.list("HAUSKI_ALLOWED_ORIGIN")?,
            allowed_hosts: reader.list("HAUSKI_ALLOWED_HOST")?,
            client_timeout: reader.milliseconds("HAUSKI_CLIENT_TIMEOUT_MS", 15_000)?,
            log_level: reader.log_level()?,
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
        let value = self.environment.get(&OsString::from(name))?.to_str()?;
        (!value.is_empty()).then_some(value)
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

/// An address as `IP:PORT`; `[::1]:7070` for IPv6 and `localhost:PORT` for 127.0.0.1.
pub(crate) fn parse_bind(text: &str, source: &str) -> anyhow::Result<SocketAddr> {
    let text = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    text.parse().map_err(|_| {
        let message = format!("{source} is no address: {text}");
        let hint = "write IP:PORT, such as 127.0.0.1:7070 or [::1]:7070";
        Failure::new(message, hint).exit(Exit::Usage).into()
    })
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

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.raw(name).map(|value| self.cwd.join(value))
    }

    fn text(&self, name: &str) -> anyhow::Result<Option<&str>> {
        let Some(value) = self.raw(name) else { return Ok(None) };
        let text = value.to_str().ok_or_else(|| fault(name, "is not UTF-8", "set it anew"))?;
        Ok(Some(text))
    }

    fn flag(&self, name: &str) -> anyhow::Result<bool> {
        match self.text(name)? {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(_) => Err(fault(name, "is neither true nor false", "write true or false")),
        }
    }

    fn list(&self, name: &str) -> anyhow::Result<Vec<String>> {
        let text = self.text(name)?.unwrap_or_default();
        Ok(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Into::into).collect())
    }

    fn milliseconds(&self, name: &str, default: u64) -> anyhow::Result<Duration> {
        let Some(text) = self.text(name)? else { return Ok(Duration::from_millis(default)) };
        let number = text.parse().ok().filter(|ms| (100..=600_000).contains(ms));
        let number = number.ok_or_else(|| fault(name, "is out of range", "write 100 to 600000"))?;
        Ok(Duration::from_millis(number))
    }

    fn log_level(&self) -> anyhow::Result<tracing::Level> {
        let text = self.text("HAUSKI_LOG")?.unwrap_or("info");
        let hint = "write error, warn, info, debug or trace";
        text.parse().map_err(|_| fault("HAUSKI_LOG", "is no level", hint))
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

    /// `--policies`, else the first folder that has one of the files; a variable names a single file.
    fn policies(&self, option: Option<&Path>) -> anyhow::Result<Paths> {
        if let Some(folder) = option {
            return Ok(Paths::in_dir(&self.cwd.join(folder)));
        }
        let own = self.cwd.join("policies");
        let has_files = FileName::ALL.iter().any(|name| own.join(name.as_str()).exists());
        let folder = match has_files {
            true => own,
            false => self.xdg("XDG_CONFIG_HOME", ".config")?.join("hauski/policies"),
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

fn fault(name: &str, what: &str, hint: &str) -> anyhow::Error {
    Failure::new(format!("{name} {what}"), hint).exit(Exit::Usage).into()
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
