//! What a store does not take, and that it is as before afterwards.

use hauski_index::vectors::{Mode, VectorRecord};
use hauski_index::{Attributes, ChunkId, Filter};

use super::bed::Bed;
use super::conformance::Case;

const INFINITE: f32 = f32::INFINITY;

/// Vectors for a store of three dimensions, and what the refusal says.
fn vectors() -> Vec<(&'static str, Vec<f32>, &'static str)> {
    vec![
        ("no numbers", vec![], "has 0 numbers and the store 3"),
        ("too few numbers", vec![1.0, 2.0], "has 2 numbers and the store 3"),
        ("too many numbers", vec![1.0; 4], "has 4 numbers and the store 3"),
        ("not a number first", vec![f32::NAN, 1.0, 1.0], "not finite at position 0"),
        ("not a number last", vec![1.0, 1.0, f32::NAN], "not finite at position 2"),
        ("infinite", vec![1.0, INFINITE, 0.0], "not finite at position 1"),
        ("infinite downwards", vec![-INFINITE, 0.0, 0.0], "not finite at position 0"),
        ("only infinite", vec![INFINITE; 3], "not finite at position 0"),
        ("zero", vec![0.0; 3], "is zero and has no direction"),
        ("zero with signs", vec![-0.0, 0.0, -0.0], "is zero and has no direction"),
    ]
}

fn filled(bed: &mut Bed) {
    for (id, vector) in [(1, [1.0, 0.0, 0.0]), (2, [0.0, 1.0, 0.0]), (3, [1.0, 1.0, 1.0])] {
        bed.put_one(id, &vector);
    }
}

pub(crate) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, vector, says) in vectors() {
        let query = vector.clone();
        cases.push(Case::new(&format!("refused as a query: {name}"), 3, move |bed| {
            filled(bed);
            for mode in [Mode::Auto, Mode::Exact] {
                for k in [0, 5] {
                    let found = bed.store().search(&query, k, &Filter::default(), mode);
                    let text = found.unwrap_err().to_string();
                    assert!(text.starts_with("the query ") && text.contains(says), "{text}");
                }
            }
            bed.check();
        }));
        cases.push(Case::new(&format!("refused with its whole batch: {name}"), 3, move |bed| {
            filled(bed);
            let record = |id, vector: &[f32]| VectorRecord {
                id: ChunkId(id),
                vector: vector.to_vec(),
                attributes: Attributes::default(),
            };
            let batch = [record(1, &[0.0, 0.0, 1.0]), record(77, &vector), record(4, &[1.0; 3])];
            let text = bed.store().upsert(&batch, bed.seq + 1).unwrap_err().to_string();
            assert!(text.starts_with("the vector of passage 77 ") && text.contains(says), "{text}");
            assert_eq!(bed.store().watermark(), bed.seq);
            bed.check();
        }));
    }
    cases
}
