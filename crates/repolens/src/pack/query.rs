//! What a person wants to do, as weighted terms, names and a label.

use std::collections::{HashMap, HashSet};

use super::terms::{Bag, Splitter, Term, identifier};

/// Most terms that are looked up.
const MAX_TERMS: usize = 96;
/// Weight of a word in the first line; all others weigh [`BODY_WEIGHT`].
const SUBJECT_WEIGHT: f32 = 1.0;
const BODY_WEIGHT: f32 = 0.4;
/// Words that say nothing about where.
const STOP_WORDS: &str = "a about above after again all also am an and any are as at be because been \
    before being below between both but by can cannot could did do does doing down during each few \
    for from further had has have having he her here hers him his how i if in into is it its itself \
    just let like may me might more most must my no nor not now of off on once only or other our \
    ours out over own same she should so some such than that the their theirs them then there these \
    they this those through to too under until up upon us very was we were what when where which \
    while who whom why will with would yet you your yours via per ie eg etc fix fixes fixed fixing \
    closes close closed resolves see note ensure make makes made use uses used using";

/// A question, ready to be asked of many documents.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Terms by falling weight.
    pub terms: Vec<QueryTerm>,
    /// All terms of the text, for comparing with messages of commits.
    pub bag: Bag,
    /// What is written like a path or a file name, in lower case.
    pub names: HashSet<String>,
    /// Whole words in lower case.
    pub words: HashSet<String>,
    /// The component that the first line begins with, as in `net: …`, `fix(net): …`, `[net] …`.
    pub labels: Vec<String>,
}

/// One term of a question.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryTerm {
    /// The term.
    pub term: Term,
    /// The word as it was written first.
    pub word: String,
    /// How much it counts, above 0.
    pub weight: f32,
    /// Whether it stands in the first line.
    pub in_subject: bool,
    /// Whether it is written like a name in code.
    pub is_name: bool,
}

impl Query {
    /// Reads a text: its first line counts most; links, e-mail addresses and trailers such as
    /// `Signed-off-by:` count nothing.
    #[must_use]
    pub fn new(text: &str, splitter: &mut Splitter) -> Self {
        let text = cleaned(text);
        let (subject, body) = text.split_once('\n').unwrap_or((&text, ""));
        let stop = stop_terms(splitter);
        let mut found: HashMap<Term, (usize, QueryTerm)> = HashMap::new();
        for (part, weight, in_subject) in
            [(subject, SUBJECT_WEIGHT, true), (body, BODY_WEIGHT, false)]
        {
            let is_name = name_like(part);
            splitter.words(part, |word, terms| {
                for term in terms.iter().filter(|term| !stop.contains(term)) {
                    let order = found.len();
                    let is_whole = *term == identifier(word);
                    let (_, entry) = found.entry(*term).or_insert_with(|| {
                        let word = word.to_owned();
                        let fresh = QueryTerm {
                            term: *term,
                            word,
                            weight: 0.0,
                            in_subject,
                            is_name: false,
                        };
                        (order, fresh)
                    });
                    entry.weight += weight;
                    entry.is_name |= is_whole || is_name.contains(word);
                }
            });
        }
        let mut terms: Vec<(usize, QueryTerm)> = found.into_values().collect();
        for (_, term) in &mut terms {
            term.weight = 2.0 * term.weight / (1.0 + term.weight);
        }
        terms.sort_by(|a, b| b.1.weight.total_cmp(&a.1.weight).then(a.0.cmp(&b.0)));
        terms.truncate(MAX_TERMS);
        Self {
            terms: terms.into_iter().map(|(_, term)| term).collect(),
            bag: Bag::of(&text, splitter),
            names: names(&text),
            words: words(&text),
            labels: labels(subject),
        }
    }
}

fn stop_terms(splitter: &mut Splitter) -> HashSet<Term> {
    let mut stop = HashSet::new();
    splitter.words(STOP_WORDS, |_, terms| stop.extend(terms.iter().copied()));
    stop
}

/// Without links, addresses, pull request numbers, comments and trailers.
fn cleaned(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        if is_trailer(line) {
            continue;
        }
        for word in line.split_whitespace() {
            let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
            let is_link = word.contains("://");
            let is_number = bare.bytes().all(|byte| byte.is_ascii_digit());
            let is_address = bare.contains('@') && bare.contains('.');
            if !is_link && !is_number && !is_address {
                kept.push_str(word);
                kept.push(' ');
            }
        }
        kept.push('\n');
    }
    kept.trim_start().to_owned()
}

/// `Signed-off-by: …`, `Change-Id: …`: a capitalised word with a hyphen, then a colon.
fn is_trailer(line: &str) -> bool {
    let Some((key, _)) = line.split_once(": ") else { return false };
    key.contains('-')
        && key.starts_with(|c: char| c.is_ascii_uppercase())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// Words inside backticks, and words that hold `_`, `::`, `.`, `(` or a change of case.
fn name_like(text: &str) -> HashSet<&str> {
    let mut found = HashSet::new();
    let mut quoted = false;
    for piece in text.split('`') {
        for word in piece.split_whitespace() {
            let inner = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '_');
            let odd = inner.contains(['_', ':', '/', '('])
                || inner.contains('.')
                || inner.chars().skip(1).any(char::is_uppercase);
            if quoted || odd {
                found.extend(word.split(|c: char| !(c.is_alphanumeric() || c == '_')));
            }
        }
        quoted = !quoted;
    }
    found
}

fn names(text: &str) -> HashSet<String> {
    let words = text.split(|c: char| c.is_whitespace() || "`'\"()[]{}<>,;".contains(c));
    let bare = words.map(|word| word.trim_matches(|c: char| !(c.is_alphanumeric() || c == '_')));
    let named = bare.filter(|word| word.contains(['/', '.']) && word.len() >= 4);
    named.map(str::to_lowercase).collect()
}

fn words(text: &str) -> HashSet<String> {
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'));
    words.filter(|word| word.len() >= 2).map(str::to_lowercase).collect()
}

/// The words before the first colon, or in leading brackets.
#[must_use]
pub fn labels(subject: &str) -> Vec<String> {
    let subject = subject.trim();
    let head = match subject.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inside, _)) => inside,
        None => match subject.split_once(": ") {
            Some((head, _)) if head.len() <= 48 => head,
            _ => return Vec::new(),
        },
    };
    let words = head.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'));
    words.filter(|word| word.len() >= 2).map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_gives_terms_names_and_labels() {
        let text = "fix(net): drop `TcpStream` on error in src/net/tcp.rs (#123)\n\nSee https://x.org/a\n\
                    Signed-off-by: A B <a@b.org>";
        let query = Query::new(text, &mut Splitter::default());
        let words: Vec<&str> = query.terms.iter().map(|term| term.word.as_str()).collect();
        assert!(words.contains(&"drop") && words.contains(&"TcpStream"), "{words:?}");
        assert!(
            !words.iter().any(|word| ["Signed", "https", "123", "on"].contains(word)),
            "{words:?}"
        );
        assert!(query.names.contains("src/net/tcp.rs"));
        assert_eq!(query.labels, ["fix", "net"]);
        assert!(query.terms.iter().any(|term| term.is_name && term.word == "TcpStream"));
    }
}
