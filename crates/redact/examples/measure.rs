//! Measures the scanner over folders: findings per megabyte and throughput.
//! `cargo run --release -p redact --example measure -- DIR…`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use redact::Redactor;

fn files(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&entry.path(), into),
            Ok(kind) if kind.is_file() => into.push(entry.path()),
            _ => {}
        }
    }
}

#[expect(clippy::print_stdout, reason = "a measuring program prints its figures")]
fn main() {
    let mut paths = Vec::new();
    std::env::args().skip(1).for_each(|dir| files(Path::new(&dir), &mut paths));
    let start = Instant::now();
    let redactor = Redactor::new([0; 32]);
    let first = redactor.scan("a text that is long enough to be looked at").len();
    let cold = start.elapsed();
    let start = Instant::now();
    redactor.scan("another text that is long enough to be looked at");
    println!("first scan {cold:?} ({first} findings), second {:?}", start.elapsed());
    let texts: Vec<_> =
        paths.into_iter().filter_map(|path| Some((std::fs::read(&path).ok()?, path))).collect();
    let bytes: usize = texts.iter().map(|(text, _)| text.len()).sum();
    let start = Instant::now();
    let mut counts = BTreeMap::<&str, usize>::new();
    for (text, path) in &texts {
        for finding in redactor.scan_bytes(text) {
            *counts.entry(finding.rule).or_default() += 1;
            let shown = String::from_utf8_lossy(&text[finding.range.clone()]).into_owned();
            let shown: String = shown.chars().take(60).collect();
            println!("{}:{} {} {shown}", path.display(), finding.line, finding.rule);
        }
    }
    let took = start.elapsed().as_secs_f64();
    let megabytes = bytes as f64 / 1e6;
    let total: usize = counts.values().sum();
    println!("{counts:#?}");
    println!(
        "{megabytes:.1} MB, {:.3} findings per MB, {:.0} MB/s",
        total as f64 / megabytes,
        megabytes / took
    );
    let start = Instant::now();
    let masked: usize =
        texts.iter().map(|(text, _)| redactor.mask_bytes(text).findings.len()).sum();
    println!("masking: {masked} masks, {:.0} MB/s", megabytes / start.elapsed().as_secs_f64());
}
