//! What every store must do with changes: put, replace, delete, replay, reopen, compact, order.

use hauski_index::vectors::{Mode, VectorStore};
use hauski_index::{Attributes, Filter};

use super::bed::{Bed, cosine, noise, of};
use super::conformance::Case;

type Run = fn(&mut Bed);

/// Rows with vectors that depend on their ids.
fn rows(dims: usize, ids: impl IntoIterator<Item = u64>) -> Vec<(u64, Vec<f32>, Attributes)> {
    ids.into_iter().map(|id| (id, noise(dims, id), Attributes::default())).collect()
}

fn store(bed: &Bed) -> &dyn VectorStore {
    bed.store()
}

/// Cases of four dimensions.
const FOUR: &[(&str, Run)] = &[
    ("an empty store finds nothing", |bed| {
        bed.check();
        assert_eq!(bed.ids(&[1.0, 0.0, 0.0, 0.0], 10), [0u64; 0]);
    }),
    ("an empty store compacts, flushes and verifies", |bed| {
        bed.compact();
        store(bed).flush().unwrap();
        assert_eq!(store(bed).verify().unwrap(), Default::default());
        bed.check();
    }),
    ("an empty batch moves the watermark", |bed| {
        bed.put(&[]);
        assert_eq!(store(bed).watermark(), 1);
        bed.delete(&[]);
        assert_eq!(store(bed).watermark(), 2);
        bed.check();
    }),
    ("a vector is found by itself", |bed| {
        bed.put_one(7, &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(bed.ids(&[1.0, 2.0, 3.0, 4.0], 1), [7]);
        bed.check();
    }),
    ("a vector is found from the opposite side", |bed| {
        bed.put_one(7, &[1.0, 2.0, 3.0, 4.0]);
        let query = [-1.0, -2.0, -3.0, -4.0];
        let hits = store(bed).search(&query, 1, &Filter::default(), Mode::Exact).unwrap();
        assert!((hits[0].score + 1.0).abs() < 1e-3, "{hits:?}");
        bed.check();
    }),
    ("length does not count", |bed| {
        bed.put_one(1, &[1e-30, 2e-30, 0.0, 0.0]);
        bed.put_one(2, &[1e30, 1e30, 0.0, 0.0]);
        assert_eq!(bed.ids(&[1.0, 2.0, 0.0, 0.0], 2), [1, 2]);
        bed.check();
    }),
    ("the nearest comes first", |bed| {
        bed.put(&rows(4, 0..50));
        bed.check();
    }),
    ("rows of many batches are one store", |bed| {
        (0..20).for_each(|id| bed.put(&rows(4, [id])));
        bed.check();
    }),
    ("id zero is an id", |bed| {
        bed.put_one(0, &[1.0, 0.0, 0.0, 0.0]);
        bed.check();
        bed.delete(&[0]);
        bed.check();
    }),
    ("the largest id is an id", |bed| {
        bed.put_one(u64::MAX, &[1.0, 0.0, 0.0, 0.0]);
        bed.put_one(u64::from(u32::MAX) + 1, &[0.0, 1.0, 0.0, 0.0]);
        bed.check();
        bed.delete(&[u64::MAX]);
        bed.check();
    }),
    ("ids come in any order", |bed| {
        for id in [9, 3, 7, 1, 8, 2, 6, 0, 5, 4] {
            bed.put(&rows(4, [id]));
        }
        bed.check();
    }),
    ("k of zero finds nothing", |bed| {
        bed.put(&rows(4, 0..5));
        assert_eq!(bed.ids(&noise(4, 1), 0), [0u64; 0]);
    }),
    ("k of one finds the best", |bed| {
        bed.put(&rows(4, 0..30));
        assert_eq!(bed.ids(&noise(4, 17), 1), [17]);
    }),
    ("k beyond all finds all", |bed| {
        bed.put(&rows(4, 0..10));
        assert_eq!(bed.ids(&noise(4, 1), 1000).len(), 10);
    }),
    ("the largest k finds all", |bed| {
        bed.put(&rows(4, 0..10));
        assert_eq!(bed.ids(&noise(4, 1), usize::MAX).len(), 10);
    }),
    ("equal scores are ordered by id", |bed| {
        for id in [5, 3, 9, 1, 7] {
            bed.put_one(id, &[0.0, 1.0, 0.0, 0.0]);
        }
        assert_eq!(bed.ids(&[0.0, 1.0, 0.0, 0.0], 5), [1, 3, 5, 7, 9]);
        assert_eq!(bed.ids(&[0.0, 1.0, 0.0, 0.0], 2), [1, 3]);
        assert_eq!(bed.ids(&[0.3, 1.0, 0.1, 0.0], 3), [1, 3, 5]);
    }),
    ("many equal scores are ordered by id at the cut", |bed| {
        let same = |id| (id, vec![0.5, 0.5, 0.5, 0.5], Attributes::default());
        bed.put(&(0..100).rev().map(same).collect::<Vec<_>>());
        assert_eq!(bed.ids(&[1.0, 1.0, 1.0, 0.9], 10), (0..10).collect::<Vec<_>>());
    }),
    ("vectors of different length and one direction tie", |bed| {
        bed.put_one(2, &[2.0, 0.0, 0.0, 0.0]);
        bed.put_one(1, &[8.0, 0.0, 0.0, 0.0]);
        assert_eq!(bed.ids(&[1.0, 0.0, 0.0, 0.0], 2), [1, 2]);
    }),
    ("a replaced vector is found at its new place only", |bed| {
        bed.put_one(1, &[1.0, 0.0, 0.0, 0.0]);
        bed.put_one(2, &[0.9, 0.1, 0.0, 0.0]);
        bed.put_one(1, &[0.0, 0.0, 0.0, 1.0]);
        assert_eq!(bed.ids(&[1.0, 0.0, 0.0, 0.0], 1), [2]);
        bed.check();
    }),
    ("replacing with the same changes nothing", |bed| {
        bed.put(&rows(4, 0..10));
        bed.put(&rows(4, 0..10));
        bed.check();
    }),
    ("replacing all many times leaves one of each", |bed| {
        for round in 0..6 {
            let other = |id| (id, noise(4, id + round * 100), Attributes::default());
            bed.put(&(0..8).map(other).collect::<Vec<_>>());
        }
        bed.check();
    }),
    ("the last of one id in a batch wins", |bed| {
        bed.put(&[
            (1, vec![1.0, 0.0, 0.0, 0.0], of(1, &[])),
            (2, vec![0.0, 1.0, 0.0, 0.0], of(1, &[])),
            (1, vec![0.0, 0.0, 1.0, 0.0], of(2, &[])),
        ]);
        bed.check();
        bed.check_filter(&Filter { collections: vec![1], ..Filter::default() });
    }),
    ("replacing changes the attributes too", |bed| {
        bed.put(&[(1, vec![1.0, 0.0, 0.0, 0.0], of(1, &[5]))]);
        bed.put(&[(1, vec![1.0, 0.0, 0.0, 0.0], of(2, &[6]))]);
        for collection in [1, 2] {
            bed.check_filter(&Filter { collections: vec![collection], ..Filter::default() });
        }
        for tag in [5, 6] {
            bed.check_filter(&Filter { all_tags: vec![tag], ..Filter::default() });
        }
    }),
    ("tags in any order and twice are a set", |bed| {
        bed.put(&[(1, vec![1.0, 0.0, 0.0, 0.0], of(1, &[9, 2, 9, 5]))]);
        for tags in [vec![2], vec![5], vec![9], vec![2, 5, 9]] {
            let filter = Filter { all_tags: tags, ..Filter::default() };
            let hits = store(bed).search(&[1.0; 4], 5, &filter, Mode::Exact).unwrap();
            assert_eq!(hits.len(), 1, "{filter:?}");
        }
    }),
    ("tags and collections of the largest number", |bed| {
        bed.put(&[
            (1, vec![1.0, 0.0, 0.0, 0.0], of(u32::MAX, &[0, u32::MAX])),
            (2, vec![0.9, 0.0, 0.1, 0.0], of(0, &[u32::MAX])),
        ]);
        bed.check_filter(&Filter { collections: vec![u32::MAX], ..Filter::default() });
        bed.check_filter(&Filter { all_tags: vec![u32::MAX], ..Filter::default() });
        bed.check_filter(&Filter { none_tags: vec![0], ..Filter::default() });
    }),
    ("times at both ends", |bed| {
        for (id, at_ms) in [(1, i64::MIN), (2, -1), (3, 0), (4, i64::MAX)] {
            let attributes = Attributes { at_ms, ..Attributes::default() };
            bed.put(&[(id, noise(4, id), attributes)]);
        }
        for at in [i64::MIN, -1, 0, 1, i64::MAX] {
            bed.check_filter(&Filter { from_ms: Some(at), ..Filter::default() });
            bed.check_filter(&Filter { until_ms: Some(at), ..Filter::default() });
        }
    }),
    ("a deleted vector is not found", |bed| {
        bed.put(&rows(4, 0..10));
        bed.delete(&[3]);
        assert!(!bed.ids(&noise(4, 3), 10).contains(&3));
        bed.check();
    }),
    ("deleting one of two equal vectors keeps the other", |bed| {
        bed.put_one(1, &[1.0, 1.0, 0.0, 0.0]);
        bed.put_one(2, &[1.0, 1.0, 0.0, 0.0]);
        bed.delete(&[1]);
        assert_eq!(bed.ids(&[1.0, 1.0, 0.0, 0.0], 5), [2]);
        bed.check();
    }),
    ("deleting one of two equal vectors of a batch keeps the other", |bed| {
        let same = |id| (id, vec![0.0, 1.0, 1.0, 0.0], Attributes::default());
        bed.put(&[same(1), same(2), same(3), same(4)]);
        bed.delete(&[2]);
        bed.compact();
        assert_eq!(bed.ids(&[0.0, 1.0, 1.0, 0.0], 5), [1, 3, 4]);
        bed.check();
    }),
    ("deleting what is not there is remembered", |bed| {
        bed.put(&rows(4, 0..3));
        bed.delete(&[99]);
        bed.put_at(&rows(4, [99]), 1);
        assert_eq!(bed.live(), 3);
        bed.check();
    }),
    ("deleting twice is deleting once", |bed| {
        bed.put(&rows(4, 0..3));
        bed.delete(&[1]);
        bed.delete(&[1, 1]);
        bed.check();
    }),
    ("deleting all leaves an empty store", |bed| {
        bed.put(&rows(4, 0..20));
        bed.delete(&(0..20).collect::<Vec<_>>());
        assert_eq!(bed.live(), 0);
        bed.check();
        bed.compact();
        bed.check();
    }),
    ("a store that was emptied takes vectors again", |bed| {
        bed.put(&rows(4, 0..10));
        bed.delete(&(0..10).collect::<Vec<_>>());
        bed.compact();
        bed.put(&rows(4, 5..15));
        bed.check();
    }),
    ("a deleted id may come back with a later change", |bed| {
        bed.put_one(1, &[1.0, 0.0, 0.0, 0.0]);
        bed.delete(&[1]);
        bed.put_one(1, &[0.0, 1.0, 0.0, 0.0]);
        assert_eq!(bed.ids(&[0.0, 1.0, 0.0, 0.0], 1), [1]);
        bed.check();
    }),
    ("come back, gone, and back again", |bed| {
        for round in 0..5 {
            bed.put(&rows(4, [1, 2 + round]));
            bed.delete(&[1]);
        }
        bed.check();
        bed.put(&rows(4, [1]));
        bed.check();
    }),
    ("a replay of everything changes nothing", |bed| {
        for round in 0..2 {
            bed.put_at(&rows(4, 0..10), 1);
            bed.put_at(&rows(4, 10..20), 2);
            bed.delete_at(&[3, 13], 3);
            bed.put_at(&[(4, noise(4, 444), Attributes::default())], 4);
            assert_eq!(bed.live(), 18, "round {round}");
            bed.check();
        }
    }),
    ("a replay of everything after compaction changes nothing", |bed| {
        for _ in 0..3 {
            bed.put_at(&rows(4, 0..10), 1);
            bed.delete_at(&[3, 7], 2);
            bed.compact();
            bed.check();
        }
    }),
    ("a replay of the last change changes nothing", |bed| {
        bed.put(&rows(4, 0..10));
        bed.put_at(&rows(4, 0..10), 1);
        bed.check();
        bed.delete(&[2]);
        bed.delete_at(&[2], 2);
        bed.check();
    }),
    ("an old version does not replace a newer one", |bed| {
        bed.put_at(&[(1, vec![1.0, 0.0, 0.0, 0.0], of(1, &[]))], 5);
        bed.put_at(&[(1, vec![0.0, 1.0, 0.0, 0.0], of(2, &[]))], 4);
        assert_eq!(store(bed).watermark(), 5);
        bed.check_filter(&Filter { collections: vec![1], ..Filter::default() });
        bed.check_filter(&Filter { collections: vec![2], ..Filter::default() });
    }),
    ("an old version does not replace a newer one in a mixed batch", |bed| {
        bed.put_at(&rows(4, [1, 2]), 5);
        let old = |id| (id, noise(4, id + 50), Attributes::default());
        bed.put_at(&[old(1), old(3), old(2)], 4);
        bed.check();
    }),
    ("an old deletion does not delete a newer version", |bed| {
        bed.put_at(&rows(4, [1]), 5);
        bed.delete_at(&[1], 4);
        assert_eq!(bed.live(), 1);
        bed.check();
    }),
    ("an old version does not undo a deletion", |bed| {
        bed.put_at(&rows(4, [1, 2]), 1);
        bed.delete_at(&[1], 5);
        bed.put_at(&rows(4, [1]), 1);
        bed.put_at(&rows(4, [1]), 4);
        bed.put_at(&rows(4, [1]), 5);
        assert_eq!(bed.live(), 1);
        bed.check();
    }),
    ("an old version does not undo a deletion after compaction", |bed| {
        bed.put_at(&rows(4, 0..10), 1);
        bed.delete_at(&[1, 2], 5);
        bed.compact();
        bed.put_at(&rows(4, 0..10), 1);
        assert_eq!(bed.live(), 8);
        bed.check();
    }),
    ("a later deletion moves the boundary", |bed| {
        bed.delete_at(&[1], 3);
        bed.delete_at(&[1], 7);
        bed.put_at(&rows(4, [1]), 5);
        assert_eq!(bed.live(), 0);
        bed.put_at(&rows(4, [1]), 8);
        assert_eq!(bed.live(), 1);
        bed.check();
    }),
    ("an earlier deletion does not move the boundary back", |bed| {
        bed.delete_at(&[1], 7);
        bed.delete_at(&[1], 3);
        bed.put_at(&rows(4, [1]), 5);
        assert_eq!(bed.live(), 0);
        bed.check();
    }),
    ("the watermark is the highest change", |bed| {
        bed.put_at(&rows(4, [1]), 10);
        bed.put_at(&rows(4, [2]), 3);
        bed.delete_at(&[9], 7);
        assert_eq!(store(bed).watermark(), 10);
        bed.delete_at(&[9], 11);
        assert_eq!(store(bed).watermark(), 11);
        bed.check();
    }),
    ("the watermark survives compaction", |bed| {
        bed.put_at(&rows(4, 0..5), 10);
        bed.delete_at(&[1], 12);
        bed.compact();
        assert_eq!(store(bed).watermark(), 12);
        bed.reopen();
        bed.check();
    }),
    ("the largest change number", |bed| {
        bed.put_at(&rows(4, [1]), u64::MAX);
        bed.check();
    }),
    ("change zero", |bed| {
        bed.put_at(&rows(4, [1]), 0);
        assert_eq!(bed.live(), 1);
        bed.check();
    }),
    ("compaction keeps what is alive", |bed| {
        bed.put(&rows(4, 0..40));
        bed.delete(&(0..40).filter(|id| id % 3 == 0).collect::<Vec<_>>());
        bed.put(&[(1, noise(4, 501), Attributes::default())]);
        bed.compact();
        bed.check();
        assert_eq!(store(bed).stats().unwrap().dead, 0);
    }),
    ("compaction twice is compaction once", |bed| {
        bed.put(&rows(4, 0..20));
        bed.delete(&[1, 2, 3]);
        bed.compact();
        let second = store(bed).compact().unwrap();
        assert_eq!(second.vectors_removed, 0);
        bed.check();
    }),
    ("compaction says how many vectors went", |bed| {
        bed.put(&rows(4, 0..20));
        bed.delete(&[1, 2, 3]);
        bed.put(&[(4, noise(4, 504), Attributes::default())]);
        let dead = store(bed).stats().unwrap().dead;
        let done = store(bed).compact().unwrap();
        assert_eq!(done.vectors_removed, dead);
        assert_eq!(store(bed).stats().unwrap().dead, 0);
        bed.check();
    }),
    ("compaction keeps attributes", |bed| {
        for id in 0..12 {
            let attributes = Attributes {
                collection: id as u32 % 3,
                tags: vec![id as u32, 100],
                at_ms: id as i64,
                expires_at_ms: (id % 2 == 0).then_some(50 + id as i64),
            };
            bed.put(&[(id, noise(4, id), attributes)]);
        }
        bed.delete(&[0, 5]);
        bed.compact();
        for id in 0..12 {
            bed.check_filter(&Filter { all_tags: vec![id], ..Filter::default() });
            bed.check_filter(&Filter {
                collections: vec![id % 3],
                from_ms: Some(i64::from(id)),
                alive_at_ms: Some(55),
                ..Filter::default()
            });
        }
    }),
    ("changes after compaction", |bed| {
        bed.put(&rows(4, 0..20));
        bed.delete(&[4]);
        bed.compact();
        bed.put(&rows(4, 15..30));
        bed.delete(&[5, 16, 25]);
        bed.check();
        bed.compact();
        bed.check();
    }),
    ("a hundred small changes", |bed| {
        for step in 0..100u64 {
            if step % 4 == 3 {
                bed.delete(&[step * 7 % 30]);
            } else {
                bed.put(&[(step * 11 % 30, noise(4, step), of(step as u32 % 3, &[]))]);
            }
        }
        bed.check();
    }),
    ("expired passages are hidden at their end, not before", |bed| {
        let ends = |end| Attributes { expires_at_ms: end, ..Attributes::default() };
        bed.put(&[
            (1, vec![1.0, 0.0, 0.0, 0.0], ends(Some(100))),
            (2, vec![1.0, 0.1, 0.0, 0.0], ends(None)),
        ]);
        for (now, count) in [(99, 2), (100, 1), (101, 1)] {
            let filter = Filter { alive_at_ms: Some(now), ..Filter::default() };
            let hits = store(bed).search(&[1.0; 4], 5, &filter, Mode::Auto).unwrap();
            assert_eq!(hits.len(), count, "at {now}");
        }
    }),
    ("an end that was moved", |bed| {
        let ends = |end| Attributes { expires_at_ms: end, ..Attributes::default() };
        let vector = vec![1.0, 0.0, 0.0, 0.0];
        bed.put(&[(1, vector.clone(), ends(Some(100)))]);
        bed.put(&[(1, vector.clone(), ends(Some(200)))]);
        bed.check_filter(&Filter { alive_at_ms: Some(150), ..Filter::default() });
        bed.put(&[(1, vector, ends(Some(50)))]);
        bed.check_filter(&Filter { alive_at_ms: Some(60), ..Filter::default() });
    }),
    ("order does not depend on the order of arrival", |bed| {
        let rows = rows(4, 0..40);
        let query = noise(4, 9000);
        let answer =
            |bed: &Bed| store(bed).search(&query, 40, &Filter::default(), Mode::Exact).unwrap();
        bed.put(&rows);
        let forwards = answer(bed);
        let mut other = Bed::new(bed.kind, bed.dims, bed.restless);
        for row in rows.iter().rev() {
            other.put(std::slice::from_ref(row));
        }
        let close = |(a, b): (&hauski_index::vectors::Scored, &hauski_index::vectors::Scored)| {
            a.id == b.id && a.score.to_bits() == b.score.to_bits()
        };
        let backwards = answer(&other);
        assert!(forwards.iter().zip(&backwards).all(close), "{forwards:?}\n{backwards:?}");
    }),
    ("answers are the same bits after reopening", |bed| {
        bed.put(&rows(4, 0..40));
        bed.delete(&[3]);
        let answer = |bed: &Bed| {
            let query = noise(4, 9000);
            store(bed).search(&query, 20, &Filter::default(), Mode::Exact).unwrap()
        };
        let before = answer(bed);
        bed.reopen();
        assert_eq!(answer(bed), before);
        bed.compact();
        assert_eq!(answer(bed), before);
    }),
    ("flushing changes nothing", |bed| {
        bed.put(&rows(4, 0..10));
        store(bed).flush().unwrap();
        store(bed).flush().unwrap();
        bed.check();
    }),
    ("verifying a sound store finds nothing", |bed| {
        bed.put(&rows(4, 0..20));
        bed.delete(&[2]);
        assert_eq!(store(bed).verify().unwrap(), Default::default());
        bed.check();
    }),
    ("searches run beside a writer and see whole batches", |bed| {
        let pair = |round: u64| {
            let row = |id| (id, noise(4, round * 2 + id), Attributes::default());
            vec![row(1), row(2)]
        };
        bed.put(&pair(0));
        let shared: &Bed = bed;
        std::thread::scope(|scope| {
            let store = store(shared);
            scope.spawn(move || {
                for seq in 10..60 {
                    let records: Vec<_> = pair(seq)
                        .into_iter()
                        .map(|(id, vector, attributes)| hauski_index::vectors::VectorRecord {
                            id: hauski_index::ChunkId(id),
                            vector,
                            attributes,
                        })
                        .collect();
                    store.upsert(&records, seq).unwrap();
                }
            });
            for _ in 0..100 {
                let hits = store.search(&[1.0; 4], 10, &Filter::default(), Mode::Auto).unwrap();
                let mut ids: Vec<u64> = hits.iter().map(|hit| hit.id.0).collect();
                ids.sort_unstable();
                assert_eq!(ids, [1, 2]);
            }
        });
        bed.seq = 59;
        bed.put(&pair(7));
        bed.check();
    }),
];

pub(crate) fn all() -> Vec<Case> {
    let mut cases: Vec<Case> = FOUR.iter().map(|&(name, run)| Case::new(name, 4, run)).collect();
    for dims in [1, 2, 3, 7, 31, 32, 33, 63, 64, 65, 100, 127, 128, 200, 384] {
        cases.push(Case::new(&format!("{dims} dimensions"), dims, move |bed| {
            bed.put(&rows(dims, 0..24));
            bed.delete(&[5, 6]);
            bed.check();
            bed.compact();
            bed.check();
        }));
    }
    for sparse in [1, 2, 8] {
        cases.push(Case::new(&format!("vectors with {sparse} numbers of 64"), 64, move |bed| {
            let row = |id: u64| {
                let mut vector = vec![0.0; 64];
                for at in 0..sparse {
                    vector[(id as usize * 5 + at * 7) % 64] = 1.0 + id as f32 / 50.0;
                }
                (id, vector, Attributes::default())
            };
            bed.put(&(0..30).map(row).collect::<Vec<_>>());
            bed.check();
        }));
    }
    for (name, gap) in [("a millionth", 1e-6f32), ("a ten-thousandth", 1e-4), ("a hundredth", 1e-2)]
    {
        cases.push(Case::new(&format!("neighbours {name} apart"), 16, move |bed| {
            let centre = noise(16, 3);
            let row = |id: u64| {
                let way = noise(16, 100 + id);
                let vector: Vec<f32> = centre.iter().zip(way).map(|(a, b)| a + b * gap).collect();
                (id, vector, Attributes::default())
            };
            let all: Vec<_> = (0..40).map(row).collect();
            assert!(cosine(&all[0].1, &all[1].1) > 0.999);
            bed.put(&all);
            bed.check();
        }));
    }
    for seed in 0..8u64 {
        cases.push(Case::new(&format!("random changes, seed {seed}"), 8, move |bed| {
            let mut state = seed * 77 + 1;
            let mut next = |below: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 33) % below
            };
            for step in 0..60 {
                match next(10) {
                    0..=5 => {
                        let batch: Vec<_> = (0..next(6))
                            .map(|_| {
                                let attributes = of(next(3) as u32, &[next(4) as u32]);
                                (next(25), noise(8, next(1000)), attributes)
                            })
                            .collect();
                        let seq = if next(4) == 0 {
                            bed.seq.saturating_sub(next(5))
                        } else {
                            bed.seq + 1
                        };
                        bed.put_at(&batch, seq);
                    }
                    6..=7 => {
                        let ids: Vec<u64> = (0..next(4)).map(|_| next(25)).collect();
                        let seq = if next(4) == 0 {
                            bed.seq.saturating_sub(next(5))
                        } else {
                            bed.seq + 1
                        };
                        bed.delete_at(&ids, seq);
                    }
                    8 => bed.compact(),
                    _ => bed.reopen(),
                }
                if step % 10 == 9 {
                    bed.check();
                    let filter =
                        Filter { collections: vec![1], none_tags: vec![2], ..Filter::default() };
                    bed.check_filter(&filter);
                }
            }
        }));
    }
    cases
}
