//! Fills a budget: whole files where they are worth it, definitions otherwise, signatures for the rest.

use std::collections::BTreeSet;

use super::pieces::Opened;

/// From this budget on, whole files come first: there is room for the files that a task is about.
const WHOLE_FROM: u32 = 16_000;
/// A whole file takes at most this share of the budget, unless only whole files are wanted.
const MOST_OF_BUDGET: f32 = 0.95;
/// Share of the budget that is kept for signatures of files of which nothing else is shown.
const FOR_SIGNATURES: f32 = 0.03;
/// How much the size of a file or piece counts against its value; 0 not at all, 1 fully.
const FILE_THRIFT: f32 = 0.6;
const PIECE_THRIFT: f32 = 0.7;
/// A file of which this share is taken is taken whole where it fits.
const NEARLY_WHOLE: f32 = 0.75;
/// Tokens of the line that stands for lines left out.
const GAP_TOKENS: u32 = 6;

/// How a file stands in the pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// All of it.
    Full,
    /// The definitions that matter, with the signatures around them.
    Definitions,
    /// Signatures alone.
    Signatures,
}

/// What may be taken of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Grain {
    /// Definitions in small budgets, whole files first in large ones.
    #[default]
    Auto,
    /// Whole files alone.
    Files,
    /// Definitions first, whole files where nearly all of one is taken.
    Definitions,
}

/// What is taken of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Position among the opened files.
    pub file: usize,
    /// How it stands in the pack.
    pub kind: Kind,
    /// First and last lines, from 1, ascending and apart from each other.
    pub lines: Vec<(u32, u32)>,
    /// What the choice is worth: the expected share of the work that it holds.
    pub score: f32,
}

/// One opened file with all that the choice depends on.
pub struct Candidate<'a> {
    /// The file and its pieces.
    pub opened: &'a Opened,
    /// Chance that the file matters.
    pub chance: f32,
    /// Expected share of the work in each piece.
    pub values: &'a [f32],
    /// Tokens of what stands around its content.
    pub overhead: u32,
}

/// Chooses within `budget` tokens, by the counts of the pieces. What is taken of a text in pieces may
/// count a little differently as a whole, so the caller counts again.
pub fn choose(
    candidates: &[Candidate<'_>],
    budget: u32,
    grain: Grain,
    count: &dyn Fn(&str) -> u32,
) -> Vec<Choice> {
    let mut taken = Taken { candidates, left: budget, parts: Vec::new(), count };
    taken.parts.resize_with(candidates.len(), Part::default);
    let whole_first = grain == Grain::Files || (grain == Grain::Auto && budget >= WHOLE_FROM);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a budget"
    )]
    let part = |share: f32| (budget as f32 * share) as u32;
    let kept = if grain == Grain::Files { 0 } else { part(FOR_SIGNATURES) };
    taken.left -= kept;
    if whole_first {
        taken.files(if grain == Grain::Files { budget } else { part(MOST_OF_BUDGET) });
    }
    if grain != Grain::Files {
        taken.pieces();
        taken.left += kept;
        taken.nearly_whole();
        taken.signatures();
        taken.pieces();
    }
    taken.choices()
}

#[derive(Default)]
struct Part {
    pieces: BTreeSet<usize>,
    heads: BTreeSet<(u32, u32)>,
    spent: u32,
    whole: bool,
}

struct Taken<'a> {
    candidates: &'a [Candidate<'a>],
    parts: Vec<Part>,
    left: u32,
    count: &'a dyn Fn(&str) -> u32,
}

impl Taken<'_> {
    fn cost_of_file(&self, file: usize) -> u32 {
        self.candidates[file].opened.tokens.iter().sum::<u32>() + self.candidates[file].overhead
    }

    fn files(&mut self, most: u32) {
        let worth = |file: usize| {
            self.candidates[file].chance / tokens(self.cost_of_file(file)).powf(FILE_THRIFT)
        };
        for file in sorted((0..self.candidates.len()).map(|file| (file, worth(file)))) {
            let cost = self.cost_of_file(file);
            if cost <= self.left && cost <= most && !self.candidates[file].opened.pieces.is_empty()
            {
                self.left -= cost;
                self.parts[file].whole = true;
                self.parts[file].spent = cost;
            }
        }
    }

    fn pieces(&mut self) {
        let mut worth = Vec::new();
        for (file, candidate) in self.candidates.iter().enumerate() {
            for (piece, value) in candidate.values.iter().enumerate() {
                let tokens = tokens(candidate.opened.tokens[piece] + 8);
                worth.push(((file, piece), value / tokens.powf(PIECE_THRIFT)));
            }
        }
        for (file, piece) in sorted(worth.into_iter()) {
            let part = &self.parts[file];
            if part.whole || part.pieces.contains(&piece) {
                continue;
            }
            let cost = self.cost_of_piece(file, piece);
            if cost > self.left {
                continue;
            }
            self.left -= cost;
            let within = self.candidates[file].opened.pieces[piece].within.iter().copied();
            let part = &mut self.parts[file];
            part.spent += cost;
            part.heads.extend(within);
            part.pieces.insert(piece);
        }
    }

    fn cost_of_piece(&self, file: usize, piece: usize) -> u32 {
        let candidate = &self.candidates[file];
        let part = &self.parts[file];
        let opened = candidate.opened;
        let new =
            if part.pieces.is_empty() && part.heads.is_empty() { candidate.overhead } else { 0 };
        let heads = opened.pieces[piece].within.iter().filter(|head| !part.heads.contains(head));
        let heads: u32 = heads.map(|head| (self.count)(opened.lines(*head)) + GAP_TOKENS).sum();
        let joined = piece.checked_sub(1).is_some_and(|before| part.pieces.contains(&before));
        opened.tokens[piece] + heads + new + if joined { 0 } else { GAP_TOKENS }
    }

    /// Files of which little is missing are completed.
    fn nearly_whole(&mut self) {
        for file in 0..self.candidates.len() {
            let cost = self.cost_of_file(file);
            let part = &self.parts[file];
            let enough = tokens(part.spent) >= NEARLY_WHOLE * tokens(cost);
            if !part.whole && enough && cost.saturating_sub(part.spent) <= self.left {
                self.left = (self.left + part.spent).saturating_sub(cost);
                self.parts[file] = Part { whole: true, spent: cost, ..Part::default() };
            }
        }
    }

    /// Signatures of files of which nothing is shown, best first.
    fn signatures(&mut self) {
        for (file, candidate) in self.candidates.iter().enumerate() {
            let part = &self.parts[file];
            if part.whole || !part.pieces.is_empty() || !part.heads.is_empty() {
                continue;
            }
            let opened = candidate.opened;
            let heads: BTreeSet<(u32, u32)> =
                opened.pieces.iter().filter_map(|piece| piece.head).collect();
            let each = heads.iter().map(|head| (self.count)(opened.lines(*head)) + GAP_TOKENS);
            let cost = each.sum::<u32>() + candidate.overhead;
            if !heads.is_empty() && cost <= self.left {
                self.left -= cost;
                self.parts[file] = Part { heads, spent: cost, ..Part::default() };
            }
        }
    }

    fn choices(self) -> Vec<Choice> {
        let mut choices = Vec::new();
        for (file, (part, candidate)) in self.parts.into_iter().zip(self.candidates).enumerate() {
            let opened = candidate.opened;
            if part.whole {
                let lines = vec![(1, opened.line_count())];
                choices.push(Choice { file, kind: Kind::Full, lines, score: candidate.chance });
            } else if !part.pieces.is_empty() || !part.heads.is_empty() {
                let kind =
                    if part.pieces.is_empty() { Kind::Signatures } else { Kind::Definitions };
                let pieces = part.pieces.iter().map(|piece| opened.pieces[*piece].lines);
                let lines = joined(pieces.chain(part.heads.iter().copied()).collect());
                let all = lines[..] == [(1, opened.line_count())];
                let kind = if all { Kind::Full } else { kind };
                let score = part.pieces.iter().map(|piece| candidate.values[*piece]).sum();
                choices.push(Choice { file, kind, lines, score });
            }
        }
        choices
    }
}

/// Ranges in order, touching ones joined.
#[must_use]
pub fn joined(mut ranges: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    ranges.sort_unstable();
    let mut joined: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.0 <= last.1 + 1 => last.1 = last.1.max(range.1),
            _ => joined.push(range),
        }
    }
    joined
}

fn sorted<T: Ord + Copy>(items: impl Iterator<Item = (T, f32)>) -> Vec<T> {
    let mut items: Vec<(T, f32)> = items.collect();
    items.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    items.into_iter().map(|(item, _)| item).collect()
}

#[expect(clippy::cast_precision_loss, reason = "budgets are far below 16 million")]
fn tokens(count: u32) -> f32 {
    count as f32
}
