//! A search: which rows are admitted, which of them are near by their signs, which by their bytes, which in truth.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use super::Live;
use super::pool::{Hit, Place, Pool};
use super::segment::Segment;
use crate::Filter;
use crate::vectors::hnsw::Slot;
use crate::vectors::kernel::{Best, Level};
use crate::vectors::quantize::Query;
use crate::vectors::rows::Rows;
use crate::vectors::unit::cosine;
use crate::vectors::{Mode, Scored};

/// Up to so many admitted rows are compared by their bytes at once: estimates would not be quicker.
const COMPARED_AT_ONCE: usize = 16_384;
/// The least number of rows that are chosen by estimates, and how many rows there are for each beyond.
const CHOSEN: usize = 800;
const ROWS_PER_CHOSEN: usize = 500;
/// Rows chosen for each hit that is wanted, at least.
const CHOSEN_PER_HIT: usize = 10;

/// What to look for.
pub(super) struct Wanted<'a> {
    pub(super) query: Query,
    pub(super) k: usize,
    pub(super) filter: &'a Filter,
    pub(super) mode: Mode,
    pub(super) level: Level,
    /// Graphs are asked even where comparing everything is cheap.
    pub(super) always_graphs: bool,
}

/// The state of the store as of one moment.
pub(super) struct View {
    segments: Vec<(Arc<Segment>, Arc<Rows>, Arc<Slot>)>,
    log: Arc<File>,
}

impl View {
    /// The sealed part; the active rows are offered to the pool meanwhile.
    pub(super) fn take(live: &Live, wanted: &Wanted<'_>, pool: &mut Pool) -> Self {
        live.active.offer(wanted.level, &wanted.query, wanted.filter, pool);
        Self {
            segments: live
                .segments
                .iter()
                .map(|it| (it.segment.clone(), it.dead.clone(), it.graph.clone()))
                .collect(),
            log: live.active.log.clone(),
        }
    }

    /// The best hits.
    pub(super) fn search(&self, wanted: &Wanted<'_>, mut pool: Pool) -> io::Result<Vec<Scored>> {
        let admitted = self.segments.iter().map(|(it, dead, _)| it.admitted(wanted.filter, dead));
        let mut admitted: Vec<Rows> = admitted.collect::<Result<_, _>>()?;
        let cheap = |admitted: &[Rows]| {
            let count: usize = admitted.iter().map(Rows::count).sum();
            let least = CHOSEN.max(wanted.k.saturating_mul(CHOSEN_PER_HIT));
            let chosen = least.max(count / ROWS_PER_CHOSEN);
            (count <= chosen.max(COMPARED_AT_ONCE), chosen)
        };
        let exact = wanted.mode == Mode::Exact;
        if !exact && (wanted.always_graphs || !cheap(&admitted).0) {
            self.ask_graphs(wanted, &mut admitted, &mut pool);
        }
        let (cheap, chosen) = cheap(&admitted);
        if exact || cheap {
            for (number, rows) in admitted.iter().enumerate() {
                let rows: Vec<u32> = rows.iter().map(|row| row as u32).collect();
                self.compare(wanted, number, &rows, &mut pool);
            }
        } else {
            let mut best = Best::new(chosen);
            for (number, ((segment, ..), rows)) in self.segments.iter().zip(&admitted).enumerate() {
                segment.scan(wanted.level, &wanted.query, (number as u32, rows), &mut best);
            }
            for group in best.into_rows().chunk_by(|left, right| left.segment == right.segment) {
                let rows: Vec<u32> = group.iter().map(|candidate| candidate.row).collect();
                self.compare(wanted, group[0].segment as usize, &rows, &mut pool);
            }
        }
        self.score(wanted, pool)
    }

    /// Offers what graphs find, and leaves nothing admitted in segments that they have done with.
    fn ask_graphs(&self, wanted: &Wanted<'_>, admitted: &mut [Rows], pool: &mut Pool) {
        for (number, rows) in admitted.iter_mut().enumerate() {
            let (segment, _, slot) = &self.segments[number];
            let graph = slot.graph();
            let found = graph.and_then(|it| it.candidates(&wanted.query, wanted.k, rows));
            if let Some(found) = found {
                self.compare(wanted, number, &found, pool);
                *rows = Rows::none(segment.rows());
            }
        }
    }

    /// Offers rows of a segment by their bytes.
    fn compare(&self, wanted: &Wanted<'_>, number: usize, rows: &[u32], pool: &mut Pool) {
        let segment = &self.segments[number].0;
        let mut products = Vec::with_capacity(rows.len());
        wanted.level.products(segment.codes(), &wanted.query.codes, rows, &mut products);
        let (ids, scales, errors) = (segment.ids(), segment.scales(), segment.errors());
        for (&row, product) in rows.iter().zip(products) {
            let at = row as usize;
            pool.offer(Hit {
                id: crate::ChunkId(ids[at]),
                near: wanted.query.cosine(product, scales[at]),
                slack: pool.slack(&wanted.query, errors[at]),
                place: Place::Sealed(number as u32, row),
            });
        }
    }

    /// Reads the vectors that are left and orders them.
    fn score(&self, wanted: &Wanted<'_>, pool: Pool) -> io::Result<Vec<Scored>> {
        let mut bytes = vec![0; wanted.query.unit.len() * 4];
        let mut vector = Vec::with_capacity(wanted.query.unit.len());
        let mut scored = Vec::new();
        for hit in pool.finish() {
            let exact = match hit.place {
                Place::Log(at) => {
                    self.log.read_exact_at(&mut bytes, at)?;
                    true
                }
                Place::Sealed(number, row) => {
                    let segment = &self.segments[number as usize].0;
                    if segment.has_exact() {
                        segment.read_exact(row as usize, &mut bytes)?;
                    }
                    segment.has_exact()
                }
            };
            let score = if exact {
                vector.clear();
                vector.extend(bytes.as_chunks::<4>().0.iter().map(|it| f32::from_le_bytes(*it)));
                cosine(&wanted.query.unit, &vector)
            } else {
                hit.near.clamp(-1.0, 1.0)
            };
            scored.push(Scored { id: hit.id, score });
        }
        scored.sort_unstable_by(|left, right| {
            right.score.total_cmp(&left.score).then_with(|| left.id.cmp(&right.id))
        });
        scored.truncate(wanted.k);
        Ok(scored)
    }
}
