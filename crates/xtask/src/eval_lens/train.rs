//! Learns the two models of the ranking from the even commits of the repositories it is given.

use std::path::{Path, PathBuf};

use anyhow::Context;
use repolens::pack::pieces;
use repolens::pack::rank::Models;
use repolens::pack::signals::{self, Row};
use repolens::pack::terms::Splitter;
use repolens::pack::trees::Trees;

use super::boost::{Effort, Lessons, fit};
use super::cases::{Case, Repository};
use super::measure::{estimate, ranked};

/// Files of each commit that are learned from, the best of a simple sum, besides the changed ones.
const FILES: usize = 300;
/// Budget whose pieces are learned from.
const BUDGET: u32 = 8_000;

/// Writes `files.model` and `pieces.model` into a folder.
pub(super) fn train(dirs: &[PathBuf], most: usize, out: &Path) -> anyhow::Result<()> {
    let mut lessons = Lessons::default();
    each_even(dirs, most, |case| files(case, &mut lessons))?;
    let files = fit(&lessons, signals::COUNT, &Effort { trees: 220, leaves: 12 });
    write(out, "files.model", &files, &signals::NAMES, &lessons)?;
    let models = Models { files, pieces: Trees::default() };
    let mut lessons = Lessons::default();
    each_even(dirs, most, |case| parts(case, &models, &mut lessons))?;
    let pieces = fit(&lessons, pieces::COUNT, &Effort { trees: 160, leaves: 10 });
    write(out, "pieces.model", &pieces, &pieces::NAMES, &lessons)
}

fn each_even(
    dirs: &[PathBuf],
    most: usize,
    mut learn: impl FnMut(&Case<'_>),
) -> anyhow::Result<()> {
    for dir in dirs {
        let mut repository =
            Repository::open(dir, most).with_context(|| dir.display().to_string())?;
        for number in (0..repository.targets.len()).step_by(2) {
            learn(&repository.case(number)?);
        }
    }
    Ok(())
}

fn files(case: &Case<'_>, lessons: &mut Lessons) {
    let mut order: Vec<usize> = (0..case.rows.len()).collect();
    let simple: Vec<f32> = case.rows.iter().map(simple).collect();
    order.sort_by(|a, b| simple[*b].total_cmp(&simple[*a]).then(a.cmp(b)));
    for (rank, file) in order.into_iter().enumerate() {
        let gold = case.is_gold(file);
        if rank < FILES || gold {
            lessons.values.extend(case.rows[file]);
            lessons.wanted.push(f32::from(u8::from(gold)));
            lessons.weights.push(1.0 / case.target.gold.len() as f32);
        }
    }
}

/// Finds the files that are worth learning from; the model does not know it.
fn simple(row: &Row) -> f32 {
    let at = |name: &str| row[signals::place(name)];
    let kind = at("code") + 0.6 * at("test") + 0.3 * (at("config") + at("doc")) + 0.1 * at("data");
    let words = at("content") + 0.6 * at("path") + 0.6 * at("named file");
    (words + 0.8 * at("neighbours") + 0.4 * at("together rank") + 0.15 * at("churn 200")) * kind
}

fn parts(case: &Case<'_>, models: &Models, lessons: &mut Lessons) {
    let ranked = ranked(case, models);
    let opened = case.open(&ranked.order, BUDGET, &estimate);
    let table =
        pieces::signals(&case.query, &case.corpus, &opened, &ranked.sums, &mut Splitter::default());
    let all = case.gold_lines() as f32;
    for (file, rows) in opened.iter().zip(&table) {
        for (piece, row) in file.pieces.iter().zip(rows) {
            lessons.values.extend(row);
            lessons.wanted.push(case.lines_within(file.file, &[piece.lines]) as f32 / all);
            lessons.weights.push(1.0);
        }
    }
}

fn write(
    out: &Path,
    name: &str,
    model: &Trees,
    signals: &[&str],
    lessons: &Lessons,
) -> anyhow::Result<()> {
    let head = format!(
        "# Written by `cargo xtask eval-lens --train DIR -- REPOSITORY…` (docs/pack.md has the list); do not edit.\n\
         # {} rows; signals: {}\n",
        lessons.wanted.len(),
        signals
            .iter()
            .enumerate()
            .map(|(at, name)| format!("{at} {name}"))
            .collect::<Vec<_>>()
            .join(", ")
    );
    std::fs::write(out.join(name), format!("{head}{model}"))
        .with_context(|| out.display().to_string())
}
