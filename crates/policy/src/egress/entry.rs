//! One entry of `egress.allow`.

use std::fmt;
use std::net::IpAddr;

use contracts::hauski::policy::AllowEntry;
use url::Url;

use super::origin::is_resolvable;
use super::{AddressKind, Host, Origin, Scheme, classify, spelling};

/// Stands for `*` while an entry is parsed as an address.
const ANY_LABEL: &str = "any-label";

/// Which hosts an entry means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// This one.
    Exact(Host),
    /// Every name with exactly one label before this name.
    OneLabelBelow(String),
}

/// A destination that may be dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    scheme: Scheme,
    host: HostPattern,
    port: u16,
    private: bool,
    purpose: Option<String>,
}

/// Why an entry is not a destination.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct EntryFault {
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub hint: String,
}

fn fault(what: impl Into<String>, hint: &str) -> EntryFault {
    EntryFault { what: what.into(), hint: hint.to_owned() }
}

impl Entry {
    /// Reads an entry.
    ///
    /// # Errors
    /// What is wrong with it and what to write instead.
    pub fn parse(entry: &AllowEntry) -> Result<Self, EntryFault> {
        let (text, private, purpose) = match entry {
            AllowEntry::Origin(text) => (text, false, None),
            AllowEntry::Detailed(entry) => (&entry.origin, entry.private, entry.purpose.clone()),
        };
        let (scheme, host, port) = parse_origin(text)?;
        let entry = Self { scheme, host, port, private, purpose };
        entry.check_host()?;
        Ok(entry)
    }

    fn check_host(&self) -> Result<(), EntryFault> {
        let loopback = matches!(&self.host, HostPattern::Exact(host) if host.is_loopback());
        if self.scheme == Scheme::Http && !loopback {
            return Err(fault(
                "http is for one's own machine only",
                "write https://, or name 127.0.0.1, [::1] or localhost",
            ));
        }
        if loopback && self.private {
            return Err(fault(
                "private is not for one's own machine",
                "remove `private: true`: naming loopback says it already",
            ));
        }
        let HostPattern::Exact(Host::Ip(address)) = self.host else { return Ok(()) };
        match classify(address) {
            AddressKind::Global | AddressKind::Loopback => Ok(()),
            AddressKind::Private | AddressKind::Shared if self.private => Ok(()),
            AddressKind::Private | AddressKind::Shared => Err(fault(
                format!("{address} is an address of a private network"),
                "add `private: true` if it is a machine of your own network",
            )),
            kind => Err(fault(
                format!("{address} is {}, which is never dialled", kind.describe()),
                "name a host or an address that can be reached globally",
            )),
        }
    }

    /// Which scheme it allows.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Which hosts it allows.
    pub fn host(&self) -> &HostPattern {
        &self.host
    }

    /// Which port it allows.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether addresses of one's own network are allowed.
    pub fn is_private(&self) -> bool {
        self.private
    }

    /// What the destination is for, as the file says.
    pub fn purpose(&self) -> Option<&str> {
        self.purpose.as_deref()
    }
}

fn parse_origin(text: &str) -> Result<(Scheme, HostPattern, u16), EntryFault> {
    const FORM: &str = "write https://host or https://host:port, nothing after it";
    let wildcard = text.contains('*');
    let address = if wildcard {
        text.replacen("://*.", &format!("://{ANY_LABEL}."), 1)
    } else {
        text.to_owned()
    };
    if address.contains('*') {
        return Err(fault(
            "a wildcard stands for one label at the beginning",
            "for example https://*.example.org",
        ));
    }
    let url =
        Url::parse(&address).map_err(|error| fault(format!("not a destination: {error}"), FORM))?;
    let scheme = Scheme::parse(url.scheme()).ok_or_else(|| {
        fault("only https, wss and, for one's own machine, http exist here", FORM)
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(fault("a destination has no user and no password", FORM));
    }
    let rest = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !rest || address.contains(['?', '#']) {
        return Err(fault("a destination has no path: all or nothing of a host is allowed", FORM));
    }
    let origin = Origin::of(scheme, &url).ok_or_else(|| fault("not a name of a host", FORM))?;
    if !spelling::is_plain(&address, &url, origin.host()) {
        return Err(fault("spelled so that programs may read it differently", FORM));
    }
    let (port, host) = (origin.port(), origin.host().clone());
    if !wildcard {
        return Ok((scheme, HostPattern::Exact(host), port));
    }
    let Host::Domain(name) = host else {
        return Err(fault("a wildcard needs a name", "for example https://*.example.org"));
    };
    let parent = name.split_once('.').map(|(_, parent)| parent).unwrap_or_default();
    if !parent.contains('.') || !is_resolvable(parent) {
        return Err(fault(
            "a wildcard below a top level domain would allow everybody",
            "for example https://*.example.org",
        ));
    }
    Ok((scheme, HostPattern::OneLabelBelow(parent.to_owned()), port))
}

impl fmt::Display for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.scheme.as_str();
        match &self.host {
            HostPattern::Exact(host) => write!(formatter, "{scheme}://{host}:{}", self.port),
            HostPattern::OneLabelBelow(parent) => {
                write!(formatter, "{scheme}://*.{parent}:{}", self.port)
            }
        }
    }
}

impl HostPattern {
    /// Whether it is an address rather than a name.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Exact(Host::Ip(address)) => Some(*address),
            Self::Exact(Host::Domain(_)) | Self::OneLabelBelow(_) => None,
        }
    }
}
