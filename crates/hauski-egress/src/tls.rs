//! TLS by rustls: HTTP/1.1 only, so that no connection is ever shared by two origins.

use std::io;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

/// Who may vouch for the other side.
#[derive(Clone, Debug)]
pub enum Roots {
    /// The certificate authorities that the system trusts.
    System,
    /// These and no others.
    Only(Vec<CertificateDer<'static>>),
}

/// The configuration of every connection.
pub(crate) fn config(roots: &Roots) -> io::Result<Arc<ClientConfig>> {
    let mut store = RootCertStore::empty();
    match roots {
        Roots::System => {
            let found = rustls_native_certs::load_native_certs();
            for error in &found.errors {
                tracing::warn!(%error, "some certificate authorities of the system cannot be read");
            }
            let (_, ignored) = store.add_parsable_certificates(found.certs);
            if ignored > 0 {
                tracing::warn!(ignored, "some certificate authorities of the system are not valid");
            }
        }
        Roots::Only(certificates) => {
            for certificate in certificates {
                store.add(certificate.clone()).map_err(io::Error::other)?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
