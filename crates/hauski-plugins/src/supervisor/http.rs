//! The folder in which a plugin listens for HTTP. It is a small file system of the plugin's own, made in its sandbox; the
//! daemon holds a descriptor of it and goes in through that alone, along no link and to nothing but a socket.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use tokio::net::UnixStream;

use crate::sandbox::HTTP_SOCKET;

/// The folder of one instance.
#[derive(Debug)]
pub struct HttpFolder(OwnedFd);

impl HttpFolder {
    pub(crate) fn new(folder: OwnedFd) -> Self {
        Self(folder)
    }

    /// Connects to what listens there now.
    ///
    /// # Errors
    ///
    /// When nothing listens; or when the plugin has put something else in the place of its socket, a link for example.
    pub async fn connect(&self) -> io::Result<UnixStream> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
        let socket = rustix::fs::openat2(&self.0, HTTP_SOCKET, flags, Mode::empty(), within)?;
        let about = rustix::fs::fstat(&socket)?;
        if FileType::from_raw_mode(about.st_mode) != FileType::Socket {
            return Err(io::Error::other("what lies in its place is no socket"));
        }
        // Through the descriptor: whatever has the name by now, this very socket is meant.
        UnixStream::connect(format!("/proc/self/fd/{}", socket.as_raw_fd())).await
    }
}
