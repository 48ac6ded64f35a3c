//! One question to the daemon over its Unix socket: a minimal request of HTTP/1.1, bounded in time and size.
//!
//! wgx links no HTTP client for this: it asks rarely, over a socket of its own account, and takes only JSON.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest answer.
const MAX_BYTES: usize = 8 << 20;
/// For the first byte of an answer that takes no model.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Why the daemon gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DaemonError {
    /// Nobody listens.
    #[error("no daemon runs in this home")]
    NotRunning,
    /// It took too long, or answered with something else than JSON over HTTP.
    #[error("the daemon gave no usable answer: {0}")]
    Silent(String),
    /// It says no.
    #[error("the daemon refuses: {message}")]
    Refused {
        /// The status code.
        status: u16,
        /// Its sentence.
        message: String,
    },
}

/// GET `path` of the daemon in `home`, or POST where there is a body.
pub(crate) fn ask(
    home: &Path,
    path: &str,
    body: Option<&Value>,
    patience: Duration,
) -> Result<Value, DaemonError> {
    let silent = |error: std::io::Error| DaemonError::Silent(error.to_string());
    let started = Instant::now();
    let socket = home.join("run/hauski.sock");
    let mut stream = UnixStream::connect(socket).map_err(|_| DaemonError::NotRunning)?;
    stream.set_write_timeout(Some(patience)).map_err(silent)?;
    let text = body.map(Value::to_string);
    let method = if body.is_some() { "POST" } else { "GET" };
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    if let Some(text) = &text {
        request.push_str(&format!(
            "content-type: application/json\r\ncontent-length: {}\r\n",
            text.len()
        ));
    }
    request.push_str("\r\n");
    request.push_str(text.as_deref().unwrap_or_default());
    stream.write_all(request.as_bytes()).map_err(silent)?;
    let mut answer = Vec::new();
    let mut buffer = [0; 16 << 10];
    loop {
        let left = patience.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(DaemonError::Silent("time is over".to_owned()));
        }
        stream.set_read_timeout(Some(left)).map_err(silent)?;
        match stream.read(&mut buffer).map_err(silent)? {
            0 => break,
            read => answer.extend_from_slice(&buffer[..read]),
        }
        if answer.len() > MAX_BYTES {
            return Err(DaemonError::Silent("it is larger than 8 MiB".to_owned()));
        }
    }
    let (status, body) = parse(&answer).ok_or_else(|| DaemonError::Silent("no HTTP".to_owned()))?;
    let value: Value = serde_json::from_slice(&body)
        .map_err(|_| DaemonError::Silent(format!("status {status} without JSON")))?;
    if (200..300).contains(&status) {
        return Ok(value);
    }
    let message = value["error"]["message"].as_str().unwrap_or("without a word").to_owned();
    Err(DaemonError::Refused { status, message })
}

/// Status and body of a whole answer; chunks are joined.
fn parse(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    if !first.next()?.starts_with("HTTP/1.") {
        return None;
    }
    let status = first.next()?.parse().ok()?;
    let is_chunked = lines.any(|line| {
        line.split_once(':').is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("transfer-encoding")
                && value.trim().eq_ignore_ascii_case("chunked")
        })
    });
    let body = &answer[end + 4..];
    Some((status, if is_chunked { joined(body)? } else { body.to_vec() }))
}

fn joined(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = chunks.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&chunks[..end]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let from = end + 2;
        body.extend_from_slice(chunks.get(from..from.checked_add(size)?)?);
        chunks = chunks.get(from + size + 2..)?;
    }
}

/// Text as a value in the query of an address.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    /// A daemon that says one thing.
    fn serve(answer: &'static str) -> (tempfile::TempDir, std::thread::JoinHandle<String>) {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("run")).unwrap();
        let listener = UnixListener::bind(home.path().join("run/hauski.sock")).unwrap();
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 4096];
            let read = stream.read(&mut buffer).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&buffer[..read]).into_owned()
        });
        (home, served)
    }

    #[test]
    fn a_whole_answer_and_one_in_chunks_are_read() {
        let (home, served) = serve("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n{\"a\": 1}");
        let answer = ask(home.path(), "/ask?q=a%20b", None, PATIENCE).unwrap();
        assert_eq!(answer["a"], 1);
        assert!(served.join().unwrap().starts_with("GET /ask?q=a%20b HTTP/1.1\r\n"));
        let (home, _served) = serve(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n4;x=1\r\n: 2}\r\n0\r\n\r\n",
        );
        assert_eq!(ask(home.path(), "/", None, PATIENCE).unwrap()["a"], 2);
    }

    #[test]
    fn refusals_silence_and_nonsense_are_told_apart() {
        let (home, _served) = serve(
            "HTTP/1.1 404 Not Found\r\n\r\n{\"error\": {\"message\": \"There is no such route.\"}}",
        );
        let refused = ask(home.path(), "/ask", None, PATIENCE).unwrap_err();
        assert!(matches!(refused, DaemonError::Refused { status: 404, .. }), "{refused}");
        let (home, _served) = serve("SSH-2.0\r\n\r\n");
        assert!(matches!(ask(home.path(), "/", None, PATIENCE), Err(DaemonError::Silent(_))));
        let empty = tempfile::tempdir().unwrap();
        assert!(matches!(ask(empty.path(), "/", None, PATIENCE), Err(DaemonError::NotRunning)));
        std::fs::create_dir(empty.path().join("run")).unwrap();
        let _mute = UnixListener::bind(empty.path().join("run/hauski.sock")).unwrap();
        let late = ask(empty.path(), "/", None, Duration::from_millis(50));
        assert!(matches!(late, Err(DaemonError::Silent(_))));
    }

    #[test]
    fn every_text_fits_into_an_address() {
        assert_eq!(encoded("a b&c=ä"), "a%20b%26c%3D%C3%A4");
    }
}
