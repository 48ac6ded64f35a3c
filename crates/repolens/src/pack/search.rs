//! `search`: which files, and which of their lines, answer a few words.

use std::path::PathBuf;

use super::lexical::{Bm25, Matches, lengths_of};
use super::library::Shelf;
use super::mask::masked;
use super::query::Query;
use super::run::PackError;
use super::terms::{Splitter, Term};
use crate::scan::{ScanOptions, scan};

/// Lines shown of each file.
const LINES: usize = 3;

/// What is looked for.
#[derive(Debug, Clone)]
pub struct SearchRequest {
    /// Plain words; a line that holds the text as it stands comes first. No regular expression.
    pub text: String,
    /// The working copies.
    pub roots: Vec<PathBuf>,
    /// Most files.
    pub limit: usize,
    /// How the working copies are walked.
    pub scan: ScanOptions,
}

/// One file that answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Name of the repository.
    pub repo: String,
    /// Path in it, with `/`.
    pub path: String,
    /// BM25 of content and path together.
    pub score: f32,
    /// The best lines: number from 1, and text without secrets.
    pub lines: Vec<(u32, String)>,
}

/// The best files by BM25 over words, parts of identifiers and paths.
///
/// # Errors
///
/// As for [`super::repo_pack`].
pub fn search(request: &SearchRequest) -> Result<Vec<Hit>, PackError> {
    let mut splitter = Splitter::default();
    let query = Query::new(&request.text, &mut splitter);
    if query.terms.is_empty() {
        return Err(PackError::NoTask);
    }
    let terms: Vec<Term> = query.terms.iter().map(|term| term.term).collect();
    let weight = |at: usize| query.terms[at].weight;
    let parameters = Bm25 { k1: 1.2, b: 0.75 };
    let mut hits = Vec::new();
    for repo in &scan(&request.roots, &request.scan)?.repos {
        let open = |source| PackError::Root { path: repo.root.clone(), source };
        let shelf = Shelf::open(repo, request.scan.threads).map_err(open)?;
        let files = &shelf.corpus.documents;
        let contents = Matches::find(&terms, files.iter().map(|file| &*file.content));
        let (lengths, mean) = lengths_of(files.iter().map(|file| &*file.content));
        let mut scores = contents.scores(parameters, &lengths, mean, weight);
        let paths = Matches::find(&terms, files.iter().map(|file| &file.name));
        let (lengths, mean) = lengths_of(files.iter().map(|file| &file.name));
        for (score, path) in scores.iter_mut().zip(paths.scores(parameters, &lengths, mean, weight))
        {
            *score += 0.5 * path;
        }
        let mut order: Vec<usize> = (0..files.len()).filter(|file| scores[*file] > 0.0).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
        for file in order.into_iter().take(request.limit) {
            let text = shelf.text(file).map(|text| masked(&text).0).unwrap_or_default();
            let lines = best_lines(&text, &request.text, &query, &contents.rarity, &mut splitter);
            hits.push(Hit {
                repo: repo.name.clone(),
                path: files[file].path.clone(),
                score: scores[file],
                lines,
            });
        }
    }
    hits.sort_by(|a, b| {
        b.score.total_cmp(&a.score).then_with(|| (&a.repo, &a.path).cmp(&(&b.repo, &b.path)))
    });
    hits.truncate(request.limit);
    Ok(hits)
}

/// The lines with the rarest words of the question; those with the text itself first.
fn best_lines(
    text: &str,
    literal: &str,
    query: &Query,
    rarity: &[f32],
    splitter: &mut Splitter,
) -> Vec<(u32, String)> {
    let mut scored: Vec<(f32, usize, &str)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut score = if line.contains(literal.trim()) { 100.0 } else { 0.0 };
        splitter.words(line, |_, found| {
            for (term, rarity) in query.terms.iter().zip(rarity) {
                if found.contains(&term.term) {
                    score += term.weight * rarity;
                }
            }
        });
        if score > 0.0 {
            scored.push((score, number, line));
        }
    }
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    scored.truncate(LINES);
    scored.sort_by_key(|(_, number, _)| *number);
    let number = |number: usize| u32::try_from(number + 1).unwrap_or(u32::MAX);
    scored.into_iter().map(|(_, at, line)| (number(at), line.chars().take(240).collect())).collect()
}
