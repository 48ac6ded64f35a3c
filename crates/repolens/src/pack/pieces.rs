//! The pieces of the best files, judged by the words of the question.

use super::corpus::Corpus;
use super::lexical::{Bm25, idf, score_bag};
use super::outline::{Piece, outline};
use super::past::count;
use super::query::Query;
use super::role::Role;
use super::terms::{Bag, Splitter, Term};

/// Names of the signals of a piece.
pub const NAMES: [&str; 20] = [
    "file",
    "file rank",
    "piece",
    "piece in file",
    "rank",
    "rank in file",
    "subject",
    "signature",
    "named",
    "named exactly",
    "coverage",
    "tokens",
    "file tokens",
    "share",
    "defines",
    "nested",
    "first",
    "position",
    "test",
    "pieces",
];
/// Number of signals.
pub const COUNT: usize = NAMES.len();

/// A file whose pieces may be taken.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Position in the corpus.
    pub file: usize,
    /// Its text, as it will stand in the pack.
    pub text: String,
    /// Where each line begins, and the end.
    pub starts: Vec<usize>,
    /// Its pieces.
    pub pieces: Vec<Piece>,
    /// Tokens of each piece.
    pub tokens: Vec<u32>,
}

impl Opened {
    /// Cuts a text into pieces and counts them.
    pub fn new(file: usize, path: &str, text: String, count: &dyn Fn(&str) -> u32) -> Self {
        let pieces = outline(path, &text);
        let mut starts: Vec<usize> =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        if starts.last() != Some(&text.len()) {
            starts.push(text.len());
        }
        let mut opened = Self { file, text, starts, pieces, tokens: Vec::new() };
        opened.tokens =
            opened.pieces.iter().map(|piece| count(opened.lines(piece.lines))).collect();
        opened
    }

    /// The text of lines, both ends included.
    #[must_use]
    pub fn lines(&self, (from, to): (u32, u32)) -> &str {
        let at = |line: u32| self.starts.get(line as usize).copied().unwrap_or(self.text.len());
        self.text.get(at(from.saturating_sub(1))..at(to)).unwrap_or_default()
    }

    /// Number of lines.
    #[must_use]
    pub fn line_count(&self) -> u32 {
        self.pieces.last().map_or(0, |piece| piece.lines.1)
    }
}

/// The signals of every piece of the opened files; `chances` are the sums of the file model.
pub fn signals(
    query: &Query,
    corpus: &Corpus,
    opened: &[Opened],
    chances: &[f32],
    splitter: &mut Splitter,
) -> Vec<Vec<[f32; COUNT]>> {
    let bags: Vec<Vec<Bag>> = opened
        .iter()
        .map(|file| {
            file.pieces.iter().map(|piece| Bag::of(file.lines(piece.lines), splitter)).collect()
        })
        .collect();
    let heads: Vec<Vec<Bag>> = opened
        .iter()
        .map(|file| {
            let heads = file.pieces.iter().map(|piece| {
                let head = piece.head.map_or("", |head| file.lines(head));
                Bag::of(head, splitter)
            });
            heads.collect()
        })
        .collect();
    let all = bags.iter().map(Vec::len).sum::<usize>();
    let rarity: Vec<f32> = query
        .terms
        .iter()
        .map(|term| {
            let here = bags.iter().flatten().filter(|bag| bag.count(term.term) > 0).count();
            let files =
                corpus.documents.iter().filter(|file| file.content.count(term.term) > 0).count();
            0.5 * (idf(here, all) + idf(files, corpus.documents.len()))
        })
        .collect();
    let words: usize = bags.iter().flatten().map(|bag| bag.length() as usize).sum();
    let mean = (count(words) / count(all.max(1))).max(1.0);
    let parameters = Bm25 { k1: 1.2, b: 0.6 };
    let own: f32 = query.terms.iter().zip(&rarity).map(|(term, rarity)| term.weight * rarity).sum();
    let subject: Vec<f32> = query
        .terms
        .iter()
        .zip(&rarity)
        .map(|(term, rarity)| if term.in_subject { *rarity } else { 0.0 })
        .collect();
    let mut table: Vec<Vec<[f32; COUNT]>> = Vec::with_capacity(opened.len());
    for (place, file) in opened.iter().enumerate() {
        let total: u32 = file.tokens.iter().sum();
        let lines = count(file.line_count() as usize);
        let mut rows = Vec::with_capacity(file.pieces.len());
        for (at, piece) in file.pieces.iter().enumerate() {
            let mut row = [0.0; COUNT];
            let mut put = |name: &str, value: f32| row[self::place(name)] = value;
            let bag = &bags[place][at];
            put("file", chances[file.file]);
            put("file rank", count(place).ln_1p());
            put("piece", score_bag(bag, &query.terms, &rarity, parameters, mean) / own.max(1e-6));
            put(
                "subject",
                score_bag(bag, &query.terms, &subject, parameters, mean) / own.max(1e-6),
            );
            let head = &heads[place][at];
            put(
                "signature",
                score_bag(head, &query.terms, &rarity, Bm25 { k1: 0.5, b: 0.2 }, 12.0)
                    / own.max(1e-6),
            );
            let covered = score_bag(bag, &query.terms, &rarity, Bm25 { k1: 0.0, b: 0.0 }, mean);
            put("coverage", covered / own.max(1e-6));
            let (named, exactly) = named(query, piece, splitter);
            put("named", named);
            put("named exactly", exactly);
            put("tokens", count(file.tokens[at] as usize).ln_1p());
            put("file tokens", count(total as usize).ln_1p());
            put("share", count(file.tokens[at] as usize) / count(total.max(1) as usize));
            put("defines", f32::from(u8::from(piece.head.is_some())));
            put("nested", count(piece.within.len()));
            put("first", f32::from(u8::from(at == 0)));
            put("position", count(piece.lines.0 as usize) / lines.max(1.0));
            put("test", f32::from(u8::from(corpus.documents[file.file].role == Role::Test)));
            put("pieces", count(file.pieces.len()).ln_1p());
            rows.push(row);
        }
        in_file(&mut rows);
        table.push(rows);
    }
    ranks(&mut table);
    table
}

/// Position of a signal in a row.
#[must_use]
pub fn place(name: &str) -> usize {
    NAMES.iter().position(|own| *own == name).unwrap_or_default()
}

/// How much of a piece's name the question says, and whether it says it outright.
fn named(query: &Query, piece: &Piece, splitter: &mut Splitter) -> (f32, f32) {
    let Some(name) = &piece.name else { return (0.0, 0.0) };
    let mut terms: Vec<Term> = Vec::new();
    splitter.words(name, |_, found| terms.extend_from_slice(found));
    let said = terms.iter().filter(|term| query.bag.count(**term) > 0).count();
    let exactly = query.words.contains(&name.to_lowercase());
    (count(said) / count(terms.len().max(1)), f32::from(u8::from(exactly)))
}

fn in_file(rows: &mut [[f32; COUNT]]) {
    let piece = place("piece");
    let best = rows.iter().map(|row| row[piece]).fold(0.0_f32, f32::max).max(1e-6);
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|a, b| rows[*b][piece].total_cmp(&rows[*a][piece]).then(a.cmp(b)));
    for (rank, at) in order.into_iter().enumerate() {
        rows[at][place("piece in file")] = rows[at][piece] / best;
        rows[at][place("rank in file")] = count(rank).ln_1p();
    }
}

fn ranks(table: &mut [Vec<[f32; COUNT]>]) {
    let piece = place("piece");
    let places =
        table.iter().enumerate().flat_map(|(file, rows)| (0..rows.len()).map(move |at| (file, at)));
    let mut order: Vec<(usize, usize)> = places.collect();
    order.sort_by(|a, b| table[b.0][b.1][piece].total_cmp(&table[a.0][a.1][piece]).then(a.cmp(b)));
    for (rank, (file, at)) in order.into_iter().enumerate() {
        table[file][at][place("rank")] = count(rank).ln_1p();
    }
}
