//! Tells systemd how the daemon is: `READY=1`, `STOPPING=1` and the watchdog, as sd_notify(3) says.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::settings::Settings;
use crate::state::AppState;

/// The socket of the service manager, if there is one.
pub(crate) struct Manager {
    socket: UnixDatagram,
    watchdog: Option<Duration>,
}

impl Manager {
    /// Connects to `NOTIFY_SOCKET`; a name that begins with `@` is abstract.
    pub(crate) fn connect(settings: &Settings) -> io::Result<Option<Self>> {
        let Some(name) = settings.variable_os("NOTIFY_SOCKET") else { return Ok(None) };
        let address = match name.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address)?;
        socket.set_nonblocking(true)?;
        Ok(Some(Self { socket, watchdog: watchdog(settings) }))
    }

    /// Sends one word.
    pub(crate) fn say(&self, word: &str) {
        if let Err(error) = self.socket.send(word.as_bytes()) {
            tracing::warn!(%error, word, "the service manager could not be told");
        }
    }

    /// Tells twice per watchdog time that the daemon is alive, until it ends.
    pub(crate) async fn watch(&self, state: &AppState) {
        let Some(watchdog) = self.watchdog else {
            return state.draining.cancelled().await;
        };
        loop {
            tokio::select! {
                () = state.draining.cancelled() => return,
                () = tokio::time::sleep(watchdog / 2) => self.say("WATCHDOG=1"),
            }
        }
    }
}

/// `WATCHDOG_USEC`, unless `WATCHDOG_PID` names another process.
fn watchdog(settings: &Settings) -> Option<Duration> {
    let other =
        settings.variable("WATCHDOG_PID").is_some_and(|pid| pid != std::process::id().to_string());
    let micros = settings.variable("WATCHDOG_USEC")?.parse().ok().filter(|micros| *micros > 0)?;
    (!other).then(|| Duration::from_micros(micros))
}
