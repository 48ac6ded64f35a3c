//! Opens the listeners and hands their connections on, until the daemon ends.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::task::TaskTracker;

use super::auth::Caller;
use super::connection::{self, Peer};
use crate::exit::Failure;
use crate::state::AppState;

/// Time for the handshake of TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The open listeners.
pub(crate) struct Listeners {
    tcp: TcpListener,
    /// Encrypts what comes over TCP; only beyond loopback.
    tls: Option<TlsAcceptor>,
    unix: UnixListener,
}

impl Listeners {
    /// Opens both.
    pub(crate) async fn open(
        bind: SocketAddr,
        socket: &Path,
        tls: Option<TlsAcceptor>,
    ) -> anyhow::Result<Self> {
        let tcp = TcpListener::bind(bind).await.map_err(|error| {
            let hint = match error.kind() {
                io::ErrorKind::AddrInUse => "another program listens there (`hauski status` tells whether it is this daemon); choose another port with --bind",
                _ => "choose another address with --bind",
            };
            Failure::new(format!("cannot listen on {bind}: {error}"), hint)
        })?;
        Ok(Self { tcp, tls, unix: open_socket(socket).await? })
    }

    /// Where it listens; the port is the real one where 0 was asked for.
    pub(crate) fn url(&self) -> io::Result<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}", self.tcp.local_addr()?))
    }

    /// Accepts until draining begins; connections that are open go on in the tracker.
    pub(crate) async fn serve(self, router: Router, state: AppState, tracker: TaskTracker) {
        let owner = rustix::process::geteuid().as_raw();
        loop {
            tokio::select! {
                biased;
                () = state.draining.cancelled() => return,
                accepted = self.tcp.accept() => match accepted {
                    Ok((stream, address)) => {
                        // Small answers must not wait for more of them.
                        let _ = stream.set_nodelay(true);
                        let local = stream.local_addr().ok().map(|local| local.ip());
                        let scheme = if self.tls.is_some() { "https" } else { "http" };
                        let address = Some(address.ip());
                        let peer = Peer { caller: Caller::nobody(), address, local, scheme };
                        let (router, state) = (router.clone(), state.clone());
                        match self.tls.clone() {
                            None => tracker.spawn(connection::serve(stream, peer, router, state)),
                            Some(tls) => tracker.spawn(async move {
                                let Some(stream) = shake(&tls, stream).await else { return };
                                connection::serve(stream, peer, router, state).await;
                            }),
                        };
                    }
                    Err(error) => pause(&error).await,
                },
                accepted = self.unix.accept() => match accepted {
                    Ok((stream, _)) => {
                        let Some(caller) = owner_of(&stream, owner) else { continue };
                        let peer = Peer { caller, address: None, local: None, scheme: "http" };
                        let task = connection::serve(stream, peer, router.clone(), state.clone());
                        tracker.spawn(task);
                    }
                    Err(error) => pause(&error).await,
                },
            }
        }
    }
}

/// The handshake, which may not take long.
async fn shake(tls: &TlsAcceptor, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
    match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, "a handshake failed");
            None
        }
        Err(_) => None,
    }
}

/// A socket that nobody else can open; a dead one of a daemon that was killed is replaced.
async fn open_socket(path: &Path) -> anyhow::Result<UnixListener> {
    if UnixStream::connect(path).await.is_ok() {
        let message = format!("a daemon already serves {}", path.display());
        return Err(Failure::new(message, "stop it first, or give this one its own --home").into());
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot replace {}", path.display()));
        }
        _ => {}
    }
    let listener =
        UnixListener::bind(path).with_context(|| format!("cannot listen on {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// The owner of the daemon, if the kernel says that it is them.
fn owner_of(stream: &UnixStream, owner: u32) -> Option<Caller> {
    let uid = stream.peer_cred().ok()?.uid();
    if uid != owner {
        tracing::warn!(uid, "a connection of another user was refused");
        return None;
    }
    Some(Caller::owner(uid))
}

/// Out of file descriptors, most likely: other connections need time to end.
async fn pause(error: &io::Error) {
    tracing::warn!(%error, "a connection could not be accepted");
    tokio::time::sleep(Duration::from_millis(50)).await;
}
