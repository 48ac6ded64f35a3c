//! What the benchmark measures: appending and verifying, each beside the least that the same bytes need.
//! `audit-bench FOLDER EVENTS` prints one JSON object; all figures are microseconds for one line.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that fails says so")]

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use audit::{Durability, Event, Log, Options, Verdict, VerifyOptions, verify};
use sha2::{Digest as _, Sha256};

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next().expect("a folder");
    let events: u32 = arguments.next().and_then(|n| n.to_str()?.parse().ok()).expect("a count");
    let folder = Path::new(&folder);
    let log = folder.join("log");
    let opened = Log::open(&log, Options::default()).unwrap();
    let grouped = grouped(&opened, events);
    let durable = durable(&opened, events / 100);
    let status = opened.status();
    opened.close().unwrap();

    let began = Instant::now();
    let report = verify(&log, &VerifyOptions::default()).unwrap();
    let verified = began.elapsed();
    assert_eq!(report.verdict, Verdict::Sound);
    let lines = lines(&log);
    let count = u32::try_from(lines.len()).unwrap();
    let began = Instant::now();
    let mut sum = 0;
    for line in &lines {
        sum ^= Sha256::digest(line)[0];
    }
    let hashed = began.elapsed();
    let figures = serde_json::json!({
        "grouped_us": per(grouped, events),
        "plain_grouped_us": per(plain(folder, &lines[..events as usize], 1000), events),
        "durable_us": per(durable, events / 100),
        "plain_durable_us": per(plain(folder, &lines[..events as usize / 100], 1), events / 100),
        "verify_us": per(verified, count),
        "sha256_us": per(hashed, count),
        "failed": status.failed,
        "sum": sum,
    });
    println!("{figures}");
}

fn event(n: u32) -> Event {
    Event::new("key:0198f2c4", "request.finish", "POST /v1/chat/completions")
        .with("duration_us", n)
        .with("request", "0198f2c4a0f27d3c9b1e5a6f70d1c2b3")
        .with("status", 200)
}

/// From four threads, until the last is on the disk.
fn grouped(log: &Log, events: u32) -> Duration {
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..events / 4).for_each(|n| log.note(event(n))));
        }
    });
    log.append(event(0), Durability::Durable).wait().unwrap();
    began.elapsed()
}

/// One after the other, each waited for.
fn durable(log: &Log, events: u32) -> Duration {
    let began = Instant::now();
    for n in 0..events {
        log.append(event(n), Durability::Durable).wait().unwrap();
    }
    began.elapsed()
}

/// The same lines to a file, with a sync after every few.
fn plain(folder: &Path, lines: &[Vec<u8>], together: usize) -> Duration {
    let mut file = File::create(folder.join("plain")).unwrap();
    let began = Instant::now();
    for batch in lines.chunks(together) {
        file.write_all(&batch.concat()).unwrap();
        file.sync_data().unwrap();
    }
    began.elapsed()
}

fn lines(log: &Path) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = fs::read_dir(log).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|kind| kind == "jsonl"));
    files.sort();
    let split = |bytes: Vec<u8>| {
        bytes.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    files.into_iter().flat_map(|path| split(fs::read(path).unwrap())).collect()
}

fn per(time: Duration, count: u32) -> f64 {
    time.as_secs_f64() * 1e6 / f64::from(count.max(1))
}
