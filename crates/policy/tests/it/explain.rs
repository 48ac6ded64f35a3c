//! Questions and their answers.

use contracts::hauski::explain::Verdict;
use contracts::hauski::plugin::Plugins;
use insta::assert_json_snapshot;
use policy::explain;

use crate::policies::Folder;

fn folder() -> Folder {
    Folder::new()
        .with(
            "routing.yaml",
            "egress:
  allow:
    - https://api.example.org
    - {origin: 'https://*.mirror.example', purpose: packages}
    - {origin: 'https://nas.home.example', private: true}
routing:
  cloud_fallback:
    enabled: true
    only_if: [chat]
    upstreams:
      - {name: far, base_url: 'https://api.example.org/v1'}
",
        )
        .with("memory.yaml", "pin_allowlist: [profile.*, name]\n")
}

fn plugins() -> Plugins {
    serde_json::from_value(serde_json::json!({
        "schema": 1,
        "plugins": [
            {"name": "agent", "command": ["agent"], "calls": ["chat"],
             "events": {"publish": ["agent.*"], "subscribe": ["run.finished"]},
             "sandbox": {"network": "broker"}},
            {"name": "quiet", "command": ["quiet"]},
            {"name": "off", "command": ["off"], "enabled": false, "calls": ["chat"]},
        ],
    }))
    .expect("a sound manifest")
}

#[test]
fn an_allowed_address_names_its_rule() {
    let folder = folder();
    let policies = folder.load();
    let mut answer = explain("https://a.mirror.example/x?token=1", &policies, None).unwrap();
    let rule = answer.rule.as_mut().unwrap();
    assert_eq!(rule.file, folder.path("routing.yaml").display().to_string());
    rule.file.clear();
    assert_json_snapshot!(answer, @r#"
{
  "schema": "hauski.policy.explain/1",
  "subject": "https://a.mirror.example:443",
  "kind": "url",
  "verdict": "allowed",
  "reason": "listed_by_wildcard",
  "message": "a wildcard of egress.allow covers this origin",
  "origin": "https://a.mirror.example:443",
  "rule": {
    "file": "",
    "line": 4,
    "key": "egress.allow[1]",
    "value": "https://*.mirror.example",
    "purpose": "packages"
  },
  "steps": [
    {
      "check": "is an address of at most 8192 bytes",
      "outcome": "passed"
    },
    {
      "check": "scheme is https, wss or http",
      "outcome": "passed"
    },
    {
      "check": "no user and no password in it",
      "outcome": "passed"
    },
    {
      "check": "host and port can exist",
      "outcome": "passed"
    },
    {
      "check": "plain http only to one's own machine",
      "outcome": "passed"
    },
    {
      "check": "egress.allow names the host",
      "outcome": "passed"
    },
    {
      "check": "egress.allow names it under this scheme",
      "outcome": "passed"
    },
    {
      "check": "egress.allow names it with this port",
      "outcome": "passed"
    },
    {
      "check": "every program reads the same host in it",
      "outcome": "passed"
    },
    {
      "check": "every address of the host is globally reachable",
      "outcome": "at_dial"
    }
  ],
  "policy_sha256": "9ca0b0ec8aaebe47160c40f18ac80ef33164a00a1bc46b52bebce3f7b26194d0"
}
"#);
}

#[test]
fn a_refused_address_stops_at_the_check_that_failed() {
    let policies = folder().load();
    let answer = explain("https://api.example.org:8443/secret?token=1", &policies, None).unwrap();
    assert_json_snapshot!(answer, @r#"
{
  "schema": "hauski.policy.explain/1",
  "subject": "https://api.example.org:8443",
  "kind": "url",
  "verdict": "denied",
  "reason": "port_not_listed",
  "message": "egress.allow names this host with another port",
  "hint": "if it is meant, add the origin with this port to egress.allow",
  "origin": "https://api.example.org:8443",
  "steps": [
    {
      "check": "is an address of at most 8192 bytes",
      "outcome": "passed"
    },
    {
      "check": "scheme is https, wss or http",
      "outcome": "passed"
    },
    {
      "check": "no user and no password in it",
      "outcome": "passed"
    },
    {
      "check": "host and port can exist",
      "outcome": "passed"
    },
    {
      "check": "plain http only to one's own machine",
      "outcome": "passed"
    },
    {
      "check": "egress.allow names the host",
      "outcome": "passed"
    },
    {
      "check": "egress.allow names it under this scheme",
      "outcome": "passed"
    },
    {
      "check": "egress.allow names it with this port",
      "outcome": "failed"
    }
  ],
  "policy_sha256": "9ca0b0ec8aaebe47160c40f18ac80ef33164a00a1bc46b52bebce3f7b26194d0"
}
"#);
}

#[test]
fn every_form_of_question_has_both_answers() {
    let policies = folder().load();
    let plugins = plugins();
    let cases = [
        ("chat cloud", "cloud_on"),
        ("embed cloud", "cloud_capability_not_listed"),
        ("chat local", "local_first"),
        ("memory pin profile.name", "pin_listed"),
        ("memory pin name", "pin_listed"),
        ("memory pin names", "pin_not_listed"),
        ("plugin:agent call chat", "manifest_listed"),
        ("plugin:agent call embed", "manifest_not_listed"),
        ("plugin:agent call cha*", "manifest_not_listed"),
        ("plugin:agent publish agent.done", "manifest_listed"),
        ("plugin:agent publish agent.very.done", "manifest_not_listed"),
        ("plugin:agent publish agent.", "manifest_not_listed"),
        ("plugin:agent subscribe run.finished", "manifest_listed"),
        ("plugin:agent subscribe run.started", "manifest_not_listed"),
        ("plugin:agent egress https://api.example.org/", "listed"),
        ("plugin:agent egress https://evil.example/", "host_not_listed"),
        ("plugin:quiet egress https://api.example.org/", "plugin_without_network"),
        ("plugin:off call chat", "plugin_disabled"),
        ("plugin:nobody call chat", "plugin_unknown"),
    ];
    for (question, reason) in cases {
        let answer = explain(question, &policies, Some(&plugins)).unwrap();
        assert_eq!(answer.reason, reason, "{question}");
        let denied = answer.verdict == Verdict::Denied;
        assert_eq!(answer.hint.is_some(), denied, "{question}: a refusal says what to do");
    }
    let off = Folder::new().load();
    assert_eq!(explain("chat cloud", &off, None).unwrap().reason, "cloud_off");
}

#[test]
fn other_questions_are_an_error_that_lists_the_forms() {
    let policies = folder().load();
    for question in ["", "chat", "what now", "plugin:agent", "plugin:agent fly away", "Chat cloud"]
    {
        let error = explain(question, &policies, None).unwrap_err();
        assert!(error.hint().contains("plugin:NAME call CAPABILITY"), "{question}");
    }
}
