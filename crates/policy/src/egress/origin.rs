//! An origin: scheme, host and port, each in one normal form.

use std::fmt;
use std::net::IpAddr;

use url::Url;

use super::{MAX_HOST_BYTES, MAX_LABEL_BYTES};

/// The schemes that exist for the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// HTTP over TLS.
    Https,
    /// A web socket over TLS.
    Wss,
    /// Plain HTTP; only towards one's own machine.
    Http,
}

impl Scheme {
    /// A scheme in lower case; none where the policy knows no such scheme.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "https" => Some(Self::Https),
            "wss" => Some(Self::Wss),
            "http" => Some(Self::Http),
            _ => None,
        }
    }

    /// As it stands before `://`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Wss => "wss",
            Self::Http => "http",
        }
    }

    /// Whether the connection is encrypted.
    pub fn is_tls(self) -> bool {
        match self {
            Self::Https | Self::Wss => true,
            Self::Http => false,
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Https | Self::Wss => 443,
            Self::Http => 80,
        }
    }
}

/// A host in its normal form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name in small letters, foreign labels as `xn--`, without a dot at the end; bytes of `[a-z0-9.-]` only.
    Domain(String),
    /// An address.
    Ip(IpAddr),
}

impl Host {
    /// Of a parsed address; none where there is no host or it is no name that could be resolved.
    fn of(url: &Url) -> Option<Self> {
        match url.host()? {
            url::Host::Ipv4(address) => Some(Self::Ip(address.into())),
            url::Host::Ipv6(address) => Some(Self::Ip(address.into())),
            url::Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                is_resolvable(name).then(|| Self::Domain(name.to_owned()))
            }
        }
    }

    /// Whether it names one's own machine: an address of loopback, `localhost` or a name below it (RFC 6761).
    /// Such names are never asked of a resolver.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Ip(address) => address.is_loopback(),
            Self::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        }
    }
}

/// Whether a name has the form that a resolver takes: no byte outside `[a-z0-9.-]`, labels of 1 to 63 bytes.
pub(super) fn is_resolvable(name: &str) -> bool {
    let byte_fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let fits = |label: &str| {
        (1..=MAX_LABEL_BYTES).contains(&label.len())
            && label.bytes().all(byte_fits)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= MAX_HOST_BYTES && name.split('.').all(fits)
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(name) => formatter.write_str(name),
            Self::Ip(IpAddr::V4(address)) => write!(formatter, "{address}"),
            Self::Ip(IpAddr::V6(address)) => write!(formatter, "[{address}]"),
        }
    }
}

/// Scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: Scheme,
    host: Host,
    port: u16,
}

impl Origin {
    pub(super) fn of(scheme: Scheme, url: &Url) -> Option<Self> {
        let port = url.port().unwrap_or_else(|| scheme.default_port());
        // Port 0 asks the system for any port; nobody means it.
        (port != 0).then_some(())?;
        Some(Self { scheme, host: Host::of(url)?, port })
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, 1 to 65535; the usual one of the scheme where the address names none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port as the `Host` header wants them: without the usual port of the scheme.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}:{}", self.scheme.as_str(), self.host, self.port)
    }
}
