//! What kind of address a host has resolved to. Only ordinary addresses of the public network are global; the
//! ranges are those of the IANA registries for special purposes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Kinds of addresses, as far as they matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressKind {
    /// Globally reachable unicast.
    Global,
    /// One's own machine.
    Loopback,
    /// A network of one's own: RFC 1918, unique local (RFC 4193).
    Private,
    /// Shared behind a carrier's translation, also used by private overlays (RFC 6598).
    Shared,
    /// Only on the same wire.
    LinkLocal,
    /// Groups and broadcast.
    Multicast,
    /// Another address inside: v4-mapped, NAT64, 6to4, Teredo. What is dialled would not be what was checked.
    Translated,
    /// The services by which clouds hand keys to their machines.
    Metadata,
    /// Documentation, benchmarks, protocol assignments, everything that is not assigned.
    Reserved,
}

impl AddressKind {
    /// For a sentence: "is …".
    pub fn describe(self) -> &'static str {
        match self {
            Self::Global => "globally reachable",
            Self::Loopback => "one's own machine",
            Self::Private => "an address of a private network",
            Self::Shared => "an address shared behind a carrier",
            Self::LinkLocal => "an address of the local wire",
            Self::Multicast => "an address of a group",
            Self::Translated => "an address with another one inside",
            Self::Metadata => "a metadata service of a cloud",
            Self::Reserved => "a reserved address",
        }
    }
}

/// The kind of an address.
pub fn classify(address: IpAddr) -> AddressKind {
    match address {
        IpAddr::V4(address) => classify_v4(address),
        IpAddr::V6(address) => classify_v6(address),
    }
}

fn classify_v4(address: Ipv4Addr) -> AddressKind {
    match address.octets() {
        // Alibaba's lies in the shared range, Azure's among ordinary addresses, everyone else's on the wire.
        [100, 100, 100, 200]
        | [168, 63, 129, 16]
        | [169, 254, 169, 254 | 253 | 123]
        | [169, 254, 170, 2 | 23] => AddressKind::Metadata,
        [127, ..] => AddressKind::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => AddressKind::Private,
        [100, 64..=127, ..] => AddressKind::Shared,
        [169, 254, ..] => AddressKind::LinkLocal,
        [224..=239, ..] | [255, 255, 255, 255] => AddressKind::Multicast,
        // The relays of 6to4.
        [192, 88, 99, _] => AddressKind::Translated,
        [0, ..]
        | [192, 0, 0 | 2, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [240..=255, ..] => AddressKind::Reserved,
        _ => AddressKind::Global,
    }
}

fn classify_v6(address: Ipv6Addr) -> AddressKind {
    match address.segments() {
        // Clouds that have theirs among the private addresses: two of one, and one each of two others.
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254 | 0x23]
        | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254]
        | [0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42] => AddressKind::Metadata,
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressKind::Loopback,
        [0, 0, 0, 0, 0, 0, 0, 0] => AddressKind::Reserved,
        // v4-mapped, v4-compatible, the translations of RFC 2765, NAT64 (both prefixes), Teredo, 6to4.
        [0, 0, 0, 0, 0, 0xffff | 0, ..]
        | [0, 0, 0, 0, 0xffff, 0, ..]
        | [0x64, 0xff9b, 0, 0, 0, 0, ..]
        | [0x64, 0xff9b, 1, ..]
        | [0x2001, 0, ..]
        | [0x2002, ..] => AddressKind::Translated,
        // Protocol assignments (benchmarks and ORCHID among them) and documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => AddressKind::Reserved,
        [0xfc00..=0xfdff, ..] => AddressKind::Private,
        [0xfe80..=0xfebf, ..] => AddressKind::LinkLocal,
        [0xff00..=0xffff, ..] => AddressKind::Multicast,
        [0x2000..=0x3fff, ..] => AddressKind::Global,
        _ => AddressKind::Reserved,
    }
}
