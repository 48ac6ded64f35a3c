//! What history says about the files of today: how often and how lately they change, with what, and
//! which of them earlier commits with similar messages touched.

use std::collections::HashMap;

use super::corpus::Corpus;
use super::history::{Commit, History, MAX_FILES};
use super::lexical::similarities;
use super::mask::masked;
use super::query::{Query, labels};
use super::terms::Bag;

/// Most similar commits that vote.
const NEIGHBOURS: usize = 40;

/// History, told in terms of today's files.
pub struct Past<'a> {
    /// The commits that count, newest first.
    commits: Vec<&'a Commit>,
    /// For each of them, today's files as positions in the corpus.
    files: Vec<Vec<u32>>,
    /// Number of files each of them touched, gone ones included.
    sizes: Vec<usize>,
}

/// One number a file.
pub type Column = Vec<f32>;

impl<'a> Past<'a> {
    /// Follows renames from the newest commit to the oldest. `places` are positions in the history,
    /// newest first.
    pub fn new(history: &'a History, places: &[usize], corpus: &Corpus) -> Self {
        let mut today: HashMap<u32, u32> = HashMap::new();
        for (place, path) in history.paths.iter().enumerate() {
            if let Some(file) = corpus.places.get(path) {
                today.insert(index(place), index(*file));
            }
        }
        let mut past = Self { commits: Vec::new(), files: Vec::new(), sizes: Vec::new() };
        for place in places {
            let commit = &history.commits[*place];
            for (old, new) in &commit.renames {
                if let Some(file) = today.get(new).copied() {
                    today.insert(*old, file);
                }
            }
            if commit.files.is_empty() || commit.files.len() > MAX_FILES {
                continue;
            }
            let files = commit.files.iter().filter_map(|path| today.get(path).copied());
            past.files.push(files.collect());
            past.sizes.push(commit.files.len());
            past.commits.push(commit);
        }
        past
    }

    /// Number of commits that count.
    #[must_use]
    pub fn len(&self) -> usize {
        self.commits.len()
    }

    /// Whether there is no history.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commits.is_empty()
    }

    /// Changes of each file, those `half_life` commits ago counting half.
    pub fn churn(&self, files: usize, half_life: f32) -> Column {
        let mut churn = vec![0.0; files];
        for (age, touched) in self.files.iter().enumerate() {
            let weight = decay(age, half_life);
            for file in touched {
                churn[*file as usize] += weight;
            }
        }
        churn
    }

    /// Commits since each file changed; the number of all commits for those that never did.
    pub fn age(&self, files: usize) -> Column {
        let mut ages = vec![count(self.len()); files];
        for (age, touched) in self.files.iter().enumerate().rev() {
            for file in touched {
                ages[*file as usize] = count(age);
            }
        }
        ages
    }

    /// Votes of earlier commits with similar messages.
    pub fn neighbours(&self, query: &Query, files: usize) -> Neighbours {
        let messages: Vec<&Bag> = self.commits.iter().map(|commit| &commit.terms).collect();
        let likeness = similarities(query, &messages);
        let mut order: Vec<usize> = (0..likeness.len()).filter(|at| likeness[*at] > 0.0).collect();
        order.sort_by(|a, b| likeness[*b].total_cmp(&likeness[*a]).then(a.cmp(b)));
        let mut votes = vec![0.0; files];
        let mut nearest = vec![0.0_f32; files];
        for at in order.iter().take(NEIGHBOURS) {
            let vote = likeness[*at].powi(2) / count(self.sizes[*at]).sqrt();
            for file in &self.files[*at] {
                votes[*file as usize] += vote;
                let nearest = &mut nearest[*file as usize];
                *nearest = nearest.max(likeness[*at]);
            }
        }
        let best = order.first().map(|at| (*at, likeness[*at]));
        Neighbours { votes, nearest, best }
    }

    /// The subject of the commit most like the question that touched a file, without
    /// secrets.
    #[must_use]
    pub fn nearest_message(&self, query: &Query, file: usize) -> Option<String> {
        let touching = (0..self.len()).filter(|at| self.files[*at].contains(&index(file)));
        let touching: Vec<usize> = touching.collect();
        let messages: Vec<&Bag> = touching.iter().map(|at| &self.commits[*at].terms).collect();
        let likeness = similarities(query, &messages);
        let best = (0..touching.len())
            .max_by(|a, b| likeness[*a].total_cmp(&likeness[*b]).then(b.cmp(a)))?;
        // Masked before it is cut: half a secret is not recognized as one.
        let (message, _) = masked(&self.commits[touching[best]].message);
        Some(message.lines().next()?.chars().take(72).collect())
    }

    /// Share of the commits with a label of the question that touched each file.
    pub fn labelled(&self, query: &Query, files: usize) -> Column {
        let mut touched = vec![0.0; files];
        let mut all = 0.0;
        if query.labels.is_empty() {
            return touched;
        }
        for (age, commit) in self.commits.iter().enumerate() {
            let own = labels(&commit.message);
            let shared = query.labels.iter().filter(|label| own.contains(label)).count();
            if shared == 0 {
                continue;
            }
            let weight = (count(shared) / count(query.labels.len())).powi(2) * decay(age, 1500.0);
            all += weight;
            for file in &self.files[age] {
                touched[*file as usize] += weight / count(self.sizes[age]).sqrt();
            }
        }
        touched.iter_mut().for_each(|share| *share /= all + 1.0);
        touched
    }

    /// How likely each file changes together with the seeds, which have weights.
    pub fn together(&self, seeds: &[(usize, f32)], files: usize) -> Column {
        let mut pairs: Vec<HashMap<u32, f32>> = vec![HashMap::new(); seeds.len()];
        let mut alone = vec![0.0; seeds.len()];
        let seed_at: HashMap<u32, usize> =
            seeds.iter().enumerate().map(|(at, (file, _))| (index(*file), at)).collect();
        for (age, touched) in self.files.iter().enumerate() {
            let weight = decay(age, 1000.0);
            for seed in touched {
                let Some(at) = seed_at.get(seed) else { continue };
                alone[*at] += weight;
                let share = weight / count(self.sizes[age].max(2) - 1).sqrt();
                for file in touched.iter().filter(|file| *file != seed) {
                    *pairs[*at].entry(*file).or_default() += share;
                }
            }
        }
        let mut together = vec![0.0; files];
        for ((pairs, alone), (_, weight)) in pairs.iter().zip(&alone).zip(seeds) {
            for (file, share) in pairs {
                together[*file as usize] += weight * share / (alone + 2.0);
            }
        }
        together
    }
}

/// What similar commits say.
pub struct Neighbours {
    /// Sum of the votes for each file.
    pub votes: Column,
    /// Likeness of the nearest commit that touched each file, from 0 to 1.
    pub nearest: Column,
    /// The nearest commit of all: its age in commits and its likeness.
    pub best: Option<(usize, f32)>,
}

fn decay(age: usize, half_life: f32) -> f32 {
    0.5_f32.powf(count(age) / half_life)
}

fn index(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
pub(super) fn count(number: usize) -> f32 {
    number as f32
}
