//! Graphs over sealed segments, beside the scan and never in its place: they name candidates, and may be absent.
//!
//! A graph holds numbers of rows only; distances are read from the segment. It is built in the background, row by row in
//! the order of ids, so that equal segments get equal graphs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak, mpsc};

use hnsw_rs::prelude::{Distance, Hnsw};

use super::kernel::Level;
use super::quantize::Query;
use super::rows::Rows;

/// Neighbours a node keeps, and how widely they are looked for.
const NEIGHBOURS: usize = 16;
const BUILD_WIDTH: usize = 128;
const LAYERS: usize = 16;
/// How widely a search looks, at least, and for each candidate that is wanted.
const SEARCH_WIDTH: usize = 128;
/// Candidates of a segment for each hit that is wanted, and at least.
const CANDIDATES_PER_HIT: usize = 2;
const CANDIDATES: usize = 64;
/// A filter that lets through less than one row in this many is served by the scan: a graph would lose its way.
const LEAST_SHARE: usize = 10;
/// Marks a query where a row could be: it is followed by the scale and the codes.
const QUERY: u32 = u32::MAX;

/// Rows of bytes that stay as they are.
pub(super) trait CodedRows: Send + Sync {
    /// How many.
    fn count(&self) -> usize;
    /// Codes and scale of one of them.
    fn row(&self, row: u32) -> (&[i8], f32);
}

/// A finished graph.
pub(super) struct Graph {
    nodes: Hnsw<'static, u32, Near>,
    rows: usize,
}

/// The distance of two rows, or of a query and a row: one minus the cosine.
struct Near {
    rows: Arc<dyn CodedRows>,
    level: Level,
}

impl Distance<u32> for Near {
    fn eval(&self, left: &[u32], right: &[u32]) -> f32 {
        let cosine = match (left, right) {
            (&[left], &[right]) => {
                let ((left, scale), (right, other)) = (self.rows.row(left), self.rows.row(right));
                self.level.product(left, right) as f32 * scale * other
            }
            (&[QUERY, scale, ref codes @ ..], &[row])
            | (&[row], &[QUERY, scale, ref codes @ ..]) => {
                let (row, other) = self.rows.row(row);
                let halves = codes.iter().flat_map(|&pair| [pair as i16, (pair >> 16) as i16]);
                let codes: Vec<i16> = halves.collect();
                let mut product = Vec::with_capacity(1);
                self.level.products(row, &codes, &[0], &mut product);
                product.first().copied().unwrap_or_default() as f32 * f32::from_bits(scale) * other
            }
            _ => 0.0,
        };
        (1.0 - cosine).max(0.0)
    }
}

impl Graph {
    /// Builds it; `None` when `stop` says so or the library fails on it.
    fn build(rows: &Arc<dyn CodedRows>, level: Level, stop: impl Fn() -> bool) -> Option<Self> {
        let count = rows.count();
        let build = std::panic::AssertUnwindSafe(|| {
            let near = Near { rows: rows.clone(), level };
            let nodes = Hnsw::new(NEIGHBOURS, count, LAYERS, BUILD_WIDTH, near);
            for row in 0..count {
                if stop() {
                    return None;
                }
                nodes.insert((&[row as u32], row));
            }
            Some(Self { nodes, rows: count })
        });
        std::panic::catch_unwind(build).unwrap_or_else(|_| {
            tracing::warn!(rows = count, "a graph could not be built; its segment is scanned");
            None
        })
    }

    /// Rows near the query among those admitted. `None` when the scan would do better.
    pub(super) fn candidates(&self, query: &Query, k: usize, admitted: &Rows) -> Option<Vec<u32>> {
        let count = admitted.count();
        if count * LEAST_SHARE < self.rows {
            return None;
        }
        let wanted = k.saturating_mul(CANDIDATES_PER_HIT).max(CANDIDATES).min(self.rows);
        let width = SEARCH_WIDTH.max(wanted);
        let mut words = vec![QUERY, query.scale.to_bits()];
        let pairs = query.codes.as_chunks::<2>().0.iter();
        words
            .extend(pairs.map(|&[low, high]| u32::from(low as u16) | u32::from(high as u16) << 16));
        let passes = |row: &usize| admitted.contains(*row);
        let found = self.nodes.search_filter(&words, wanted, width, Some(&passes));
        let mut rows: Vec<u32> = found.iter().map(|it| it.d_id as u32).collect();
        rows.sort_unstable();
        rows.dedup();
        // Part of the graph may be out of reach behind rows that are not admitted.
        (rows.len() >= k.min(count)).then_some(rows)
    }
}

/// The place of a segment's graph.
#[derive(Default)]
pub(super) struct Slot {
    graph: OnceLock<Graph>,
    asked: AtomicBool,
}

impl Slot {
    pub(super) fn graph(&self) -> Option<&Graph> {
        self.graph.get()
    }
}

/// Builds graphs one after the other, in a thread that ends with it.
pub(super) struct Grower {
    jobs: mpsc::Sender<(Arc<dyn CodedRows>, Weak<Slot>)>,
    stop: Arc<AtomicBool>,
}

impl Grower {
    /// `None` when the system gives no thread: then everything is scanned.
    pub(super) fn start(level: Level) -> Option<Self> {
        let (jobs, inbox) = mpsc::channel::<(Arc<dyn CodedRows>, Weak<Slot>)>();
        let stop = Arc::new(AtomicBool::new(false));
        let asked_to_stop = stop.clone();
        let work = move || {
            for (rows, slot) in inbox {
                let unwanted = || asked_to_stop.load(Ordering::Relaxed) || slot.strong_count() == 0;
                let Some(graph) = Graph::build(&rows, level, unwanted) else { continue };
                if let Some(slot) = slot.upgrade() {
                    let _ = slot.graph.set(graph);
                }
            }
        };
        let thread = std::thread::Builder::new().name("vector-graphs".into());
        thread.spawn(work).is_ok().then_some(Self { jobs, stop })
    }

    /// Has a graph built, unless it was asked for before.
    pub(super) fn ask(&self, rows: Arc<dyn CodedRows>, slot: &Arc<Slot>) {
        if !slot.asked.swap(true, Ordering::Relaxed) {
            let _ = self.jobs.send((rows, Arc::downgrade(slot)));
        }
    }
}

impl Drop for Grower {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
