//! `cargo run --release -p hauski-index --example chunk-bench -- REPO`: how fast files are cut, by syntax and by lines, and how
//! long a pass over 10,000 unchanged files takes.

use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use hauski_index::chunk::{ChunkOptions, Kind, Source, split};
use hauski_index::ingest::{
    Change, KnownDocuments, Pass, PassOptions, Progress, Tree, TreeKind, Trust, Unknown, pass,
};
use hauski_index::truth;
use repolens::pack::read_file;
use repolens::scan::{ScanOptions, scan};

type Fault = Box<dyn std::error::Error>;

/// Rounds of each measurement; the best one counts, the machine may be busy.
const ROUNDS: usize = 3;
const FILES: usize = 10_000;

fn main() -> Result<(), Fault> {
    let mut out = std::io::stdout().lock();
    let root = std::env::args().nth(1).ok_or("usage: chunk-bench REPO")?;
    let root = Path::new(&root).canonicalize()?;
    let snapshot = scan(std::slice::from_ref(&root), &ScanOptions::default())?;
    let mut files = Vec::new();
    for file in snapshot.repos.iter().flat_map(|repo| &repo.files) {
        if let Ok(text) = read_file(&root, &file.path, None) {
            files.push((file.path.clone(), text));
        }
    }
    let bytes: usize = files.iter().map(|(_, text)| text.len()).sum();
    writeln!(
        out,
        "{} files, {:.1} MB, one thread, CPU time, best of {ROUNDS}",
        files.len(),
        mega(bytes)
    )?;
    for (name, by_syntax) in [("syntax", true), ("lines", false)] {
        let mut best = Duration::MAX;
        let mut chunks = 0;
        for _ in 0..ROUNDS {
            let begun = cpu();
            chunks = 0;
            for (path, text) in &files {
                let kind = if by_syntax { Kind::of(path, text) } else { Kind::Code };
                // A language without a grammar is cut at lines.
                let language = (!by_syntax).then_some("text");
                chunks +=
                    split(&Source { path, language, text, kind }, &ChunkOptions::default()).len();
            }
            best = best.min(cpu() - begun);
        }
        writeln!(
            out,
            "  {name:8} {:7.1} MB/s, {chunks} passages",
            mega(bytes) / best.as_secs_f64()
        )?;
    }
    unchanged(&mut out)
}

fn unchanged(out: &mut impl std::io::Write) -> Result<(), Fault> {
    let dir = tempfile::tempdir()?;
    for number in 0..FILES {
        let folder = dir.path().join(format!("{:02}", number % 100));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(
            folder.join(format!("{number}.md")),
            format!("# {number}\n\nWords of {number}.\n"),
        )?;
    }
    let tree = Tree {
        collection: "repo:bench".to_owned(),
        root: dir.path().to_owned(),
        kind: TreeKind::Repo,
        trust: Trust::Medium,
    };
    let known = Mutex::new(Vec::new());
    let cancel = AtomicBool::new(false);
    // Later than the files, so that they count as settled.
    let later = || {
        i64::try_from(std::time::UNIX_EPOCH.elapsed().map_or(0, |now| now.as_nanos())).unwrap_or(0)
            + 10_000_000_000
    };
    let mut sink = |change| {
        if let Change::Put(document) = change {
            let stamp = document.file.map(|seen| seen.stamp());
            let entry =
                truth::Known { doc_id: document.doc_id.clone(), hash: document.hash, stamp };
            known.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(entry);
        }
        Ok(())
    };
    let first = Pass { known: &Unknown, now_ns: &later, cancel: &cancel };
    let begun = (Instant::now(), cpu());
    let report =
        pass(&tree, &PassOptions::default(), &first, &mut () as &mut dyn Progress, &mut sink)?;
    writeln!(
        out,
        "first pass over {} files: {:?} wall, {:?} CPU",
        report.put,
        begun.0.elapsed(),
        cpu() - begun.1
    )?;
    let known = KnownDocuments::new("repo:bench", known.into_inner().unwrap_or_default());
    let again = Pass { known: &known, now_ns: &later, cancel: &cancel };
    let mut best = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        let begun = (Instant::now(), cpu());
        let report = pass(&tree, &PassOptions::default(), &again, &mut (), &mut |_| Ok(()))?;
        assert_eq!(report.unchanged, FILES as u64);
        best = (best.0.min(begun.0.elapsed()), best.1.min(cpu() - begun.1));
    }
    writeln!(out, "unchanged pass over {FILES} files: {:?} wall, {:?} CPU", best.0, best.1)?;
    Ok(())
}

/// CPU time of this process, in steps of 10 ms; Linux only.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let numbers = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks = numbers.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>();
    Duration::from_millis(ticks * 10)
}

fn mega(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / 1e6
}
