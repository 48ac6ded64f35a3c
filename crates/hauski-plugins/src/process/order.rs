//! What the host and the keeper of a plugin say to each other.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Byte that asks the keeper to send SIGTERM to the whole tree.
pub(super) const TERM: u8 = b'T';
/// Byte that asks the keeper to end the whole tree now; so does the end of the connection.
pub(super) const KILL: u8 = b'K';

/// What to start. The descriptors that come with it: the connection, then the program where `program_fd`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// The roles' own program and its first arguments.
    pub(super) init: Vec<PathBuf>,
    pub(super) command: Vec<String>,
    pub(super) program: PathBuf,
    pub(super) program_fd: bool,
    pub(super) cwd: PathBuf,
    pub(super) env: BTreeMap<String, String>,
    pub(super) wiring: Wiring,
    pub(super) memory_bytes: u64,
    pub(super) files: u32,
}

/// Where the plugin finds its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Wiring {
    /// On descriptor 3; standard input is empty, standard output is log.
    Fd,
    /// On standard input and output.
    Stdio,
}

/// What the keeper reports, one JSON object a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Report {
    /// The plugin runs under this process id.
    Started(i32),
    /// It could not be started.
    Failed(String),
    /// It has ended, and nothing of it is left.
    Ended(Exit),
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Nobody saw how.
    Unknown,
}

impl Exit {
    /// Whether it ended by itself and without an error.
    pub(crate) fn is_success(self) -> bool {
        self == Self::Code(0)
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "it ended with exit code {code}"),
            Self::Signal(number) => match signal_name(*number) {
                Some(name) => write!(f, "it was ended by SIG{name}"),
                None => write!(f, "it was ended by signal {number}"),
            },
            Self::Unknown => write!(f, "its keeper was ended, so nobody saw how it ended"),
        }
    }
}

fn signal_name(number: i32) -> Option<&'static str> {
    let names = [
        (1, "HUP"),
        (2, "INT"),
        (3, "QUIT"),
        (4, "ILL"),
        (6, "ABRT"),
        (7, "BUS"),
        (8, "FPE"),
        (9, "KILL"),
        (11, "SEGV"),
        (13, "PIPE"),
        (15, "TERM"),
        (24, "XCPU"),
        (25, "XFSZ"),
        (31, "SYS"),
    ];
    names.iter().find(|(n, _)| *n == number).map(|(_, name)| *name)
}
