//! The TLS greeting of a plugin: it must ask for the host that was decided on.

use std::io;
use std::net::Ipv4Addr;

use rustls::server::Acceptor;
use tokio::net::UnixStream;

/// Longest greeting in bytes.
const MAX_HELLO_BYTES: usize = 65_536;

/// Reads on until the greeting is whole; `early` holds everything that came, to be passed on. The error is the code of
/// the refusal.
pub(super) async fn read(
    stream: &mut UnixStream,
    early: &mut Vec<u8>,
    host: &str,
) -> Result<(), &'static str> {
    let mut acceptor = Acceptor::default();
    let mut fed = 0;
    loop {
        while fed < early.len() {
            let mut rest = &early[fed..];
            match acceptor.read_tls(&mut rest) {
                Ok(0) | Err(_) => return Err("no_tls"),
                Ok(taken) => fed += taken,
            }
            match acceptor.accept() {
                Ok(Some(accepted)) => return check(accepted.client_hello().server_name(), host),
                Ok(None) => {}
                Err(_) => return Err("no_tls"),
            }
        }
        if early.len() > MAX_HELLO_BYTES {
            return Err("no_tls");
        }
        super::read_more(stream, early).await.map_err(|_: io::Error| "no_tls")?;
    }
}

fn check(asked: Option<&str>, host: &str) -> Result<(), &'static str> {
    // Addresses stand in no greeting (RFC 6066, 3).
    let is_address = host.parse::<Ipv4Addr>().is_ok();
    let same = match asked {
        Some(name) => name.eq_ignore_ascii_case(host.trim_end_matches('.')),
        None => is_address,
    };
    if same { Ok(()) } else { Err("sni_mismatch") }
}
