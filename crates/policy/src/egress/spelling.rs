//! Whether an address is spelled so that every program reads the same host in it.
//!
//! The decision takes the address apart as browsers do, which repairs much: backslashes, line breaks, full-width
//! letters, numbers in place of addresses. Other programs read such an address differently, and that difference is
//! how guards are passed. So what would be allowed is split a second time, strictly by RFC 3986, and both must agree.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::Url;

use super::Host;

/// Whether scheme, host and port stand in `address` as plainly as they were understood.
pub(super) fn is_plain(address: &str, url: &Url, understood: &Host) -> bool {
    let repaired = |one: char| one.is_control() || matches!(one, ' ' | '\\');
    if address.chars().any(repaired) {
        return false;
    }
    let Some((scheme, rest)) = address.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((host, port)) = split_port(authority) else { return false };
    scheme.eq_ignore_ascii_case(url.scheme())
        && is_plain_port(port, url)
        && is_plain_host(host, understood)
}

/// Host and port of an authority; the port is empty where there is none.
fn split_port(authority: &str) -> Option<(&str, &str)> {
    if authority.starts_with('[') {
        let end = authority.find(']')?;
        let (host, rest) = authority.split_at(end + 1);
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, port)),
            None => rest.is_empty().then_some((host, "")),
        };
    }
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    (!port.contains(':')).then_some((host, port))
}

fn is_plain_port(port: &str, url: &Url) -> bool {
    port.is_empty()
        || port.bytes().all(|byte| byte.is_ascii_digit())
            && !port.starts_with('0')
            && port.parse().ok() == url.port_or_known_default()
}

fn is_plain_host(written: &str, understood: &Host) -> bool {
    match understood {
        Host::Ip(IpAddr::V4(address)) => written.parse::<Ipv4Addr>().ok() == Some(*address),
        Host::Ip(IpAddr::V6(address)) => {
            let inner = written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            inner.and_then(|inner| inner.parse::<Ipv6Addr>().ok()) == Some(*address)
        }
        Host::Domain(name) => {
            let written = written.strip_suffix('.').unwrap_or(written);
            if written.is_ascii() {
                written.eq_ignore_ascii_case(name)
            } else {
                is_plain_foreign(written, name)
            }
        }
    }
}

/// A name with letters beyond ASCII is plain when turning the ASCII form back gives what was written.
fn is_plain_foreign(written: &str, name: &str) -> bool {
    let (back, result) = idna::domain_to_unicode(name);
    result.is_ok() && back == written.to_lowercase()
}
