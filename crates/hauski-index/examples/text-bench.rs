//! Figures of the text index beside tantivy alone (its default tokens, its own scorer), in one run; JSON on standard output.
//! `text-bench FOLDER PASSAGES`: files of the folder are indexed in chunks of lines, then PASSAGES generated passages are
//! searched. Times are CPU time: of the process for indexing, of the thread for searching.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use hauski_index::text::{Kind, TextChange, TextIndex, TextQuery};
use hauski_index::{Attributes, ChunkId, Filter};
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, Occur, Query, TermQuery};
use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, NumericOptions, Schema, TEXT};
use tantivy::{Index, IndexReader, TantivyDocument, Term};

type Fault = Box<dyn std::error::Error>;

const WRITER_BYTES: usize = 64 << 20;
const LINES: usize = 50;
const OVERLAP: usize = 10;
const VOCABULARY: f64 = 300_000.0;
const COLLECTIONS: u64 = 10;
const QUERIES: usize = 300;
/// Passages that are handed over together.
const TOGETHER: usize = 1_000;

fn main() -> Result<(), Fault> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, passages] = &arguments[..] else {
        return Err("usage: text-bench FOLDER PASSAGES".into());
    };
    let chunks = line_chunks(Path::new(folder))?;
    let bytes: usize = chunks.iter().map(String::len).sum();
    let megabytes = bytes as f64 / 1e6;
    let ours = Ours::new()?;
    let before = process_cpu()?;
    ours.fill(chunks.iter().map(String::as_str), Kind::Code)?;
    let ours_s = process_cpu()? - before;
    let before = process_cpu()?;
    Plain::new()?.fill(chunks.iter().map(String::as_str))?;
    let plain_s = process_cpu()? - before;
    let count: usize = passages.parse()?;
    let generated = |seed: u64| {
        let mut random = Random(seed);
        (0..count).map(move |_| random.passage()).collect::<Vec<String>>()
    };
    let texts = generated(7);
    let ours = Ours::new()?;
    ours.fill(texts.iter().map(String::as_str), Kind::Prose)?;
    let plain = Plain::new()?;
    let plain_reader = plain.fill(texts.iter().map(String::as_str))?;
    drop(texts);
    let mut random = Random(11);
    let queries: Vec<Vec<String>> = (0..QUERIES)
        .map(|_| (0..random.within(2, 6)).map(|_| word(random.rank(50.0))).collect())
        .collect();
    let filter = Filter { collections: vec![3], alive_at_ms: Some(1), ..Filter::default() };
    let figures = serde_json::json!({
        "megabytes": megabytes,
        "chunks": chunks.len(),
        "ingest_ours_s_per_mb": ours_s / megabytes,
        "ingest_tantivy_s_per_mb": plain_s / megabytes,
        "passages": count,
        "query_ours_us": quantiles(&queries, |words| ours.search(words, &Filter::default()))?,
        "query_tantivy_us": quantiles(&queries, |words| plain.search(&plain_reader, words, None))?,
        "filtered_ours_us": quantiles(&queries, |words| ours.search(words, &filter))?,
        "filtered_tantivy_us": quantiles(&queries, |words| plain.search(&plain_reader, words, Some(3)))?,
        "fresh_us": ours.fresh()?,
    });
    writeln!(std::io::stdout(), "{figures}")?;
    Ok(())
}

/// Median and 95th percentile in microseconds of the thread's CPU time, after a round that warms up.
fn quantiles(
    queries: &[Vec<String>],
    mut search: impl FnMut(&[String]) -> Result<usize, Fault>,
) -> Result<[f64; 2], Fault> {
    let mut times = Vec::with_capacity(queries.len());
    for round in 0..2 {
        for words in queries {
            let before = thread_cpu_ns()?;
            search(words)?;
            if round == 1 {
                times.push((thread_cpu_ns()? - before) as f64 / 1e3);
            }
        }
    }
    times.sort_by(f64::total_cmp);
    Ok([times[times.len() / 2], times[times.len() * 95 / 100]])
}

struct Ours {
    index: TextIndex,
    _folder: tempfile::TempDir,
}

impl Ours {
    fn new() -> Result<Self, Fault> {
        let folder = tempfile::tempdir()?;
        Ok(Self { index: TextIndex::open(folder.path())?, _folder: folder })
    }

    fn fill<'a>(&self, texts: impl Iterator<Item = &'a str>, kind: Kind) -> Result<(), Fault> {
        let mut changes = Vec::with_capacity(TOGETHER);
        for (at, text) in texts.enumerate() {
            changes.push(change(at as u64, text, kind));
            if changes.len() == TOGETHER {
                self.index.load(&changes, at as u64)?;
                changes.clear();
            }
        }
        self.index.load(&changes, u64::MAX)?;
        self.index.commit()?;
        Ok(())
    }

    fn search(&self, words: &[String], filter: &Filter) -> Result<usize, Fault> {
        let query = TextQuery {
            words: words.join(" "),
            filter: filter.clone(),
            k: 20,
            ..TextQuery::default()
        };
        Ok(self.index.search(&query)?.hits.len())
    }

    /// Wall time from a write to the search that finds it, microseconds; the most of 100.
    fn fresh(&self) -> Result<f64, Fault> {
        let mut most: f64 = 0.0;
        for at in 0..100_u64 {
            let id = 1 << 40 | at;
            let begun = std::time::Instant::now();
            self.index.apply(
                &[change(id, &format!("fresh{at}word among others"), Kind::Prose)],
                u64::MAX,
            )?;
            let query = TextQuery { words: format!("fresh{at}word"), k: 1, ..TextQuery::default() };
            let found = self.index.search(&query)?;
            if found.hits.first().map(|hit| hit.id.0) != Some(id) {
                return Err("a fresh write was not found".into());
            }
            most = most.max(begun.elapsed().as_secs_f64() * 1e6);
        }
        Ok(most)
    }
}

fn change(id: u64, text: &str, kind: Kind) -> TextChange {
    let attributes = Attributes { collection: (id % COLLECTIONS) as u32, ..Attributes::default() };
    TextChange::Put {
        id: ChunkId(id),
        attributes,
        title: String::new(),
        text: text.to_owned(),
        kind,
        language: None,
    }
}

/// tantivy as its documentation begins with it.
struct Plain {
    index: Index,
    body: Field,
    id: Field,
    collection: Field,
    _folder: tempfile::TempDir,
}

impl Plain {
    fn new() -> Result<Self, Fault> {
        let folder = tempfile::tempdir()?;
        let mut schema = Schema::builder();
        let body = schema.add_text_field("body", TEXT);
        let numbers = || NumericOptions::from(INDEXED) | FAST;
        let id = schema.add_u64_field("id", numbers());
        let collection = schema.add_u64_field("collection", numbers());
        Ok(Self {
            index: Index::create_in_dir(folder.path(), schema.build())?,
            body,
            id,
            collection,
            _folder: folder,
        })
    }

    fn fill<'a>(&self, texts: impl Iterator<Item = &'a str>) -> Result<IndexReader, Fault> {
        let mut writer = self.index.writer_with_num_threads(1, WRITER_BYTES)?;
        for (at, text) in texts.enumerate() {
            let mut document = TantivyDocument::default();
            document.add_text(self.body, text);
            document.add_u64(self.id, at as u64);
            document.add_u64(self.collection, at as u64 % COLLECTIONS);
            writer.add_document(document)?;
        }
        writer.commit()?;
        Ok(self.index.reader()?)
    }

    fn search(
        &self,
        reader: &IndexReader,
        words: &[String],
        collection: Option<u64>,
    ) -> Result<usize, Fault> {
        let clause =
            |term| Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)) as Box<dyn Query>;
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = words
            .iter()
            .map(|word| (Occur::Should, clause(Term::from_field_text(self.body, word))))
            .collect();
        if let Some(collection) = collection {
            let should = Box::new(BooleanQuery::new(clauses)) as Box<dyn Query>;
            clauses = vec![
                (Occur::Must, should),
                (Occur::Must, clause(Term::from_field_u64(self.collection, collection))),
            ];
        }
        let searcher = reader.searcher();
        let hits = searcher
            .search(&BooleanQuery::new(clauses), &TopDocs::with_limit(20).order_by_score())?;
        let mut ids = 0;
        for (_, address) in &hits {
            let column = searcher.segment_reader(address.segment_ord).fast_fields().u64("id")?;
            ids += usize::from(column.first(address.doc_id).is_some());
        }
        Ok(ids)
    }
}

/// Text files below a folder in chunks of lines.
fn line_chunks(folder: &Path) -> Result<Vec<String>, Fault> {
    const ENDINGS: &[&str] =
        &["rs", "md", "toml", "py", "js", "ts", "go", "c", "h", "java", "txt", "yml", "json"];
    let mut chunks = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<PathBuf> =
            std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
        entries.sort();
        for path in entries {
            let hidden =
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if path.is_symlink() || hidden || path.ends_with("target") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let wanted =
                path.extension().is_some_and(|end| ENDINGS.iter().any(|known| end == *known));
            let Some(text) = wanted.then(|| std::fs::read_to_string(&path).ok()).flatten() else {
                continue;
            };
            let lines: Vec<&str> = text.lines().collect();
            for start in (0..lines.len()).step_by(LINES - OVERLAP) {
                chunks.push(lines[start..(start + LINES).min(lines.len())].join("\n"));
            }
        }
    }
    Ok(chunks)
}

/// Words by their rank, as frequent as in a natural text.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn within(&mut self, low: usize, high: usize) -> usize {
        low + (self.next() * (high - low) as f64) as usize
    }

    /// A rank of at least `first`, each as likely as its inverse.
    fn rank(&mut self, first: f64) -> u64 {
        (first * (self.next() * (VOCABULARY / first).ln()).exp()) as u64
    }

    fn passage(&mut self) -> String {
        let words = self.within(30, 170);
        let words: Vec<String> = (0..words).map(|_| word(self.rank(1.0))).collect();
        words.join(" ")
    }
}

/// A word that can be spoken, different for each rank.
fn word(mut rank: u64) -> String {
    const FIRST: &[u8] = b"bdfgklmnprstvz";
    const SECOND: &[u8] = b"aeiou";
    let mut word = String::new();
    loop {
        word.push(char::from(FIRST[(rank % 14) as usize]));
        rank /= 14;
        word.push(char::from(SECOND[(rank % 5) as usize]));
        rank /= 5;
        if rank == 0 {
            word.push('k');
            return word;
        }
    }
}

/// User and system time of this process, seconds.
fn process_cpu() -> Result<f64, Fault> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks: Vec<f64> =
        after.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse().ok()).collect();
    // Linux counts a hundred ticks a second for user space, whatever the kernel's own clock.
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

/// Time that this thread ran, nanoseconds.
fn thread_cpu_ns() -> Result<u64, Fault> {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(schedstat.split(' ').next().unwrap_or_default().parse()?)
}
