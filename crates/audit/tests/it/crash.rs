//! A writer that is killed at any moment: no event that was acknowledged is lost, nothing looks like
//! tampering, and the log goes on.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use audit::{
    AppendError, Durability, Event, Filter, Log, Options, Verdict, VerifyOptions, tail, verify,
};

use crate::files::{options, write};

/// The writer that is killed: this program again. It says the position of every acknowledged event.
#[test]
#[ignore = "the tests start it"]
fn writer() {
    let mut lines = std::io::stdin().lines();
    let folder = lines.next().unwrap().unwrap();
    let log = Log::open(&folder, options(None)).unwrap();
    println!("open");
    for n in 0.. {
        let event = Event::new("key:k1", "request.finish", "POST /v1/embeddings").with("n", n);
        let durability = if n % 3 == 0 { Durability::Durable } else { Durability::Grouped };
        if n % 97 == 96 {
            let _ = log.rotate_key().wait();
        }
        match log.append(event, durability).wait() {
            Ok(written) => println!("acknowledged {} {n}", written.seq),
            Err(AppendError::NoSpace) => println!("no space"),
            Err(error) => println!("failed: {error}"),
        }
    }
}

fn start(folder: &Path, before: &str) -> Child {
    let program = std::env::current_exe().unwrap();
    let script = format!("{before}\nexec \"$0\" --exact crash::writer --ignored --nocapture");
    #[expect(clippy::disallowed_methods, reason = "only a process can be killed")]
    let mut child = Command::new("sh")
        .args(["-c", &script])
        .arg(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(child.stdin.as_mut().unwrap(), "{}", folder.display()).unwrap();
    child
}

/// Lets a writer work for a while, kills it, and checks what is left.
fn round(folder: &Path, lives: Duration) -> usize {
    let mut child = start(folder, "");
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        let mut said = Vec::new();
        let mut line = String::new();
        while output.read_line(&mut line).unwrap_or(0) > 0 && line.ends_with('\n') {
            said.push(std::mem::take(&mut line));
        }
        said
    });
    std::thread::sleep(lives);
    child.kill().unwrap();
    child.wait().unwrap();
    let said = reader.join().unwrap();
    let acknowledged: Vec<(u64, u64)> = said
        .iter()
        .filter_map(|line| {
            let (seq, n) = line.strip_prefix("acknowledged ")?.trim_end().split_once(' ')?;
            Some((seq.parse().ok()?, n.parse().ok()?))
        })
        .collect();
    assert!(!said.iter().any(|line| line.starts_with("failed")), "{said:?}");
    check(folder, &acknowledged);
    acknowledged.len()
}

fn check(folder: &Path, acknowledged: &[(u64, u64)]) {
    let Ok(report) = verify(folder, &VerifyOptions::default()) else {
        assert!(acknowledged.is_empty(), "it was killed before it began");
        return;
    };
    assert_eq!(report.tampering, None, "a crash is no tampering");
    let lines = tail(folder, usize::MAX, &Filter::default()).unwrap();
    for (seq, n) in acknowledged {
        let line = &lines[usize::try_from(*seq).unwrap()];
        assert_eq!((line.seq, line.data["n"].as_u64()), (*seq, Some(*n)));
    }
}

/// Kills writers of one log again and again, and closes it in the end. Returns rounds and acknowledged events.
fn rounds(for_seconds: u64, at_least: u32) -> (u32, usize) {
    let folder = tempfile::tempdir().unwrap();
    let (began, mut done, mut acknowledged) = (Instant::now(), 0, 0);
    while done < at_least || began.elapsed() < Duration::from_secs(for_seconds) {
        let millis = u64::from(done * 7919 % 61);
        acknowledged += round(folder.path(), Duration::from_millis(5 + millis));
        done += 1;
    }
    let log = Log::open(folder.path(), options(None)).unwrap();
    write(&log, 1);
    log.close().unwrap();
    let report = verify(folder.path(), &VerifyOptions::default()).unwrap();
    assert_eq!((report.verdict, report.tampering), (Verdict::Sound, None));
    let repairs = report.notes.iter().filter(|note| note.kind == "log.recover").count();
    assert!(repairs > 0, "every repair stands in the log");
    (done, acknowledged)
}

#[test]
fn killed_at_any_moment_no_acknowledged_event_is_lost() {
    let (rounds, acknowledged) = rounds(8, 20);
    assert!(acknowledged > 0, "in {rounds} rounds");
}

#[test]
#[ignore = "takes minutes; prints how many rounds it did"]
fn killed_a_thousand_times_no_acknowledged_event_is_lost() {
    let (rounds, acknowledged) = rounds(0, 1000);
    println!("{rounds} kills, {acknowledged} acknowledged events, none lost, no false alarm");
}

#[test]
fn cut_at_any_byte_the_end_of_a_log_is_repaired_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(folder.path(), Options::default()).unwrap();
    write(&log, 3);
    log.checkpoint().wait().unwrap();
    let signed = fs::read(folder.path().join("segment-00000001.jsonl")).unwrap().len();
    write(&log, 3);
    let whole = fs::read(folder.path().join("segment-00000001.jsonl")).unwrap();
    let crashed = crate::files::copy(folder.path());
    drop(log);
    for cut in (signed + 1..whole.len()).step_by(37) {
        for zeros in [0, 900] {
            let folder = crate::files::copy(crashed.path());
            let mut bytes = whole[..cut].to_vec();
            bytes.resize(cut + zeros, 0);
            fs::write(folder.path().join("segment-00000001.jsonl"), bytes).unwrap();
            let report = verify(folder.path(), &VerifyOptions::default()).unwrap();
            let torn = whole[cut - 1] != b'\n' || zeros > 0;
            assert_eq!(report.verdict, Verdict::Unverifiable, "{report:?}");
            let kind = report.tail.unwrap().kind;
            assert!(
                !torn && kind == "unsigned-tail" || kind == "torn-tail",
                "{kind} at {cut}+{zeros}"
            );
            Log::open(folder.path(), Options::default()).unwrap().close().unwrap();
            let report = verify(folder.path(), &VerifyOptions::default()).unwrap();
            assert_eq!(report.verdict, Verdict::Sound, "{report:?}");
            let said = &report.notes[0].detail;
            assert_eq!(said.contains("torn_lines_bytes"), torn, "{said}");
        }
    }
}

#[test]
fn on_a_full_disk_appends_fail_clearly_and_what_was_written_stays() {
    let folder = tempfile::tempdir().unwrap();
    // Files may grow to 8 blocks of 512 bytes; a write beyond fails as on a full disk.
    let mut child = start(folder.path(), "trap '' XFSZ; ulimit -f 8");
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = Vec::new();
    let mut refused = 0;
    for line in output.lines() {
        let line = line.unwrap();
        assert!(!line.starts_with("failed"), "{line}");
        if line == "no space" {
            refused += 1;
        } else if let Some((seq, n)) =
            line.strip_prefix("acknowledged ").and_then(|rest| rest.split_once(' '))
        {
            acknowledged.push((seq.parse().unwrap(), n.parse().unwrap()));
        }
        if refused >= 5 {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(acknowledged.len() > 2 && refused >= 5, "{acknowledged:?}, {refused} refused");
    check(folder.path(), &acknowledged);
    Log::open(folder.path(), options(None)).unwrap().close().unwrap();
    let report = verify(folder.path(), &VerifyOptions::default()).unwrap();
    assert_eq!(report.verdict, Verdict::Sound, "{report:?}");
}
