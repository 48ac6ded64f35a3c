//! Starts the real program on a free port with an empty home, and speaks HTTP with it.
//!
//! ```ignore
//! let daemon = Daemon::start().await;                    // or Daemon::with().env("A", "b").start().await
//! let reply = daemon.get("/health").await;               // over TCP, without a key
//! let reply = daemon.owner().get("/metrics").await;      // over the Unix socket, as the owner
//! let reply = daemon.tcp().key(&key).post_json("/v1/…", &json!({…})).await;
//! let mut live = daemon.owner().request("GET", "/…").open().await;   // head now, body in chunks
//! let ran = daemon.hauski(&["status", "--json"]).await;  // the command line against this daemon
//! ```

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::{Child, Command};

/// The program under test.
pub(crate) const HAUSKI: &str = env!("CARGO_BIN_EXE_hauski");

/// Time for anything that happens at once on a quiet machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How a daemon is to be started.
pub(crate) struct Start {
    home: TempDir,
    args: Vec<String>,
    env: Vec<(String, String)>,
}

/// A daemon that runs; it is killed when this is dropped.
pub(crate) struct Daemon {
    /// Its home, and the working folder it was started in.
    pub(crate) home: TempDir,
    /// Where it listens.
    pub(crate) address: String,
    /// From the start of the process until `/ready` answered well.
    pub(crate) ready_after: Duration,
    child: Child,
    env: Vec<(String, String)>,
}

impl Start {
    /// Sets a variable of the daemon's environment, which is empty otherwise.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds options of `hauski serve`.
    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|arg| (*arg).to_owned()));
        self
    }

    /// Writes a file below the home before the start, such as `policies/limits.yaml`.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        write(&self.home.path().join(name), text);
        self
    }

    /// Where the home will be.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Starts it and waits until it is ready.
    pub(crate) async fn start(self) -> Daemon {
        self.spawn().await.unwrap_or_else(|ended| {
            panic!("the daemon did not start: {}", String::from_utf8_lossy(&ended.stderr))
        })
    }

    /// Starts it and expects that it refuses: its exit code and standard error.
    pub(crate) async fn refused(self) -> (i32, String) {
        let ended = self.spawn().await.err().expect("the daemon should refuse to start");
        (ended.status.code().unwrap(), String::from_utf8(ended.stderr).unwrap())
    }

    async fn spawn(self) -> Result<Daemon, Output> {
        let Self { home, args, env } = self;
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let bind = match args.contains(&"--bind") {
            true => vec![],
            false => vec!["--bind", "127.0.0.1:0"],
        };
        let began = Instant::now();
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(home.path().join("stderr"))
            .unwrap();
        let mut child = command(home.path(), &env, &[&["serve"][..], &bind, &args].concat())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let address = loop {
            if let Some(status) = child.try_wait().unwrap() {
                let stderr = std::fs::read(home.path().join("stderr")).unwrap();
                return Err(Output { status, stdout: Vec::new(), stderr });
            }
            if let Some(address) = running(home.path(), child.id().unwrap()) {
                break address;
            }
            assert!(began.elapsed() < PATIENCE, "the daemon neither starts nor ends");
            tokio::time::sleep(Duration::from_millis(2)).await;
        };
        let mut daemon = Daemon { home, address, ready_after: Duration::ZERO, child, env };
        while daemon.get("/ready").await.status != 200 {
            assert!(began.elapsed() < PATIENCE, "the daemon does not become ready");
        }
        daemon.ready_after = began.elapsed();
        Ok(daemon)
    }
}

impl Daemon {
    /// A daemon that is still to be started.
    pub(crate) fn with() -> Start {
        Start { home: tempfile::tempdir().unwrap(), args: Vec::new(), env: Vec::new() }
    }

    /// A daemon with nothing but defaults.
    pub(crate) async fn start() -> Self {
        Self::with().start().await
    }

    /// A client over TCP, which has no key of its own.
    pub(crate) fn tcp(&self) -> Client {
        Client { to: To::Tcp(self.address.clone()), headers: HeaderMap::new() }
    }

    /// A client over the Unix socket: the owner.
    pub(crate) fn owner(&self) -> Client {
        let socket = self.home.path().join("run/hauski.sock");
        Client { to: To::Unix(socket), headers: HeaderMap::new() }
    }

    /// Asks over TCP without a key.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.tcp().get(path).await
    }

    /// Runs the command line with this daemon's home.
    pub(crate) async fn hauski(&self, args: &[&str]) -> Ran {
        hauski(self.home.path(), &self.env, args).await
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// What it has written to standard error.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("stderr")).unwrap()
    }

    /// Waits until its log holds a text.
    pub(crate) async fn logged(&self, text: &str) {
        let began = Instant::now();
        while !self.log().contains(text) {
            assert!(began.elapsed() < PATIENCE, "never logged: {text}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.pid().try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap()
    }

    /// Ends it with SIGTERM.
    pub(crate) async fn stop(mut self) -> Start {
        self.signal(rustix::process::Signal::TERM);
        let status = self.ended().await;
        assert!(status.success(), "{status}: {}", self.log());
        Start { home: self.home, args: Vec::new(), env: self.env }
    }

    /// Ends it with SIGKILL.
    pub(crate) async fn kill(mut self) -> Start {
        self.child.kill().await.unwrap();
        Start { home: self.home, args: Vec::new(), env: self.env }
    }
}

/// A finished call of the command line.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Its exit code.
    pub(crate) code: i32,
    /// Its results.
    pub(crate) stdout: String,
    /// What it said besides.
    pub(crate) stderr: String,
}

impl Ran {
    /// Its report.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }
}

/// Runs the command line in a folder that is also its home.
pub(crate) async fn hauski(home: &Path, env: &[(String, String)], args: &[&str]) -> Ran {
    let output = command(home, env, args).stdin(Stdio::null()).output().await.unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests start the program under test")]
fn command(home: &Path, env: &[(String, String)], args: &[&str]) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut command = std::process::Command::new(HAUSKI);
    command.args(args).current_dir(home).env_clear().env("PATH", path);
    command.env("HAUSKI_HOME", home).env("HOME", home).envs(env.iter().cloned());
    let mut command = Command::from(command);
    command.kill_on_drop(true);
    command
}

fn running(home: &Path, pid: u32) -> Option<String> {
    let text = std::fs::read_to_string(home.join("run/daemon.json")).ok()?;
    let running: Value = serde_json::from_str(&text).ok()?;
    (running["pid"] == pid).then(|| running["address"].as_str().unwrap().to_owned())
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A client; each request has a connection of its own.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    to: To,
    headers: HeaderMap,
}

#[derive(Clone, Debug)]
enum To {
    Tcp(String),
    Unix(PathBuf),
}

impl Client {
    /// Sends this key with every request.
    pub(crate) fn key(self, key: &str) -> Self {
        self.header("authorization", &format!("Bearer {key}"))
    }

    /// Sends this header with every request; `host` replaces the right one.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    /// GET.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.request("GET", path).send().await
    }

    /// POST with a JSON body.
    pub(crate) async fn post_json(&self, path: &str, body: &Value) -> Reply {
        self.request("POST", path).json(body).send().await
    }

    /// A request that is still to be sent.
    pub(crate) fn request(&self, method: &str, path: &str) -> Ask {
        let mut request = Request::new(Full::default());
        *request.method_mut() = method.parse().unwrap();
        *request.uri_mut() = path.parse().unwrap();
        *request.headers_mut() = self.headers.clone();
        let host = match &self.to {
            To::Tcp(address) => address.as_str(),
            To::Unix(_) => "localhost",
        };
        request.headers_mut().entry("host").or_insert(host.parse().unwrap());
        Ask { to: self.to.clone(), request }
    }
}

/// A request that is still to be sent.
pub(crate) struct Ask {
    to: To,
    request: Request<Full<Bytes>>,
}

impl Ask {
    /// With a JSON body.
    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(serde_json::to_vec(body).unwrap())
    }

    /// With any body.
    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        *self.request.body_mut() = Full::new(body.into());
        self
    }

    /// With a header.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.request.headers_mut().insert(name, value.parse().unwrap());
        self
    }

    /// Sends it and reads the whole answer.
    pub(crate) async fn send(self) -> Reply {
        let mut live = self.open().await;
        let mut body = Vec::new();
        while let Some(chunk) = live.chunk().await {
            body.extend_from_slice(&chunk);
        }
        Reply { status: live.status, headers: live.headers, body: body.into() }
    }

    /// Sends it and returns when the head of the answer is there.
    #[expect(clippy::disallowed_methods, reason = "the tests speak with the daemon under test")]
    pub(crate) async fn open(self) -> Live {
        let opened = match self.to {
            To::Tcp(address) => {
                exchange(TcpStream::connect(address).await.unwrap(), self.request).await
            }
            To::Unix(path) => {
                exchange(UnixStream::connect(path).await.unwrap(), self.request).await
            }
        };
        let (head, body) = opened.into_parts();
        Live { status: head.status, headers: head.headers, body }
    }
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> http::Response<Incoming>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    tokio::time::timeout(PATIENCE, sender.send_request(request)).await.unwrap().unwrap()
}

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// Status.
    pub(crate) status: StatusCode,
    /// Headers.
    pub(crate) headers: HeaderMap,
    /// Body.
    pub(crate) body: Bytes,
}

impl Reply {
    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{error}: {} {}", self.status, String::from_utf8_lossy(&self.body))
        })
    }

    /// `error.code` of an error.
    pub(crate) fn code(&self) -> String {
        // Pages for people have it in a header.
        if let Some(code) = self.headers.get("x-error-code") {
            return code.to_str().unwrap().to_owned();
        }
        self.json()["error"]["code"].as_str().unwrap().to_owned()
    }
}

/// An answer whose body comes in chunks.
#[derive(Debug)]
pub(crate) struct Live {
    /// Status.
    pub(crate) status: StatusCode,
    /// Headers.
    pub(crate) headers: HeaderMap,
    body: Incoming,
}

impl Live {
    /// The next chunk; `None` at the end, also when the connection was cut.
    pub(crate) async fn chunk(&mut self) -> Option<Bytes> {
        self.try_chunk().await.and_then(Result::ok)
    }

    /// The next chunk, an error when the connection was cut, `None` at a proper end.
    pub(crate) async fn try_chunk(&mut self) -> Option<Result<Bytes, hyper::Error>> {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.unwrap()?;
            match frame.map(http_body::Frame::into_data) {
                Ok(Ok(data)) => return Some(Ok(data)),
                Ok(Err(_)) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
