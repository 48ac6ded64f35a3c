//! `cargo xtask test`: everything that must hold before a change lands, with one closing count.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::bail;

use crate::cargo;

/// Programs or packages that were asked for and are not there; wgx sets it (`requires` of the profile).
const MISSING: &str = "WGX_MISSING";

pub(crate) fn run(_arguments: &[String]) -> anyhow::Result<()> {
    let mut failures = Vec::new();
    for step in steps() {
        heading(step.name);
        let mut command = step.command;
        if !command.status()?.success() {
            failures.push(step.name.to_owned());
        }
    }
    heading("tests");
    let count = tests()?;
    if count.broken {
        failures.push("tests".to_owned());
    }
    let missing = missing();
    finish(&failures, &missing, &count)
}

struct Step {
    name: &'static str,
    command: Command,
}

fn steps() -> Vec<Step> {
    let step = |name, arguments: &[&str]| Step { name, command: cargo(arguments) };
    let lints =
        ["clippy", "--workspace", "--all-targets", "--locked", "--quiet", "--", "-D", "warnings"];
    let mut steps = vec![
        step("format", &["fmt", "--all", "--check"]),
        step("lints", &lints),
        step("documentation", &["doc", "--workspace", "--no-deps", "--locked", "--quiet"]),
        step(
            "secrets",
            &["run", "--quiet", "--package", "wgx", "--", "guard", "--only", "secrets"],
        ),
    ];
    steps[2].command.env("RUSTDOCFLAGS", "-D warnings");
    steps.push(Step { name: "fuzz targets", command: fuzz_targets() });
    if cargo_deny_is_installed() {
        let arguments = ["deny", "check", "bans", "licenses", "sources"];
        steps.push(step("dependencies", &arguments));
    }
    steps
}

/// Compiles the fuzz targets without libFuzzer, which would need a compiler for C++. They share the
/// dependencies that are built already.
#[expect(clippy::disallowed_methods, reason = "cargo's own variable names the target folder")]
fn fuzz_targets() -> Command {
    let mut command = cargo(&["check", "--manifest-path", "fuzz/Cargo.toml"]);
    command.args(["--no-default-features", "--bins", "--locked", "--quiet"]);
    if std::env::var_os("CARGO_TARGET_DIR").is_none() {
        command.env("CARGO_TARGET_DIR", crate::workspace().join("target"));
    }
    command
}

fn cargo_deny_is_installed() -> bool {
    let mut command = cargo(&["deny", "--version"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[derive(Default)]
struct Count {
    passed: u64,
    failed: u64,
    ignored: u64,
    broken: bool,
}

/// Runs all tests with plain `cargo test`, passes the output on and adds up the closing lines.
fn tests() -> anyhow::Result<Count> {
    let mut command = cargo(&["test", "--workspace", "--locked", "--no-fail-fast"]);
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut count = Count::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line?;
            say(&line);
            add(&mut count, &line);
        }
    }
    count.broken = !child.wait()?.success();
    Ok(count)
}

/// `test result: ok. 11 passed; 0 failed; 0 ignored; …`
fn add(count: &mut Count, line: &str) {
    let Some(numbers) = line.strip_prefix("test result: ") else {
        return;
    };
    for part in numbers.split([';', '.']) {
        let mut words = part.split_whitespace();
        let (Some(number), Some(what)) = (words.next(), words.next()) else {
            continue;
        };
        let Ok(number) = number.parse::<u64>() else {
            continue;
        };
        match what {
            "passed" => count.passed += number,
            "failed" => count.failed += number,
            "ignored" => count.ignored += number,
            _ => {}
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the task runner tells its task what is missing")]
fn missing() -> String {
    std::env::var(MISSING).unwrap_or_default()
}

fn finish(failures: &[String], missing: &str, count: &Count) -> anyhow::Result<()> {
    heading("result");
    if !failures.is_empty() {
        say(&format!("failed: {}", failures.join(", ")));
    }
    if !missing.is_empty() {
        say(&format!("not run for want of: {missing}"));
    }
    if count.ignored > 0 {
        say(&format!("ignored: {}", count.ignored));
    }
    say(&format!("{} passed, {} failed", count.passed, count.failed));
    if !failures.is_empty() || !missing.is_empty() || count.passed == 0 {
        bail!("not everything passed");
    }
    Ok(())
}

fn heading(name: &str) {
    say(&format!("\n== {name}"));
}

#[expect(clippy::print_stdout, reason = "the chore's result goes to standard output")]
fn say(text: &str) {
    println!("{text}");
}
