//! Everything that speaks for or against a file, as one row of numbers a file.

use std::collections::HashMap;

use super::corpus::Corpus;
use super::lexical::{Bm25, Matches, idf, telling_terms};
use super::past::{Column, Past, count};
use super::query::Query;
use super::role::{Role, extension};
use super::terms::{Bag, Term};

/// Names of the signals, in the order of a row.
pub const NAMES: [&str; 34] = [
    "content",
    "content rank",
    "content long",
    "subject",
    "code names",
    "path",
    "path rank",
    "path subject",
    "named file",
    "named stem",
    "named folder",
    "neighbours",
    "neighbours rank",
    "nearest",
    "label",
    "label folder",
    "churn 20",
    "churn 200",
    "churn 2000",
    "age",
    "together",
    "together rank",
    "folder",
    "folder neighbours",
    "companion",
    "feedback",
    "feedback rank",
    "code",
    "test",
    "doc",
    "config",
    "data",
    "size",
    "coverage",
];
/// Number of signals.
pub const COUNT: usize = NAMES.len();
/// One row.
pub type Row = [f32; COUNT];

const SEEDS: usize = 8;

/// Asks a question of a corpus with its past.
pub fn signals(query: &Query, corpus: &Corpus, past: &Past<'_>) -> Vec<Row> {
    let files = corpus.documents.len();
    let mut table = Table { rows: vec![[0.0; COUNT]; files] };
    let terms: Vec<Term> = query.terms.iter().map(|term| term.term).collect();
    let contents = Matches::find(&terms, corpus.documents.iter().map(|file| &*file.content));
    let paths = Matches::find(&terms, corpus.documents.iter().map(|file| &file.name));
    let lengths: Vec<f32> = lengths(corpus.documents.iter().map(|file| &*file.content));
    let weight = |at: usize| query.terms[at].weight;
    let subject = |at: usize| if query.terms[at].in_subject { weight(at) } else { 0.0 };
    let named = |at: usize| if query.terms[at].is_name { weight(at) } else { 0.0 };
    let mean = corpus.mean_length;

    let content = contents.scores(Bm25 { k1: 1.2, b: 0.75 }, &lengths, mean, weight);
    let long = contents.scores(Bm25 { k1: 2.0, b: 0.3 }, &lengths, mean, weight);
    table.put("content", &best_is_one(&content));
    table.put("content rank", &ranks(&content));
    table.put("content long", &best_is_one(&long));
    table.put(
        "subject",
        &best_is_one(&contents.scores(Bm25 { k1: 1.2, b: 0.5 }, &lengths, mean, subject)),
    );
    table.put(
        "code names",
        &best_is_one(&contents.scores(Bm25 { k1: 1.2, b: 0.5 }, &lengths, mean, named)),
    );
    let all: f32 = (0..terms.len()).map(|at| weight(at) * contents.rarity[at]).sum();
    let covered = contents.scores(Bm25 { k1: 0.0, b: 0.0 }, &lengths, mean, weight);
    table.put(
        "coverage",
        &covered.iter().map(|covered| covered / all.max(1e-6)).collect::<Vec<_>>(),
    );

    let name_lengths: Vec<f32> = self::lengths(corpus.documents.iter().map(|file| &file.name));
    let name_mean = (name_lengths.iter().sum::<f32>() / count(files.max(1))).max(1.0);
    let path = paths.scores(Bm25 { k1: 0.6, b: 0.3 }, &name_lengths, name_mean, weight);
    let path_subject = paths.scores(Bm25 { k1: 0.6, b: 0.3 }, &name_lengths, name_mean, subject);
    let path_one = best_is_one(&path);
    table.put("path", &path_one);
    table.put("path rank", &ranks(&path));
    table.put("path subject", &best_is_one(&path_subject));
    name(query, corpus, &mut table);

    let neighbours = past.neighbours(query, files);
    let votes = best_is_one(&neighbours.votes);
    table.put("neighbours", &votes);
    table.put("neighbours rank", &ranks(&neighbours.votes));
    table.put("nearest", &neighbours.nearest);
    let labelled = past.labelled(query, files);
    table.put("label", &labelled);
    table.put("label folder", &by_folder(corpus, &labelled));
    for (name, half_life) in [("churn 20", 20.0), ("churn 200", 200.0), ("churn 2000", 2000.0)] {
        let churn = past.churn(files, half_life);
        table.put(name, &churn.iter().map(|churn| churn.ln_1p()).collect::<Vec<_>>());
    }
    table.put("age", &past.age(files).iter().map(|age| age.ln_1p()).collect::<Vec<_>>());
    shape(corpus, &mut table);

    // What the best files of this first look bring with them.
    let first: Column = (0..files)
        .map(|file| {
            let row = &table.rows[file];
            let of = |name: &str| row[place(name)];
            let kind = match corpus.documents[file].role {
                Role::Code => 1.0,
                Role::Test => 0.7,
                Role::Doc | Role::Config => 0.45,
                Role::Data => 0.25,
            };
            let named = 0.6 * of("named file") + 0.25 * of("named stem");
            (of("content")
                + 0.7 * of("path")
                + 0.8 * of("neighbours")
                + named
                + 0.3 * of("code names"))
                * kind
        })
        .collect();
    let seeds = best(&first, SEEDS);
    let together = past.together(&seeds, files);
    table.put("together", &together);
    table.put("together rank", &ranks(&together));
    table.put("folder", &best_is_one(&by_folder_top(corpus, &first)));
    table.put("folder neighbours", &best_is_one(&by_folder(corpus, &neighbours.votes)));
    companions(corpus, &seeds, &mut table);
    let feedback = feedback(corpus, &seeds, &lengths);
    table.put("feedback", &best_is_one(&feedback));
    table.put("feedback rank", &ranks(&feedback));
    table.rows
}

struct Table {
    rows: Vec<Row>,
}

impl Table {
    fn put(&mut self, name: &str, column: &[f32]) {
        let place = place(name);
        for (row, value) in self.rows.iter_mut().zip(column) {
            row[place] = *value;
        }
    }
}

/// Position of a signal in a row.
#[must_use]
pub fn place(name: &str) -> usize {
    NAMES.iter().position(|own| *own == name).unwrap_or_default()
}

fn lengths<'a>(bags: impl Iterator<Item = &'a Bag>) -> Column {
    bags.map(|bag| count(bag.length() as usize)).collect()
}

/// Divides by the greatest.
fn best_is_one(column: &[f32]) -> Column {
    let best = column.iter().copied().fold(0.0_f32, f32::max);
    column.iter().map(|value| if best > 0.0 { value / best } else { 0.0 }).collect()
}

/// 1 for the best, falling with the logarithm of the rank; 0 for what has nothing.
fn ranks(column: &[f32]) -> Column {
    let mut order: Vec<usize> = (0..column.len()).filter(|at| column[*at] > 0.0).collect();
    order.sort_by(|a, b| column[*b].total_cmp(&column[*a]).then(a.cmp(b)));
    let mut ranks = vec![0.0; column.len()];
    for (rank, at) in order.into_iter().enumerate() {
        ranks[at] = 1.0 / (1.0 + count(rank).ln_1p());
    }
    ranks
}

/// The best files with their share of the best one's score.
fn best(column: &[f32], most: usize) -> Vec<(usize, f32)> {
    let mut order: Vec<usize> = (0..column.len()).filter(|at| column[*at] > 0.0).collect();
    order.sort_by(|a, b| column[*b].total_cmp(&column[*a]).then(a.cmp(b)));
    order.truncate(most);
    let top = order.first().map_or(1.0, |at| column[*at]);
    order.into_iter().map(|at| (at, column[at] / top)).collect()
}

/// What the text names outright.
fn name(query: &Query, corpus: &Corpus, table: &mut Table) {
    let mut stems: HashMap<&str, usize> = HashMap::new();
    let stem = |path: &str| -> String {
        let name = path.rsplit('/').next().unwrap_or(path);
        name.split('.').find(|part| !part.is_empty()).unwrap_or(name).to_lowercase()
    };
    let all: Vec<String> = corpus.documents.iter().map(|file| stem(&file.path)).collect();
    for stem in &all {
        *stems.entry(stem).or_default() += 1;
    }
    let (file_at, stem_at, folder_at) =
        (place("named file"), place("named stem"), place("named folder"));
    for ((file, stem), row) in corpus.documents.iter().zip(&all).zip(&mut table.rows) {
        let lower = file.path.to_lowercase();
        let base = lower.rsplit('/').next().unwrap_or(&lower);
        let named = query.names.iter().any(|name| {
            name == base
                || (name.contains('/') && (lower.ends_with(name) || name.ends_with(&lower)))
        });
        row[file_at] = f32::from(u8::from(named));
        if query.words.contains(stem) {
            row[stem_at] = 1.0 / count(stems[stem.as_str()]).sqrt();
        }
        let folders = lower.rsplit_once('/').map_or("", |(folder, _)| folder);
        let hits = folders.split('/').filter(|folder| query.words.contains(*folder)).count();
        row[folder_at] = count(hits);
    }
}

fn shape(corpus: &Corpus, table: &mut Table) {
    for (file, row) in corpus.documents.iter().zip(&mut table.rows) {
        let role = match file.role {
            Role::Code => "code",
            Role::Test => "test",
            Role::Doc => "doc",
            Role::Config => "config",
            Role::Data => "data",
        };
        row[place(role)] = 1.0;
        #[expect(clippy::cast_precision_loss, reason = "a size")]
        let bytes = file.bytes as f32;
        row[place("size")] = bytes.ln_1p();
    }
}

/// Mean of a column over the files of each folder, given to each of its files.
fn by_folder(corpus: &Corpus, column: &[f32]) -> Column {
    let mut sums: HashMap<&str, f32> = HashMap::new();
    for (file, value) in corpus.documents.iter().zip(column) {
        *sums.entry(&file.folder).or_default() += value;
    }
    corpus.documents.iter().map(|file| sums[file.folder.as_str()]).collect()
}

/// Scores of the thirty best files, summed over each folder and, by half, the folders around it.
fn by_folder_top(corpus: &Corpus, column: &[f32]) -> Column {
    let mut sums: HashMap<&str, f32> = HashMap::new();
    for (file, score) in best(column, 30) {
        let mut folder = corpus.documents[file].folder.as_str();
        let mut share = score;
        for _ in 0..3 {
            *sums.entry(folder).or_default() += share;
            share *= 0.5;
            let Some((parent, _)) = folder.rsplit_once('/') else { break };
            folder = parent;
        }
    }
    let folders = corpus.documents.iter().map(|file| file.folder.as_str());
    folders.map(|folder| sums.get(folder).copied().unwrap_or_default()).collect()
}

/// Tests of the seeds and what the seeds test.
fn companions(corpus: &Corpus, seeds: &[(usize, f32)], table: &mut Table) {
    let mut stems: HashMap<&str, f32> = HashMap::new();
    for (file, share) in seeds {
        let best = stems.entry(&corpus.documents[*file].companion).or_default();
        *best = best.max(*share);
    }
    for ((place_of, file), row) in corpus.documents.iter().enumerate().zip(&mut table.rows) {
        let seed = seeds.iter().any(|(seed, _)| *seed == place_of);
        let found = stems.get(file.companion.as_str()).copied().unwrap_or_default();
        let generic = ["mod", "lib", "main", "index", "init", "__init__", "utils"];
        let usable = !seed
            && !generic.contains(&file.companion.as_str())
            && !extension(&file.path).is_empty();
        row[place("companion")] = if usable { found } else { 0.0 };
    }
}

/// BM25 with the words that set the seeds apart.
fn feedback(corpus: &Corpus, seeds: &[(usize, f32)], lengths: &[f32]) -> Column {
    let chosen: Vec<(&Bag, f32)> = seeds
        .iter()
        .take(4)
        .map(|(file, share)| (&*corpus.documents[*file].content, *share))
        .collect();
    // A first, cheap guess at what is telling: rare words are those of few seeds' own making.
    let candidates = telling_terms(&chosen, |_| 1.0, 400);
    let terms: Vec<Term> = candidates.iter().map(|(term, _)| *term).collect();
    let matches = Matches::find(&terms, corpus.documents.iter().map(|file| &*file.content));
    let rarity: HashMap<Term, f32> = terms
        .iter()
        .zip(&matches.of_term)
        .map(|(term, found)| {
            (*term, if found.len() > 1 { idf(found.len(), matches.bags) } else { 0.0 })
        })
        .collect();
    let telling: HashMap<Term, f32> =
        telling_terms(&chosen, |term| rarity.get(&term).copied().unwrap_or_default(), 40)
            .into_iter()
            .collect();
    matches.scores(Bm25 { k1: 1.2, b: 0.75 }, lengths, corpus.mean_length, |at| {
        telling.get(&terms[at]).copied().unwrap_or_default()
    })
}
