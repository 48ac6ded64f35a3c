//! Sending a request: decide, record, resolve, check, dial, follow redirects through the policy again.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use policy::{Allowed, Decision, EgressPolicy, Scheme};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::body::{Bounds, ResponseBody};
use crate::dial::Dialer;
use crate::ledger::{Decided, Ledger, Observe, Outcome};
use crate::pool::{Connection, Driver, Key, Pool, Return};
use crate::redirect;
use crate::request::Outgoing;
use crate::resolve::{Resolve, SystemResolver};
use crate::{EgressError, Roots};

/// Bounds and parts of an [`Egress`].
#[derive(Clone)]
pub struct Options {
    /// Who resolves names; default the system.
    pub resolver: Arc<dyn Resolve>,
    /// Who vouches for servers; default the system's authorities.
    pub roots: Roots,
    /// Is told every decision; default nobody.
    pub observer: Option<Arc<dyn Observe>>,
    /// To resolve a name; default 5 s.
    pub resolve_timeout: Duration,
    /// To connect, TLS included; default 10 s.
    pub connect_timeout: Duration,
    /// From the request to the head of its answer, and between two parts of the body; default 120 s.
    pub silence_timeout: Duration,
    /// For all of it, redirects and body included; default 600 s.
    pub total_timeout: Duration,
    /// Bytes of the body of an answer; default 64 MiB.
    pub max_body_bytes: u64,
    /// Redirects that are followed; default 10.
    pub max_redirects: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            resolver: Arc::new(SystemResolver::default()),
            roots: Roots::System,
            observer: None,
            resolve_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(10),
            silence_timeout: Duration::from_secs(120),
            total_timeout: Duration::from_secs(600),
            max_body_bytes: 64 << 20,
            max_redirects: 10,
        }
    }
}

/// The only way to the outside. Cheap to clone.
#[derive(Clone)]
pub struct Egress {
    shared: Arc<Shared>,
}

struct Shared {
    policy: watch::Sender<Arc<EgressPolicy>>,
    dialer: Dialer,
    pool: Arc<Pool>,
    ledger: Ledger,
    options: Options,
}

/// An answer.
#[derive(Debug)]
pub struct Incoming {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Who answered: scheme, host and port, after redirects.
    pub origin: String,
    /// Its body.
    pub body: ResponseBody,
}

impl Egress {
    /// Reads the certificate authorities; opens nothing.
    ///
    /// # Errors
    /// When a given authority is no certificate.
    pub fn new(policy: Arc<EgressPolicy>, options: Options) -> io::Result<Self> {
        let dialer = Dialer::new(&options)?;
        let ledger = Ledger::new(options.observer.clone());
        let pool = Arc::new(Pool::default());
        pool.only(policy.id());
        let policy = watch::Sender::new(policy);
        Ok(Self { shared: Arc::new(Shared { policy, dialer, pool, ledger, options }) })
    }

    /// The policy in force.
    pub fn policy(&self) -> Arc<EgressPolicy> {
        Arc::clone(&self.shared.policy.borrow())
    }

    /// Puts another policy in force: waiting connections are closed, rights to dial of the old one are decided again
    /// when they are used. What is under way ends by itself.
    pub fn reload(&self, policy: Arc<EgressPolicy>) {
        let id = policy.id();
        self.shared.policy.send_replace(policy);
        self.shared.pool.only(id);
    }

    /// The last decisions and their counts.
    pub fn ledger(&self) -> &Ledger {
        &self.shared.ledger
    }

    /// Connections that wait for reuse.
    pub fn idle_connections(&self) -> usize {
        self.shared.pool.idle()
    }

    /// Decides on an address and records a refusal; an allowance is recorded when it is used.
    ///
    /// # Errors
    /// The refusal, or that it could not be recorded.
    pub async fn decide(&self, address: &str, actor: &str) -> Result<Allowed, EgressError> {
        self.decide_redirected(address, actor, 0).await
    }

    async fn decide_redirected(
        &self,
        address: &str,
        actor: &str,
        redirects: u32,
    ) -> Result<Allowed, EgressError> {
        match self.policy().decide(address) {
            Decision::Allowed(allowed) => Ok(allowed),
            Decision::Denied(denied) => {
                let decided = Decided {
                    at: SystemTime::now(),
                    actor: actor.to_owned(),
                    target: denied.target.clone(),
                    outcome: Outcome::Denied,
                    reason: denied.reason.code(),
                    address: None,
                    redirects,
                };
                self.shared.ledger.record(decided).await?;
                Err(denied.into())
            }
        }
    }

    /// Sends a request and brings the head of its answer; the body streams. Dropping the future or the body cancels
    /// and closes the connection.
    ///
    /// # Errors
    /// See [`EgressError`]; a refusal of an address or of a redirect is one of them.
    pub async fn send(&self, outgoing: Outgoing) -> Result<Incoming, EgressError> {
        let total = self.shared.options.total_timeout;
        let until = Instant::now() + total;
        tokio::time::timeout_at(until, self.follow(outgoing, until))
            .await
            .map_err(|_| EgressError::TimedOut { what: "the answer", limit: total })?
    }

    async fn follow(
        &self,
        mut outgoing: Outgoing,
        until: Instant,
    ) -> Result<Incoming, EgressError> {
        let limit = self.shared.options.max_redirects;
        // A right of an older policy is worth nothing by itself.
        if outgoing.allowed.policy() != self.policy().id() {
            let address = outgoing.allowed.url().to_string();
            outgoing.allowed = self.decide(&address, &outgoing.actor).await?;
        }
        for redirects in 0.. {
            let incoming = self.attempt(&mut outgoing, until, redirects).await?;
            if !redirect::is_redirect(incoming.status) || !outgoing.follows_redirects {
                return Ok(incoming);
            }
            if redirects == limit {
                return Err(EgressError::TooManyRedirects(limit));
            }
            let origin = incoming.origin.clone();
            let next = redirect::location(&outgoing.allowed, &incoming.headers)
                .ok_or_else(|| EgressError::RedirectWithoutLocation { origin: origin.clone() })?;
            let allowed = self.decide_redirected(&next, &outgoing.actor, redirects + 1).await?;
            let (method, keeps_body) = redirect::method(incoming.status, &outgoing.method);
            if keeps_body && outgoing.body.is_stream() {
                return Err(EgressError::RedirectNeedsBody { origin });
            }
            if !keeps_body {
                outgoing.body = crate::OutgoingBody::Empty;
            }
            let same_origin = allowed.origin() == outgoing.allowed.origin();
            redirect::headers(&mut outgoing.headers, same_origin, keeps_body);
            (outgoing.method, outgoing.allowed) = (method, allowed);
        }
        Err(EgressError::TooManyRedirects(limit))
    }

    async fn attempt(
        &self,
        outgoing: &mut Outgoing,
        until: Instant,
        redirects: u32,
    ) -> Result<Incoming, EgressError> {
        let options = &self.shared.options;
        let origin = outgoing.allowed.origin().to_string();
        let mut request = Some(build(outgoing)?);
        let key = Key::of(&outgoing.allowed);
        let limit = options.silence_timeout;
        loop {
            let waiting = self.shared.pool.take(&key);
            let reused = waiting.is_some();
            let mut connection = match waiting {
                Some(connection) => {
                    self.record_reuse(
                        &outgoing.allowed,
                        &outgoing.actor,
                        connection.peer,
                        redirects,
                    )
                    .await?;
                    connection
                }
                None => self.open(&outgoing.allowed, &outgoing.actor, redirects).await?,
            };
            let Some(message) = request.take() else {
                return Err(EgressError::Request("its body cannot be sent twice"));
            };
            let head = tokio::time::timeout(limit, connection.sender.try_send_request(message))
                .await
                .map_err(|_| EgressError::TimedOut { what: "the head of the answer", limit })?;
            match head {
                Ok(response) => {
                    let (head, body) = response.into_parts();
                    let bounds = Bounds {
                        max_bytes: options.max_body_bytes,
                        silence: options.silence_timeout,
                        total: options.total_timeout,
                        until,
                    };
                    let back = Return { pool: Arc::clone(&self.shared.pool), key, connection };
                    let body = ResponseBody::new(body, origin.clone(), &bounds, back);
                    let (status, headers) = (head.status, head.headers);
                    return Ok(Incoming { status, headers, origin, body });
                }
                // The other side had closed the waiting connection before it took the request.
                Err(mut failed) if reused && failed.message().is_some() => {
                    request = failed.take_message();
                }
                Err(failed) => {
                    return Err(EgressError::Broken { origin, source: failed.into_error() });
                }
            }
        }
    }

    /// Resolves, checks, records and dials.
    async fn open(
        &self,
        allowed: &Allowed,
        actor: &str,
        redirects: u32,
    ) -> Result<Connection, EgressError> {
        let dialer = &self.shared.dialer;
        let addresses = self.check(allowed, actor, redirects).await?;
        let (stream, peer) = dialer.connect(allowed, &addresses).await?;
        let origin = allowed.origin().to_string();
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|source| EgressError::Broken { origin, source })?;
        let driver = Driver(tokio::spawn(async move {
            // What breaks here is told to the request that waits; an idle connection may end as it likes.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended");
            }
        }));
        Ok(Connection { sender, peer: peer.ip(), _driver: driver })
    }

    /// The checked addresses of a destination, with the decision recorded.
    pub(crate) async fn check(
        &self,
        allowed: &Allowed,
        actor: &str,
        redirects: u32,
    ) -> Result<Vec<IpAddr>, EgressError> {
        // Asking for a name already tells its server something, so a question without an answer is recorded too.
        let (outcome, reason, address, result) = match self.shared.dialer.addresses(allowed).await {
            Err(error) => (Outcome::Denied, "unresolved", None, Err(error)),
            Ok(Ok(addresses)) => {
                (Outcome::Allowed, "listed", addresses.first().copied(), Ok(addresses))
            }
            Ok(Err(refused)) => {
                let reason = refused.denied.reason.code();
                (Outcome::Denied, reason, Some(refused.address), Err(refused.denied.into()))
            }
        };
        let decided = Decided {
            at: SystemTime::now(),
            actor: actor.to_owned(),
            target: allowed.origin().to_string(),
            outcome,
            reason,
            address,
            redirects,
        };
        self.shared.ledger.record(decided).await?;
        result
    }

    /// Connects to checked addresses without TLS.
    pub(crate) async fn connect_tcp(
        &self,
        allowed: &Allowed,
        addresses: &[IpAddr],
    ) -> Result<(TcpStream, SocketAddr), EgressError> {
        self.shared.dialer.connect_tcp(allowed, addresses).await
    }

    /// Tells when another policy comes into force.
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<EgressPolicy>> {
        self.shared.policy.subscribe()
    }

    async fn record_reuse(
        &self,
        allowed: &Allowed,
        actor: &str,
        address: IpAddr,
        redirects: u32,
    ) -> Result<(), EgressError> {
        let decided = Decided {
            at: SystemTime::now(),
            actor: actor.to_owned(),
            target: allowed.origin().to_string(),
            outcome: Outcome::Allowed,
            reason: "listed",
            address: Some(address),
            redirects,
        };
        Ok(self.shared.ledger.record(decided).await?)
    }
}

/// The request on the wire: path and `Host` come from the decision, never from the caller.
fn build(
    outgoing: &mut Outgoing,
) -> Result<
    Request<http_body_util::combinators::UnsyncBoxBody<bytes::Bytes, crate::request::BodyError>>,
    EgressError,
> {
    let allowed = &outgoing.allowed;
    if allowed.origin().scheme() == Scheme::Wss {
        return Err(EgressError::Request("web sockets are not sent as requests"));
    }
    let url = allowed.url();
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let path: Uri = path.parse().map_err(|_| EgressError::Request("its path is none"))?;
    let host = HeaderValue::from_str(&allowed.origin().authority())
        .map_err(|_| EgressError::Request("its host is none"))?;
    let mut headers = outgoing.headers.clone();
    for name in [CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, UPGRADE] {
        headers.remove(name);
    }
    for name in ["proxy-authorization", "proxy-connection", "keep-alive", "te", "trailer"] {
        headers.remove(name);
    }
    headers.insert(HOST, host);
    let mut request = Request::new(outgoing.body.take());
    *request.method_mut() = outgoing.method.clone();
    *request.uri_mut() = path;
    *request.headers_mut() = headers;
    Ok(request)
}

impl std::fmt::Debug for Egress {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Egress")
            .field("ledger", &self.shared.ledger)
            .finish_non_exhaustive()
    }
}
