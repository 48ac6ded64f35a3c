//! What the benchmark measures of the vector store: time of a search, recall, memory, opening.
//! `vectors-bench FOLDER ROWS [DIMS [VECTORS.f32]]` prints one JSON object; FOLDER also gets `vectors.f32` and `queries.f32`.
//!
//! Without a file of vectors they are made: a mixture of clusters of low rank. With one, rows beyond it are its own, perturbed.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that fails says so")]

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Instant;

use hauski_index::vectors::{Engine, Mode, Scored, VectorOptions, VectorRecord, VectorStore, open};
use hauski_index::{Attributes, ChunkId, Filter};

const QUERIES: usize = 200;
const K: usize = 20;
const RANK: usize = 48;
const BATCH: usize = 8192;
/// A search is timed so often; the least time counts, which is that of a processor that nothing else took away.
const REPEATS: usize = 7;

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next().expect("a folder");
    let folder = Path::new(&folder);
    let mut number = || arguments.next().and_then(|it| it.to_str()?.parse::<usize>().ok());
    let rows = number().expect("a count of rows");
    let dims = number().unwrap_or(384);
    let source = Source::new(dims, rows, arguments.next().map(|path| std::fs::read(path).unwrap()));
    let options = VectorOptions { engine: Engine::Flat, ..VectorOptions::new(dims, "bench", "1") };
    let store_at = folder.join("store");

    let store = open(&store_at, &options).unwrap();
    let written = fill(&*store, &source, rows, &folder.join("vectors.f32"));
    let queries: Vec<Vec<f32>> = (0..QUERIES).map(|at| source.query(at, rows)).collect();
    let mut out = File::create(folder.join("queries.f32")).unwrap();
    queries.iter().flatten().for_each(|value| out.write_all(&value.to_le_bytes()).unwrap());
    store.flush().unwrap();
    drop(store);

    let before_kib = resident_kib();
    let began = (Instant::now(), cpu_ns());
    let store = open(&store_at, &options).unwrap();
    let opened_ms = ms(began.0.elapsed().as_nanos() as u64);
    let answer = store.search(&queries[0], K, &Filter::default(), Mode::Auto).unwrap();
    assert_eq!(answer.len(), K.min(rows));
    let restart_ms = ms(began.0.elapsed().as_nanos() as u64);
    let restart_cpu_ms = ms(cpu_ns() - began.1);

    let all = Filter::default();
    let one_in_hundred = Filter { all_tags: vec![100], ..Filter::default() };
    let (quick, quick_ms) = timed(&*store, &queries, &all, Mode::Auto);
    let resident_kib = resident_kib() - before_kib;
    let (exact, exact_ms) = timed(&*store, &queries, &all, Mode::Exact);
    let (few, few_ms) = timed(&*store, &queries, &one_in_hundred, Mode::Auto);
    let (few_exact, _) = timed(&*store, &queries, &one_in_hundred, Mode::Exact);
    let stats = store.stats().unwrap();
    let figures = serde_json::json!({
        "rows": rows,
        "dims": dims,
        "kernel": stats.kernel,
        "p50_ms": percentile(&quick_ms, 50),
        "p95_ms": percentile(&quick_ms, 95),
        "recall": recall(&quick, &exact),
        "exact_p50_ms": percentile(&exact_ms, 50),
        "exact_p95_ms": percentile(&exact_ms, 95),
        "one_percent_p95_ms": percentile(&few_ms, 95),
        "one_percent_recall": recall(&few, &few_exact),
        "write_us_a_row": written / rows as f64,
        "opened_ms": opened_ms,
        "restart_ms": restart_ms,
        "restart_cpu_ms": restart_cpu_ms,
        "hot_bytes_a_row": stats.hot_bytes as f64 / rows as f64,
        "mapped_bytes_a_row": stats.resident_bytes as f64 / rows as f64,
        "resident_bytes_a_row": resident_kib * 1024.0 / rows as f64,
        "disk_bytes_a_row": stats.disk_bytes as f64 / rows as f64,
    });
    println!("{figures}");
}

/// Puts all rows in; every hundredth has the tag 100. Returns microseconds of CPU.
fn fill(store: &dyn VectorStore, source: &Source, rows: usize, copy: &Path) -> f64 {
    let mut copy = BufWriter::new(File::create(copy).unwrap());
    let mut spent = 0;
    for (batch, first) in (0..rows).step_by(BATCH).enumerate() {
        let record = |row: usize| VectorRecord {
            id: ChunkId(row as u64 + 1),
            vector: source.row(row),
            attributes: Attributes {
                collection: (row % 5) as u32,
                tags: if row.is_multiple_of(100) { vec![7, 100] } else { vec![7] },
                at_ms: row as i64,
                expires_at_ms: None,
            },
        };
        let records: Vec<VectorRecord> = (first..rows.min(first + BATCH)).map(record).collect();
        let values = records.iter().flat_map(|it| &it.vector);
        values.for_each(|value| copy.write_all(&value.to_le_bytes()).unwrap());
        let began = cpu_ns();
        store.upsert(&records, batch as u64 + 1).unwrap();
        spent += cpu_ns() - began;
    }
    spent as f64 / 1000.0
}

/// Answers, and milliseconds of each, the least of several times.
fn timed(
    store: &dyn VectorStore,
    queries: &[Vec<f32>],
    filter: &Filter,
    mode: Mode,
) -> (Vec<Vec<Scored>>, Vec<f64>) {
    let one = |query: &Vec<f32>| {
        let mut least = u64::MAX;
        let mut hits = Vec::new();
        for _ in 0..REPEATS {
            let began = Instant::now();
            hits = store.search(query, K, filter, mode).unwrap();
            least = least.min(began.elapsed().as_nanos() as u64);
        }
        (hits, ms(least))
    };
    queries.iter().map(one).unzip()
}

fn recall(found: &[Vec<Scored>], exact: &[Vec<Scored>]) -> f64 {
    let (mut hits, mut wanted) = (0, 0);
    for (found, exact) in found.iter().zip(exact) {
        wanted += exact.len();
        hits += exact.iter().filter(|it| found.iter().any(|hit| hit.id == it.id)).count();
    }
    f64::from(hits as u32) / f64::from(wanted.max(1) as u32)
}

fn percentile(of: &[f64], percent: usize) -> f64 {
    let mut sorted = of.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

/// CPU time of this thread, in nanoseconds; good to some milliseconds.
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

/// Memory of this process, mapped files included, in KiB.
fn resident_kib() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Vectors that depend on their number alone.
struct Source {
    dims: usize,
    clusters: usize,
    basis: Vec<f32>,
    real: Option<Vec<f32>>,
}

impl Source {
    fn new(dims: usize, rows: usize, real: Option<Vec<u8>>) -> Self {
        let real = real.map(|bytes| {
            let numbers = bytes.as_chunks::<4>().0.iter();
            numbers.map(|it| f32::from_le_bytes(*it)).collect::<Vec<f32>>()
        });
        Self { dims, clusters: (rows / 200).max(20), basis: normal(RANK * dims, 1), real }
    }

    fn row(&self, row: usize) -> Vec<f32> {
        if let Some(real) = &self.real {
            let count = real.len() / self.dims;
            let own = &real[row % count * self.dims..][..self.dims];
            let share = if row < count { 0.0 } else { 0.25 };
            return perturbed(own, share, row as u64);
        }
        let centre = normal(RANK, 1_000_000_007 + (row * 7919 % self.clusters) as u64);
        let latent: Vec<f32> =
            centre.iter().zip(normal(RANK, 77 + row as u64)).map(|(a, b)| a + 0.6 * b).collect();
        let mut vector = vec![0f32; self.dims];
        for (value, line) in latent.iter().zip(self.basis.chunks_exact(self.dims)) {
            vector.iter_mut().zip(line).for_each(|(sum, basis)| *sum += value * basis);
        }
        let noise = normal(self.dims, 5_000_000_000 + row as u64);
        // A shift that all have in common, as models have it.
        vector.iter_mut().zip(noise).for_each(|(value, noise)| *value += 1.5 * noise + 1.0);
        vector
    }

    fn query(&self, at: usize, rows: usize) -> Vec<f32> {
        perturbed(&self.row(at * 7_919 % rows), 0.3, 9_000_000_000 + at as u64)
    }
}

/// The vector moved by noise of a share of its length.
fn perturbed(vector: &[f32], share: f32, seed: u64) -> Vec<f32> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    let step = share * length / (vector.len() as f32).sqrt();
    vector
        .iter()
        .zip(normal(vector.len(), seed))
        .map(|(value, noise)| value + step * noise)
        .collect()
}

/// Numbers with mean 0 and variance 1, nearly normal.
fn normal(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    };
    // The sum of four uniform numbers.
    let sum = |bits: u64| (0..4).map(|at| (bits >> (16 * at) & 0xFFFF) as f32).sum::<f32>();
    (0..count).map(|_| (sum(next()) / 65_536.0 - 2.0) * 1.732_050_8).collect()
}
