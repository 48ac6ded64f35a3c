//! Why a destination is allowed or refused: stable codes, each with its sentence and hint.

use super::AddressKind;

/// Why a destination is refused. The order is the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The address is longer than [`super::MAX_URL_BYTES`].
    UrlTooLong,
    /// It is no address.
    UrlInvalid,
    /// Another scheme than https, wss or http.
    SchemeNotAllowed,
    /// A user or password stands in it.
    Userinfo,
    /// Its host is no name that could be resolved, or its port is 0.
    HostInvalid,
    /// Plain http to another machine.
    HttpNotLoopback,
    /// An address in numbers that no entry names.
    IpNotListed,
    /// A host that no entry names.
    HostNotListed,
    /// The host is named, under another scheme.
    SchemeNotListed,
    /// The host is named, under another port.
    PortNotListed,
    /// Spelled so that programs read different hosts in it.
    Spelling,
    /// It resolves to one's own machine, or an entry for loopback resolves elsewhere.
    AddressLoopback,
    /// An entry for one's own machine that resolves elsewhere.
    AddressNotLoopback,
    /// It resolves into a private network.
    AddressPrivate,
    /// It resolves to a shared address.
    AddressShared,
    /// It resolves to the local wire.
    AddressLinkLocal,
    /// It resolves to a group.
    AddressMulticast,
    /// It resolves to an address with another one inside.
    AddressTranslated,
    /// It resolves to a metadata service.
    AddressMetadata,
    /// It resolves to a reserved address.
    AddressReserved,
}

impl Reason {
    /// All of them, in the order of the checks.
    pub const ALL: [Self; 20] = [
        Self::UrlTooLong,
        Self::UrlInvalid,
        Self::SchemeNotAllowed,
        Self::Userinfo,
        Self::HostInvalid,
        Self::HttpNotLoopback,
        Self::IpNotListed,
        Self::HostNotListed,
        Self::SchemeNotListed,
        Self::PortNotListed,
        Self::Spelling,
        Self::AddressLoopback,
        Self::AddressNotLoopback,
        Self::AddressPrivate,
        Self::AddressShared,
        Self::AddressLinkLocal,
        Self::AddressMulticast,
        Self::AddressTranslated,
        Self::AddressMetadata,
        Self::AddressReserved,
    ];

    pub(super) fn of_address(kind: AddressKind) -> Self {
        match kind {
            AddressKind::Global => Self::AddressNotLoopback,
            AddressKind::Loopback => Self::AddressLoopback,
            AddressKind::Private => Self::AddressPrivate,
            AddressKind::Shared => Self::AddressShared,
            AddressKind::LinkLocal => Self::AddressLinkLocal,
            AddressKind::Multicast => Self::AddressMulticast,
            AddressKind::Translated => Self::AddressTranslated,
            AddressKind::Metadata => Self::AddressMetadata,
            AddressKind::Reserved => Self::AddressReserved,
        }
    }

    /// The stable code, as audit lines, metrics and reports carry it.
    pub fn code(self) -> &'static str {
        match self {
            Self::UrlTooLong => "url_too_long",
            Self::UrlInvalid => "url_invalid",
            Self::SchemeNotAllowed => "scheme_not_allowed",
            Self::Userinfo => "userinfo",
            Self::HostInvalid => "host_invalid",
            Self::HttpNotLoopback => "http_not_loopback",
            Self::IpNotListed => "ip_not_listed",
            Self::HostNotListed => "host_not_listed",
            Self::SchemeNotListed => "scheme_not_listed",
            Self::PortNotListed => "port_not_listed",
            Self::Spelling => "spelling",
            Self::AddressLoopback => "address_loopback",
            Self::AddressNotLoopback => "address_not_loopback",
            Self::AddressPrivate => "address_private",
            Self::AddressShared => "address_shared",
            Self::AddressLinkLocal => "address_link_local",
            Self::AddressMulticast => "address_multicast",
            Self::AddressTranslated => "address_translated",
            Self::AddressMetadata => "address_metadata",
            Self::AddressReserved => "address_reserved",
        }
    }

    /// What is wrong, as a fragment of a sentence.
    pub fn message(self) -> &'static str {
        match self {
            Self::UrlTooLong => "the address is longer than 8192 bytes",
            Self::UrlInvalid => "this is no address",
            Self::SchemeNotAllowed => {
                "only https, wss and, for one's own machine, http are dialled"
            }
            Self::Userinfo => "a user or password stands in the address",
            Self::HostInvalid => "the host is no name that could be resolved",
            Self::HttpNotLoopback => "plain http leads to one's own machine only",
            Self::IpNotListed => "no entry of egress.allow names this address",
            Self::HostNotListed => "no entry of egress.allow names this host",
            Self::SchemeNotListed => "egress.allow names this host under another scheme",
            Self::PortNotListed => "egress.allow names this host with another port",
            Self::Spelling => "the address is spelled so that programs read different hosts in it",
            Self::AddressLoopback => "the host resolves to one's own machine",
            Self::AddressNotLoopback => "the entry is for one's own machine but leads elsewhere",
            Self::AddressPrivate => "the host resolves into a private network",
            Self::AddressShared => "the host resolves to an address shared behind a carrier",
            Self::AddressLinkLocal => "the host resolves to an address of the local wire",
            Self::AddressMulticast => "the host resolves to an address of a group",
            Self::AddressTranslated => "the host resolves to an address with another one inside",
            Self::AddressMetadata => "the host resolves to a metadata service of a cloud",
            Self::AddressReserved => "the host resolves to a reserved address",
        }
    }

    /// What to do.
    pub fn hint(self) -> &'static str {
        match self {
            Self::UrlTooLong => "send what is long in the body of the request",
            Self::UrlInvalid => "write https://host/path",
            Self::SchemeNotAllowed | Self::HttpNotLoopback => "use https",
            Self::Userinfo => "send credentials in a header",
            Self::HostInvalid => {
                "a host has letters, digits, dots and hyphens, and a port from 1 to 65535"
            }
            Self::IpNotListed | Self::HostNotListed => {
                "if it is meant, add its origin to egress.allow in routing.yaml"
            }
            Self::SchemeNotListed => {
                "if it is meant, add the origin with this scheme to egress.allow"
            }
            Self::PortNotListed => "if it is meant, add the origin with this port to egress.allow",
            Self::Spelling => {
                "write scheme, host and port plainly: no backslashes, spaces, line breaks, percent signs or look-alikes"
            }
            Self::AddressPrivate | Self::AddressShared => {
                "if it is a machine of your own network, write the entry with `private: true`"
            }
            Self::AddressLoopback => "name 127.0.0.1, [::1] or localhost itself in egress.allow",
            Self::AddressNotLoopback => "name the host that is meant in egress.allow",
            Self::AddressLinkLocal
            | Self::AddressMulticast
            | Self::AddressTranslated
            | Self::AddressMetadata
            | Self::AddressReserved => {
                "such addresses are never dialled; look at what the name resolves to"
            }
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.code())
    }
}
