//! The contract, the order of checks, and receipts that cannot be changed unnoticed.

use contracts::wgx::validate::{PlannedCheck, ReceiptRepository};
use jiff::Timestamp;
use serde_json::{Value, json};
use wgx_tasks::profile::{LoadedProfile, Os, parse};

use super::*;

fn load(text: &str) -> LoadedProfile {
    parse(".wgx/profile.yml", text, Os::Linux)
}

fn request(level: CheckLevel) -> CheckRequest {
    let text = str::to_owned;
    CheckRequest {
        level,
        timeout_seconds: None,
        repository: ReceiptRepository {
            root: text("/r/größe"),
            name: text("größe"),
            commit: None,
            dirty: true,
        },
        identity: IdentityFacts {
            wgx_version: text("0.1.0"),
            os: text("Linux"),
            os_release: text("6.1.0"),
            machine: text("x86_64"),
            bash: Some(text("5.2.15(1)-release")),
            python: None,
            variable_names: vec![text("PATH"), text("GH_TOKEN"), text("api_key_x")],
        },
    }
}

/// Runs with a program that ends as the task's name says.
fn run(text: &str, request: &CheckRequest) -> Result<ValidateReport, NotDeclared> {
    let mut limits = Vec::new();
    let mut end = |task: &wgx_tasks::task::FoundTask, limit: std::time::Duration| {
        limits.push(limit);
        CheckEnd {
            exit_code: if task.task.name.contains("red") { 3 } else { 0 },
            timed_out: task.task.name.contains("slow"),
            duration_ms: 7,
        }
    };
    let time: Timestamp = "2026-01-02T03:04:05.678Z".parse().unwrap();
    let mut runner = CheckRunner {
        run: &mut end,
        now: &|| time,
        mask: &|text: &str| text.replace("hunter2", "[masked]"),
    };
    let report = run_checks(&load(text), request, &mut runner);
    let seconds = request.timeout_seconds.unwrap_or(request.level.default_timeout_seconds());
    assert!(limits.iter().all(|limit| limit.as_secs() == seconds));
    report
}

const PROFILE: &str = "wgx:\n  apiVersion: v1\n  validate:\n    quick: [te_st, ghost]\n    full: [lint, test, bench]\n    \
    unsupported: {bench: none yet}\n    ciOnly: {zz: cloud, aa: 'TOKEN=abc'}\n  tasks:\n    \
    lint: 'curl -H \"Authorization: Bearer abc\" --api-key=k X_TOKEN=t hunter2'\n    te_st: [a, 'b c', ü]\n    test: echo\n    \
    red: 'false'\n    slow: sleep 9\n";

#[test]
fn the_report_names_codes_and_places() {
    let report = validate(Some(&load(
        "wgx: {apiVersion: v3, requiredWgx: {range: ^3.0, caps: [fly]}, tasks: {a: ''}}\n",
    )));
    assert!(!report.ok);
    assert_eq!(
        report.errors,
        [
            "unsupported_apiVersion",
            "task_missing_command:a",
            "version_mismatch",
            "missing_capabilities"
        ]
    );
    assert_eq!(report.missing_capabilities, ["fly"]);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["schema"], "wgx.validate/1");
    assert_eq!(json["missingCapabilities"], json!(["fly"]));
    assert_eq!(validate(None).errors, ["no_manifest"]);
    assert_eq!(validate(Some(&load("a: [\n"))).errors, ["syntax"]);
    assert_eq!(exit_code(&report), 1);
    assert_eq!(exit_code(&validate(Some(&load("tasks: {a: x}\n")))), 0);
}

#[test]
fn demands_are_compared_with_the_contract() {
    let verdict = |demand: &str| {
        validate(Some(&load(&format!("requiredWgx: '{demand}'\ntasks: {{a: x}}\n")))).ok
    };
    for good in ["^2.0", "^2.0.0", "2.0", "1.4.0", ">=2.0.3", "2.1.0"] {
        assert!(verdict(good), "{good}");
    }
    for bad in ["^3.0", "3", "^1.9", "new", "<2"] {
        assert!(!verdict(bad), "{bad}");
    }
}

#[test]
fn checks_come_in_the_declared_order_and_skips_of_the_repository_after_them() {
    let planned = |level| {
        let planned = plan(&load(PROFILE).profile, level).unwrap();
        let line = |check: PlannedCheck| {
            format!("{} {} {}", check.action, check.task, check.kind.as_deref().unwrap_or("-"))
        };
        planned.into_iter().map(line).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(planned(CheckLevel::Quick), @r"
    run te-st -
    skip ghost undeclared
    skip aa ci-only
    skip bench unsupported
    skip zz ci-only
    ");
    insta::assert_snapshot!(planned(CheckLevel::Full), @r"
    run lint -
    run test -
    skip bench unsupported
    skip aa ci-only
    skip zz ci-only
    ");
    let error = plan(&load("tasks: {a: x}\n").profile, CheckLevel::Quick).unwrap_err();
    assert_eq!(error.to_string(), "the profile does not declare validate.quick");
}

#[test]
fn results_and_exit_codes_of_checks() {
    let ended = |checks: &str| {
        let text = PROFILE.replace("[te_st, ghost]", checks);
        let report = run(&text, &request(CheckLevel::Quick)).unwrap();
        let receipt = report.receipt.unwrap();
        let checks = receipt.checks.iter();
        let told: Vec<String> = checks.map(|c| format!("{} {}", c.status, c.exit_code)).collect();
        (receipt.result, told.join(", "), report.ok)
    };
    assert_eq!(ended("[test]"), ("passed".into(), "passed 0".into(), true));
    assert_eq!(ended("[red, test]"), ("failed".into(), "failed 3, passed 0".into(), false));
    assert_eq!(ended("[slow]"), ("failed".into(), "timeout 124".into(), false));
    assert_eq!(ended("[ghost]"), ("failed".into(), String::new(), false));
    assert_eq!(ended("[]"), ("passed".into(), String::new(), true));
    let empty = PROFILE.replace("te_st: [a, 'b c', ü]", "te_st: ''");
    let receipt = run(&empty, &request(CheckLevel::Quick)).unwrap().receipt.unwrap();
    assert_eq!((&*receipt.checks[0].status, receipt.checks[0].exit_code), ("failed", 126));
}

#[test]
fn a_time_limit_replaces_the_default() {
    let mut request = request(CheckLevel::Full);
    assert_eq!(run(PROFILE, &request).unwrap().receipt.unwrap().timeout_seconds, 900);
    request.timeout_seconds = Some(5);
    assert_eq!(run(PROFILE, &request).unwrap().receipt.unwrap().timeout_seconds, 5);
    request.level = CheckLevel::Quick;
    request.timeout_seconds = None;
    assert_eq!(run(PROFILE, &request).unwrap().receipt.unwrap().timeout_seconds, 120);
}

#[test]
fn the_receipt_is_the_text_that_upstreams_python_writes() {
    let receipt = run(PROFILE, &request(CheckLevel::Full)).unwrap().receipt.unwrap();
    insta::assert_snapshot!(receipt_text(&receipt), @r#"
    {
      "checks": [
        {
          "command": "STR:curl -H \"Authorization: Bearer [REDACTED]\" --api-key=[REDACTED] X_TOKEN=[REDACTED] [masked]",
          "command_sha256": "24269a5cabe0438a7350b7fa6a772558fd917230f2e86bb270fb7b34d6dac019",
          "duration_ms": 7,
          "exit_code": 0,
          "name": "lint",
          "status": "passed"
        },
        {
          "command": "STR:echo",
          "command_sha256": "df32ffc630ecabd51a2ba5ab3c7dfeef5a5675dbf6fcb17b3d2189be4b99b0df",
          "duration_ms": 7,
          "exit_code": 0,
          "name": "test",
          "status": "passed"
        }
      ],
      "does_not_establish": [
        "repository_correctness",
        "ci_replacement",
        "merge_readiness_from_quick_profile",
        "test_sufficiency",
        "runtime_correctness"
      ],
      "environment": {
        "bash": "5.2.15(1)-release",
        "identity_sha256": "f5ce37ba02d7570f07d5d5eb8ee38bb8189f74c67b456d48c33082e0792f3350",
        "machine": "x86_64",
        "os": "linux",
        "os_release": "6.1.0",
        "python": "unknown",
        "redacted_env_names": [
          "GH_TOKEN",
          "api_key_x"
        ],
        "wgx_version": "0.1.0"
      },
      "finished_at": "2026-01-02T03:04:05Z",
      "kind": "wgx.validate.receipt",
      "manifest": {
        "errors": [],
        "missing_capabilities": [],
        "ok": true
      },
      "profile": "full",
      "receipt_sha256": "e192a5139399c29e1d0674c24cd3dabdb77fc00c499c76dd7be46f6185d1d690",
      "repository": {
        "commit": null,
        "dirty": true,
        "name": "größe",
        "root": "/r/größe"
      },
      "result": "passed",
      "schema_version": 1,
      "skipped": [
        {
          "kind": "unsupported",
          "name": "bench",
          "reason": "none yet"
        },
        {
          "kind": "ci-only",
          "name": "aa",
          "reason": "TOKEN=[REDACTED]"
        },
        {
          "kind": "ci-only",
          "name": "zz",
          "reason": "cloud"
        }
      ],
      "started_at": "2026-01-02T03:04:05Z",
      "timeout_seconds": 900
    }
    "#);
}

#[test]
fn any_change_is_noticed() {
    let receipt = run(PROFILE, &request(CheckLevel::Full)).unwrap().receipt.unwrap();
    let sound: Value = serde_json::from_str(&receipt_text(&receipt)).unwrap();
    assert_eq!(verify_receipt(&sound), Ok(()));
    let changes: [(&str, Value); 9] = [
        ("/result", json!("failed")),
        ("/checks/0/status", json!("failed")),
        ("/checks/0/exit_code", json!(1)),
        ("/checks/0/command", json!("STR:true")),
        ("/repository/dirty", json!(false)),
        ("/environment/machine", json!("arm64")),
        ("/skipped", json!([])),
        ("/timeout_seconds", json!(1)),
        ("/receipt_sha256", json!("0")),
    ];
    for (place, value) in changes {
        let mut changed = sound.clone();
        *changed.pointer_mut(place).unwrap() = value;
        assert_eq!(verify_receipt(&changed), Err(ReceiptFault::Digest), "{place}");
    }
    let mut added = sound.clone();
    added["note"] = json!("trust me");
    assert_eq!(verify_receipt(&added), Err(ReceiptFault::Digest));
    let mut removed = sound;
    removed.as_object_mut().unwrap().remove("checks");
    assert!(matches!(verify_receipt(&removed), Err(ReceiptFault::Shape(_))));
}

#[test]
fn a_resealed_lie_is_noticed_by_its_parts() {
    let receipt = run(PROFILE, &request(CheckLevel::Full)).unwrap().receipt.unwrap();
    let fault = |change: &dyn Fn(&mut contracts::wgx::validate::ValidateReceipt)| {
        let mut lie = receipt.clone();
        change(&mut lie);
        // Sealing sets the result as well; a liar would not.
        let result = lie.result.clone();
        lie = receipt::sealed(lie);
        lie.result = result;
        let mut value = serde_json::to_value(&lie).unwrap();
        value["receipt_sha256"] = json!(receipt::digest_of(&value));
        verify_receipt(&value).unwrap_err()
    };
    assert_eq!(
        fault(&|lie| lie.checks[1].command = "STR:true".into()),
        ReceiptFault::Command("test".into())
    );
    assert_eq!(fault(&|lie| lie.environment.bash = "9".into()), ReceiptFault::Identity);
    assert_eq!(fault(&|lie| lie.checks[0].status = "failed".into()), ReceiptFault::Result);
}

#[test]
fn receipts_are_written_whole_or_not_at_all() {
    let receipt = run(PROFILE, &request(CheckLevel::Full)).unwrap().receipt.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("receipt.json");
    write_receipt(&path, &receipt).unwrap();
    assert_eq!(verify_receipt(&read_receipt(&path).unwrap()), Ok(()));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    let nowhere = dir.path().join("absent/receipt.json");
    assert!(matches!(write_receipt(&nowhere, &receipt), Err(ReceiptError::Io { .. })));
    // A folder stands in the receipt's place: nothing is left behind.
    let taken = dir.path().join("taken");
    std::fs::create_dir(&taken).unwrap();
    assert!(write_receipt(&taken, &receipt).is_err());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    std::fs::write(&path, "no json").unwrap();
    assert!(matches!(read_receipt(&path), Err(ReceiptError::Format { .. })));
}

#[test]
fn secrets_are_masked_as_upstream_masks_them() {
    let cases = [
        ("MY_TOKEN=abc run", "MY_TOKEN=[REDACTED] run"),
        ("password: 'a b' x", "password: [REDACTED] x"),
        ("x --api-key k --auth-token=t y", "x --api-key [REDACTED] --auth-token=[REDACTED] y"),
        ("curl -H 'Authorization: Bearer a b' u", "curl -H 'Authorization: Bearer [REDACTED]' u"),
        ("curl -H \"X-API-Key: k\" u", "curl -H \"X-API-Key: [REDACTED]\" u"),
        ("Authorization: Basic abc", "Authorization: Basic [REDACTED]"),
        ("cargo test --locked", "cargo test --locked"),
    ];
    for (text, masked) in cases {
        assert_eq!(redaction::redact(text), masked);
    }
    assert!(redaction::is_secret_name("db_password") && !redaction::is_secret_name("PATH"));
}
