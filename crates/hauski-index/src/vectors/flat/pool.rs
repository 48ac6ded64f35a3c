//! The rows that may still be among the best, until their vectors are read at full precision.

use crate::ChunkId;
use crate::vectors::quantize::Query;

/// A row with its cosine in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit {
    pub(super) id: ChunkId,
    /// The cosine as far as bytes say.
    pub(super) near: f32,
    /// How far off it may be.
    pub(super) slack: f32,
    pub(super) place: Place,
}

/// Where a row's vector stands at full precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At this position of the log.
    Log(u64),
    /// In a segment, by its number, and a row of it.
    Sealed(u32, u32),
}

/// Hits of which none is dropped that could be among the best `k`.
pub(super) struct Pool {
    k: usize,
    /// Standard deviations of the error of codes that are allowed for, in units of the largest error possible; 1 for certainty.
    share: f32,
    hits: Vec<Hit>,
    room: usize,
    /// At least `k` rows are surely this near.
    floor: f32,
}

impl Pool {
    /// For the best `k`, at least one. `certain` allows for the largest errors possible, otherwise for four standard
    /// deviations of what rounding does.
    pub(super) fn new(k: usize, dims: usize, certain: bool) -> Self {
        let k = k.max(1);
        let share = if certain { 1.0 } else { (4.0 / (dims as f32).sqrt()).min(1.0) };
        let room = (k * 4).max(4096);
        Self { k, share, hits: Vec::new(), room, floor: f32::NEG_INFINITY }
    }

    /// How far the cosine of codes may be off.
    pub(super) fn slack(&self, query: &Query, error: f32) -> f32 {
        // The error of rounding the query meets a row that may be a little longer than one.
        (error * self.share + query.error * 1.1).max(f32::EPSILON)
    }

    /// Takes a hit unless it cannot be among the best any more.
    pub(super) fn offer(&mut self, hit: Hit) {
        if hit.near + hit.slack < self.floor {
            return;
        }
        self.hits.push(hit);
        if self.hits.len() >= self.room {
            self.prune();
            self.room = (self.hits.len() * 2).max(self.room);
        }
    }

    fn prune(&mut self) {
        if self.hits.len() < self.k {
            return;
        }
        let mut surely: Vec<f32> = self.hits.iter().map(|hit| hit.near - hit.slack).collect();
        let (_, floor, _) = surely.select_nth_unstable_by(self.k - 1, |a, b| b.total_cmp(a));
        let floor = *floor;
        self.hits.retain(|hit| hit.near + hit.slack >= floor);
        self.floor = floor;
    }

    /// The rows whose vectors have to be read, by place, so that files are read forwards.
    pub(super) fn finish(mut self) -> Vec<Hit> {
        self.prune();
        self.hits.sort_unstable_by_key(|hit| match hit.place {
            Place::Sealed(segment, row) => (segment, u64::from(row)),
            Place::Log(at) => (u32::MAX, at),
        });
        self.hits
    }
}
