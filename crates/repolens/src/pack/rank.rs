//! Files and pieces in the order in which they are worth their tokens.

use std::sync::LazyLock;

use super::corpus::Corpus;
use super::past::Past;
use super::pieces::{self, Opened};
use super::query::Query;
use super::signals::{self, Row};
use super::terms::Splitter;
use super::trees::Trees;

static BUILT_IN: LazyLock<Models> = LazyLock::new(|| Models {
    files: Trees::parse(include_str!("files.model")),
    pieces: Trees::parse(include_str!("pieces.model")),
});

/// What judges.
#[derive(Debug, Clone, Default)]
pub struct Models {
    /// Over [`signals::NAMES`].
    pub files: Trees,
    /// Over [`pieces::NAMES`].
    pub pieces: Trees,
}

impl Models {
    /// The models that ship with repoLens.
    #[must_use]
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }
}

/// The files of a corpus, judged.
#[derive(Debug, Clone)]
pub struct Ranked {
    /// The signals of each file.
    pub rows: Vec<Row>,
    /// The sum of the model for each file; its logistic is the chance that the file matters.
    pub sums: Vec<f32>,
    /// Files by falling chance.
    pub order: Vec<usize>,
}

impl Ranked {
    /// Chance from 0 to 1 that a file matters.
    #[must_use]
    pub fn chance(&self, file: usize) -> f32 {
        chance(self.sums[file])
    }
}

/// Judges every file.
#[must_use]
pub fn rank(query: &Query, corpus: &Corpus, past: &Past<'_>, models: &Models) -> Ranked {
    let rows = signals::signals(query, corpus, past);
    let sums: Vec<f32> = rows.iter().map(|row| models.files.sum(row)).collect();
    let mut order: Vec<usize> = (0..sums.len()).collect();
    order.sort_by(|a, b| {
        sums[*b]
            .total_cmp(&sums[*a])
            .then_with(|| corpus.documents[*a].path.cmp(&corpus.documents[*b].path))
    });
    Ranked { rows, sums, order }
}

/// The expected share of the work that each piece of the opened files holds.
#[must_use]
pub fn judge(
    query: &Query,
    corpus: &Corpus,
    opened: &[Opened],
    ranked: &Ranked,
    models: &Models,
) -> Vec<Vec<f32>> {
    let table = pieces::signals(query, corpus, opened, &ranked.sums, &mut Splitter::default());
    table
        .iter()
        .map(|rows| rows.iter().map(|row| chance(models.pieces.sum(row))).collect())
        .collect()
}

fn chance(sum: f32) -> f32 {
    1.0 / (1.0 + (-sum).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_models_are_whole_and_use_only_signals_that_exist() {
        for (model, text, signals) in [
            (&BUILT_IN.files, include_str!("files.model"), signals::COUNT),
            (&BUILT_IN.pieces, include_str!("pieces.model"), pieces::COUNT),
        ] {
            let lines = text.lines().filter(|line| !line.starts_with('#')).count();
            assert_eq!(model.trees.len() + 1, lines);
            assert!(model.trees.len() >= 20);
            for node in model.trees.iter().flatten() {
                if let super::super::trees::TreeNode::Split { feature, .. } = node {
                    assert!(usize::from(*feature) < signals);
                }
            }
        }
    }
}
