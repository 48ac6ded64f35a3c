//! Asks the daemon of this account over its Unix socket, as its owner. For verbs and for `hauski mcp`.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

/// Time for the whole question.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of an answer.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// Why the daemon gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// Nobody listens.
    #[error("the daemon is not running")]
    NotRunning,
    /// It listens and does not answer.
    #[error("the daemon does not answer: {0}")]
    Silent(String),
    /// It answers with an error.
    #[error("{message}")]
    Refused {
        /// Its status.
        status: StatusCode,
        /// Its sentence.
        message: String,
    },
}

impl ClientError {
    /// What to do.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::NotRunning => "start it: hauski serve",
            Self::Silent(_) => "look at its log, or start it anew: hauski serve",
            Self::Refused { .. } => "",
        }
    }
}

/// One question with its answer as JSON (a text that is none becomes a JSON string).
///
/// # Errors
/// When nobody listens, it takes longer than half a minute, or the daemon refuses.
pub(crate) async fn ask(
    socket: &Path,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, ClientError> {
    match tokio::time::timeout(PATIENCE, exchange(socket, method, path, body)).await {
        Ok(answer) => answer,
        Err(_) => Err(ClientError::Silent("time is over".to_owned())),
    }
}

async fn exchange(
    socket: &Path,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, ClientError> {
    let silent = |error: &dyn std::error::Error| ClientError::Silent(error.to_string());
    let stream = UnixStream::connect(socket).await.map_err(|_| ClientError::NotRunning)?;
    let shaken = http1::handshake(TokioIo::new(stream)).await.map_err(|error| silent(&error))?;
    let (mut sender, connection) = shaken;
    let connection = tokio::spawn(connection);
    let body = body.map(ToString::to_string);
    let request = Request::builder().method(method).uri(path).header("host", "localhost");
    let request = match body {
        Some(body) => {
            request.header("content-type", "application/json").body(Full::new(Bytes::from(body)))
        }
        None => request.body(Full::default()),
    };
    let request = request.map_err(|error| silent(&error))?;
    let answer = sender.send_request(request).await.map_err(|error| silent(&error))?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await;
    let body = body.map_err(|error| ClientError::Silent(error.to_string()))?.to_bytes();
    connection.abort();
    let value = serde_json::from_slice(&body)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()));
    if status.is_success() {
        return Ok(value);
    }
    let message = value.pointer("/error/message").and_then(Value::as_str);
    let message = message.map_or_else(|| format!("the daemon answered {status}"), Into::into);
    Err(ClientError::Refused { status, message })
}
