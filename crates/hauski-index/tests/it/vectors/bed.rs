//! A store under test beside a plain list that says what it must answer.

use std::collections::BTreeMap;

use hauski_index::vectors::{
    Damage, Engine, Mode, Scored, VectorError, VectorOptions, VectorRecord, VectorStore, open,
};
use hauski_index::{Attributes, ChunkId, Filter};
use tempfile::TempDir;

/// How a store is made, and how exact its scores are.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) engine: Engine,
    pub(crate) seal_rows: usize,
    pub(crate) keep_exact: bool,
    /// Scores are right up to this.
    pub(crate) tolerance: f32,
}

/// Every engine, in the shapes that differ on the disk.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        name: "flat, all in the log",
        engine: Engine::Flat,
        seal_rows: 1 << 16,
        keep_exact: true,
        tolerance: 2e-6,
    },
    Kind {
        name: "flat, many segments",
        engine: Engine::Flat,
        seal_rows: 8,
        keep_exact: true,
        tolerance: 2e-6,
    },
    Kind {
        name: "flat, one byte a number",
        engine: Engine::Auto,
        seal_rows: 5,
        keep_exact: false,
        tolerance: 1.5e-2,
    },
    Kind { name: "hnsw", engine: Engine::Hnsw, seal_rows: 7, keep_exact: true, tolerance: 2e-6 },
];

/// A store, its folder, and the truth.
pub(crate) struct Bed {
    pub(crate) kind: Kind,
    pub(crate) dir: TempDir,
    pub(crate) dims: usize,
    /// Whether the store is opened anew after every change.
    pub(crate) restless: bool,
    store: Option<Box<dyn VectorStore>>,
    rows: BTreeMap<u64, (Vec<f32>, Attributes, u64)>,
    graves: BTreeMap<u64, u64>,
    pub(crate) seq: u64,
}

impl Bed {
    pub(crate) fn new(kind: Kind, dims: usize, restless: bool) -> Self {
        let dir = folder();
        let (rows, graves) = (BTreeMap::new(), BTreeMap::new());
        let mut bed = Self { kind, dir, dims, restless, store: None, rows, graves, seq: 0 };
        bed.reopen();
        bed
    }

    pub(crate) fn options(&self) -> VectorOptions {
        VectorOptions {
            engine: self.kind.engine,
            seal_rows: self.kind.seal_rows,
            keep_exact: self.kind.keep_exact,
            ..VectorOptions::new(self.dims, "test-model", "r1")
        }
    }

    pub(crate) fn store(&self) -> &dyn VectorStore {
        self.store.as_deref().expect("the store is open")
    }

    pub(crate) fn try_open(&mut self) -> Result<(), VectorError> {
        self.store = None;
        self.store = Some(open(self.dir.path(), &self.options())?);
        Ok(())
    }

    /// Closes and opens; nothing may be missing after that.
    pub(crate) fn reopen(&mut self) {
        self.try_open().unwrap();
        assert_eq!(self.store().watermark(), self.seq, "the watermark after opening");
        assert_eq!(self.store().damage(), Damage::default());
    }

    /// Waits for the graphs of an engine that has them everywhere.
    fn settle(&self) {
        let built = || {
            let stats = self.store().stats().unwrap();
            stats.graphs >= stats.segments
        };
        while self.kind.engine == Engine::Hnsw && !built() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    fn phase(&mut self) {
        if self.restless {
            self.reopen();
        }
    }

    /// Puts vectors with the next number.
    pub(crate) fn put(&mut self, rows: &[(u64, Vec<f32>, Attributes)]) {
        self.put_at(rows, self.seq + 1);
    }

    /// Puts one vector without attributes.
    pub(crate) fn put_one(&mut self, id: u64, vector: &[f32]) {
        self.put(&[(id, vector.to_vec(), Attributes::default())]);
    }

    pub(crate) fn put_at(&mut self, rows: &[(u64, Vec<f32>, Attributes)], seq: u64) {
        let record = |(id, vector, attributes): &(u64, Vec<f32>, Attributes)| VectorRecord {
            id: ChunkId(*id),
            vector: vector.clone(),
            attributes: attributes.clone(),
        };
        let records: Vec<VectorRecord> = rows.iter().map(record).collect();
        self.store().upsert(&records, seq).unwrap();
        for (id, vector, attributes) in rows {
            let buried = self.graves.get(id).is_some_and(|&it| it >= seq);
            if !buried && self.rows.get(id).is_none_or(|(_, _, known)| *known <= seq) {
                self.rows.insert(*id, (vector.clone(), attributes.clone(), seq));
                self.graves.remove(id);
            }
        }
        self.seq = self.seq.max(seq);
        self.phase();
    }

    /// Deletes with the next number.
    pub(crate) fn delete(&mut self, ids: &[u64]) {
        self.delete_at(ids, self.seq + 1);
    }

    pub(crate) fn delete_at(&mut self, ids: &[u64], seq: u64) {
        let named: Vec<ChunkId> = ids.iter().copied().map(ChunkId).collect();
        self.store().delete(&named, seq).unwrap();
        for id in ids {
            if self.rows.get(id).is_none_or(|(_, _, known)| *known <= seq) {
                self.rows.remove(id);
                let grave = self.graves.entry(*id).or_insert(seq);
                *grave = seq.max(*grave);
            }
        }
        self.seq = self.seq.max(seq);
        self.phase();
    }

    pub(crate) fn compact(&mut self) {
        self.store().compact().unwrap();
        self.phase();
    }

    pub(crate) fn live(&self) -> usize {
        self.rows.len()
    }

    /// Ids of the best hits.
    pub(crate) fn ids(&self, query: &[f32], k: usize) -> Vec<u64> {
        let hits = self.store().search(query, k, &Filter::default(), Mode::Exact).unwrap();
        hits.into_iter().map(|hit| hit.id.0).collect()
    }

    /// Compares answers with those of the list: for vectors of the list, for others, for every `k` that matters.
    pub(crate) fn check(&self) {
        self.check_filter(&Filter::default());
    }

    pub(crate) fn check_filter(&self, filter: &Filter) {
        self.settle();
        let mut queries: Vec<Vec<f32>> =
            self.rows.values().step_by(7).take(4).map(|(vector, _, _)| vector.clone()).collect();
        queries.extend((0..3).map(|seed| noise(self.dims, 1_000_000 + seed)));
        let count = self.rows.len();
        for query in &queries {
            for k in [1, 3, count.max(1), count + 5] {
                for mode in [Mode::Exact, Mode::Auto] {
                    let hits = self.store().search(query, k, filter, mode).unwrap();
                    self.compare(query, k, filter, &hits);
                }
            }
        }
        let stats = self.store().stats().unwrap();
        assert_eq!(stats.live, count as u64, "live rows");
        assert_eq!(stats.tombstones, self.graves.len() as u64, "tombstones");
    }

    /// What the store said must be as good as what the list says; equal scores may only change places among themselves.
    pub(crate) fn compare(&self, query: &[f32], k: usize, filter: &Filter, hits: &[Scored]) {
        let admitted = self.rows.iter().filter(|(_, (_, of, _))| filter.admits(of));
        let truth: BTreeMap<u64, f32> =
            admitted.map(|(&id, (vector, _, _))| (id, cosine(query, vector))).collect();
        let mut scores: Vec<f32> = truth.values().copied().collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        assert_eq!(hits.len(), k.min(truth.len()), "{filter:?}, k {k}: {hits:?}");
        let near = |a: f32, b: f32| (a - b).abs() <= self.kind.tolerance;
        for (at, hit) in hits.iter().enumerate() {
            let own = truth.get(&hit.id.0).unwrap_or_else(|| panic!("{hit:?} is not admitted"));
            assert!(near(hit.score, *own), "{hit:?} has the cosine {own}");
            assert!(near(hit.score, scores[at]), "{hit:?} in place of a cosine of {}", scores[at]);
            if let Some(next) = hits.get(at + 1) {
                let order = next.score.total_cmp(&hit.score).then(hit.id.cmp(&next.id));
                assert!(order.is_lt(), "{hit:?} before {next:?}");
            }
        }
    }
}

/// A folder in memory where there is one: the suite syncs some ten thousand files.
pub(crate) fn folder() -> TempDir {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory).unwrap() } else { TempDir::new().unwrap() }
}

/// The cosine, the long way.
pub(crate) fn cosine(left: &[f32], right: &[f32]) -> f32 {
    let product = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    (product(left, right) / (product(left, left) * product(right, right)).sqrt()) as f32
}

/// Numbers between -1 and 1 that look random and depend on the seed alone.
pub(crate) fn noise(dims: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0x1234_5678_9ABC_DEF1);
    let mut next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..dims).map(|_| next()).collect()
}

/// Attributes of a collection, with tags.
pub(crate) fn of(collection: u32, tags: &[u32]) -> Attributes {
    Attributes { collection, tags: tags.to_vec(), ..Attributes::default() }
}
