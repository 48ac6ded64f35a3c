//! What of a commit's change a pack holds, for several ways to pack.

use std::collections::BTreeMap;

use repolens::pack::pieces::Opened;
use repolens::pack::rank::{Models, Ranked, judge};
use repolens::pack::select::{Candidate, Grain, Kind, choose};
use repolens::pack::signals;
use serde::Serialize;

use super::cases::Case;

/// Budgets in tokens.
pub(super) const BUDGETS: [u32; 3] = [8_000, 32_000, 128_000];

/// Packs are measured up to this budget; beyond it whole files alone tell enough.
const LARGEST_PACK: u32 = 32_000;

/// One way to pack at one budget, over some commits.
#[derive(Default, Clone, Copy, Serialize)]
pub(super) struct Sum {
    pub(super) commits: u32,
    pub(super) recall: f64,
    pub(super) all_gold: f64,
    pub(super) hunks: f64,
    pub(super) mentioned: f64,
}

/// Which rows of the report a commit belongs to.
pub(super) type Tally = BTreeMap<(String, u32, &'static str), Sum>;

/// The cost of a whole file by the method of the comparison: bytes / 3.9 + 20.
pub(super) fn cost(bytes: u64) -> f32 {
    bytes as f32 / 3.9 + 20.0
}

/// Ranks by the models, and measures all ways to pack.
pub(super) fn measure(
    case: &Case<'_>,
    models: &Models,
    groups: &[&'static str],
    tally: &mut Tally,
) {
    let ranked = ranked(case, models);
    let column = |name: &str| -> Vec<f32> {
        case.rows.iter().map(|row| row[signals::place(name)]).collect()
    };
    let thrifty: Vec<f32> = ranked
        .sums
        .iter()
        .zip(&case.corpus.documents)
        .map(|(sum, file)| 1.0 / (1.0 + (-sum).exp()) / cost(file.bytes).powf(0.6))
        .collect();
    let oracle: Vec<f32> = (0..ranked.sums.len())
        .map(|file| {
            f32::from(u8::from(case.is_gold(file))) / cost(case.corpus.documents[file].bytes)
        })
        .collect();
    let count = |text: &str| estimate(text);
    for budget in BUDGETS {
        let mut add = |name: &str, got: Sum| {
            for group in groups {
                let sum = tally.entry((name.to_owned(), budget, group)).or_default();
                sum.commits += 1;
                sum.recall += got.recall;
                sum.all_gold += got.all_gold;
                sum.hunks += got.hunks;
                sum.mentioned += got.mentioned;
            }
        };
        add("1 churn, whole files", whole(case, &column("churn 2000"), budget));
        add("2 BM25, whole files", whole(case, &column("content"), budget));
        add("3 ranked, whole files", whole(case, &thrifty, budget));
        add("5 oracle, whole files", oracle_whole(case, &oracle, budget));
        if budget > LARGEST_PACK {
            continue;
        }
        let opened = case.open(&ranked.order, budget, &count);
        let values = judge(&case.query, &case.corpus, &opened, &ranked, models);
        let pack = Pack { case, ranked: &ranked, opened: &opened, values: &values, budget };
        add("4 pack", pack.measured(Grain::Auto));
        if budget == BUDGETS[0] {
            add("4 pack, whole files", pack.measured(Grain::Files));
        } else {
            add("4 pack, definitions", pack.measured(Grain::Definitions));
        }
    }
}

/// Tokens of a text as the comparison counts them: bytes / 3.9.
pub(super) fn estimate(text: &str) -> u32 {
    (text.len() as f32 / 3.9).ceil() as u32
}

pub(super) fn ranked(case: &Case<'_>, models: &Models) -> Ranked {
    let sums: Vec<f32> = case.rows.iter().map(|row| models.files.sum(row)).collect();
    let mut order: Vec<usize> = (0..sums.len()).collect();
    order.sort_by(|a, b| sums[*b].total_cmp(&sums[*a]).then(a.cmp(b)));
    Ranked { rows: case.rows.clone(), sums, order }
}

/// What a pack is chosen from.
struct Pack<'a> {
    case: &'a Case<'a>,
    ranked: &'a Ranked,
    opened: &'a [Opened],
    values: &'a [Vec<f32>],
    budget: u32,
}

impl Pack<'_> {
    fn measured(&self, grain: Grain) -> Sum {
        let candidates: Vec<Candidate<'_>> = self
            .opened
            .iter()
            .zip(self.values)
            .map(|(opened, values)| Candidate {
                opened,
                values,
                chance: self.ranked.chance(opened.file),
                overhead: 20,
            })
            .collect();
        let gold = self.case.target.gold.len();
        let (mut lines, mut files, mut mentioned) = (0, 0, 0);
        for choice in choose(&candidates, self.budget, grain, &estimate) {
            let file = self.opened[choice.file].file;
            lines += self.case.lines_within(file, &choice.lines);
            files += usize::from(choice.kind == Kind::Full && self.case.is_gold(file));
            mentioned += usize::from(self.case.is_gold(file));
        }
        Sum {
            commits: 1,
            recall: files as f64 / gold as f64,
            all_gold: f64::from(u8::from(files == gold)),
            hunks: f64::from(lines) / f64::from(self.case.gold_lines()),
            mentioned: mentioned as f64 / gold as f64,
        }
    }
}

/// Whole files by falling score, those that still fit.
fn whole(case: &Case<'_>, scores: &[f32], budget: u32) -> Sum {
    let mut order: Vec<usize> = (0..scores.len()).filter(|file| scores[*file] > 0.0).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    let mut left = budget as f32;
    let mut taken = Vec::new();
    for file in order {
        let cost = cost(case.corpus.documents[file].bytes);
        if cost <= left {
            left -= cost;
            taken.push(file);
        }
    }
    sum_of(case, &taken)
}

fn sum_of(case: &Case<'_>, taken: &[usize]) -> Sum {
    let all = case.target.gold.len();
    let hits = taken.iter().filter(|file| case.is_gold(**file)).count();
    let lines: u32 = taken.iter().map(|file| case.lines_within(*file, &[(1, u32::MAX - 1)])).sum();
    Sum {
        commits: 1,
        recall: hits as f64 / all as f64,
        all_gold: f64::from(u8::from(hits == all)),
        hunks: f64::from(lines) / f64::from(case.gold_lines()),
        mentioned: hits as f64 / all as f64,
    }
}

/// The best that whole files can do: for files the cheapest first, for lines the best subset.
fn oracle_whole(case: &Case<'_>, scores: &[f32], budget: u32) -> Sum {
    let mut got = whole(case, scores, budget);
    let gold: Vec<(f32, u32)> = (0..scores.len())
        .filter(|file| case.is_gold(*file))
        .map(|file| {
            (cost(case.corpus.documents[file].bytes), case.lines_within(file, &[(1, u32::MAX - 1)]))
        })
        .collect();
    // At most 12 files, so every subset can be tried.
    let mut best = 0;
    for subset in 0_u32..1 << gold.len().min(12) {
        let chosen = gold.iter().enumerate().filter(|(at, _)| subset >> at & 1 == 1);
        let (cost, lines) =
            chosen.fold((0.0, 0), |(c, l), (_, (cost, lines))| (c + cost, l + lines));
        if cost <= budget as f32 {
            best = best.max(lines);
        }
    }
    got.hunks = f64::from(best) / f64::from(case.gold_lines());
    got
}
