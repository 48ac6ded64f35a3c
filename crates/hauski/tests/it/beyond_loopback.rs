//! Beyond loopback: keys and TLS, or no daemon at all.

#![expect(clippy::disallowed_methods, reason = "the tests are clients of the daemon")]

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::daemon::hauski;

#[tokio::test]
async fn without_keys_nothing_beyond_loopback_is_served() {
    let home = tempfile::tempdir().unwrap();
    for bind in ["0.0.0.0:0", "[::]:0"] {
        let ran = hauski(home.path(), &[], &["serve", "--check", "--bind", bind]).await;
        assert_eq!(ran.code, 78, "{bind}: {}", ran.stderr);
        assert!(ran.stderr.contains("hauski keys create"), "{}", ran.stderr);
    }
}

#[tokio::test]
async fn with_keys_it_is_served_over_tls_alone() {
    let home = tempfile::tempdir().unwrap();
    let made = hauski(home.path(), &[], &["keys", "create", "--scope", "metrics"]).await;
    let started = hauski(home.path(), &[], &["start", "--bind", "0.0.0.0:0", "--json"]).await;
    assert_eq!(started.code, 0, "{}", started.stderr);
    let running = started.json();
    assert!(running["url"].as_str().unwrap().starts_with("https://"), "{running}");
    let port = running["address"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
    let answer = ask(home.path(), &port, made.stdout.trim()).await;
    let plain = plain(&port).await;
    let stopped = hauski(home.path(), &[], &["stop"]).await;
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(!plain.contains("200 OK"), "{plain}");
    let key = home.path().join("tls/key.pem");
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

async fn ask(home: &std::path::Path, port: &str, key: &str) -> String {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(home.join("tls/cert.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(format!("127.0.0.1:{port}")).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = connector.connect(name, stream).await.unwrap();
    let request = format!(
        "GET /metrics HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A peer that closes without a word has still sent its answer.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn plain(port: &str) -> String {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).await.unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
