//! What kind of machine this is, as a pure function of a recorded snapshot.
//!
//! A snapshot holds everything detection looks at, so a recording from a machine nobody has here is
//! judged exactly as on that machine. Which systems were only recorded: `docs/platforms.md`.

mod detect;
mod packages;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use detect::detect;
pub use packages::{PackageManager, is_deb_name};

/// Variables that detection looks at; no other variable enters a snapshot.
pub const MARKER_VARIABLES: [&str; 14] = [
    "TERMUX_VERSION",
    "PREFIX",
    "ANDROID_ROOT",
    "ANDROID_DATA",
    "HOME",
    "CODESPACES",
    "CODESPACE_NAME",
    "REMOTE_CONTAINERS",
    "REMOTE_CONTAINERS_IPC",
    "DEVCONTAINER",
    "WSL_DISTRO_NAME",
    "WSL_INTEROP",
    "container",
    "CI",
];

/// Files whose existence detection looks at.
pub const MARKER_FILES: [&str; 4] = [
    "/.dockerenv",
    "/run/.containerenv",
    "/usr/local/etc/vscode-dev-containers/meta.env",
    "/workspaces/.codespaces",
];

/// Everything that detection looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlatformSnapshot {
    /// Operating system this program was built for (`linux`, `macos`, `android`).
    pub os: String,
    /// The [`MARKER_VARIABLES`] that are set.
    pub variables: BTreeMap<String, String>,
    /// Text of `/etc/os-release` (or `/usr/lib/os-release`).
    pub os_release: Option<String>,
    /// Text of `/proc/version`.
    pub proc_version: Option<String>,
    /// The [`MARKER_FILES`] that exist.
    pub marker_files: BTreeSet<String>,
    /// Kernel name, as `uname -s`.
    pub kernel_name: String,
    /// Kernel release, as `uname -r`.
    pub kernel_release: String,
    /// Machine, as `uname -m`.
    pub machine: String,
    /// Whether the effective user is root.
    pub is_root: bool,
}

impl PlatformSnapshot {
    /// Records this machine. Of the environment only the [`MARKER_VARIABLES`] are kept. Reads a few
    /// small system files and starts no program.
    pub fn record(environment: &BTreeMap<OsString, OsString>) -> Self {
        let text = |value: &OsString| value.to_string_lossy().into_owned();
        let variables = MARKER_VARIABLES.iter().filter_map(|name| {
            let value = environment.get(OsStr::new(name))?;
            Some(((*name).to_owned(), text(value)))
        });
        let files = MARKER_FILES.iter().filter(|path| Path::new(path).exists());
        let uname = rustix::system::uname();
        Self {
            os: std::env::consts::OS.to_owned(),
            variables: variables.collect(),
            os_release: read_first(&["/etc/os-release", "/usr/lib/os-release"]),
            proc_version: read_first(&["/proc/version"]),
            marker_files: files.map(|path| (*path).to_owned()).collect(),
            kernel_name: uname.sysname().to_string_lossy().into_owned(),
            kernel_release: uname.release().to_string_lossy().into_owned(),
            machine: uname.machine().to_string_lossy().into_owned(),
            is_root: rustix::process::geteuid().is_root(),
        }
    }

    fn variable(&self, name: &str) -> &str {
        self.variables.get(name).map_or("", String::as_str)
    }

    fn is_set(&self, name: &str) -> bool {
        !self.variable(name).is_empty()
    }

    fn is_on(&self, name: &str) -> bool {
        !matches!(self.variable(name), "" | "0" | "false")
    }
}

fn read_first(paths: &[&str]) -> Option<String> {
    paths.iter().find_map(|path| std::fs::read_to_string(path).ok())
}

/// A detected machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// The operating system or distribution.
    pub system: System,
    /// Its name for people, with its version where it states one.
    pub label: String,
    /// Version of the distribution as it states it; empty where it states none.
    pub version: String,
    /// What the system runs in, outermost first; empty on a plain machine.
    pub surroundings: Vec<Surrounding>,
    /// Machine, as `uname -m`.
    pub machine: String,
    /// Whether the effective user is root.
    pub is_root: bool,
    /// Whether this is a CI job.
    pub is_ci: bool,
    /// The system's own package manager, where one is known.
    pub packages: Option<PackageManager>,
}

/// Operating systems and distributions that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the name of a well-known system")]
pub enum System {
    Debian,
    Ubuntu,
    PopOs,
    Fedora,
    Arch,
    Alpine,
    NixOs,
    OpenSuse,
    /// A Linux that is none of the above and not derived from one.
    OtherLinux,
    MacOs,
    Termux,
    /// Neither Linux nor macOS.
    Other,
}

impl System {
    /// Stable name for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debian => "debian",
            Self::Ubuntu => "ubuntu",
            Self::PopOs => "pop-os",
            Self::Fedora => "fedora",
            Self::Arch => "arch",
            Self::Alpine => "alpine",
            Self::NixOs => "nixos",
            Self::OpenSuse => "opensuse",
            Self::OtherLinux => "linux",
            Self::MacOs => "macos",
            Self::Termux => "termux",
            Self::Other => "other",
        }
    }
}

/// What a system can run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surrounding {
    /// Windows Subsystem for Linux, first generation.
    Wsl1,
    /// Windows Subsystem for Linux, second generation.
    Wsl2,
    /// GitHub Codespaces.
    Codespaces,
    /// A development container.
    Devcontainer,
    /// Any other container.
    Container,
}

impl Surrounding {
    /// Stable name for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wsl1 => "wsl1",
            Self::Wsl2 => "wsl2",
            Self::Codespaces => "codespaces",
            Self::Devcontainer => "devcontainer",
            Self::Container => "container",
        }
    }
}

#[cfg(test)]
mod tests;
