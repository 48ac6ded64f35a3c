//! nDCG with linear gain, MRR, recall, and whether a difference is more than chance.

use super::collection::{Collection, Question};
use super::systems::Ranking;

/// Of one question, or the mean of many.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    pub(super) ndcg_10: f64,
    pub(super) mrr_10: f64,
    pub(super) recall_20: f64,
    pub(super) recall_100: f64,
}

impl Figures {
    /// Of every question, in their order.
    pub(super) fn each(collection: &Collection, ranking: &Ranking) -> Vec<Self> {
        collection
            .questions
            .iter()
            .zip(&ranking.found)
            .map(|(question, found)| Self::of(question, found))
            .collect()
    }

    fn of(question: &Question, found: &[usize]) -> Self {
        let gain = |place: &usize| question.gains.get(place).copied().unwrap_or(0.0);
        let discounted = |gains: &mut dyn Iterator<Item = f64>| -> f64 {
            gains.take(10).enumerate().map(|(rank, gain)| gain / (rank as f64 + 2.0).log2()).sum()
        };
        let mut ideal: Vec<f64> = question.gains.values().copied().collect();
        ideal.sort_by(|a, b| b.total_cmp(a));
        let best = discounted(&mut ideal.into_iter());
        let recall = |depth: usize| {
            let hits = found.iter().take(depth).filter(|place| gain(place) > 0.0).count();
            hits as f64 / question.gains.len() as f64
        };
        let first = found.iter().take(10).position(|place| gain(place) > 0.0);
        Self {
            ndcg_10: discounted(&mut found.iter().map(gain)) / best,
            mrr_10: first.map_or(0.0, |rank| 1.0 / (rank as f64 + 1.0)),
            recall_20: recall(20),
            recall_100: recall(100),
        }
    }

    pub(super) fn mean(each: &[Self]) -> Self {
        let mean =
            |part: fn(&Self) -> f64| each.iter().map(part).sum::<f64>() / each.len().max(1) as f64;
        Self {
            ndcg_10: mean(|figures| figures.ndcg_10),
            mrr_10: mean(|figures| figures.mrr_10),
            recall_20: mean(|figures| figures.recall_20),
            recall_100: mean(|figures| figures.recall_100),
        }
    }
}

const ROUNDS: u32 = 10_000;

/// The mean difference of nDCG@10 (`b` less `a`), and how often random signs give one at least as large.
pub(super) fn significance(a: &[Figures], b: &[Figures]) -> (f64, f64) {
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| b.ndcg_10 - a.ndcg_10).collect();
    let count = differences.len().max(1) as f64;
    let observed = differences.iter().sum::<f64>() / count;
    let mut state: u64 = 0x2545_F491_4F6C_DD1D;
    let mut coin = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 63 == 1
    };
    let as_large = (0..ROUNDS)
        .filter(|_| {
            let sum: f64 = differences.iter().map(|d| if coin() { *d } else { -*d }).sum();
            (sum / count).abs() >= observed.abs() - 1e-12
        })
        .count();
    (observed, (as_large as f64 + 1.0) / (f64::from(ROUNDS) + 1.0))
}
