//! The request of a plugin: `CONNECT host:port HTTP/1.1`, headers, an empty line.

use tokio::net::UnixStream;

/// Longest request in bytes.
const MAX_HEAD_BYTES: usize = 8_192;

/// What a plugin asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// Bytes of `[a-z0-9.-]` only.
    pub(super) host: String,
    pub(super) port: u16,
}

#[derive(Debug)]
pub(super) enum HeadError {
    Malformed(&'static str),
    /// The plugin went away.
    Gone,
}

/// Reads a request; what came after it is the beginning of what goes through the tunnel.
pub(super) async fn read(stream: &mut UnixStream) -> Result<(Asked, Vec<u8>), HeadError> {
    let mut buffer = Vec::new();
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let early = buffer.split_off(end + 4);
            return Ok((parse(&buffer[..end]).map_err(HeadError::Malformed)?, early));
        }
        if buffer.len() > MAX_HEAD_BYTES {
            return Err(HeadError::Malformed("it is longer than 8192 bytes"));
        }
        super::read_more(stream, &mut buffer).await.map_err(|_| HeadError::Gone)?;
    }
}

fn parse(head: &[u8]) -> Result<Asked, &'static str> {
    if head.len() > MAX_HEAD_BYTES {
        return Err("it is longer than 8192 bytes");
    }
    let text = std::str::from_utf8(head).map_err(|_| "it is no text")?;
    let mut lines = text.split("\r\n");
    let line = lines.next().unwrap_or_default();
    let authority = line
        .strip_prefix("CONNECT ")
        .and_then(|rest| rest.strip_suffix(" HTTP/1.1"))
        .ok_or("it does not say CONNECT host:port HTTP/1.1")?;
    for header in lines {
        let (name, value) = header.split_once(':').ok_or("a header has no colon")?;
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) || value.chars().any(char::is_control) {
            return Err("a header has bytes that do not belong there");
        }
        if name.eq_ignore_ascii_case("host") && value.trim() != authority {
            return Err("Host names another destination than CONNECT");
        }
        if name.eq_ignore_ascii_case("transfer-encoding")
            || name.eq_ignore_ascii_case("content-length")
        {
            return Err("CONNECT has no body");
        }
    }
    let (host, port) = authority.split_once(':').ok_or("the port is missing")?;
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    if host.is_empty() || host.len() > 253 || !host.bytes().all(plain) {
        return Err("the host has other bytes than a-z, 0-9, dot and hyphen");
    }
    if !port.bytes().all(|byte| byte.is_ascii_digit()) || port.starts_with('0') {
        return Err("the port is no number");
    }
    let port = port.parse().map_err(|_| "the port is no number")?;
    Ok(Asked { host: host.to_owned(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_request_is_read() {
        let asked =
            parse(b"CONNECT good.example:443 HTTP/1.1\r\nHost: good.example:443\r\nUser-Agent: x")
                .unwrap();
        assert_eq!(asked, Asked { host: "good.example".to_owned(), port: 443 });
    }

    #[test]
    fn everything_else_is_refused() {
        for head in [
            &b""[..],
            b"GET / HTTP/1.1",
            b"GET https://good.example/ HTTP/1.1",
            b"CONNECT good.example HTTP/1.1",
            b"CONNECT good.example:443",
            b"CONNECT good.example:443 HTTP/1.0",
            b"CONNECT good.example:443 HTTP/2",
            b"connect good.example:443 HTTP/1.1",
            b" CONNECT good.example:443 HTTP/1.1",
            b"CONNECT  good.example:443 HTTP/1.1",
            b"CONNECT good.example:443  HTTP/1.1",
            b"CONNECT attacker.example\0.good.example:443 HTTP/1.1",
            b"CONNECT good.example\r:443 HTTP/1.1",
            b"CONNECT good.example\n:443 HTTP/1.1",
            b"CONNECT good.example\t:443 HTTP/1.1",
            b"CONNECT GOOD.example:443 HTTP/1.1",
            b"CONNECT good_.example:443 HTTP/1.1",
            b"CONNECT user@good.example:443 HTTP/1.1",
            b"CONNECT good.example/:443 HTTP/1.1",
            b"CONNECT good%2eexample:443 HTTP/1.1",
            b"CONNECT g\xc3\xb6od.example:443 HTTP/1.1",
            b"CONNECT good.example\xff:443 HTTP/1.1",
            b"CONNECT [::1]:443 HTTP/1.1",
            b"CONNECT good.example:443:443 HTTP/1.1",
            b"CONNECT :443 HTTP/1.1",
            b"CONNECT good.example: HTTP/1.1",
            b"CONNECT good.example:0 HTTP/1.1",
            b"CONNECT good.example:0443 HTTP/1.1",
            b"CONNECT good.example:65536 HTTP/1.1",
            b"CONNECT good.example:+443 HTTP/1.1",
            b"CONNECT good.example:443 HTTP/1.1\r\nHost: evil.example:443",
            b"CONNECT good.example:443 HTTP/1.1\r\nHost: good.example:443\r\nHost: evil.example:443",
            b"CONNECT good.example:443 HTTP/1.1\r\nno colon",
            b"CONNECT good.example:443 HTTP/1.1\r\nX: a\nHost: b",
            b"CONNECT good.example:443 HTTP/1.1\r\nTransfer-Encoding: chunked",
            b"CONNECT good.example:443 HTTP/1.1\r\nContent-Length: 4",
        ] {
            assert!(parse(head).is_err(), "{}", String::from_utf8_lossy(head));
        }
        assert!(parse(format!("CONNECT {}:443 HTTP/1.1", "a".repeat(254)).as_bytes()).is_err());
    }
}
