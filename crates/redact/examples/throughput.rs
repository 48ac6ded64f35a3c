//! How fast texts are redacted: `throughput fast|deep FOLDER…` reads every text file into memory, redacts
//! them for a second on one thread and prints one JSON object. The benchmark of the project starts it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use redact::{Depth, Redactor};

const SECONDS: f64 = 1.0;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let depth = match args.next().as_deref() {
        Some("fast") => Depth::Fast,
        Some("deep") => Depth::Deep,
        _ => return Err("usage: throughput fast|deep FOLDER… (--show lists what was found)".into()),
    };
    let (options, folders): (Vec<String>, Vec<String>) = args.partition(|a| a.starts_with("--"));
    let mut texts = Vec::new();
    folders.iter().for_each(|folder| read(Path::new(folder), &mut texts));
    let bytes: usize = texts.iter().map(|(_, text)| text.len()).sum();
    let redactor = Redactor::for_merges();
    let mut out = std::io::stdout().lock();
    if !options.is_empty() {
        for (path, text) in &texts {
            for span in redactor.redact(text, depth).spans {
                writeln!(out, "{}\t{}\t{}", path.display(), span.rule, &text[span.source])?;
            }
        }
    }
    // The kernel counts in ticks: only some tenths of a second are worth measuring.
    let (mut rounds, mut secrets) = (0.0, 0);
    let begin = cpu_seconds();
    while cpu_seconds() - begin < SECONDS {
        secrets = texts.iter().map(|(_, text)| redactor.redact(text, depth).spans.len()).sum();
        rounds += 1.0;
    }
    let seconds = (cpu_seconds() - begin) / rounds;
    let (files, speed) = (texts.len(), bytes as f64 / seconds / 1e9);
    writeln!(
        out,
        r#"{{"files":{files},"bytes":{bytes},"secrets":{secrets},"gigabytes_per_second":{speed:.3}}}"#
    )?;
    Ok(())
}

/// Processor time of this thread, which other work on the machine does not add to. Linux only.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = stat.split(' ').next().and_then(|text| text.parse::<f64>().ok());
    nanoseconds.unwrap_or(f64::NAN) / 1e9
}

fn read(path: &Path, texts: &mut Vec<(PathBuf, String)>) {
    if path.is_dir() && !path.is_symlink() {
        let mut entries: Vec<_> =
            fs::read_dir(path).into_iter().flatten().flatten().map(|e| e.path()).collect();
        entries.sort();
        entries.iter().for_each(|entry| read(entry, texts));
    } else if let Ok(text) = fs::read_to_string(path) {
        texts.push((path.to_owned(), text));
    }
}
