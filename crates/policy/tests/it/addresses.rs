//! What a host may resolve to, at the borders of every range.

use std::net::IpAddr;

use policy::egress::{AddressKind, classify};
use policy::{Decision, EgressPolicy};

use crate::cases::policy;

/// First and last address of each range and their kind; what lies beside it is in the neighbouring line.
const RANGES: &[(&str, &str, AddressKind)] = &[
    ("0.0.0.0", "0.255.255.255", AddressKind::Reserved),
    ("1.0.0.0", "9.255.255.255", AddressKind::Global),
    ("10.0.0.0", "10.255.255.255", AddressKind::Private),
    ("11.0.0.0", "100.63.255.255", AddressKind::Global),
    ("100.64.0.0", "100.100.100.199", AddressKind::Shared),
    ("100.100.100.200", "100.100.100.200", AddressKind::Metadata),
    ("100.100.100.201", "100.127.255.255", AddressKind::Shared),
    ("100.128.0.0", "126.255.255.255", AddressKind::Global),
    ("127.0.0.0", "127.255.255.255", AddressKind::Loopback),
    ("128.0.0.0", "168.63.129.15", AddressKind::Global),
    ("168.63.129.16", "168.63.129.16", AddressKind::Metadata),
    ("168.63.129.17", "169.253.255.255", AddressKind::Global),
    ("169.254.0.0", "169.254.169.122", AddressKind::LinkLocal),
    ("169.254.169.254", "169.254.169.254", AddressKind::Metadata),
    ("169.254.170.2", "169.254.170.2", AddressKind::Metadata),
    ("169.254.200.0", "169.254.255.255", AddressKind::LinkLocal),
    ("169.255.0.0", "172.15.255.255", AddressKind::Global),
    ("172.16.0.0", "172.31.255.255", AddressKind::Private),
    ("172.32.0.0", "191.255.255.255", AddressKind::Global),
    ("192.0.0.0", "192.0.0.255", AddressKind::Reserved),
    ("192.0.1.0", "192.0.1.255", AddressKind::Global),
    ("192.0.2.0", "192.0.2.255", AddressKind::Reserved),
    ("192.0.3.0", "192.88.98.255", AddressKind::Global),
    ("192.88.99.0", "192.88.99.255", AddressKind::Translated),
    ("192.88.100.0", "192.167.255.255", AddressKind::Global),
    ("192.168.0.0", "192.168.255.255", AddressKind::Private),
    ("192.169.0.0", "198.17.255.255", AddressKind::Global),
    ("198.18.0.0", "198.19.255.255", AddressKind::Reserved),
    ("198.20.0.0", "198.51.99.255", AddressKind::Global),
    ("198.51.100.0", "198.51.100.255", AddressKind::Reserved),
    ("198.51.101.0", "203.0.112.255", AddressKind::Global),
    ("203.0.113.0", "203.0.113.255", AddressKind::Reserved),
    ("203.0.114.0", "223.255.255.255", AddressKind::Global),
    ("224.0.0.0", "239.255.255.255", AddressKind::Multicast),
    ("240.0.0.0", "255.255.255.254", AddressKind::Reserved),
    ("255.255.255.255", "255.255.255.255", AddressKind::Multicast),
    ("::", "::", AddressKind::Reserved),
    ("::1", "::1", AddressKind::Loopback),
    ("::2", "::ffff:ffff", AddressKind::Translated),
    ("::ffff:0:0", "::ffff:ffff:ffff", AddressKind::Translated),
    ("64:ff9b::", "64:ff9b::ffff:ffff", AddressKind::Translated),
    ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", AddressKind::Translated),
    ("100::", "100::ffff:ffff:ffff:ffff", AddressKind::Reserved),
    ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", AddressKind::Translated),
    ("2001:1::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", AddressKind::Reserved),
    ("2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", AddressKind::Global),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", AddressKind::Reserved),
    ("2001:db9::", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AddressKind::Global),
    ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AddressKind::Translated),
    ("2003::", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AddressKind::Global),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", AddressKind::Reserved),
    ("4000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AddressKind::Reserved),
    ("fc00::", "fcff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AddressKind::Private),
    ("fd00:42::42", "fd00:42::42", AddressKind::Metadata),
    ("fd00:ec2::23", "fd00:ec2::23", AddressKind::Metadata),
    ("fd00:ec2::254", "fd00:ec2::254", AddressKind::Metadata),
    ("fd20:ce::254", "fd20:ce::254", AddressKind::Metadata),
    ("fd00:ec2::255", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AddressKind::Private),
    ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AddressKind::LinkLocal),
    ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AddressKind::Reserved),
    ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AddressKind::Multicast),
];

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn every_range_has_its_kind_from_its_first_to_its_last_address() {
    for (first, last, kind) in RANGES {
        assert_eq!(classify(address(first)), *kind, "{first}");
        assert_eq!(classify(address(last)), *kind, "{last}");
    }
}

fn permits(policy: &EgressPolicy, url: &str, at: &str) -> bool {
    let Decision::Allowed(allowed) = policy.decide(url) else { panic!("{url} is denied") };
    match allowed.check_address(address(at)) {
        Ok(()) => true,
        Err(denied) => {
            assert!(denied.reason.code().starts_with("address_"), "{denied:?}");
            false
        }
    }
}

#[test]
fn an_entry_opens_its_own_kinds_of_addresses_and_no_others() {
    let policy = policy();
    for (first, last, kind) in RANGES {
        for at in [first, last] {
            let global = *kind == AddressKind::Global;
            let own = matches!(kind, AddressKind::Private | AddressKind::Shared);
            assert_eq!(permits(&policy, "https://good.example/", at), global, "{at}");
            assert_eq!(permits(&policy, "https://a.wild.example/", at), global, "{at}");
            assert_eq!(permits(&policy, "https://nas.home.example/", at), global || own, "{at}");
            let loopback = *kind == AddressKind::Loopback;
            assert_eq!(permits(&policy, "http://localhost:8082/", at), loopback, "{at}");
        }
    }
}
