//! Resolve once, check every address, dial that very address.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use policy::egress::Host;
use policy::{Allowed, Denied};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::resolve::{MAX_ADDRESSES, Resolve};
use crate::{EgressError, Options};

/// A connection to a destination, encrypted where its scheme says so.
#[derive(Debug)]
pub enum Stream {
    /// To one's own machine.
    Plain(TcpStream),
    /// To anywhere else.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Resolves and dials. Holds no policy: what may be dialled says [`Allowed`].
pub(crate) struct Dialer {
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) tls: Arc<rustls::ClientConfig>,
    pub(crate) connect_timeout: Duration,
    pub(crate) resolve_timeout: Duration,
}

/// The addresses of a host, or the first of them that must not be dialled.
pub(crate) struct Refused {
    pub(crate) denied: Denied,
    pub(crate) address: IpAddr,
}

impl Dialer {
    pub(crate) fn new(options: &Options) -> io::Result<Self> {
        Ok(Self {
            resolver: Arc::clone(&options.resolver),
            tls: crate::tls::config(&options.roots)?,
            connect_timeout: options.connect_timeout,
            resolve_timeout: options.resolve_timeout,
        })
    }

    /// Every address of the host, all of them checked: one bad address among good ones refuses the host.
    pub(crate) async fn addresses(
        &self,
        allowed: &Allowed,
    ) -> Result<Result<Vec<IpAddr>, Refused>, EgressError> {
        let found = self.resolve(allowed).await?;
        for address in &found {
            if let Err(denied) = allowed.check_address(*address) {
                return Ok(Err(Refused { denied, address: *address }));
            }
        }
        Ok(Ok(found))
    }

    async fn resolve(&self, allowed: &Allowed) -> Result<Vec<IpAddr>, EgressError> {
        let name = match allowed.origin().host() {
            Host::Ip(address) => return Ok(vec![*address]),
            host @ Host::Domain(_) if host.is_loopback() => {
                return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
            }
            // With a dot at the end no search domain is tried. Names of one's own network may live in files that know
            // no such dots.
            Host::Domain(name) if allowed.entry().is_private() => name.clone(),
            Host::Domain(name) => format!("{name}."),
        };
        let host = name.trim_end_matches('.');
        let unresolved = |source| EgressError::Unresolved { host: host.to_owned(), source };
        let found = tokio::time::timeout(self.resolve_timeout, self.resolver.resolve(&name))
            .await
            .map_err(|_| EgressError::TimedOut { what: "resolving", limit: self.resolve_timeout })?
            .map_err(unresolved)?;
        if found.is_empty() {
            return Err(unresolved(io::Error::new(io::ErrorKind::NotFound, "no address")));
        }
        if found.len() > MAX_ADDRESSES {
            return Err(unresolved(io::Error::other("too many addresses")));
        }
        Ok(found)
    }

    /// Connects to the first of the checked addresses that answers; the name in the certificate must be the host.
    pub(crate) async fn connect(
        &self,
        allowed: &Allowed,
        addresses: &[IpAddr],
    ) -> Result<(Stream, SocketAddr), EgressError> {
        let limit = self.connect_timeout;
        tokio::time::timeout(limit, self.connect_any(allowed, addresses))
            .await
            .map_err(|_| EgressError::TimedOut { what: "connecting", limit })?
    }

    async fn connect_any(
        &self,
        allowed: &Allowed,
        addresses: &[IpAddr],
    ) -> Result<(Stream, SocketAddr), EgressError> {
        let (tcp, peer) = self.connect_tcp(allowed, addresses).await?;
        if !allowed.origin().scheme().is_tls() {
            return Ok((Stream::Plain(tcp), peer));
        }
        let stream = TlsConnector::from(Arc::clone(&self.tls))
            .connect(server_name(allowed.origin().host())?, tcp)
            .await
            .map_err(|source| EgressError::Tls { origin: allowed.origin().to_string(), source })?;
        Ok((Stream::Tls(Box::new(stream)), peer))
    }

    /// The same without TLS, for the broker: there the plugin brings its own.
    #[expect(clippy::disallowed_methods, reason = "the one place that dials")]
    pub(crate) async fn connect_tcp(
        &self,
        allowed: &Allowed,
        addresses: &[IpAddr],
    ) -> Result<(TcpStream, SocketAddr), EgressError> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "no address");
        // A dead first address must not use up the time of the others.
        let share = self.connect_timeout / u32::try_from(addresses.len().max(1)).unwrap_or(1);
        for address in addresses {
            let peer = SocketAddr::new(*address, allowed.origin().port());
            match tokio::time::timeout(share, TcpStream::connect(peer)).await {
                Ok(Ok(stream)) => {
                    // Small requests and chunks of streams go out at once.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "TCP_NODELAY");
                    }
                    return Ok((stream, peer));
                }
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(EgressError::Unreachable { origin: allowed.origin().to_string(), source: last })
    }
}

fn server_name(host: &Host) -> Result<ServerName<'static>, EgressError> {
    match host {
        Host::Ip(address) => Ok(ServerName::IpAddress((*address).into())),
        Host::Domain(name) => ServerName::try_from(name.clone())
            .map_err(|_| EgressError::Request("the host cannot stand in a certificate")),
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
