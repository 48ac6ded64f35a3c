//! A server that speaks TLS and HTTP/1.1, does what the path asks for and remembers what it saw.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// One request as it arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) destination: String,
    pub(crate) sni: Option<String>,
    pub(crate) alpn: Option<String>,
    pub(crate) line: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// An authority that vouches for any name.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self { issuer: CertifiedIssuer::self_signed(params, key).expect("a certificate") }
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    fn issue(&self, name: &str) -> CertifiedKey {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let signer = rustls::crypto::ring::sign::any_supported_type(&key).expect("a known key");
        CertifiedKey::new(vec![certificate.der().clone()], signer)
    }
}

/// Shows a certificate for whatever name is asked for, but for names that begin with `wrong.`.
struct AnyName {
    authority: Arc<Authority>,
}

impl std::fmt::Debug for AnyName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("AnyName")
    }
}

impl ResolvesServerCert for AnyName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().unwrap_or("127.0.0.1");
        let shown = if name.starts_with("wrong.") { "somebody.else.example" } else { name };
        Some(Arc::new(self.authority.issue(shown)))
    }
}

/// A running server.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) authority: Arc<Authority>,
    seen: Arc<Mutex<Vec<Seen>>>,
    accepted: Arc<Mutex<Vec<SocketAddr>>>,
    closed: Arc<AtomicUsize>,
}

impl Server {
    /// On a free port of loopback.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::on(vec![listener], Arc::new(Authority::new()), true)
    }

    /// On these listeners, with or without TLS.
    pub(crate) fn on(listeners: Vec<TcpListener>, authority: Arc<Authority>, tls: bool) -> Self {
        let server = Self {
            port: listeners[0].local_addr().expect("bound").port(),
            authority: Arc::clone(&authority),
            seen: Arc::default(),
            accepted: Arc::default(),
            closed: Arc::default(),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(AnyName { authority }));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = tls.then(|| TlsAcceptor::from(Arc::new(config)));
        for listener in listeners {
            tokio::spawn(server.clone().accept(listener, acceptor.clone()));
        }
        server
    }

    /// What arrived so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("not poisoned").clone()
    }

    pub(crate) fn opened(&self) -> usize {
        self.accepted().len()
    }

    /// Where the connections went, in their order.
    pub(crate) fn accepted(&self) -> Vec<SocketAddr> {
        self.accepted.lock().expect("not poisoned").clone()
    }

    pub(crate) fn closed(&self) -> usize {
        self.closed.load(Ordering::SeqCst)
    }

    async fn accept(self, listener: TcpListener, acceptor: Option<TlsAcceptor>) {
        while let Ok((tcp, _)) = listener.accept().await {
            let destination = tcp.local_addr().expect("connected");
            let destination = SocketAddr::new(destination.ip().to_canonical(), destination.port());
            self.accepted.lock().expect("not poisoned").push(destination);
            let (server, acceptor) = (self.clone(), acceptor.clone());
            tokio::spawn(async move {
                match acceptor {
                    None => server.serve(tcp, Self::first(destination)).await,
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(tcp).await {
                            let (_, session) = stream.get_ref();
                            let mut first = Self::first(destination);
                            first.sni = session.server_name().map(str::to_owned);
                            first.alpn = session
                                .alpn_protocol()
                                .map(|name| String::from_utf8_lossy(name).into_owned());
                            server.serve(stream, first).await;
                        }
                    }
                }
                server.closed.fetch_add(1, Ordering::SeqCst);
            });
        }
    }

    fn first(destination: SocketAddr) -> Seen {
        Seen { destination: destination.to_string(), ..Seen::default() }
    }

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin, first: Seen) {
        let mut buffer = Vec::new();
        while let Some(seen) = read_request(&mut stream, &mut buffer, &first).await {
            let path = seen.line.split(' ').nth(1).unwrap_or_default().to_owned();
            self.seen.lock().expect("not poisoned").push(seen);
            if !answer(&mut stream, &path).await {
                return;
            }
        }
    }
}

async fn read_request(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
    first: &Seen,
) -> Option<Seen> {
    let end = read_until(stream, buffer, b"\r\n\r\n").await?;
    let head = String::from_utf8(buffer.drain(..end).collect()).ok()?;
    let mut lines = head.lines();
    let mut seen = first.clone();
    lines.next()?.clone_into(&mut seen.line);
    for line in lines {
        if let Some((name, value)) = line.split_once(": ") {
            seen.headers.insert(name.to_lowercase(), value.to_owned());
        }
    }
    if let Some(length) = seen.headers.get("content-length").and_then(|text| text.parse().ok()) {
        while buffer.len() < length {
            if stream.read_buf(buffer).await.ok()? == 0 {
                return None;
            }
        }
        seen.body = buffer.drain(..length).collect();
    } else if seen.headers.contains_key("transfer-encoding") {
        loop {
            let end = read_until(stream, buffer, b"\r\n").await?;
            let size = String::from_utf8(buffer.drain(..end).collect()).ok()?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            while buffer.len() < size + 2 {
                if stream.read_buf(buffer).await.ok()? == 0 {
                    return None;
                }
            }
            seen.body.extend(buffer.drain(..size));
            buffer.drain(..2);
            if size == 0 {
                break;
            }
        }
    }
    Some(seen)
}

async fn read_until(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
    end: &[u8],
) -> Option<usize> {
    loop {
        if let Some(at) = buffer.windows(end.len()).position(|window| window == end) {
            return Some(at + end.len());
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

/// `/redirect/CODE/LOCATION`, `/chain/N`, `/stream`, `/silent`, `/never`, `/big`, `/close`, `/garbage`, anything.
async fn answer(stream: &mut (impl AsyncWrite + Unpin), path: &str) -> bool {
    let words: Vec<&str> = path.splitn(4, '/').skip(1).collect();
    let plain = |body: &str| {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    };
    let redirect = |code: &str, location: &str| {
        format!("HTTP/1.1 {code} Moved\r\nLocation: {location}\r\nAlt-Svc: h3=\":443\"\r\nContent-Length: 0\r\n\r\n")
            .into_bytes()
    };
    let bytes = match words.as_slice() {
        ["redirect", code] => {
            format!("HTTP/1.1 {code} Moved\r\nContent-Length: 0\r\n\r\n").into_bytes()
        }
        ["redirect", code, location] => {
            redirect(code, &location.replace("%20", " ").replace("%5C", "\\"))
        }
        ["chain", "0"] => plain("end of the chain"),
        ["chain", left] => {
            let left: u32 = left.parse().expect("a number");
            redirect("302", &format!("/chain/{}", left - 1))
        }
        ["stream"] => {
            let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
            let mut sent = stream.write_all(head).await.is_ok();
            while sent {
                sent = stream.write_all(b"7\r\ndata: x\r\n").await.is_ok()
                    && stream.flush().await.is_ok();
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            return false;
        }
        ["silent"] => {
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345";
            let _ = stream.write_all(head).await;
            let _ = stream.flush().await;
            std::future::pending::<()>().await;
            return false;
        }
        ["never"] => std::future::pending::<Vec<u8>>().await,
        ["big"] => plain(&"x".repeat(1 << 20)),
        ["garbage"] => b"SSH-2.0-not-http\r\n\r\n".to_vec(),
        ["close"] => {
            let answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
            return false;
        }
        _ => plain("<meta http-equiv=refresh content=\"0; url=https://evil.example/\">"),
    };
    stream.write_all(&bytes).await.is_ok() && stream.flush().await.is_ok()
}
