//! The case list: every address of `tests/cases/urls.tsv` is decided as it says there.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};

use contracts::hauski::policy::{AllowEntry, DetailedEntry, Routing};
use policy::{Decision, EgressPolicy, Reason};

pub(crate) const LIST: &str = include_str!("../cases/urls.tsv");

/// One line of the list.
pub(crate) struct Case {
    pub(crate) expected: &'static str,
    pub(crate) url: String,
    pub(crate) note: &'static str,
}

/// The policy of the list.
pub(crate) fn policy() -> EgressPolicy {
    let mut routing = Routing::default();
    for entry in LIST.lines().filter_map(|line| line.strip_prefix("entry\t")) {
        routing.egress.allow.push(match entry.strip_prefix("private ") {
            None => AllowEntry::Origin(entry.to_owned()),
            Some(origin) => AllowEntry::Detailed(DetailedEntry {
                origin: origin.to_owned(),
                private: true,
                purpose: None,
            }),
        });
    }
    EgressPolicy::new(&routing).expect("sound entries")
}

pub(crate) fn cases() -> Vec<Case> {
    let lines = LIST.lines().filter(|line| !line.starts_with('#') && !line.starts_with("entry\t"));
    let parse = |line: &'static str| {
        let mut columns = line.split('\t');
        let (expected, url, note) = (columns.next()?, columns.next()?, columns.next()?);
        Some(Case { expected, url: serde_json::from_str(&expand(url)).ok()?, note })
    };
    lines.map(|line| parse(line).unwrap_or_else(|| panic!("not a case: {line}"))).collect()
}

/// `{a*7000}` stands for that many letters.
fn expand(text: &str) -> String {
    let Some((before, rest)) = text.split_once("{a*") else { return text.to_owned() };
    let (count, after) = rest.split_once('}').expect("a closing brace");
    format!("{before}{}{after}", "a".repeat(count.parse().expect("a number")))
}

fn code(decision: &Decision) -> &'static str {
    match decision {
        Decision::Allowed(_) => "allowed",
        Decision::Denied(denied) => denied.reason.code(),
    }
}

#[test]
fn every_case_is_decided_as_the_list_says() {
    let policy = policy();
    let wrong: Vec<String> = cases()
        .iter()
        .filter(|case| code(&policy.decide(&case.url)) != case.expected)
        .map(|case| {
            let got = code(&policy.decide(&case.url));
            format!("{:?} ({}): expected {}, got {got}", case.url, case.note, case.expected)
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_list_is_long_and_covers_every_reason() {
    let cases = cases();
    let allowed = cases.iter().filter(|case| case.expected == "allowed").count();
    let distinct: BTreeSet<&str> = cases.iter().map(|case| case.url.as_str()).collect();
    assert_eq!(distinct.len(), cases.len(), "no case stands there twice");
    assert!(allowed >= 40, "{allowed}");
    assert!(cases.len() - allowed >= 120, "{}", cases.len() - allowed);
    for reason in Reason::ALL {
        let listed = cases.iter().any(|case| case.expected == reason.code());
        // What depends on the resolved address is in addresses.rs.
        assert_eq!(listed, !reason.code().starts_with("address_"), "{reason}");
    }
}

#[test]
fn no_message_repeats_what_may_be_secret() {
    let policy = policy();
    for address in [
        "https://user:hunter2@good.example/hunter2?token=hunter2", // wgx:allow-secret
        "https://evil.example/hunter2?token=hunter2#hunter2",      // wgx:allow-secret
        "hunter2",
        "ftp://hunter2@good.example/",
    ] {
        let Decision::Denied(denied) = policy.decide(address) else {
            panic!("{address} is allowed")
        };
        assert!(!format!("{denied:?}").contains("hunter2"), "{denied:?}");
    }
}

/// Where Python is installed: whatever is allowed, its parser reads the same host and port.
#[test]
fn python_reads_the_same_host_in_everything_that_is_allowed() {
    const SCRIPT: &str = "import json,sys,urllib.parse
for line in sys.stdin:
    try:
        parts = urllib.parse.urlsplit(json.loads(line))
        print(json.dumps([parts.scheme, parts.hostname, parts.port]))
    except ValueError:
        print('null')
";
    let policy = policy();
    let allowed: Vec<(String, policy::Allowed)> = cases()
        .into_iter()
        .filter_map(|case| match policy.decide(&case.url) {
            Decision::Allowed(allowed) => Some((case.url, allowed)),
            Decision::Denied(_) => None,
        })
        .collect();
    let input: String =
        allowed.iter().map(|(url, _)| serde_json::to_string(url).expect("text") + "\n").collect();
    let Some(output) = python(SCRIPT, &input) else {
        eprintln!("not run: there is no python3");
        return;
    };
    assert_eq!(output.lines().count(), allowed.len());
    for ((url, allowed), line) in allowed.iter().zip(output.lines()) {
        let (scheme, host, port): (String, String, Option<u16>) =
            serde_json::from_str(line).unwrap_or_else(|_| panic!("Python refuses {url:?}"));
        let origin = allowed.origin();
        let understood = origin.host().to_string();
        let understood = understood.trim_matches(['[', ']']);
        let host = host.trim_end_matches('.');
        let same = match host.parse::<std::net::IpAddr>() {
            Ok(address) => understood.parse() == Ok(address),
            Err(_) => idna::domain_to_ascii(host).is_ok_and(|ascii| ascii == understood),
        };
        assert!(same, "{url:?}: Python reads {host}, the policy {understood}");
        assert_eq!(scheme, origin.scheme().as_str(), "{url:?}");
        assert_eq!(port.unwrap_or(origin.port()), origin.port(), "{url:?}");
    }
}

#[expect(clippy::disallowed_methods, reason = "the second opinion is a program")]
fn python(script: &str, input: &str) -> Option<String> {
    use std::io::Write;
    let mut child = Command::new("python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take()?;
    stdin.write_all(input.as_bytes()).ok()?;
    drop(stdin);
    let output = child.wait_with_output().ok()?;
    String::from_utf8(output.stdout).ok().filter(|_| output.status.success())
}

/// Kinds of refusals by number, for people who read the test's output.
#[test]
fn every_refusal_says_what_to_do() {
    let policy = policy();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for case in cases() {
        if let Decision::Denied(denied) = policy.decide(&case.url) {
            assert!(!denied.hint.is_empty() && !denied.message.is_empty(), "{:?}", case.url);
            *counts.entry(denied.reason.code()).or_default() += 1;
        }
    }
    assert!(counts.len() >= 11, "{counts:?}");
}
