//! Tasks on pipes: streams, exit codes, signals, time limits and what is left behind.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::engine::{Engine, is_alive, kill, wait_for};

#[test]
fn streams_stay_apart_and_exit_codes_are_the_tasks_own() {
    for (script, code) in [("true", 0), ("exit 3", 3), ("kill -TERM $$", 143), ("kill -9 $$", 137)]
    {
        let script = format!("echo out; echo err >&2; {script}");
        let ended = Engine::shell(&script).run();
        assert_eq!(ended.stdout, b"out\n");
        assert_eq!(ended.stderr, b"err\n");
        assert_eq!(ended.code, Some(code), "{script}");
        assert_eq!(ended.report["output"], "out\n");
        assert_eq!(ended.report["error"], "err\n");
        assert_eq!(ended.report["on_terminal"], false);
    }
}

#[test]
fn bytes_pass_through_as_they_are() {
    let engine = Engine::shell("cat data; cat data >&2");
    let data: Vec<u8> = (0..300_000u32).map(|n| (n * 7 + n / 256) as u8).collect();
    std::fs::write(engine.path("data"), &data).unwrap();
    let ended = engine.run();
    assert!(ended.stdout == data, "stdout differs");
    assert!(ended.stderr == data, "stderr differs");
    assert_eq!(ended.report["seen_bytes"], 600_000);
}

#[test]
fn stdin_is_passed_on() {
    let engine = Engine::shell("tr a-z A-Z");
    let mut command = engine.command();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"hello").unwrap();
    assert_eq!(engine.wait(child).stdout, b"HELLO");
}

#[test]
fn an_empty_stdin_is_an_empty_stdin() {
    let ended = Engine::shell("cat; echo end").run();
    assert_eq!(ended.stdout, b"end\n");
}

#[test]
fn without_a_log_all_streams_are_inherited() {
    let ended = Engine::shell("echo out; echo err >&2; exit 5").set("inherit", true).run();
    assert_eq!((ended.stdout, ended.stderr), (b"out\n".to_vec(), b"err\n".to_vec()));
    assert_eq!(ended.code, Some(5));
    assert_eq!(ended.report["seen_bytes"], 0);
}

#[test]
fn a_reader_that_goes_away_ends_the_task_as_a_plain_pipe_does() {
    let engine = Engine::shell("yes");
    let mut child = engine.spawn();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while line != "y\n" {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0);
    }
    drop(reader);
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(141));
    assert_eq!(engine.report()["signal"], 13);
}

#[test]
fn two_hundred_megabytes_pass_in_bounded_memory() {
    let engine = Engine::shell("head -c 200000000 /dev/zero");
    let mut child = engine.spawn();
    let mut stdout = child.stdout.take().unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut total = 0;
    loop {
        match stdout.read(&mut buffer).unwrap() {
            0 => break,
            length => total += length,
        }
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(total > 200_000_000);
    let report = engine.report();
    assert_eq!(report["seen_bytes"], 200_000_000);
    assert_eq!(report["kept_bytes"], 17 * 1024 * 1024);
    assert_eq!(report["omitted_bytes"], 200_000_000 - 17 * 1024 * 1024);
    // The test's own log holds 17 MiB, and vectors double while they grow.
    assert!(report["peak_kib"].as_u64().unwrap() < 80 * 1024, "{report}");
}

#[test]
fn a_log_that_fails_does_not_disturb_the_task() {
    let ended = Engine::shell("echo shown; exit 4").set("log_fails", true).run();
    assert_eq!((ended.code, ended.stdout), (Some(4), b"shown\n".to_vec()));
    assert!(ended.report["log_error"].is_string());
}

/// Writes the pids of a plain grandchild and of one that got away twice: own session, lost parent.
const FAMILY: &str = "sleep 1000 & echo $! > plain; \
    setsid sh -c 'sh -c \"echo \\$\\$ > daemon; exec sleep 1000\" &' ; ";

#[test]
fn the_time_limit_ends_the_whole_tree() {
    let engine = Engine::shell(&format!("{FAMILY} sleep 1000")).set("timeout_ms", 500);
    let ended = engine.run();
    assert_eq!(ended.code, Some(124));
    assert_eq!(ended.report["timed_out"], true);
    for name in ["plain", "daemon"] {
        assert!(!is_alive(engine.pid(name)), "{name} lives on");
    }
}

#[test]
fn who_ignores_the_polite_signal_is_killed() {
    let script = format!("trap '' TERM INT HUP; {FAMILY} while :; do sleep 1; done");
    let engine = Engine::shell(&script).set("timeout_ms", 300);
    let ended = engine.run();
    assert_eq!(ended.code, Some(124));
    assert_eq!(ended.report["signal"], 9);
    assert!(ended.took < Duration::from_secs(5), "{:?}", ended.took);
    for name in ["plain", "daemon"] {
        assert!(!is_alive(engine.pid(name)), "{name} lives on");
    }
}

#[test]
fn signals_to_wgx_end_the_whole_tree() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let engine = Engine::shell(&format!("{FAMILY} echo $$ > self; exec sleep 1000"));
        let child = engine.spawn();
        let pids = ["self", "plain", "daemon"].map(|name| engine.pid(name));
        kill(i32::try_from(child.id()).unwrap(), signal);
        let ended = engine.wait(child);
        assert_eq!(ended.code, Some(code));
        assert_eq!(ended.report["stopped_by"], signal.as_raw());
        assert!(!pids.into_iter().any(is_alive), "{signal:?}: something lives on");
    }
}

#[test]
fn a_task_that_handles_the_interrupt_keeps_its_exit_code() {
    let engine =
        Engine::shell("trap 'echo cleaned; exit 7' INT; echo $$ > self; sleep 1000 & wait");
    let child = engine.spawn();
    engine.pid("self");
    kill(i32::try_from(child.id()).unwrap(), Signal::INT);
    let ended = engine.wait(child);
    assert_eq!((ended.code, ended.stdout), (Some(7), b"cleaned\n".to_vec()));
}

#[test]
fn a_task_that_ignores_the_interrupt_is_ended_after_the_grace() {
    let engine = Engine::shell("trap '' INT; echo $$ > self; while :; do sleep 0.1; done")
        .set("interrupt_grace_ms", 300);
    let child = engine.spawn();
    engine.pid("self");
    kill(i32::try_from(child.id()).unwrap(), Signal::INT);
    let ended = engine.wait(child);
    assert_eq!(ended.code, Some(143));
    assert!(ended.took < Duration::from_secs(5), "{:?}", ended.took);
}

#[test]
fn what_a_good_task_leaves_in_the_background_lives_on_and_delays_nothing() {
    let engine = Engine::shell("sleep 1000 & echo $! > plain; echo done");
    let ended = engine.run();
    let pid = engine.pid("plain");
    assert!(is_alive(pid), "it was ended");
    kill(pid, Signal::KILL);
    assert_eq!((ended.code, ended.stdout), (Some(0), b"done\n".to_vec()));
    assert!(ended.took < Duration::from_secs(5), "{:?}", ended.took);
}

#[test]
fn output_before_the_end_is_complete_even_when_the_stream_stays_open() {
    let engine = Engine::shell("sleep 1000 & echo $! > plain; head -c 60000 /dev/zero");
    let mut child = engine.spawn();
    let mut stdout = child.stdout.take().unwrap();
    std::thread::sleep(Duration::from_millis(600));
    let mut all = Vec::new();
    stdout.read_to_end(&mut all).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    kill(engine.pid("plain"), Signal::KILL);
    assert_eq!(all.iter().filter(|byte| **byte == 0).count(), 60_000);
}

#[test]
fn ignored_signals_stay_ignored() {
    let engine = Engine::shell("grep SigIgn /proc/self/status");
    let mut outer = engine.command();
    let program = outer.get_program().to_owned();
    let args: Vec<_> = outer.get_args().map(ToOwned::to_owned).collect();
    let words: Vec<String> =
        std::iter::once(program).chain(args).map(|word| process_quote(&word)).collect();
    let script = format!("trap '' HUP; exec {}", words.join(" "));
    let mut command = shell(&script, &outer);
    outer.process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = engine.wait(command.spawn().unwrap());
    let line = String::from_utf8(ended.stdout).unwrap();
    let mask = u64::from_str_radix(line.split_whitespace().last().unwrap(), 16).unwrap();
    assert_eq!(mask & 1, 1, "SIGHUP is no longer ignored: {line}");
}

fn process_quote(word: &std::ffi::OsStr) -> String {
    wgx_tasks::process::launch::quote(word).to_string_lossy().into_owned()
}

#[expect(clippy::disallowed_methods, reason = "the test starts the engine under test")]
fn shell(script: &str, like: &std::process::Command) -> std::process::Command {
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script]);
    command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

#[test]
fn lines_of_tasks_at_the_same_time_stay_whole() {
    let script =
        "for i in 1 2 3 4 5 6 7 8 9; do printf 'some '; printf 'words\\n'; done; printf end";
    let ended = Engine::parallel(&[script, script, script]).run();
    assert_eq!(ended.code, Some(0));
    let text = String::from_utf8(ended.stdout).unwrap();
    for task in ["task0", "task1", "task2"] {
        let lines: Vec<&str> = text.lines().filter(|line| line.contains(task)).collect();
        assert_eq!(lines.len(), 10, "{text}");
        assert!(lines[..9].iter().all(|line| *line == format!("[{task}] some words")), "{text}");
        assert_eq!(lines[9], format!("[{task}] end"));
    }
}

#[test]
fn the_first_failure_ends_the_others_unless_told_to_keep_going() {
    let scripts = ["sleep 0.2; exit 3", "sleep 2; exit 0", "true"];
    let ended = Engine::parallel(&scripts).run();
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.report["codes"], serde_json::json!([3, 143, Value::Null]));
    let ended = Engine::parallel(&scripts).set("keep_going", true).run();
    assert_eq!(ended.report["codes"], serde_json::json!([3, 0, 0]));
}

#[test]
fn an_interrupt_ends_all_tasks_and_those_that_got_away() {
    let engine = Engine::parallel(&[
        &format!("{FAMILY} sleep 1000"),
        "echo $$ > second; sleep 1000",
        "true",
    ]);
    let child = engine.spawn();
    let pids = ["plain", "daemon", "second"].map(|name| engine.pid(name));
    kill(i32::try_from(child.id()).unwrap(), Signal::INT);
    let ended = engine.wait(child);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.report["codes"][2], Value::Null);
    wait_for("all to be gone", || (!pids.into_iter().any(is_alive)).then_some(()));
}
