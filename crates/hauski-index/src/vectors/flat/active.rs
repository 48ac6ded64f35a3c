//! The rows in front of the sealed segments: in memory in bytes, at full precision in the log.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;

use super::pool::{Hit, Place, Pool};
use crate::vectors::kernel::Level;
use crate::vectors::quantize::{Coded, Query, encode};
use crate::vectors::rows::Rows;
use crate::{Attributes, ChunkId, Filter};

/// Rows in the order of their arrival; the newest of an id is the live one.
pub(super) struct Active {
    /// Where the vectors stand at full precision.
    pub(super) log: Arc<File>,
    rows: Vec<Row>,
    codes: Vec<i8>,
    index: HashMap<ChunkId, u32>,
    dead: usize,
}

/// What is known of a row beside its codes.
pub(super) struct Row {
    pub(super) id: ChunkId,
    pub(super) seq: u64,
    pub(super) attributes: Attributes,
    pub(super) coded: Coded,
    /// Where its vector starts in the log.
    pub(super) at: u64,
    live: bool,
}

impl Active {
    pub(super) fn new(log: Arc<File>) -> Self {
        Self { log, rows: Vec::new(), codes: Vec::new(), index: HashMap::new(), dead: 0 }
    }

    /// The change that a live row is from.
    pub(super) fn seq(&self, id: ChunkId) -> Option<u64> {
        self.index.get(&id).map(|&row| self.rows[row as usize].seq)
    }

    /// Adds a row, in place of an older one of its id.
    pub(super) fn put(
        &mut self,
        (id, seq): (ChunkId, u64),
        attributes: Attributes,
        unit: &[f32],
        at: u64,
    ) {
        self.remove(id);
        let coded = encode(unit, &mut self.codes);
        self.index.insert(id, self.rows.len() as u32);
        self.rows.push(Row { id, seq, attributes, coded, at, live: true });
    }

    /// Takes a row out; whether it was there.
    pub(super) fn remove(&mut self, id: ChunkId) -> bool {
        let Some(row) = self.index.remove(&id) else { return false };
        self.rows[row as usize].live = false;
        self.dead += 1;
        true
    }

    /// Live rows.
    pub(super) fn live(&self) -> usize {
        self.rows.len() - self.dead
    }

    /// Rows that were deleted or replaced since the log began.
    pub(super) fn dead(&self) -> usize {
        self.dead
    }

    /// Memory of all rows, about.
    pub(super) fn bytes(&self) -> u64 {
        (self.codes.len() + self.rows.len() * (size_of::<Row>() + 24)) as u64
    }

    /// Live rows and their codes, ascending by id.
    pub(super) fn sorted(&self) -> Vec<(&Row, &[i8])> {
        let stride = self.codes.len() / self.rows.len().max(1);
        let rows = self.rows.iter().enumerate().filter(|(_, row)| row.live);
        let mut sorted: Vec<_> =
            rows.map(|(at, row)| (row, &self.codes[at * stride..][..stride])).collect();
        sorted.sort_unstable_by_key(|(row, _)| row.id);
        sorted
    }

    /// Live rows that a filter admits.
    fn admitted(&self, filter: &Filter) -> Rows {
        let mut admitted = Rows::none(self.rows.len());
        let all = *filter == Filter::default();
        for (at, row) in self.rows.iter().enumerate() {
            if row.live && (all || filter.admits(&row.attributes)) {
                admitted.insert(at);
            }
        }
        admitted
    }

    /// Offers every live row that a filter admits.
    pub(super) fn offer(&self, level: Level, query: &Query, filter: &Filter, pool: &mut Pool) {
        let rows: Vec<u32> = self.admitted(filter).iter().map(|row| row as u32).collect();
        let mut products = Vec::with_capacity(rows.len());
        level.products(&self.codes, &query.codes, &rows, &mut products);
        for (row, product) in rows.into_iter().zip(products) {
            let row = &self.rows[row as usize];
            pool.offer(Hit {
                id: row.id,
                near: query.cosine(product, row.coded.scale),
                slack: pool.slack(query, row.coded.error),
                place: Place::Log(row.at),
            });
        }
    }
}
