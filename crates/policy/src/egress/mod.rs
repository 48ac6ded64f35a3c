//! Which destinations may be dialled. What no entry names is denied.

mod address;
mod entry;
mod origin;
mod reason;
mod spelling;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use contracts::hauski::policy::Routing;
use url::Url;

pub use address::{AddressKind, classify};
pub use entry::{Entry, EntryFault, HostPattern};
pub use origin::{Host, Origin, Scheme};
pub use reason::Reason;

/// Longest address in bytes.
pub const MAX_URL_BYTES: usize = 8_192;
/// Longest host name and longest of its labels, in bytes (RFC 1035).
const MAX_HOST_BYTES: usize = 253;
const MAX_LABEL_BYTES: usize = 63;

/// Tells one policy from another within a process, so that nothing decided by an old one is used under a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PolicyId(u64);

/// The allowed destinations, ready to decide.
#[derive(Debug)]
pub struct EgressPolicy {
    id: PolicyId,
    entries: Vec<Arc<Entry>>,
    /// Places in `entries` by host as [`Host`] shows it, and by what follows `*.`.
    exact: HashMap<String, Vec<usize>>,
    wildcard: HashMap<String, Vec<usize>>,
}

/// Whether an address may be dialled.
#[derive(Clone, Debug)]
pub enum Decision {
    /// It may, under the conditions of its entry.
    Allowed(Allowed),
    /// It may not.
    Denied(Denied),
}

/// The right to dial one origin. Only [`EgressPolicy::decide`] makes one.
#[derive(Clone, Debug)]
pub struct Allowed {
    url: Url,
    origin: Origin,
    entry: Arc<Entry>,
    index: usize,
    policy: PolicyId,
}

/// Why a destination is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The stable code.
    pub reason: Reason,
    /// Scheme, host and port as they were understood, without user, path and query; `-` where nothing was.
    pub target: String,
    /// One sentence fragment for people.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl EgressPolicy {
    /// Reads the entries of `routing.yaml`.
    ///
    /// # Errors
    /// The first entry that is not a destination; [`crate::load`] names its line.
    pub fn new(routing: &Routing) -> Result<Self, EntryFault> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut policy = Self {
            id: PolicyId(NEXT.fetch_add(1, Ordering::Relaxed)),
            entries: Vec::new(),
            exact: HashMap::new(),
            wildcard: HashMap::new(),
        };
        for (index, entry) in routing.egress.allow.iter().enumerate() {
            let entry = Entry::parse(entry)?;
            let (places, key) = match entry.host() {
                HostPattern::Exact(host) => (&mut policy.exact, host.to_string()),
                HostPattern::OneLabelBelow(parent) => (&mut policy.wildcard, parent.clone()),
            };
            places.entry(key).or_default().push(index);
            policy.entries.push(Arc::new(entry));
        }
        Ok(policy)
    }

    /// Which policy this is.
    pub fn id(&self) -> PolicyId {
        self.id
    }

    /// The entries in the order of the file.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(AsRef::as_ref)
    }

    /// Decides on an address as it was written. Takes microseconds, asks nobody.
    pub fn decide(&self, address: &str) -> Decision {
        match self.check(address) {
            Ok(allowed) => Decision::Allowed(allowed),
            Err(denied) => Decision::Denied(denied),
        }
    }

    /// The steps in the order of `docs/egress.md`.
    fn check(&self, address: &str) -> Result<Allowed, Denied> {
        if address.len() > MAX_URL_BYTES {
            return Err(Denied::new(Reason::UrlTooLong, None));
        }
        let url = Url::parse(address)
            .map_err(|error| Denied::new(Reason::UrlInvalid, None).because(&error.to_string()))?;
        let denied = |reason| Denied::new(reason, Some(&url));
        let scheme = Scheme::parse(url.scheme()).ok_or_else(|| denied(Reason::SchemeNotAllowed))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(denied(Reason::Userinfo));
        }
        let origin = Origin::of(scheme, &url).ok_or_else(|| denied(Reason::HostInvalid))?;
        if scheme == Scheme::Http && !origin.host().is_loopback() {
            return Err(denied(Reason::HttpNotLoopback));
        }
        let index = self.matching(&origin).map_err(denied)?;
        if !spelling::is_plain(address, &url, origin.host()) {
            return Err(Denied::new(Reason::Spelling, Some(&url)));
        }
        let entry = Arc::clone(&self.entries[index]);
        Ok(Allowed { url, origin, entry, index, policy: self.id })
    }

    /// The entry for an origin: exact hosts before wildcards.
    fn matching(&self, origin: &Origin) -> Result<usize, Reason> {
        let host = origin.host();
        let by_name = host.to_string();
        let places = match host {
            Host::Domain(name) => self
                .exact
                .get(&by_name)
                .into_iter()
                .chain(name.split_once('.').and_then(|(_, parent)| self.wildcard.get(parent))),
            Host::Ip(_) => self.exact.get(&by_name).into_iter().chain(None),
        };
        let mut nearest = match host {
            Host::Ip(_) => Reason::IpNotListed,
            Host::Domain(_) => Reason::HostNotListed,
        };
        for index in places.flatten() {
            let entry = &self.entries[*index];
            if entry.scheme() != origin.scheme() {
                nearest = nearest.max(Reason::SchemeNotListed);
            } else if entry.port() != origin.port() {
                nearest = Reason::PortNotListed;
            } else {
                return Ok(*index);
            }
        }
        Err(nearest)
    }
}

impl Allowed {
    /// Scheme, host and port: what is resolved, dialled and named in the certificate.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The address that was decided on, normalised.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The entry that allows it.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Its place in `egress.allow`, from 0.
    pub fn entry_index(&self) -> usize {
        self.index
    }

    /// The policy that decided.
    pub fn policy(&self) -> PolicyId {
        self.policy
    }

    /// Whether this address of the host may be dialled: globally reachable ones, those of one's own network where
    /// the entry says `private: true`, loopback for entries that name loopback.
    ///
    /// # Errors
    /// The denial, with the kind of the address as its reason.
    pub fn check_address(&self, address: IpAddr) -> Result<(), Denied> {
        let kind = classify(address);
        let permitted = match kind {
            AddressKind::Global => !self.origin.host().is_loopback(),
            AddressKind::Loopback => self.origin.host().is_loopback(),
            AddressKind::Private | AddressKind::Shared => self.entry.is_private(),
            AddressKind::LinkLocal
            | AddressKind::Multicast
            | AddressKind::Translated
            | AddressKind::Metadata
            | AddressKind::Reserved => false,
        };
        if permitted {
            return Ok(());
        }
        let denied = Denied::new(Reason::of_address(kind), Some(&self.url));
        Err(denied.because(&format!("it resolves to {address}")))
    }
}

impl Denied {
    fn new(reason: Reason, url: Option<&Url>) -> Self {
        let target = url.map_or_else(|| "-".to_owned(), target_of);
        Self {
            reason,
            message: reason.message().to_owned(),
            hint: reason.hint().to_owned(),
            target,
        }
    }

    fn because(mut self, detail: &str) -> Self {
        self.message = format!("{} ({detail})", self.message);
        self
    }
}

/// Scheme, host and port of any address; the parser has made the host visible ASCII or refused it.
fn target_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let shown: String = host.chars().filter(char::is_ascii_graphic).take(MAX_HOST_BYTES).collect();
    match url.port_or_known_default() {
        Some(port) => format!("{}://{shown}:{port}", url.scheme()),
        None => format!("{}://{shown}", url.scheme()),
    }
}
