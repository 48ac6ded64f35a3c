//! Fusion: by example, and what holds for all rankings.

use hauski_index::ChunkId;
use hauski_index::fuse::{FusionParams, Method, Ranked, fuse, rank};
use proptest::prelude::*;

fn hits(scores: &[(u64, f32)]) -> Vec<Ranked> {
    scores.iter().map(|(id, score)| Ranked { id: ChunkId(*id), score: *score }).collect()
}

#[test]
fn scores_are_brought_to_one_scale() {
    let lexical = hits(&[(1, 10.0), (2, 5.0)]);
    let dense = hits(&[(2, 0.6), (3, 0.2)]);
    let fused = fuse(&lexical, &dense, &FusionParams::default());
    let shown: Vec<String> =
        fused.iter().map(|hit| format!("{} {:.3}", hit.id.0, hit.score)).collect();
    // 2: 0.7 × 1 + 0.3 × 0.5; 3: 0.7 × 1.2 / 1.6; 1: 0.3 × 1, and as near as 3.
    assert_eq!(shown, ["2 0.850", "1 0.825", "3 0.525"]);
    assert_eq!((fused[0].parts.assumed, fused[1].parts.assumed), (0.0, 0.525));
    let parts = &fused[0].parts;
    assert_eq!(parts.lexical.map(|leg| (leg.raw, leg.normalised, leg.rank)), Some((5.0, 0.5, 2)));
    assert_eq!(parts.dense.map(|leg| (leg.raw, leg.normalised, leg.rank)), Some((0.6, 1.0, 1)));
}

#[test]
fn reciprocal_ranks_are_an_option() {
    let params = FusionParams { method: Method::ReciprocalRank { k: 60.0 } };
    let fused = fuse(&hits(&[(1, 9.0), (2, 8.0)]), &hits(&[(2, 0.1)]), &params);
    assert_eq!(fused[0].id, ChunkId(2));
    assert!((fused[0].score - (1.0 / 62.0 + 1.0 / 61.0)).abs() < 1e-6);
}

#[test]
fn factors_are_remembered() {
    let mut fused = fuse(&hits(&[(1, 2.0), (2, 1.9)]), &[], &FusionParams::default());
    fused[0].multiply("trust", 0.5);
    fused[0].multiply("recency", f32::NAN);
    rank(&mut fused);
    assert_eq!(fused[1].id, ChunkId(1));
    assert_eq!(fused[1].parts.factors, [("trust", 0.5), ("recency", 0.0)]);
}

fn leg(low: f32, high: f32) -> impl Strategy<Value = Vec<Ranked>> {
    prop::collection::btree_map(0_u64..60, low..high, 0..40)
        .prop_map(|scores| hits(&scores.into_iter().collect::<Vec<_>>()))
}

fn method() -> impl Strategy<Value = FusionParams> {
    prop_oneof![
        (0.0_f32..=1.0).prop_map(|alpha| Method::Convex { alpha }),
        (1.0_f32..100.0).prop_map(|k| Method::ReciprocalRank { k }),
    ]
    .prop_map(|method| FusionParams { method })
}

proptest! {
    #[test]
    fn order_of_candidates_does_not_matter(
        lexical in leg(0.01, 30.0), dense in leg(-1.0, 1.0), params in method(), seed in any::<u64>()
    ) {
        let expected = fuse(&lexical, &dense, &params);
        let shuffled = |leg: &[Ranked]| {
            let mut leg = leg.to_vec();
            leg.sort_by_key(|hit| (hit.id.0 + 1).wrapping_mul(seed | 1));
            leg
        };
        prop_assert_eq!(fuse(&shuffled(&lexical), &shuffled(&dense), &params), expected);
    }

    #[test]
    fn an_empty_leg_leaves_the_order_of_the_other(lexical in leg(0.01, 30.0), dense in leg(-1.0, 1.0), params in method()) {
        for (leg, fused) in [(&lexical, fuse(&lexical, &[], &params)), (&dense, fuse(&[], &dense, &params))] {
            let mut expected = leg.clone();
            expected.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
            let expected: Vec<ChunkId> = expected.iter().map(|hit| hit.id).collect();
            let found: Vec<ChunkId> = fused.iter().map(|hit| hit.id).collect();
            prop_assert_eq!(found, expected);
        }
    }

    /// A passage that both legs put above another, or one above and the other not below, stands above it.
    #[test]
    fn better_in_both_is_better(lexical in leg(0.01, 30.0), dense in leg(-1.0, 1.0), params in method()) {
        let fused = fuse(&lexical, &dense, &params);
        for (at, above) in fused.iter().enumerate() {
            for below in &fused[at + 1..] {
                let raw = |leg: Option<hauski_index::fuse::Leg>| leg.map_or(f32::NEG_INFINITY, |leg| leg.raw);
                let (l, d) = (
                    raw(below.parts.lexical) - raw(above.parts.lexical),
                    raw(below.parts.dense) - raw(above.parts.dense),
                );
                // Differences below the precision of the sum are no differences.
                prop_assert!(!(l > 1e-3 && d > 1e-3) || below.score >= above.score - 1e-6);
            }
        }
        prop_assert!(fused.iter().all(|hit| hit.score.is_finite() && hit.score >= 0.0));
    }

    /// A better score in one leg never makes a passage's place worse.
    #[test]
    fn a_better_score_never_hurts(lexical in leg(0.01, 30.0), dense in leg(-1.0, 1.0), which in any::<prop::sample::Index>()) {
        prop_assume!(!dense.is_empty());
        let params = FusionParams::default();
        let raised = which.get(&dense).id;
        let best = dense.iter().map(|hit| hit.score).fold(-1.0, f32::max);
        let place = |dense: &[Ranked]| fuse(&lexical, dense, &params).iter().position(|hit| hit.id == raised);
        let mut better = dense.clone();
        for hit in better.iter_mut().filter(|hit| hit.id == raised) {
            // Up to the best of the leg: beyond it the scale of all others changes too.
            hit.score = best;
        }
        prop_assert!(place(&better) <= place(&dense));
    }

    #[test]
    fn nothing_breaks_on_odd_numbers(scores in prop::collection::vec((0_u64..9, any::<f32>()), 0..20), alpha in any::<f32>(), k in any::<f32>()) {
        for method in [Method::Convex { alpha }, Method::ReciprocalRank { k }] {
            let fused = fuse(&hits(&scores), &hits(&scores), &FusionParams { method });
            prop_assert!(fused.iter().all(|hit| !hit.score.is_nan()));
        }
    }
}
