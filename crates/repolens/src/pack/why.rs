//! Why a file was chosen, in words.

use super::corpus::Corpus;
use super::past::Past;
use super::query::Query;
use super::role::Role;
use super::signals::{Row, place};

/// Most words that are named.
const WORDS: usize = 4;

/// At most three reasons, the strongest kinds first.
#[must_use]
pub(super) fn why(
    file: usize,
    row: &Row,
    query: &Query,
    corpus: &Corpus,
    past: &Past<'_>,
) -> String {
    let of = |name: &str| row[place(name)];
    let document = &corpus.documents[file];
    let mut reasons = Vec::new();
    if of("named file") > 0.0 {
        reasons.push("named in the task".to_owned());
    }
    let path = words(query, |term| document.name.count(term) > 0);
    if !path.is_empty() && of("path") > 0.2 {
        reasons.push(format!("path has {path}"));
    }
    if of("neighbours") > 0.15
        && let Some(message) = past.nearest_message(query, file)
    {
        reasons.push(format!("changed by \"{message}\""));
    }
    let content = words(query, |term| document.content.count(term) > 0);
    if !content.is_empty() && of("content") > 0.15 {
        reasons.push(format!("has {content}"));
    }
    if of("companion") > 0.0 {
        let what = if document.role == Role::Test { "tests" } else { "is tested by" };
        reasons.push(format!("{what} a file chosen above"));
    }
    if of("together") > 0.05 {
        reasons.push("often changes with files chosen above".to_owned());
    }
    if of("feedback") > 0.3 {
        reasons.push("shares words with files chosen above".to_owned());
    }
    if reasons.is_empty() && of("churn 200") > 0.5 {
        reasons.push("changes often".to_owned());
    }
    if reasons.is_empty() {
        reasons.push("near the files chosen above".to_owned());
    }
    reasons.truncate(3);
    reasons.join("; ")
}

fn words(query: &Query, found: impl Fn(u32) -> bool) -> String {
    let mut words: Vec<&str> = Vec::new();
    for term in query.terms.iter().filter(|term| found(term.term)) {
        if !words.contains(&term.word.as_str()) {
            words.push(&term.word);
        }
        if words.len() == WORDS {
            break;
        }
    }
    words.join(", ")
}
