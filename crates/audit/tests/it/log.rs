//! Writing, closing, opening again, rotating, proving, excerpts.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread;

use audit::{
    AppendError, Durability, Event, Filter, Log, OpenError, Options, Outcome, Verdict,
    VerifyOptions, VerifyReport, check_proof, export, prove, tail, verify,
};
use tempfile::TempDir;

fn event(n: u64) -> Event {
    Event::new("key:k1", "request.finish", "POST /v1/chat/completions").with("n", n)
}

fn small_segments() -> Options {
    Options { segment_bytes: 4096, checkpoint_lines: 5, ..Options::default() }
}

fn verified(folder: &Path) -> VerifyReport {
    verify(folder, &VerifyOptions::default()).unwrap()
}

/// A closed log of `count` events in several segments.
fn closed(count: u64) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(folder.path(), small_segments()).unwrap();
    for n in 0..count {
        log.append(event(n), Durability::Durable).wait().unwrap();
    }
    log.close().unwrap();
    folder
}

#[test]
fn a_closed_log_is_sound_and_holds_every_event_in_order() {
    let folder = closed(40);
    let report = verified(folder.path());
    assert_eq!(report.verdict, Verdict::Sound, "{report:#?}");
    assert!(report.segments > 2, "{report:#?}");
    assert_eq!(report.lines, report.signed);
    let lines = tail(folder.path(), 1000, &Filter::default()).unwrap();
    let numbers: Vec<u64> = lines
        .iter()
        .filter_map(|line| line.data.get("n").and_then(serde_json::Value::as_u64))
        .collect();
    assert_eq!(numbers, (0..40).collect::<Vec<_>>());
    assert_eq!(lines.len() as u64, report.lines);
    for file in fs::read_dir(folder.path()).unwrap().flatten() {
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.file_name());
    }
}

#[test]
fn a_log_goes_on_where_it_was_closed() {
    let folder = closed(3);
    for round in 0..3 {
        let log = Log::open(folder.path(), small_segments()).unwrap();
        log.append(event(100 + round), Durability::Durable).wait().unwrap();
        drop(log);
        let report = verified(folder.path());
        assert_eq!((report.verdict, &report.notes[..]), (Verdict::Sound, &[][..]), "{report:#?}");
    }
}

#[test]
fn while_it_is_written_a_log_verifies_and_nobody_else_may_write_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(folder.path(), Options::default()).unwrap();
    log.append(event(1), Durability::Durable).wait().unwrap();
    assert_eq!(verified(folder.path()).verdict, Verdict::Sound);
    let error = Log::open(folder.path(), Options::default()).unwrap_err();
    assert!(matches!(error, OpenError::Busy(_)), "{error}");
    assert_eq!(error.hint(), "stop the other daemon, or use another HAUSKI_HOME");
    log.close().unwrap();
    assert_eq!(log.append(event(2), Durability::Durable).wait(), Err(AppendError::Closed));
}

#[test]
fn many_threads_write_one_log_and_every_receipt_names_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(folder.path(), Options { queue_events: 16, ..Options::default() }).unwrap();
    thread::scope(|scope| {
        for thread in 0..8 {
            let log = log.clone();
            scope.spawn(move || {
                for n in 0..50 {
                    let durability =
                        if n % 10 == 0 { Durability::Durable } else { Durability::Grouped };
                    log.append(event(thread * 1000 + n), durability).wait().unwrap();
                }
            });
        }
    });
    for n in 0..2000 {
        log.note(event(90_000 + n));
    }
    log.close().unwrap();
    let status = log.status();
    assert_eq!((status.failed, status.failure), (0, None));
    assert!(status.waited > 0, "a queue of 16 makes callers wait");
    let lines = tail(folder.path(), usize::MAX, &Filter::default()).unwrap();
    assert_eq!(lines.iter().filter(|line| line.action == "request.finish").count(), 2400);
    assert_eq!(verified(folder.path()).verdict, Verdict::Sound);
}

#[test]
fn a_receipt_can_be_awaited() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(folder.path(), Options::default()).unwrap();
    let denied = Event::new("local:1", "egress.decide", "https://x").outcome(Outcome::Denied);
    let written = futures_executor::block_on(log.append(denied, Durability::Durable)).unwrap();
    log.close().unwrap();
    let line = &tail(folder.path(), 100, &Filter::default()).unwrap()[written.seq as usize];
    assert_eq!((line.outcome, line.seq), (Outcome::Denied, written.seq));
}

#[test]
fn a_new_key_is_signed_by_the_old_one_and_the_old_one_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(folder.path(), small_segments()).unwrap();
    let old = log.status().key;
    let old_file = fs::read(folder.path().join("key")).unwrap();
    for n in 0..30 {
        log.append(event(n), Durability::Durable).wait().unwrap();
        if n % 10 == 9 {
            log.rotate_key().wait().unwrap();
        }
    }
    log.close().unwrap();
    let report = verified(folder.path());
    assert_eq!(report.verdict, Verdict::Sound, "{report:#?}");
    assert_ne!(report.key.as_ref(), Some(&old));
    assert_ne!(fs::read(folder.path().join("key")).unwrap(), old_file);
    let pinned = VerifyOptions { key: Some(old.parse().unwrap()), ..VerifyOptions::default() };
    assert_eq!(verify(folder.path(), &pinned).unwrap().verdict, Verdict::Sound);
    drop(Log::open(folder.path(), small_segments()).unwrap());
    assert_eq!(verified(folder.path()).verdict, Verdict::Sound);
}

#[test]
fn every_line_can_be_proven_without_the_log_and_no_other_line_with_its_proof() {
    let folder = closed(40);
    let report = verified(folder.path());
    let key = report.key.unwrap().parse().unwrap();
    for seq in 0..report.lines {
        let mut proof = prove(folder.path(), seq).unwrap();
        assert_eq!(check_proof(&proof, Some(&key)).unwrap().seq, seq);
        proof.line = proof.line.replace("\"ok\"", "\"denied\"");
        assert_eq!(
            check_proof(&proof, Some(&key)).unwrap_err().to_string(),
            "the line is not in the log that this checkpoint signs"
        );
    }
    let beyond = prove(folder.path(), report.lines).unwrap_err().to_string();
    assert_eq!(
        beyond,
        format!("no checkpoint covers line {0}; {0} lines are signed", report.lines)
    );
    let other = verified(closed(1).path()).key.unwrap().parse().unwrap();
    let proof = prove(folder.path(), 3).unwrap();
    assert_eq!(
        check_proof(&proof, Some(&other)).unwrap_err().to_string(),
        format!("the checkpoint is not signed by {other}")
    );
}

#[test]
fn an_excerpt_says_that_it_is_one_and_of_how_much() {
    let folder = closed(10);
    let mut out = Vec::new();
    let filter = Filter { action: Some("log.*".to_owned()), ..Filter::default() };
    let exported = export(folder.path(), &filter, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len() as u64, exported.lines + 2);
    assert_eq!(exported.of, verified(folder.path()).lines);
    insta::assert_snapshot!(lines[0], @r#"{"schema":"hauski.audit.export/1","excerpt":true,"wanted":{"since":null,"until":null,"actor":null,"action":"log.*"}}"#);
    assert_eq!(
        *lines.last().unwrap(),
        format!(
            r#"{{"schema":"hauski.audit.export/1","excerpt":true,"lines":{},"of":{}}}"#,
            exported.lines, exported.of
        )
    );
}

#[test]
fn anchors_get_copies_and_agree_with_the_log() {
    let (folder, anchor) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let options = Options {
        anchors: vec![anchor.path().to_owned()],
        anchor_after: std::time::Duration::ZERO,
        ..small_segments()
    };
    let log = Log::open(folder.path(), options).unwrap();
    for n in 0..40 {
        log.append(event(n), Durability::Durable).wait().unwrap();
    }
    log.close().unwrap();
    assert_eq!(log.status().anchor_failures, 0);
    let options =
        VerifyOptions { anchors: vec![anchor.path().to_owned()], ..VerifyOptions::default() };
    let report = verify(folder.path(), &options).unwrap();
    assert_eq!(report.verdict, Verdict::Sound, "{report:#?}");
    assert!(report.anchors >= 5, "{report:#?}");
}

#[test]
fn verifying_may_begin_at_a_line_and_earlier_segments_may_be_gone() {
    let folder = closed(40);
    fs::remove_file(folder.path().join("segment-00000001.jsonl")).unwrap();
    let whole = verified(folder.path());
    assert_eq!(whole.tampering.unwrap().kind, "segment-missing");
    let options = VerifyOptions { since: Some(20), ..VerifyOptions::default() };
    let report = verify(folder.path(), &options).unwrap();
    assert_eq!(report.verdict, Verdict::Sound, "{report:#?}");
}

#[test]
fn no_log_is_an_error_and_not_a_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let error = verify(folder.path(), &VerifyOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), format!("no audit log in {}", folder.path().display()));
}

#[test]
fn a_line_in_a_file_that_is_gone_is_not_written() {
    type Break = fn(&Path);
    let moves: [(&str, Break); 3] = [
        ("deleted", |file| fs::remove_file(file).unwrap()),
        ("moved", |file| fs::rename(file, file.with_extension("aside")).unwrap()),
        ("replaced", |file| {
            fs::copy(file, file.with_extension("copy")).unwrap();
            fs::rename(file.with_extension("copy"), file).unwrap();
        }),
    ];
    for (what, spoil) in moves {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(folder.path(), Options::default()).unwrap();
        log.append(event(1), Durability::Durable).wait().unwrap();
        spoil(&folder.path().join("segment-00000001.jsonl"));
        for n in 2..5 {
            let receipt = log.append(event(n), Durability::Durable).wait();
            assert!(matches!(receipt, Err(AppendError::Write(_))), "{what}: {receipt:?}");
        }
        log.note(event(5));
        let status = log.status();
        assert!(status.failed >= 3, "{what}: {status:?}");
        assert!(status.failure.is_some_and(|why| why.contains("moved, replaced")), "{what}");
    }
}
