//! No address is allowed that an independent, strict reading of RFC 3986 would not allow as well.

use policy::{Decision, EgressPolicy};
use proptest::prelude::*;

use crate::cases::{LIST, cases, policy};

/// Scheme, host and port by the grammar of RFC 3986, section 3, written from the grammar alone. None where the
/// grammar does not fit or there is a user. Letters beyond ASCII in path, query and fragment are let through (RFC 3987).
fn strict(text: &str) -> Option<(String, String, Option<u16>)> {
    let (scheme, rest) = text.split_once(':')?;
    let mut letters = scheme.chars();
    letters.next().filter(char::is_ascii_alphabetic)?;
    letters.all(|one| one.is_ascii_alphanumeric() || "+-.".contains(one)).then_some(())?;
    let rest = rest.strip_prefix("//")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let tail_fits = |one: char| !one.is_control() && !" \\".contains(one);
    tail.chars().all(tail_fits).then_some(())?;
    (!authority.contains('@')).then_some(())?;
    let (host, port) = match authority.strip_prefix('[') {
        Some(inner) => {
            let (inner, after) = inner.split_once(']')?;
            inner.parse::<std::net::Ipv6Addr>().ok()?;
            (format!("[{inner}]"), if after.is_empty() { "" } else { after.strip_prefix(':')? })
        }
        None => {
            let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
            (host.to_owned(), port)
        }
    };
    (!host.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())).then_some(())?;
    let port = if port.is_empty() { None } else { Some(port.parse().ok()?) };
    Some((scheme.to_lowercase(), host.to_lowercase(), port))
}

/// Whether a strict reading finds an entry, comparing texts only.
fn strict_allows(text: &str) -> bool {
    let Some((scheme, host, port)) = strict(text) else { return false };
    let port = port.unwrap_or(if scheme == "http" { 80 } else { 443 });
    let host = host.strip_suffix('.').unwrap_or(&host).to_owned();
    let host = if host.is_ascii() {
        host
    } else {
        // The one foreign name of the list.
        host.replace("bücher", "xn--bcher-kva")
    };
    LIST.lines().filter_map(|line| line.strip_prefix("entry\t")).any(|entry| {
        let entry = entry.trim_start_matches("private ");
        let Some((entry_scheme, entry_host, entry_port)) = strict(entry) else { return false };
        let entry_port = entry_port.unwrap_or(if entry_scheme == "http" { 80 } else { 443 });
        let same_host = match entry_host.strip_prefix("*.") {
            Some(parent) => host
                .split_once('.')
                .is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
            None if host.starts_with('[') => {
                let address =
                    |text: &str| text.trim_matches(['[', ']']).parse::<std::net::Ipv6Addr>().ok();
                address(&host) == address(&entry_host)
            }
            None => host == entry_host,
        };
        same_host && entry_scheme == scheme && entry_port == port
    })
}

fn never_more_permissive(policy: &EgressPolicy, text: &str) {
    if let Decision::Allowed(allowed) = policy.decide(text) {
        assert!(strict_allows(text), "{text:?} is allowed as {}", allowed.origin());
    }
}

#[test]
fn the_case_list_agrees_with_the_strict_reading() {
    let policy = policy();
    for case in cases() {
        never_more_permissive(&policy, &case.url);
        if case.expected == "allowed" {
            assert!(strict_allows(&case.url), "{:?}", case.url);
        }
    }
}

/// A listed address with pieces put in, taken out and exchanged: what comes near is where guards fail.
fn near() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "@",
        "\\",
        "/",
        "//",
        "#",
        "?",
        ":",
        "%2e",
        "%00",
        "\u{0}",
        "\t",
        "\n",
        "\r\n",
        " ",
        ".",
        "..",
        "[",
        "]",
        "\u{ad}",
        "\u{3002}",
        "\u{ff0e}",
        "\u{200b}",
        "\u{430}",
        "0",
        "1",
        "0x7f",
        "443",
        ":443",
        ":0443",
        "evil.example",
        "good.example",
        "wild.example",
        "xn--",
        "localhost",
        "127.0.0.1",
        "[::1]",
        "*",
        "https:",
        "HTTP",
        "é",
        "ü",
    ]);
    let base = prop::sample::select(
        cases().into_iter().map(|case| case.url).filter(|url| url.len() < 200).collect::<Vec<_>>(),
    );
    let edits = prop::collection::vec((any::<prop::sample::Index>(), pieces, 0usize..3), 0..4);
    (base, edits).prop_map(|(base, edits)| {
        let mut letters: Vec<char> = base.chars().collect();
        for (at, piece, gone) in edits {
            let at = at.index(letters.len() + 1);
            let end = (at + gone).min(letters.len());
            letters.splice(at..end, piece.chars());
        }
        letters.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn near_misses_are_never_allowed_wrongly(text in near()) {
        never_more_permissive(&policy(), &text);
    }
}

proptest! {
    #[test]
    fn any_text_is_decided(text in any::<String>()) {
        never_more_permissive(&policy(), &text);
    }

    #[test]
    fn deciding_again_on_the_normal_form_changes_nothing(text in near()) {
        let policy = policy();
        if let Decision::Allowed(allowed) = policy.decide(&text) {
            let again = policy.decide(allowed.url().as_str());
            let Decision::Allowed(again) = again else { panic!("{text:?} is denied in its normal form") };
            prop_assert_eq!(again.origin(), allowed.origin());
        }
    }
}
