//! One ranking out of two: what the words found and what the vectors found.
//!
//! The default is a convex sum of scores that are brought to one scale by bounds that do not move with the number of
//! candidates: BM25 over the best BM25 of the question, and (cosine + 1) over (best cosine + 1). Ranks fused by reciprocals
//! (RRF) are there as an option; they throw away how much better one hit is than the next. A passage that only the words found
//! counts as near as the last one that the vectors found.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::ChunkId;

/// A passage and the score that one leg gave it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// Which passage.
    pub id: ChunkId,
    /// BM25 (above 0), or a cosine (−1 to 1). What is no number counts as absent.
    pub score: f32,
}

/// How two rankings become one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// `alpha × dense + (1 − alpha) × lexical`, both between 0 and 1. `alpha` is held between 0 and 1.
    Convex {
        /// The share of the dense leg; 0.7 by default.
        alpha: f32,
    },
    /// The sum of `1 / (k + rank)`, ranks from 1. `k` is at least 1; 60 is usual.
    ReciprocalRank {
        /// How little the first ranks stand out.
        k: f32,
    },
}

impl Default for Method {
    fn default() -> Self {
        Self::Convex { alpha: 0.7 }
    }
}

/// What is told to [`fuse`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FusionParams {
    /// How two rankings become one.
    pub method: Method,
}

/// What one leg says of a passage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leg {
    /// The leg's own score.
    pub raw: f32,
    /// The same between 0 and 1 (convex), or the reciprocal rank.
    pub normalised: f32,
    /// Its part of the fused score.
    pub part: f32,
    /// From 1.
    pub rank: usize,
}

/// Where a fused score comes from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    /// By words, if they found it.
    pub lexical: Option<Leg>,
    /// By vectors, if they found it.
    pub dense: Option<Leg>,
    /// Where they did not: the part of the last passage that they found. Its true part is at most that, or it has no vector
    /// yet; counted as nothing, the best word would stand below the worst neighbour.
    pub assumed: f32,
    /// What the score was multiplied with afterwards, by name (`trust`, `recency`, `context`), in the order in which it
    /// happened. See [`Fused::multiply`].
    pub factors: Vec<(&'static str, f32)>,
}

/// A passage in the fused ranking.
#[derive(Clone, Debug, PartialEq)]
pub struct Fused {
    /// Which passage.
    pub id: ChunkId,
    /// Sum of the parts of both legs, times all factors.
    pub score: f32,
    /// Where it comes from.
    pub parts: Parts,
}

impl Fused {
    /// Multiplies the score with a factor and remembers it. What is no number or below 0 counts as 0.
    pub fn multiply(&mut self, name: &'static str, factor: f32) {
        let factor = if factor.is_finite() { factor.max(0.0) } else { 0.0 };
        self.score *= factor;
        self.parts.factors.push((name, factor));
    }
}

/// Fuses two rankings. The order in which candidates are given does not matter; of a passage given twice the best score counts.
/// Best first, see [`rank`]. When one leg is empty the order is the other leg's.
pub fn fuse(lexical: &[Ranked], dense: &[Ranked], params: &FusionParams) -> Vec<Fused> {
    let (lexical, dense) = (sorted(lexical), sorted(dense));
    let mut all: BTreeMap<ChunkId, Parts> = BTreeMap::new();
    let (of_lexical, of_dense) = match params.method {
        Method::Convex { alpha } => {
            let alpha = share(alpha, !lexical.is_empty(), !dense.is_empty());
            (
                Scale::Convex { floor: 0.0, share: 1.0 - alpha },
                Scale::Convex { floor: -1.0, share: alpha },
            )
        }
        Method::ReciprocalRank { k } => {
            let k = if k.is_nan() { 60.0 } else { k.max(1.0) };
            (Scale::Reciprocal { k }, Scale::Reciprocal { k })
        }
    };
    for (leg, hit) in of_lexical.legs(&lexical) {
        all.entry(hit).or_default().lexical = Some(leg);
    }
    for (leg, hit) in of_dense.legs(&dense) {
        all.entry(hit).or_default().dense = Some(leg);
    }
    let last = of_dense.legs(&dense).last().map_or(0.0, |(leg, _)| leg.part);
    let assumed = if matches!(params.method, Method::Convex { .. }) { last } else { 0.0 };
    let mut fused: Vec<Fused> = all
        .into_iter()
        .map(|(id, mut parts)| {
            parts.assumed = if parts.dense.is_none() { assumed } else { 0.0 };
            let dense = parts.dense.map_or(parts.assumed, |leg| leg.part);
            Fused { id, score: parts.lexical.map_or(0.0, |leg| leg.part) + dense, parts }
        })
        .collect();
    rank(&mut fused);
    fused
}

/// Puts a ranking in order again after factors changed its scores: by score, then by rank in the dense and in the lexical leg
/// (scores that differ may round to one), then by id.
pub fn rank(fused: &mut [Fused]) {
    let place = |leg: &Option<Leg>| leg.map_or(usize::MAX, |leg| leg.rank);
    fused.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then_with(|| place(&a.parts.dense).cmp(&place(&b.parts.dense)))
            .then_with(|| place(&a.parts.lexical).cmp(&place(&b.parts.lexical)))
            .then(a.id.cmp(&b.id))
    });
}

/// A leg that found nothing has no share: the other one keeps its order and its scale.
fn share(alpha: f32, lexical: bool, dense: bool) -> f32 {
    match (lexical, dense) {
        (false, _) => 1.0,
        (true, false) => 0.0,
        (true, true) if alpha.is_nan() => 0.7,
        (true, true) => alpha.clamp(0.0, 1.0),
    }
}

enum Scale {
    Convex { floor: f32, share: f32 },
    Reciprocal { k: f32 },
}

impl Scale {
    fn legs<'a>(&'a self, hits: &'a [Ranked]) -> impl Iterator<Item = (Leg, ChunkId)> + use<'a> {
        let best = hits.first().map_or(0.0, |hit| hit.score);
        let mut rank = 0;
        let mut before: Option<f32> = None;
        hits.iter().enumerate().map(move |(at, hit)| {
            // Equal scores share a rank, so that no order by id gets into the sum.
            if before != Some(hit.score) {
                rank = at + 1;
                before = Some(hit.score);
            }
            let (normalised, share) = match self {
                Self::Convex { floor, share } => {
                    let range = best - floor;
                    let normalised = if range > 0.0 { (hit.score - floor) / range } else { 0.0 };
                    (normalised.clamp(0.0, 1.0), *share)
                }
                Self::Reciprocal { k } => (1.0 / (k + rank as f32), 1.0),
            };
            (Leg { raw: hit.score, normalised, part: share * normalised, rank }, hit.id)
        })
    }
}

/// Best first, equal scores by id, each passage once.
fn sorted(hits: &[Ranked]) -> Vec<Ranked> {
    let mut best: BTreeMap<ChunkId, f32> = BTreeMap::new();
    for hit in hits.iter().filter(|hit| hit.score.is_finite()) {
        // −0 and 0 are one score.
        let score = hit.score + 0.0;
        best.entry(hit.id).and_modify(|known| *known = known.max(score)).or_insert(score);
    }
    let mut hits: Vec<Ranked> = best.into_iter().map(|(id, score)| Ranked { id, score }).collect();
    hits.sort_by(|a, b| match b.score.total_cmp(&a.score) {
        Ordering::Equal => a.id.cmp(&b.id),
        unequal => unequal,
    });
    hits
}
