//! Learns the weights of `weights.rs` from labelled phrases, and says how well they do on authors that they
//! were not learned from. Part of the tests only.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::PathBuf;

use super::decide::{LEAD, OFFER, START, Wanted, fit_signals, signals};
use super::request::request;
use super::score::Scored;
use super::vocabulary::Vocabulary;
use super::weights::{FITS, RANKS};
use super::{PhraseContext, Signals, knowledge::knowledge, meaning};

#[path = "../../tests/it/phrases_corpus.rs"]
mod corpus;

use corpus::{Corpus, authors, is_right, tasks};

type Ranks = [f32; RANKS.len()];
type Fits = [f32; FITS.len()];

/// A phrase beside the tasks of its repository.
struct Example {
    author: usize,
    /// Phrases of authors who did not see the words say more about other authors.
    weight: f32,
    language: &'static str,
    label: String,
    names: Vec<String>,
    tasks: Vec<Scored>,
    right: Vec<bool>,
}

impl Example {
    fn fits(&self) -> bool {
        self.right.iter().any(|right| *right)
    }

    /// Tasks from the best to the worst, with their scores.
    fn order(&self, weights: &Ranks) -> Vec<(usize, f32)> {
        let mut order: Vec<(usize, f32)> =
            self.tasks.iter().map(|task| dot(weights, &task.ranks)).enumerate().collect();
        let name = |at: usize| self.names[at].len();
        order.sort_by(|l, r| {
            r.1.total_cmp(&l.1).then(name(l.0).cmp(&name(r.0))).then(l.0.cmp(&r.0))
        });
        order
    }

    /// The signals of the best task, where there is one.
    fn fit_signals(&self, weights: &Ranks) -> Option<(Fits, f32)> {
        let order = self.order(weights);
        let (top, score) = *order.first()?;
        let lead = order.get(1).map_or(4.0, |second| score - second.1);
        self.tasks[top].is_near.then(|| (fit_signals(&self.tasks[top], lead, score), lead))
    }
}

fn dot<const N: usize>(weights: &[f32; N], signals: &[f32; N]) -> f32 {
    weights.iter().zip(signals).map(|(weight, signal)| weight * signal).sum()
}

fn examples(corpora: &[Corpus]) -> Vec<Example> {
    let mut all = Vec::new();
    for (author, corpus) in corpora.iter().enumerate() {
        for (place, phrases) in corpus.files.iter().flatten() {
            let repository = &corpus.repositories[place];
            let tasks = tasks(repository);
            for (language, phrases) in [("en", &phrases.en), ("de", &phrases.de)] {
                for phrase in phrases {
                    let context = PhraseContext {
                        tasks: &tasks,
                        synonyms: &repository.synonyms,
                        semantics: &repository.semantics,
                        learned: &BTreeMap::new(),
                        history: &HashMap::new(),
                        signals: Signals::default(),
                    };
                    let mut vocabulary = Vocabulary::new(knowledge(), true);
                    if super::semantics::resolve(&mut vocabulary, &phrase[0], &context).is_some() {
                        continue;
                    }
                    let meanings: Vec<_> = tasks
                        .iter()
                        .map(|task| meaning::meaning(&mut vocabulary, task, Signals::default()))
                        .collect();
                    let own =
                        meanings.iter().flat_map(|task| task.literals.keys()).copied().collect();
                    let request = request(&mut vocabulary, &phrase[0], &repository.synonyms, &own);
                    let wanted = Wanted {
                        text: &phrase[0],
                        runnable: &vec![true; tasks.len()],
                        request: &request,
                        meanings: &meanings,
                    };
                    all.push(Example {
                        author,
                        weight: if corpus.author.starts_with("author") { 2.0 } else { 0.5 },
                        language,
                        label: format!(
                            "{place}: {:?} wants {:?} as {}",
                            phrase[0],
                            &phrase[1..],
                            understood(&request)
                        ),
                        names: tasks.iter().map(|task| task.task.name.clone()).collect(),
                        tasks: signals(&vocabulary, &wanted, &request.units()),
                        right: tasks.iter().map(|task| is_right(phrase, &task.task.name)).collect(),
                    });
                }
            }
        }
    }
    all
}

/// What a request was understood as: each unit with the concepts of its readings.
fn understood(request: &super::request::Request) -> String {
    let units = request.units();
    let reading = |tags: &Vec<super::knowledge::Concept>| {
        tags.iter().map(|tag| knowledge().name(*tag)).collect::<Vec<_>>().join("+")
    };
    let unit = |unit: &super::request::Unit| {
        let readings: Vec<String> = unit.readings.iter().map(reading).collect();
        let aside = if unit.is_aside { "~" } else { "" };
        format!("{aside}{}={}", unit.label, readings.join("/"))
    };
    units.iter().map(unit).collect::<Vec<_>>().join(", ")
}

/// Gradient descent with momentum per weight (Adam), towards the start where the data say nothing.
fn descend<const N: usize>(
    start: [f32; N],
    pull: f32,
    gradient: impl Fn(&[f32; N]) -> [f32; N],
) -> [f32; N] {
    let (mut weights, mut mean, mut square) = (start, [0.0_f32; N], [0.0_f32; N]);
    for step in 1..=400 {
        let slope = gradient(&weights);
        let rate = 0.05 * (1.0 - step as f32 / 420.0);
        for at in 0..N {
            let slope = slope[at] + pull * (weights[at] - start[at]);
            mean[at] = 0.9 * mean[at] + 0.1 * slope;
            square[at] = 0.99 * square[at] + 0.01 * slope * slope;
            let unbiased = mean[at] / (1.0 - 0.9_f32.powi(step));
            let size = (square[at] / (1.0 - 0.99_f32.powi(step))).sqrt();
            weights[at] -= rate * unbiased / (size + 1e-6);
        }
    }
    weights
}

/// The task is one of several: the negative logarithm of the chance of the right ones.
fn learn_ranks(examples: &[&Example]) -> Ranks {
    let fitting: Vec<&&Example> =
        examples.iter().filter(|example| example.fits() && !example.tasks.is_empty()).collect();
    let whole: f32 = fitting.iter().map(|example| example.weight).sum();
    descend(RANKS.map(|(_, weight)| weight), 0.02, |weights| {
        let mut slope = [0.0; RANKS.len()];
        for example in &fitting {
            let scores: Vec<f32> =
                example.tasks.iter().map(|task| dot(weights, &task.ranks)).collect();
            let best = scores.iter().copied().fold(f32::MIN, f32::max);
            let odds: Vec<f32> = scores.iter().map(|score| (score - best).exp()).collect();
            let all: f32 = odds.iter().sum();
            let right: f32 =
                odds.iter().zip(&example.right).filter(|(_, right)| **right).map(|(o, _)| o).sum();
            for ((task, odds), is_right) in example.tasks.iter().zip(&odds).zip(&example.right) {
                let wanted = if *is_right { odds / right.max(1e-9) } else { 0.0 };
                for (slope, signal) in slope.iter_mut().zip(&task.ranks) {
                    *slope += (odds / all - wanted) * signal * example.weight / whole;
                }
            }
        }
        slope
    })
}

/// Whether anything fits: logistic regression on the best task of each phrase.
fn learn_fits(examples: &[&Example], ranks: &Ranks) -> Fits {
    let seen: Vec<(Fits, bool, f32)> = examples
        .iter()
        .filter_map(|example| Some((example.fit_signals(ranks)?.0, example.fits(), example.weight)))
        .collect();
    let weight = |wanted: bool| -> f32 {
        seen.iter().filter(|(_, fits, _)| *fits == wanted).map(|(_, _, weight)| weight).sum()
    };
    // Both sides count the same, however many phrases they have.
    let balance = [0.5 / weight(false), 0.5 / weight(true)];
    descend(FITS.map(|(_, weight)| weight), 0.01, |weights| {
        let mut slope = [0.0; FITS.len()];
        for (signals, fits, weight) in &seen {
            let chance = 1.0 / (1.0 + (-dot(weights, signals)).exp());
            let miss = chance - f32::from(u8::from(*fits));
            for (slope, signal) in slope.iter_mut().zip(signals) {
                *slope += miss * signal * weight * balance[usize::from(*fits)];
            }
        }
        slope
    })
}

/// Counts of one group of phrases.
#[derive(Default)]
struct Count {
    fitting: f32,
    ranked_1: f32,
    ranked_3: f32,
    top_1: f32,
    top_3: f32,
    starts: f32,
    wrong_starts: f32,
    nothing: f32,
    abstained: f32,
}

impl Count {
    fn add(&mut self, example: &Example, ranks: &Ranks, fits: &Fits, notes: &mut String) {
        let order = example.order(ranks);
        let chance = example
            .fit_signals(ranks)
            .map_or(0.0, |(signals, _)| 1.0 / (1.0 + (-dot(fits, &signals)).exp()));
        let lead = example.fit_signals(ranks).map_or(0.0, |(_, lead)| lead);
        let is_offered = chance >= OFFER;
        let starts = chance >= START && lead >= LEAD && example.tasks[order[0].0].is_whole;
        let rank = order.iter().position(|(at, _)| example.right[*at]);
        let yes = |value: bool| f32::from(u8::from(value));
        let is_bad = if example.fits() {
            self.fitting += 1.0;
            self.ranked_1 += yes(rank == Some(0) && !example.tasks.is_empty());
            self.ranked_3 += yes(rank.is_some_and(|rank| rank < 3));
            self.top_1 += yes(rank == Some(0) && is_offered);
            self.top_3 += yes(rank.is_some_and(|rank| rank < 3) && is_offered);
            self.starts += yes(rank == Some(0) && starts);
            self.wrong_starts += yes(rank != Some(0) && starts);
            rank != Some(0) || !is_offered
        } else {
            self.nothing += 1.0;
            self.abstained += yes(!is_offered);
            self.wrong_starts += yes(starts);
            is_offered
        };
        if is_bad {
            let shown: Vec<String> = order
                .iter()
                .take(3)
                .map(|(at, score)| {
                    let why = example.tasks[*at].why.join(", ");
                    format!("{} {score:.1} [{why}]", example.names[*at])
                })
                .collect();
            let _ = writeln!(
                notes,
                "{} | {chance:.2} lead {lead:.1} | {}",
                example.label,
                shown.join(" · ")
            );
            if let (Some(first), Some(rank)) = (order.first(), rank.filter(|rank| *rank > 0)) {
                notes.push_str(&difference(
                    &example.tasks[first.0].ranks,
                    &example.tasks[order[rank].0].ranks,
                    ranks,
                    &example.names[order[rank].0],
                ));
            }
        }
    }

    fn line(&self) -> String {
        let share = |part: f32, whole: f32| 100.0 * part / whole.max(1.0);
        format!(
            "ranked {:.0} {:.0} | top {:.1} {:.1} | nothing {:.1} | starts {:.0} wrong {:.0}",
            share(self.ranked_1, self.fitting),
            share(self.ranked_3, self.fitting),
            share(self.top_1, self.fitting),
            share(self.top_3, self.fitting),
            share(self.abstained, self.nothing),
            share(self.starts, self.fitting),
            self.wrong_starts,
        )
    }
}

/// What sets the first task before the right one, signal by signal.
fn difference(first: &Ranks, right: &Ranks, weights: &Ranks, name: &str) -> String {
    let parts = RANKS.iter().enumerate().filter_map(|(at, (signal, _))| {
        let ahead = weights[at] * (first[at] - right[at]);
        (ahead.abs() >= 0.2).then(|| format!("{signal} {ahead:+.1}"))
    });
    format!("    before {name}: {}\n", parts.collect::<Vec<_>>().join(", "))
}

/// Prints how the weights do per author. `LEARN=1` learns them anew for each author from all others;
/// `WRITE=1` writes what all of them together say. `PHRASES` names a folder with more files, `SHOW` the
/// authors whose misses are printed.
#[test]
#[ignore = "learns from all phrases; a minute or more"]
#[expect(
    clippy::disallowed_methods,
    reason = "a person at the keyboard says what to do; no product code reads this"
)]
fn weights() {
    let own = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/phrases_data"));
    let mut corpora = authors(&own);
    if let Some(more) = std::env::var_os("PHRASES") {
        corpora.extend(authors(&PathBuf::from(more)));
    }
    let shows = std::env::var("SHOW").unwrap_or_default();
    let examples = examples(&corpora);
    let mut notes = String::new();
    let mut total: BTreeMap<&str, Count> = BTreeMap::new();
    for (author, corpus) in corpora.iter().enumerate() {
        let others: Vec<&Example> =
            examples.iter().filter(|other| other.author != author).collect();
        let (ranks, fits) = if std::env::var_os("LEARN").is_some() {
            let ranks = learn_ranks(&others);
            (ranks, learn_fits(&others, &ranks))
        } else {
            (RANKS.map(|(_, weight)| weight), FITS.map(|(_, weight)| weight))
        };
        for language in ["en", "de"] {
            let mut count = Count::default();
            let mut seen = String::new();
            let mine =
                examples.iter().filter(|one| one.author == author && one.language == language);
            for example in mine {
                count.add(example, &ranks, &fits, &mut seen);
                if corpus.author.starts_with("author") {
                    total.entry(language).or_default().add(
                        example,
                        &ranks,
                        &fits,
                        &mut String::new(),
                    );
                }
            }
            println!("{} {language}: {}", corpus.author, count.line());
            if shows.split(',').any(|name| name == corpus.author) {
                notes.push_str(&seen);
            }
        }
    }
    for (language, count) in total {
        println!("all authors who saw nothing {language}: {}", count.line());
    }
    println!("{notes}");
    if std::env::var_os("WRITE").is_some() {
        let all: Vec<&Example> = examples.iter().collect();
        let ranks = learn_ranks(&all);
        write(&ranks, &learn_fits(&all, &ranks));
    }
}

fn write(ranks: &Ranks, fits: &Fits) {
    let table = |names: &[(&str, f32)], weights: &[f32]| -> String {
        let lines = names.iter().zip(weights);
        lines.map(|((name, _), weight)| format!("    ({name:?}, {weight:.3}),\n")).collect()
    };
    let text = format!(
        "//! What the signals weigh. Learned from labelled phrases; `learn` writes this file anew (docs/free-text.md).\n\n\
         /// Which task is meant: signal and weight, summed per task.\n\
         pub(crate) const RANKS: [(&str, f32); {}] = [\n{}];\n\n\
         /// Whether the best task fits at all: signal and weight, summed to a log-odds.\n\
         pub(crate) const FITS: [(&str, f32); {}] = [\n{}];\n",
        RANKS.len(),
        table(&RANKS, ranks),
        FITS.len(),
        table(&FITS, fits),
    );
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/phrase/weights.rs");
    std::fs::write(path, text).expect("writable");
}
