//! `repo_pack`: from working copies and a task to the text and the report of a pack.

use std::collections::BTreeMap;
use std::path::PathBuf;

use contracts::repolens::pack::{PackItem, PackKind, PackLeftOut, PackNext, PackReport, SCHEMA};
use thiserror::Error;

use super::history::{History, MAX_COMMITS};
use super::library::Shelf;
use super::mask::masked;
use super::past::Past;
use super::pieces::Opened;
use super::query::Query;
use super::rank::{Models, Ranked, judge, rank};
use super::select::{Candidate, Choice, Grain, Kind, choose};
use super::terms::Splitter;
use super::why::why;
use super::{signals, text, worth_opening};
use crate::git::Git;
use crate::scan::{ScanError, ScanOptions, scan};
use crate::tokens::Vocabulary;

/// Least budget: below it not even the head of a pack and one signature fit.
pub const LEAST_BUDGET: u64 = 200;
/// Files named as the next best.
const NEXT: usize = 5;
/// How often the choice is made again to fill the budget.
const ROUNDS: usize = 10;
/// Filled well enough.
const FULL: f64 = 0.99;

/// What is asked.
#[derive(Debug, Clone)]
pub struct PackRequest {
    /// What somebody wants to do, in plain words; a commit message or an issue serves too.
    pub task: String,
    /// The working copies.
    pub roots: Vec<PathBuf>,
    /// Most tokens of the whole text, at least [`LEAST_BUDGET`].
    pub budget: u64,
    /// What counts them.
    pub vocabulary: Vocabulary,
    /// What may be taken of files.
    pub grain: Grain,
    /// Whether the report carries the value of every signal.
    pub explain: bool,
    /// How the working copies are walked.
    pub scan: ScanOptions,
}

/// A pack: its text, and what it holds.
#[derive(Debug, Clone)]
pub struct Packed {
    /// Markdown.
    pub text: String,
    /// What it holds and leaves out.
    pub report: PackReport,
}

/// Why there is no pack.
#[derive(Debug, Error)]
pub enum PackError {
    /// The task has no word to look for.
    #[error("the task has no words to look for")]
    NoTask,
    /// The budget is too small for anything.
    #[error("a budget of {0} tokens is too small; it takes at least {LEAST_BUDGET}")]
    Budget(u64),
    /// The working copies cannot be scanned.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// A root cannot be read.
    #[error("failed to read `{path}`")]
    Root {
        /// The root.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Chooses what matters for a task and writes it down, never above the budget.
///
/// # Errors
///
/// [`PackError`] when the task is empty, the budget too small or a root unreadable. A missing or
/// unreadable history is no error: it is noted, and ranking goes by words alone.
pub fn repo_pack(request: &PackRequest) -> Result<Packed, PackError> {
    if request.budget < LEAST_BUDGET {
        return Err(PackError::Budget(request.budget));
    }
    let query = Query::new(&request.task, &mut Splitter::default());
    if query.terms.is_empty() {
        return Err(PackError::NoTask);
    }
    let snapshot = scan(&request.roots, &request.scan)?;
    let mut notes: Vec<String> = Vec::new();
    let mut shelves = Vec::new();
    for repo in &snapshot.repos {
        let open = |source| PackError::Root { path: repo.root.clone(), source };
        let history = history(repo, &mut notes);
        shelves.push((Shelf::open(repo, request.scan.threads).map_err(open)?, history));
        notes.extend(repo.notes.iter().map(|note| format!("{}: {note}", repo.name)));
    }
    let judged: Vec<Judged<'_>> = shelves
        .iter()
        .map(|(shelf, history)| Judged::new(&query, shelf, history, request))
        .collect();
    Assembly::new(request, &query, &judged, notes).fill()
}

fn history(repo: &crate::model::Repo, notes: &mut Vec<String>) -> History {
    let Some(git) = Git::at(&repo.root) else {
        notes.push(format!(
            "{}: no git repository of its own, so its history says nothing",
            repo.name
        ));
        return History::default();
    };
    History::read(&git, "HEAD", MAX_COMMITS).unwrap_or_else(|error| {
        notes.push(format!("{}: its history cannot be read: {error}", repo.name));
        History::default()
    })
}

/// One repository with its files judged and the best of them opened.
struct Judged<'a> {
    shelf: &'a Shelf,
    past: Past<'a>,
    ranked: Ranked,
    opened: Vec<Opened>,
    values: Vec<Vec<f32>>,
    redacted: Vec<BTreeMap<String, u64>>,
}

impl<'a> Judged<'a> {
    fn new(query: &Query, shelf: &'a Shelf, history: &'a History, request: &PackRequest) -> Self {
        let places: Vec<usize> = (0..history.commits.len()).collect();
        let past = Past::new(history, &places, &shelf.corpus);
        let models = Models::built_in();
        let ranked = rank(query, &shelf.corpus, &past, models);
        let counter = |text: &str| count(request.vocabulary, text);
        let budget = u32::try_from(request.budget).unwrap_or(u32::MAX / 32);
        let mut opened = Vec::new();
        let mut redacted = Vec::new();
        for file in worth_opening(&shelf.corpus, &ranked.order, budget) {
            let Some(text) = shelf.text(file) else { continue };
            let (text, found) = masked(&text);
            opened.push(Opened::new(file, &shelf.corpus.documents[file].path, text, &counter));
            redacted.push(found);
        }
        let values = judge(query, &shelf.corpus, &opened, &ranked, models);
        Self { shelf, past, ranked, opened, values, redacted }
    }
}

fn count(vocabulary: Vocabulary, text: &str) -> u32 {
    u32::try_from(vocabulary.count(text)).unwrap_or(u32::MAX)
}

struct Assembly<'a> {
    request: &'a PackRequest,
    query: &'a Query,
    judged: &'a [Judged<'a>],
    candidates: Vec<Candidate<'a>>,
    /// Repository and place among its opened files, for each candidate.
    places: Vec<(usize, usize)>,
    notes: Vec<String>,
}

struct Draft {
    text: String,
    tokens: u64,
    choices: Vec<Choice>,
    blocks: Vec<String>,
}

impl<'a> Assembly<'a> {
    fn new(
        request: &'a PackRequest,
        query: &'a Query,
        judged: &'a [Judged<'a>],
        notes: Vec<String>,
    ) -> Self {
        let mut all: Vec<(f32, usize, usize)> = Vec::new();
        for (repo, judged) in judged.iter().enumerate() {
            for (place, opened) in judged.opened.iter().enumerate() {
                all.push((judged.ranked.chance(opened.file), repo, place));
            }
        }
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        let places: Vec<(usize, usize)> =
            all.iter().map(|(_, repo, place)| (*repo, *place)).collect();
        let candidates = all
            .into_iter()
            .map(|(chance, repo, place)| {
                let own = &judged[repo];
                let path = &own.shelf.corpus.documents[own.opened[place].file].path;
                let overhead = count(request.vocabulary, path) + 16;
                Candidate {
                    opened: &own.opened[place],
                    values: &own.values[place],
                    chance,
                    overhead,
                }
            })
            .collect();
        Self { request, query, judged, candidates, places, notes }
    }

    /// Chooses again with a greater or smaller target until the text fills the budget.
    ///
    /// # Errors
    ///
    /// [`PackError::Budget`] when not even the head fits.
    fn fill(self) -> Result<Packed, PackError> {
        let budget = self.request.budget;
        let head = self.head().ok_or(PackError::Budget(budget))?;
        let mut best = self.draft(&head, Vec::new());
        let mut target = budget.saturating_sub(best.tokens);
        for _ in 0..ROUNDS {
            let counter = |text: &str| count(self.request.vocabulary, text);
            let limit = u32::try_from(target).unwrap_or(u32::MAX);
            let draft =
                self.draft(&head, choose(&self.candidates, limit, self.request.grain, &counter));
            let (tokens, same) = (draft.tokens, draft.choices == best.choices);
            if tokens <= budget && tokens >= best.tokens {
                best = draft;
            }
            #[expect(clippy::cast_precision_loss, reason = "a share of a budget")]
            let full = best.tokens as f64 >= FULL * budget as f64;
            if full || same {
                break;
            }
            target = if tokens > budget {
                target.saturating_sub(tokens - budget + 4)
            } else {
                target + (budget - tokens)
            };
        }
        Ok(self.packed(best))
    }

    /// The first lines, with as much of the task as fits into the budget.
    fn head(&self) -> Option<String> {
        let PackRequest { task, budget, vocabulary, .. } = self.request;
        let mut most = text::TASK;
        loop {
            let head = text::head(task, most, *budget, vocabulary.name());
            if vocabulary.count(&head) <= *budget {
                return Some(head);
            }
            most = most.checked_sub(1)?;
        }
    }

    fn draft(&self, head: &str, mut choices: Vec<Choice>) -> Draft {
        // Files in the order of their chances: what matters most is read first.
        choices.sort_by_key(|choice| choice.file);
        let blocks: Vec<String> = choices.iter().map(|choice| self.block(choice)).collect();
        let text = format!("{head}{}", blocks.concat());
        let tokens = self.request.vocabulary.count(&text);
        Draft { text, tokens, choices, blocks }
    }

    fn block(&self, choice: &Choice) -> String {
        let (repo, place) = self.places[choice.file];
        let judged = &self.judged[repo];
        let opened = &judged.opened[place];
        let lines = |range| opened.lines(range).to_owned();
        text::block(&text::Block {
            repo: (self.judged.len() > 1).then_some(judged.shelf.name.as_str()),
            path: &judged.shelf.corpus.documents[opened.file].path,
            kind: choice.kind,
            lines: &choice.lines,
            all_lines: opened.line_count(),
            text: &lines,
        })
    }

    fn packed(self, draft: Draft) -> Packed {
        let mut redacted: BTreeMap<String, u64> = BTreeMap::new();
        let mut items = Vec::new();
        for (choice, block) in draft.choices.iter().zip(&draft.blocks) {
            let (repo, place) = self.places[choice.file];
            for (rule, times) in &self.judged[repo].redacted[place] {
                *redacted.entry(rule.clone()).or_default() += times;
            }
            items.push(self.item(choice, block));
        }
        let left_out = self.left_out(&draft.choices);
        let report = PackReport {
            schema: SCHEMA.to_owned(),
            budget: self.request.budget,
            tokens: draft.tokens,
            vocabulary: self.request.vocabulary.name().to_owned(),
            items,
            left_out,
            redacted,
            notes: self.notes,
        };
        Packed { text: draft.text, report }
    }

    fn item(&self, choice: &Choice, block: &str) -> PackItem {
        let (repo, place) = self.places[choice.file];
        let judged = &self.judged[repo];
        let file = judged.opened[place].file;
        let row = &judged.ranked.rows[file];
        let signals = if self.request.explain {
            let named = signals::NAMES.iter().zip(row);
            named.map(|(name, value)| ((*name).to_owned(), rounded(*value))).collect()
        } else {
            BTreeMap::new()
        };
        PackItem {
            repo: judged.shelf.name.clone(),
            path: judged.shelf.corpus.documents[file].path.clone(),
            kind: match choice.kind {
                Kind::Full => PackKind::Full,
                Kind::Definitions => PackKind::Definitions,
                Kind::Signatures => PackKind::Signatures,
            },
            tokens: self.request.vocabulary.count(block),
            lines: choice.lines.iter().map(|(from, to)| [*from, *to]).collect(),
            score: rounded(judged.ranked.chance(file)),
            why: why(file, row, self.query, &judged.shelf.corpus, &judged.past),
            signals,
        }
    }

    fn left_out(&self, choices: &[Choice]) -> PackLeftOut {
        let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
        let mut texts = 0;
        let mut not_listed = 0;
        for judged in self.judged {
            texts += judged.shelf.corpus.documents.len() as u64;
            for (reason, times) in &judged.shelf.left_out {
                *reasons.entry((*reason).to_owned()).or_default() += times;
                let by_scan = ["ignored", "tooling", "git-folder"];
                not_listed += if by_scan.contains(reason) { 0 } else { *times };
            }
        }
        let over = texts - choices.len() as u64;
        if over > 0 {
            reasons.insert("budget".to_owned(), over);
        }
        let chosen: Vec<(usize, usize)> =
            choices.iter().map(|choice| self.places[choice.file]).collect();
        let next = self.places.iter().filter(|place| !chosen.contains(place)).take(NEXT);
        let next = next.map(|(repo, place)| {
            let judged = &self.judged[*repo];
            let file = judged.opened[*place].file;
            let document = &judged.shelf.corpus.documents[file];
            PackNext {
                repo: judged.shelf.name.clone(),
                path: document.path.clone(),
                bytes: document.bytes,
                score: rounded(judged.ranked.chance(file)),
            }
        });
        PackLeftOut { files: over + not_listed, reasons, next: next.collect() }
    }
}

/// Four digits: more would differ between machines and mean nothing.
fn rounded(value: f32) -> f64 {
    (f64::from(value) * 10_000.0).round() / 10_000.0
}
