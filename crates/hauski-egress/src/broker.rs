//! The broker: one Unix socket for a plugin without network, through which it reaches what the policy allows.
//!
//! The plugin says `CONNECT host:port HTTP/1.1` and speaks its own TLS through the tunnel. One connection is one
//! decision. The name in the plugin's TLS greeting must be the host it asked for. `docs/egress.md` has the protocol.

mod head;
mod hello;

use std::fmt::Write;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use policy::{Allowed, Decision};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use crate::ledger::{Decided, Outcome};
use crate::{Egress, EgressError};
use head::{Asked, HeadError};

/// Bounds of a broker.
#[derive(Clone, Copy, Debug)]
pub struct BrokerOptions {
    /// Tunnels at once; default 64. More are refused.
    pub max_tunnels: usize,
    /// Until the request, and then the TLS greeting, has arrived; default 10 s.
    pub greeting_timeout: Duration,
    /// The longest a tunnel lives; default one hour.
    pub tunnel_timeout: Duration,
}

impl Default for BrokerOptions {
    fn default() -> Self {
        Self {
            max_tunnels: 64,
            greeting_timeout: Duration::from_secs(10),
            tunnel_timeout: Duration::from_secs(3_600),
        }
    }
}

/// Serves one plugin.
#[derive(Clone, Debug)]
pub struct Broker {
    egress: Egress,
    actor: Arc<str>,
    options: BrokerOptions,
    room: Arc<Semaphore>,
}

/// Why a connection got no tunnel.
enum Refusal {
    /// It is no request of this protocol.
    Malformed(&'static str),
    /// There are too many tunnels.
    Full,
    /// The policy refuses it, or it cannot be reached.
    Egress(EgressError),
    /// The plugin went away or took too long; nobody is left to be told.
    Gone,
}

impl From<EgressError> for Refusal {
    fn from(error: EgressError) -> Self {
        Self::Egress(error)
    }
}

impl From<HeadError> for Refusal {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::Malformed(what) => Self::Malformed(what),
            HeadError::Gone => Self::Gone,
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl Broker {
    /// A broker on behalf of `actor`, such as `plugin:NAME`.
    pub fn new(egress: Egress, actor: impl Into<Arc<str>>, options: BrokerOptions) -> Self {
        let room = Arc::new(Semaphore::new(options.max_tunnels));
        Self { egress, actor: actor.into(), options, room }
    }

    /// Serves every connection of a socket; never ends by itself. Dropping the future closes the socket and with it
    /// every tunnel.
    ///
    /// # Errors
    /// When the socket cannot accept any more.
    pub async fn serve(&self, listener: UnixListener) -> io::Result<()> {
        let mut tunnels = tokio::task::JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let (stream, _) = accepted?;
                    let broker = self.clone();
                    tunnels.spawn(async move { broker.connection(stream).await });
                }
                Some(_) = tunnels.join_next() => {}
            }
        }
    }

    /// Serves one connection to its end.
    pub async fn connection(&self, mut stream: UnixStream) {
        let refusal = match self.tunnel(&mut stream).await {
            Ok(()) => return,
            Err(refusal) => refusal,
        };
        if let Refusal::Malformed(what) = refusal {
            self.record("request_malformed", "-").await;
            tracing::warn!(actor = %self.actor, what, "a request to the broker is malformed");
        }
        if let Some(answer) = answer(&refusal) {
            // Who is gone needs no answer.
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    }

    async fn tunnel(&self, plugin: &mut UnixStream) -> Result<(), Refusal> {
        let _slot = self.room.try_acquire().map_err(|_| Refusal::Full)?;
        let wait = self.options.greeting_timeout;
        let (asked, mut early) = tokio::time::timeout(wait, head::read(plugin))
            .await
            .map_err(|_| Refusal::Malformed("it did not arrive in time"))??;
        let mut policies = self.egress.changes();
        let allowed = self.decide(&asked).await?;
        let addresses = self.egress.check(&allowed, &self.actor, 0).await?;
        let (mut outside, _) = self.egress.connect_tcp(&allowed, &addresses).await?;
        plugin.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
        if allowed.origin().scheme().is_tls() {
            let greeting = hello::read(plugin, &mut early, &asked.host);
            match tokio::time::timeout(wait, greeting).await {
                Ok(Ok(())) => {}
                Ok(Err(reason)) => {
                    self.record(reason, &allowed.origin().to_string()).await;
                    return Err(Refusal::Gone);
                }
                Err(_) => return Err(Refusal::Gone),
            }
        }
        outside.write_all(&early).await?;
        let address = allowed.url().to_string();
        let copying = tokio::io::copy_bidirectional(plugin, &mut outside);
        tokio::select! {
            copied = copying => {
                if let Err(error) = copied {
                    tracing::debug!(%error, "a tunnel broke");
                }
            }
            () = tokio::time::sleep(self.options.tunnel_timeout) => {}
            // A tunnel does not outlive what allows it.
            () = async {
                while policies.changed().await.is_ok() {
                    let policy = Arc::clone(&policies.borrow_and_update());
                    if matches!(policy.decide(&address), Decision::Denied(_)) {
                        return;
                    }
                }
                std::future::pending::<()>().await;
            } => {}
        }
        Ok(())
    }

    /// `CONNECT` names no scheme: one's own machine is spoken to plainly, all else with TLS.
    async fn decide(&self, asked: &Asked) -> Result<Allowed, EgressError> {
        let Asked { host, port } = asked;
        let addresses = ["http", "https", "wss"].map(|scheme| format!("{scheme}://{host}:{port}/"));
        let policy = self.egress.policy();
        let found = addresses.iter().find(|one| matches!(policy.decide(one), Decision::Allowed(_)));
        // The refusal that a person understands is that of https.
        self.egress.decide(found.unwrap_or(&addresses[1]), &self.actor).await
    }

    async fn record(&self, reason: &'static str, target: &str) {
        let decided = Decided {
            at: SystemTime::now(),
            actor: self.actor.to_string(),
            target: target.to_owned(),
            outcome: Outcome::Denied,
            reason,
            address: None,
            redirects: 0,
        };
        if let Err(error) = self.egress.ledger().record(decided).await {
            tracing::error!(%error, "a refusal could not be recorded");
        }
    }
}

/// What the plugin is told: a status, the stable code and one sentence.
fn answer(refusal: &Refusal) -> Option<String> {
    let (status, code, message) = match refusal {
        Refusal::Gone => return None,
        Refusal::Malformed(what) => ("400 Bad Request", "request_malformed", (*what).to_owned()),
        Refusal::Full => {
            ("503 Service Unavailable", "too_many_tunnels", "too many tunnels".to_owned())
        }
        Refusal::Egress(error) => {
            let status = match error {
                EgressError::Denied(_) => "403 Forbidden",
                EgressError::TimedOut { .. } => "504 Gateway Timeout",
                EgressError::Unobserved(_) => "503 Service Unavailable",
                _ => "502 Bad Gateway",
            };
            (status, error.code(), error.to_string())
        }
    };
    let mut answer =
        format!("HTTP/1.1 {status}\r\nX-Hauski-Reason: {code}\r\nConnection: close\r\n");
    // Writing to a string cannot fail.
    let _ = write!(
        answer,
        "Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n{message}\n",
        message.len() + 1
    );
    Some(answer)
}

/// Reads more of what the plugin sends.
async fn read_more(stream: &mut UnixStream, buffer: &mut Vec<u8>) -> io::Result<()> {
    match stream.read_buf(buffer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}
