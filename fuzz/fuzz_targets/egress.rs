//! Destinations: any text is decided without a panic, and what is allowed holds its host as plainly as a strict reader sees it.
#![no_main]

use std::sync::LazyLock;

use contracts::hauski::policy::{AllowEntry, Routing};
use libfuzzer_sys::fuzz_target;
use policy::{Decision, EgressPolicy};

static POLICY: LazyLock<EgressPolicy> = LazyLock::new(|| {
    let mut routing = Routing::default();
    let origins = [
        "https://good.example",
        "https://*.wild.example:8443",
        "https://8.8.8.8",
        "http://127.0.0.1:8081",
    ];
    routing.egress.allow = origins.map(|origin| AllowEntry::Origin(origin.to_owned())).into();
    EgressPolicy::new(&routing).expect("sound entries")
});

fuzz_target!(|text: &str| {
    let _ = policy::egress::Entry::parse(&AllowEntry::Origin(text.to_owned()));
    let Decision::Allowed(allowed) = POLICY.decide(text) else { return };
    let (scheme, rest) = text.split_once("://").expect("a scheme and two slashes");
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    assert_eq!(scheme.to_ascii_lowercase(), allowed.origin().scheme().as_str());
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let listed = match (scheme.to_ascii_lowercase().as_str(), port) {
        ("https", "" | "443") => host == "good.example" || host == "8.8.8.8",
        ("https", "8443") => {
            host.strip_suffix(".wild.example").is_some_and(|label| !label.contains('.'))
        }
        ("http", "8081") => host == "127.0.0.1",
        _ => false,
    };
    assert!(listed, "{text:?}");
    assert!(!tail.contains(|one: char| one.is_control() || one == '\\' || one == ' '));
    assert!(matches!(POLICY.decide(allowed.url().as_str()), Decision::Allowed(_)));
});
