//! How a plugin finds the connection to its host.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::FileType;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use crate::protocol::Stream;

/// How a plugin is connected to its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A socket that was handed down under this number; the host says it in `HAUSKI_PLUGIN_FD`.
    Fd(i32),
    /// Standard input and output. What the plugin prints by accident goes to standard error from then on.
    Stdio,
}

/// Why there is no connection to a host.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// `HAUSKI_PLUGIN_FD` is not the number of a descriptor.
    #[error("HAUSKI_PLUGIN_FD is {0:?}, which is not the number of a file descriptor")]
    NotANumber(String),
    /// Neither `--stdio` nor `HAUSKI_PLUGIN_FD`.
    #[error(
        "a plugin is started by its host: HAUSKI_PLUGIN_FD is not set and --stdio was not given"
    )]
    NoHost,
    /// The descriptor cannot be taken.
    #[error(
        "failed to take file descriptor {fd} from the host (a plugin in a sandbox that forbids it is declared with \"kind\": \"stdio\"): {source}"
    )]
    Fd {
        /// Its number.
        fd: i32,
        /// What the system says.
        source: io::Error,
    },
    /// Standard input and output cannot be used.
    #[error("failed to talk over standard input and output: {0}")]
    Stdio(#[source] io::Error),
}

impl Transport {
    /// From the value of `HAUSKI_PLUGIN_FD` and whether `--stdio` was given, which wins.
    ///
    /// # Errors
    ///
    /// When there is neither, or the value is no number.
    pub fn detect(plugin_fd: Option<&str>, stdio: bool) -> Result<Self, TransportError> {
        match plugin_fd {
            _ if stdio => Ok(Self::Stdio),
            Some(text) => {
                let number = text.parse().ok().filter(|number| *number >= 0);
                number.map(Self::Fd).ok_or_else(|| TransportError::NotANumber(text.to_owned()))
            }
            None => Err(TransportError::NoHost),
        }
    }

    pub(super) fn open(self) -> Result<Stream, TransportError> {
        match self {
            Self::Fd(0) | Self::Stdio => stdio().map_err(TransportError::Stdio),
            Self::Fd(fd) => inherited(fd).map_err(|source| TransportError::Fd { fd, source }),
        }
    }
}

/// Takes a second handle on a descriptor by its number, which std offers only as unsafe.
fn inherited(fd: i32) -> io::Result<Stream> {
    let this = pidfd_open(getpid(), PidfdFlags::empty())?;
    let socket = pidfd_getfd(&this, fd, PidfdGetfdFlags::empty())?;
    Stream::socket(socket)
}

fn stdio() -> io::Result<Stream> {
    let input = rustix::stdio::stdin();
    let output = rustix::stdio::stdout();
    let socket = is_socket(input)?;
    let read = own(input)?;
    let write = own(output)?;
    // Stray prints and reads of libraries must not meet the protocol.
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    if socket { Stream::socket(read) } else { Stream::pipes(read, write) }
}

fn own(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, 3)?)
}

fn is_socket(fd: impl AsFd) -> io::Result<bool> {
    Ok(FileType::from_raw_mode(rustix::fs::fstat(fd)?.st_mode) == FileType::Socket)
}
