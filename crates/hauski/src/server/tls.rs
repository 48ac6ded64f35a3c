//! TLS for listeners beyond loopback: given files, else a certificate of the daemon's own, made once.

use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::exit::{Exit, Failure};
use crate::settings::Settings;

/// Encrypts the connections of a listener at this address.
pub(crate) fn acceptor(
    settings: &Settings,
    bind: IpAddr,
    hosts: &[String],
) -> anyhow::Result<TlsAcceptor> {
    let named = (settings.variable_os("HAUSKI_TLS_CERT"), settings.variable_os("HAUSKI_TLS_KEY"));
    let (certificate, key) = match named {
        (Some(certificate), Some(key)) => (settings.cwd.join(certificate), settings.cwd.join(key)),
        (None, None) => own(&settings.home.join("tls"), bind, hosts)?,
        _ => {
            let message = "only one of HAUSKI_TLS_CERT and HAUSKI_TLS_KEY is set";
            let hint = "set both, or none for a certificate of the daemon's own";
            return Err(Failure::new(message, hint).exit(Exit::Config).into());
        }
    };
    let config = config(&certificate, &key)
        .with_context(|| format!("cannot use {} with {}", certificate.display(), key.display()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn config(certificate: &Path, key: &Path) -> anyhow::Result<ServerConfig> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions()?.with_no_client_auth();
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The daemon's own certificate; clients trust it by its file.
fn own(folder: &Path, bind: IpAddr, hosts: &[String]) -> anyhow::Result<(PathBuf, PathBuf)> {
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    if certificate.exists() && key.exists() {
        return Ok((certificate, key));
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !bind.is_unspecified() {
        names.push(bind.to_string());
    }
    names.extend(hosts.iter().cloned());
    let made = rcgen::generate_simple_self_signed(names).context("cannot make a certificate")?;
    write(&key, &made.signing_key.serialize_pem())?;
    write(&certificate, &made.cert.pem())?;
    tracing::info!(file = %certificate.display(), "made a certificate; clients must trust it");
    Ok((certificate, key))
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = fs::OpenOptions::new();
    let opened = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("cannot write {}", path.display()))
}
