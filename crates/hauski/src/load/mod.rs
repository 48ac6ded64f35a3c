//! Load on a daemon of this machine: clients that keep their connection and ask again and again. For `hauski bench`
//! and the checks of budgets.

mod chat;
mod figures;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};
use url::Url;

use crate::exit::{Exit, Failure};
use crate::settings::Settings;

pub(crate) use figures::{Figures, percentile, summary};

/// Bytes of an answer that are read.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// Where the daemon listens.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// Its Unix socket: as its owner.
    Unix(PathBuf),
    /// A loopback address.
    Tcp(SocketAddr),
}

/// What every client asks for.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// One path, with GET.
    Get(String),
    /// A short chat, streamed, of this model.
    Chat(String),
}

/// A load.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) target: Target,
    /// An API key.
    pub(crate) key: Option<String>,
    pub(crate) work: Work,
    pub(crate) clients: u32,
    /// Time before anything counts.
    pub(crate) warm_up: Duration,
    /// Time that counts.
    pub(crate) duration: Duration,
}

/// One request that counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    /// Until the last byte of the answer.
    pub(crate) whole: Duration,
    /// Until the first token of a chat.
    pub(crate) first_token: Option<Duration>,
    pub(crate) bytes: u64,
    /// It was not answered, or with an error.
    pub(crate) failed: bool,
}

impl Target {
    /// An URL of this machine: `http://127.0.0.1:7070`.
    pub(crate) fn parse(url: &str) -> anyhow::Result<Self> {
        let address = Url::parse(url).ok().filter(|url| url.scheme() == "http").and_then(|url| {
            let port = url.port_or_known_default()?;
            match url.host()? {
                url::Host::Ipv4(ip) => Some(SocketAddr::new(ip.into(), port)),
                url::Host::Ipv6(ip) => Some(SocketAddr::new(ip.into(), port)),
                url::Host::Domain("localhost") => Some(SocketAddr::from(([127, 0, 0, 1], port))),
                url::Host::Domain(_) => None,
            }
        });
        let address = address.filter(|address| address.ip().is_loopback()).ok_or_else(|| {
            let message = format!("`{url}` is no daemon of this machine");
            Failure::new(message, "name one such as http://127.0.0.1:7070").exit(Exit::Usage)
        })?;
        Ok(Self::Tcp(address))
    }
}

/// The text under a path of the daemon at an URL.
pub(crate) async fn text_of(url: &str, path: &str, settings: &Settings) -> anyhow::Result<String> {
    let target = Target::parse(url)?;
    let mut sender = connect(&target).await.with_context(|| format!("nobody listens at {url}"))?;
    let key = settings.variable("HAUSKI_API_KEY").map(str::to_owned);
    let answer =
        sender.send_request(request(&target, key.as_deref(), &Work::Get(path.to_owned()))?).await?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await;
    let body = body.map_err(|error| anyhow::anyhow!("{error}"))?.to_bytes();
    if status != StatusCode::OK {
        let hint = "HAUSKI_API_KEY holds a key with the scope `metrics`";
        return Err(Failure::new(format!("{url}{path} answered {status}"), hint).into());
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// Puts the load on the daemon.
pub(crate) async fn run(plan: &Plan) -> anyhow::Result<Figures> {
    // Whoever cannot connect at all gets told, instead of figures about failures.
    connect(&plan.target).await.context("the daemon does not listen")?;
    let began = Instant::now();
    let counts_from = began + plan.warm_up;
    let until = counts_from + plan.duration;
    let mut clients = Vec::new();
    for _ in 0..plan.clients {
        clients.push(tokio::spawn(client(plan.clone(), counts_from, until)));
    }
    let mut samples = Vec::new();
    for client in clients {
        samples.extend(client.await.context("a client broke")?);
    }
    Ok(Figures { samples, clients: plan.clients, seconds: plan.duration.as_secs_f64() })
}

async fn client(plan: Plan, counts_from: Instant, until: Instant) -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut connection = None;
    loop {
        let began = Instant::now();
        if began >= until {
            return samples;
        }
        let answered = ask(&plan, &mut connection, began).await;
        let sample = answered.unwrap_or_else(|_| {
            connection = None;
            Sample { whole: began.elapsed(), failed: true, ..Sample::default() }
        });
        if sample.failed {
            // A daemon that refuses at once is not to be hammered.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if began >= counts_from {
            samples.push(sample);
        }
    }
}

type Sender = SendRequest<Full<Bytes>>;

async fn ask(plan: &Plan, kept: &mut Option<Sender>, began: Instant) -> anyhow::Result<Sample> {
    let mut sender = match kept.take() {
        Some(sender) => sender,
        None => connect(&plan.target).await?,
    };
    sender.ready().await?;
    let request = request(&plan.target, plan.key.as_deref(), &plan.work)?;
    let answer = sender.send_request(request).await?;
    let failed = !answer.status().is_success();
    let (bytes, first_token) = read(answer.into_body(), &plan.work, began).await?;
    *kept = Some(sender);
    let missing = matches!(plan.work, Work::Chat(_)) && first_token.is_none();
    Ok(Sample { whole: began.elapsed(), first_token, bytes, failed: failed || missing })
}

async fn read(
    mut body: Incoming,
    work: &Work,
    began: Instant,
) -> anyhow::Result<(u64, Option<Duration>)> {
    let mut bytes = 0;
    let mut first_token = None;
    let mut stream = matches!(work, Work::Chat(_)).then(chat::Stream::default);
    while let Some(frame) = body.frame().await {
        let frame = frame?;
        let Some(data) = frame.data_ref() else { continue };
        bytes += data.len() as u64;
        if first_token.is_none()
            && let Some(stream) = &mut stream
            && stream.holds_token(data)
        {
            first_token = Some(began.elapsed());
        }
    }
    Ok((bytes, first_token))
}

async fn connect(target: &Target) -> anyhow::Result<Sender> {
    let sender = match target {
        Target::Unix(path) => shake(TokioIo::new(UnixStream::connect(path).await?)).await?,
        Target::Tcp(address) => {
            #[expect(
                clippy::disallowed_methods,
                reason = "a loopback address, which Target::parse saw to"
            )]
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            shake(TokioIo::new(stream)).await?
        }
    };
    Ok(sender)
}

async fn shake<S>(stream: S) -> anyhow::Result<Sender>
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(stream).await?;
    // It ends with its sender.
    tokio::spawn(connection);
    Ok(sender)
}

fn request(
    target: &Target,
    key: Option<&str>,
    work: &Work,
) -> anyhow::Result<Request<Full<Bytes>>> {
    let host = match target {
        Target::Unix(_) => "localhost".to_owned(),
        Target::Tcp(address) => address.to_string(),
    };
    let mut request = Request::builder().header(header::HOST, host);
    if let Some(key) = key {
        request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    }
    let request = match work {
        Work::Get(path) => request.method(Method::GET).uri(path).body(Full::default()),
        Work::Chat(model) => request
            .method(Method::POST)
            .uri("/v1/chat/completions")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(chat::body(model).into())),
    };
    request.context("the path is none of an URL")
}
