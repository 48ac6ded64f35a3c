//! Judged questions about code, made from a working copy: what a comment says of a definition is asked, the definition is
//! the answer, and the comment is taken out of what is searched.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use repolens::pack::read_file;
use repolens::scan::{ScanError, ScanOptions, scan};
use repolens::symbols::{Symbol, Syntax, symbols};

use crate::chunk::{ChunkOptions, Kind, Source, language, split};

/// Fewest words of a comment that asks anything.
const LEAST_WORDS: usize = 6;
/// Most words of a question.
const MOST_WORDS: usize = 40;
/// Lines of a window.
const WINDOW_LINES: usize = 50;

/// A working copy to search, without the comments that the questions were made of.
#[derive(Clone, Debug, Default)]
pub struct CodeSearch {
    /// Its files.
    pub files: Vec<CodeFile>,
    /// What is asked.
    pub questions: Vec<Question>,
}

/// A file to search.
#[derive(Clone, Debug)]
pub struct CodeFile {
    /// Relative to the root.
    pub path: String,
    /// Its text without those comments.
    pub text: String,
}

/// A question and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The comment, without the name of what it is about.
    pub text: String,
    /// The file of the answer, by its place in [`CodeSearch::files`].
    pub file: usize,
    /// The definition, in bytes of its text.
    pub item: Range<usize>,
}

/// A passage of one of the two ways to cut.
#[derive(Clone, Debug)]
pub struct Passage {
    /// The file, by its place in [`CodeSearch::files`].
    pub file: usize,
    /// Where it lies in the text.
    pub span: Range<usize>,
    /// What is indexed.
    pub text: String,
}

/// Builds questions from all commented definitions of a working copy; at most `most`, spread evenly.
///
/// # Errors
/// The working copy cannot be scanned.
pub fn questions(root: &Path, most: usize) -> Result<CodeSearch, ScanError> {
    let snapshot = scan(&[root.to_owned()], &ScanOptions::default())?;
    let mut search = CodeSearch::default();
    for file in snapshot.repos.iter().flat_map(|repo| &repo.files) {
        let Some(language) = language(&file.path) else { continue };
        if Kind::of(&file.path, "") != Kind::Code {
            continue;
        }
        let Ok(text) = read_file(root, &file.path, None) else { continue };
        let Some(syntax) = Syntax::parse(language, &text).filter(|syntax| !syntax.is_data()) else {
            continue;
        };
        let asked: Vec<(Symbol, String)> = symbols(&syntax, &text)
            .into_iter()
            .filter_map(|symbol| Some((question(&symbol, &text)?, symbol)))
            .map(|(question, symbol)| (symbol, question))
            .collect();
        let place = search.files.len();
        let notes: Vec<Range<usize>> =
            asked.iter().map(|(symbol, _)| symbol.notes.clone()).collect();
        let (text, moved) = without(&text, notes);
        for (symbol, question) in asked {
            let item = moved(symbol.range.start)..moved(symbol.range.end);
            search.questions.push(Question { text: question, file: place, item });
        }
        search.files.push(CodeFile { path: file.path.clone(), text });
    }
    // The same sentence above several definitions asks for none of them in particular.
    let mut seen = BTreeSet::new();
    let mut twice = BTreeSet::new();
    for question in &search.questions {
        if !seen.insert(question.text.clone()) {
            twice.insert(question.text.clone());
        }
    }
    search.questions.retain(|question| !twice.contains(&question.text));
    let count = search.questions.len();
    if count > most {
        let kept = search.questions.into_iter().enumerate();
        search.questions = kept
            .filter(|(at, _)| at * most / count != (at + 1) * most / count)
            .map(|(_, question)| question)
            .collect();
    }
    Ok(search)
}

/// What a comment asks; nothing where it says too little.
fn question(symbol: &Symbol, text: &str) -> Option<String> {
    let notes = text.get(symbol.notes.clone())?;
    let mut words: Vec<&str> = Vec::new();
    for line in notes.lines() {
        let line = line.trim();
        // Attributes and decorators say nothing in words.
        if line.starts_with("#[") || line.starts_with('@') || line.starts_with("[") {
            continue;
        }
        let line =
            line.trim_start_matches(['/', '*', '#', '-', '!', ';']).trim_end_matches(['*', '/']);
        if line.trim().is_empty() && !words.is_empty() {
            // The first paragraph says what it is.
            break;
        }
        words.extend(line.split_whitespace());
    }
    let name = symbol.name.to_lowercase();
    let is_name = |word: &str| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '_').to_lowercase();
        bare == name || bare.contains(&name) && name.len() > 3
    };
    let kept: Vec<&str> =
        words.into_iter().filter(|word| !is_name(word)).take(MOST_WORDS).collect();
    (kept.len() >= LEAST_WORDS).then(|| kept.join(" "))
}

/// A text without some ranges, and where its places moved to.
fn without(text: &str, mut gone: Vec<Range<usize>>) -> (String, impl Fn(usize) -> usize + use<>) {
    gone.retain(|range| !range.is_empty());
    gone.sort_by_key(|range| range.start);
    gone.dedup();
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    for range in &gone {
        kept.push_str(text.get(at..range.start).unwrap_or_default());
        at = at.max(range.end);
    }
    kept.push_str(text.get(at..).unwrap_or_default());
    let moved = move |place: usize| {
        let before = gone.iter().take_while(|range| range.start < place);
        place - before.map(|range| range.end.min(place) - range.start).sum::<usize>()
    };
    (kept, moved)
}

impl CodeSearch {
    /// The passages that the index makes.
    #[must_use]
    pub fn by_syntax(&self, options: &ChunkOptions) -> Vec<Passage> {
        let mut passages = Vec::new();
        for (place, file) in self.files.iter().enumerate() {
            let source =
                Source { path: &file.path, language: None, text: &file.text, kind: Kind::Code };
            passages.extend(split(&source, options).into_iter().map(|chunk| Passage {
                file: place,
                span: chunk.span.clone(),
                text: chunk.embedded_text(),
            }));
        }
        passages
    }

    /// Windows of 50 lines below the path.
    #[must_use]
    pub fn by_lines(&self) -> Vec<Passage> {
        let mut passages = Vec::new();
        for (place, file) in self.files.iter().enumerate() {
            let mut start = 0;
            while start < file.text.len() {
                let feeds = memchr::memchr_iter(b'\n', &file.text.as_bytes()[start..]);
                let end =
                    feeds.take(WINDOW_LINES).last().map_or(file.text.len(), |at| start + at + 1);
                let end = if end <= start { file.text.len() } else { end };
                let text = format!("{}\n{}", file.path, &file.text[start..end]);
                passages.push(Passage { file: place, span: start..end, text });
                start = end;
            }
        }
        passages
    }
}

/// How good a ranking of passages is for a question, between 0 and 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Judged {
    /// nDCG@10 where the passage in which the definition begins is right, and nothing else.
    pub found: f64,
    /// nDCG@10 where every passage is as good as the share that it and the definition have of what they hold together:
    /// how exactly the answer can be cited.
    pub exact: f64,
}

/// Judges the first ten passages of a ranking.
#[must_use]
pub fn judge(question: &Question, passages: &[Passage], ranking: &[usize]) -> Judged {
    let gain = |passage: &Passage| {
        if passage.file != question.file {
            return (0.0, 0.0);
        }
        let begins = passage.span.contains(&question.item.start);
        let shared = passage
            .span
            .end
            .min(question.item.end)
            .saturating_sub(passage.span.start.max(question.item.start));
        let both = passage.span.len() + question.item.len() - shared;
        (f64::from(u8::from(begins)), ratio(shared, both))
    };
    let discount = |rank: usize| 1.0 / (ratio(rank + 2, 1)).log2();
    let mut judged = Judged::default();
    for (rank, place) in ranking.iter().take(10).enumerate() {
        let (found, exact) = passages.get(*place).map_or((0.0, 0.0), gain);
        judged.found += found * discount(rank);
        judged.exact += exact * discount(rank);
    }
    // The best order of what there is to be found; the same for both ways to cut would be an exact passage first.
    judged.exact = judged.exact.min(1.0);
    judged.found = judged.found.min(1.0);
    judged
}

fn ratio(a: usize, b: usize) -> f64 {
    let number = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    number(a) / number(b).max(1.0)
}

/// Two ways to cut, question by question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Mean of the first.
    pub first: f64,
    /// Mean of the second.
    pub second: f64,
    /// How often a difference at least this large comes about by chance (paired randomisation, both directions).
    pub chance: f64,
}

/// Rounds of the randomisation.
const ROUNDS: u32 = 10_000;

/// Compares paired figures.
#[must_use]
pub fn compare(first: &[f64], second: &[f64]) -> Comparison {
    let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).collect();
    let count = ratio(differences.len(), 1).max(1.0);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
    let observed = differences.iter().sum::<f64>().abs();
    // A fixed seed: the same figures, the same answer.
    let mut state: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut bits = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut as_large = 0;
    for _ in 0..ROUNDS {
        let sum: f64 = differences
            .iter()
            .map(|difference| if bits() & (1 << 32) == 0 { *difference } else { -difference })
            .sum();
        as_large += u32::from(sum.abs() >= observed - 1e-12);
    }
    Comparison {
        first: mean(first),
        second: mean(second),
        chance: f64::from(as_large + 1) / f64::from(ROUNDS + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_what_comments_say_without_the_name() {
        let dir = tempfile::tempdir().unwrap();
        let code = "/// Opens the door of the house with open_door and a key of brass.\n\
                    #[inline]\nfn open_door() { turn(); }\n\n// short\nfn x() {}\n";
        std::fs::write(dir.path().join("a.rs"), code).unwrap();
        let search = questions(dir.path(), 10).unwrap();
        assert_eq!(search.questions.len(), 1, "{search:?}");
        let asked = &search.questions[0];
        assert_eq!(asked.text, "Opens the door of the house with and a key of brass.");
        let file = &search.files[asked.file];
        assert!(!file.text.contains("brass"));
        assert_eq!(&file.text[asked.item.clone()], "fn open_door() { turn(); }");
        for passages in [search.by_syntax(&ChunkOptions::default()), search.by_lines()] {
            let place =
                passages.iter().position(|passage| passage.span.contains(&asked.item.start));
            let judged = judge(asked, &passages, &[place.unwrap()]);
            assert!((judged.found - 1.0).abs() < 1e-9 && judged.exact > 0.1);
            assert!(judge(asked, &passages, &[]).found.abs() < 1e-9);
        }
    }

    #[test]
    fn a_paired_test_tells_luck_from_a_difference() {
        let better: Vec<f64> = (0..60).map(|at| 0.5 + f64::from(at % 5) / 20.0).collect();
        let worse: Vec<f64> = better.iter().map(|value| value - 0.1).collect();
        assert!(compare(&better, &worse).chance < 0.001);
        let other: Vec<f64> = better
            .iter()
            .enumerate()
            .map(|(at, value)| if at % 2 == 0 { value + 0.1 } else { value - 0.1 })
            .collect();
        assert!(compare(&better, &other).chance > 0.2);
        assert!((compare(&[], &[]).chance - 1.0).abs() < 1e-9);
    }
}
