//! BM25 of a question over contents, paths and other bags of terms.

use std::collections::HashMap;

use super::query::{Query, QueryTerm};
use super::terms::{Bag, Term};

/// How much repetition counts, and how much length is discounted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bm25 {
    /// Saturation of repeated words; usual values are 0.9 to 2.
    pub(super) k1: f32,
    /// 0 ignores the length of a document, 1 divides by it.
    pub(super) b: f32,
}

/// The occurrences of a question's terms in a set of bags.
pub(super) struct Matches {
    /// For each term of the question, in its order: document and count.
    pub(super) of_term: Vec<Vec<(u32, u16)>>,
    /// For each term: how rare it is.
    pub(super) rarity: Vec<f32>,
    /// Number of bags.
    pub(super) bags: usize,
}

impl Matches {
    /// Looks up every term in every bag.
    pub(super) fn find<'a>(terms: &[Term], bags: impl Iterator<Item = &'a Bag>) -> Self {
        let mut of_term = vec![Vec::new(); terms.len()];
        let mut count = 0;
        for (place, bag) in bags.enumerate() {
            count += 1;
            for (found, term) in of_term.iter_mut().zip(terms) {
                let times = bag.count(*term);
                if times > 0 {
                    found.push((u32::try_from(place).unwrap_or(u32::MAX), times));
                }
            }
        }
        let rarity = of_term.iter().map(|found| idf(found.len(), count)).collect();
        Self { of_term, rarity, bags: count }
    }

    /// BM25 of every bag; `wanted` gives each term its weight, 0 to leave it out.
    pub(super) fn scores(
        &self,
        parameters: Bm25,
        lengths: &[f32],
        mean: f32,
        wanted: impl Fn(usize) -> f32,
    ) -> Vec<f32> {
        let mut scores = vec![0.0; self.bags];
        for (index, found) in self.of_term.iter().enumerate() {
            let weight = wanted(index) * self.rarity[index];
            if weight <= 0.0 {
                continue;
            }
            for (place, times) in found {
                let place = *place as usize;
                let times = f32::from(*times);
                let norm =
                    parameters.k1 * (1.0 - parameters.b + parameters.b * lengths[place] / mean);
                scores[place] += weight * times * (parameters.k1 + 1.0) / (times + norm);
            }
        }
        scores
    }
}

/// Rarity of a term: ln(1 + (N - n + 0.5) / (n + 0.5)).
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "numbers of files")]
pub(super) fn idf(with: usize, all: usize) -> f32 {
    let with = with as f32;
    (1.0 + (all as f32 - with + 0.5) / (with + 0.5)).ln()
}

/// The length of each bag, and the mean length, at least 1.
pub(super) fn lengths_of<'a>(bags: impl Iterator<Item = &'a Bag>) -> (Vec<f32>, f32) {
    #[expect(clippy::cast_precision_loss, reason = "numbers of words")]
    let lengths: Vec<f32> = bags.map(|bag| bag.length() as f32).collect();
    #[expect(clippy::cast_precision_loss, reason = "a number of files")]
    let mean = lengths.iter().sum::<f32>() / lengths.len().max(1) as f32;
    (lengths, mean.max(1.0))
}

/// BM25 of one bag against a question, for small texts such as one definition.
pub(super) fn score_bag(
    bag: &Bag,
    terms: &[QueryTerm],
    rarity: &[f32],
    parameters: Bm25,
    mean: f32,
) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "a number of words")]
    let length = bag.length() as f32;
    let norm = parameters.k1 * (1.0 - parameters.b + parameters.b * length / mean);
    let each = terms.iter().zip(rarity).map(|(term, rarity)| {
        let times = f32::from(bag.count(term.term));
        term.weight * rarity * times * (parameters.k1 + 1.0) / (times + norm)
    });
    each.sum()
}

/// How alike a question is to each message: BM25, divided by what the question itself would get.
pub(super) fn similarities(query: &Query, messages: &[&Bag]) -> Vec<f32> {
    let terms: Vec<Term> = query.terms.iter().map(|term| term.term).collect();
    let matches = Matches::find(&terms, messages.iter().copied());
    #[expect(clippy::cast_precision_loss, reason = "numbers of words")]
    let lengths: Vec<f32> = messages.iter().map(|bag| bag.length() as f32).collect();
    let mean = (lengths.iter().sum::<f32>() / lengths.len().max(1) as f32).max(1.0);
    let parameters = Bm25 { k1: 0.9, b: 0.4 };
    let mut scores = matches.scores(parameters, &lengths, mean, |index| query.terms[index].weight);
    let own: f32 = query.terms.iter().zip(&matches.rarity).map(|(t, r)| t.weight * r).sum();
    for score in &mut scores {
        *score /= own.max(1e-6);
    }
    scores
}

/// Terms that set some documents apart from all: at most `most`, with weights up to 1.
pub(super) fn telling_terms(
    chosen: &[(&Bag, f32)],
    rarity: impl Fn(Term) -> f32,
    most: usize,
) -> Vec<(Term, f32)> {
    let mut weights: HashMap<Term, f32> = HashMap::new();
    for (bag, weight) in chosen {
        for (term, times) in bag.counts() {
            let times = f32::from(*times);
            *weights.entry(*term).or_default() += weight * times / (times + 2.0);
        }
    }
    let mut terms: Vec<(Term, f32)> =
        weights.into_iter().map(|(term, weight)| (term, weight * rarity(term))).collect();
    terms.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    terms.truncate(most);
    let best = terms.first().map_or(1.0, |(_, weight)| weight.max(1e-6));
    terms.into_iter().map(|(term, weight)| (term, weight / best)).collect()
}
