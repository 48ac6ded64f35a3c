//! From what somebody typed to what is looked up. Words that are repeated count so often; names count as a whole and by their
//! words; `"…"` must stand so; `-word` must not. What could be an error of syntax is read as plain words.

use std::collections::HashMap;

use super::analysis::Analyzer;
use super::language::Language;
use super::lexicon::{self, WordId};
use super::params::{TextParams, TextQuery};
use super::schema::Field;
use super::stop_words;
use super::words::{self, Reader, Span};

/// So many different words and names of one question are looked for.
const MAX_GROUPS: usize = 512;
/// Words of one phrase that are compared.
const LANGUAGES: [Language; 3] = [Language::English, Language::German, Language::Other];

/// One term in one field, and how often each occurrence counts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Leaf {
    pub(super) field: Field,
    pub(super) term: String,
    pub(super) weight: f32,
}

/// Terms that stand for one word of the question: their counts are added before they saturate.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    pub(super) shown: String,
    pub(super) boost: f32,
    pub(super) leaves: Vec<Leaf>,
}

/// The same words in the stems of each language: distance from the first word, and term.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Phrase {
    pub(super) readings: Vec<Vec<(u32, String)>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Plan {
    pub(super) groups: Vec<Group>,
    pub(super) required: Vec<Phrase>,
    pub(super) excluded: Vec<Phrase>,
    pub(super) left_out: usize,
}

/// A stretch of what was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stretch<'a> {
    text: &'a str,
    quoted: bool,
    without: bool,
}

impl Plan {
    pub(super) fn of(query: &TextQuery) -> Self {
        let mut typed = stretches(&query.words);
        if typed.iter().all(|stretch| stretch.without) {
            // Only exclusions: there is nothing to take them from, so they are what is meant.
            for stretch in &mut typed {
                stretch.without = false;
            }
        }
        let mut builder = Builder::new(&query.params);
        let heard: Vec<Heard> = typed.iter().map(|stretch| builder.hear(stretch.text)).collect();
        let drop =
            builder.dropped(typed.iter().zip(&heard).filter(|(s, _)| !s.without).map(|(_, h)| h));
        for (stretch, heard) in typed.iter().zip(&heard) {
            let phrase = (stretch.quoted || stretch.without).then(|| builder.phrase(heard));
            if stretch.without {
                builder.plan.excluded.extend(phrase.filter(|phrase| !phrase.readings.is_empty()));
                continue;
            }
            builder.plan.required.extend(phrase.filter(|phrase| !phrase.readings.is_empty()));
            builder.groups(stretch.text, heard, drop);
        }
        if builder.plan.groups.is_empty() {
            for (stretch, heard) in typed.iter().zip(&heard).filter(|(stretch, _)| !stretch.without)
            {
                builder.titles(stretch.text, heard);
            }
        }
        builder.plan
    }
}

/// Cuts the input at quotes that are closed and at words that begin with a single hyphen.
fn stretches(input: &str) -> Vec<Stretch<'_>> {
    let mut found = Vec::new();
    let mut plain = 0;
    let mut at = 0;
    let mut fresh = true;
    while let Some(c) = input[at..].chars().next() {
        let next = at + c.len_utf8();
        let minus = c == '-' && fresh;
        let open = if minus { input[next..].chars().next() } else { Some(c) };
        let quote_end = if minus { open.map_or(next, |o| next + o.len_utf8()) } else { next };
        if let Some(close) = open.and_then(closing)
            && let Some(length) = input[quote_end..].find(close)
        {
            found.push(Stretch { text: &input[plain..at], quoted: false, without: false });
            found.push(Stretch {
                text: &input[quote_end..quote_end + length],
                quoted: true,
                without: minus,
            });
            at = quote_end + length;
            at += input[at..].chars().next().map_or(0, char::len_utf8);
            plain = at;
            fresh = true;
            continue;
        }
        if minus && open.is_some_and(char::is_alphanumeric) {
            let length = input[next..].find(char::is_whitespace).unwrap_or(input.len() - next);
            found.push(Stretch { text: &input[plain..at], quoted: false, without: false });
            found.push(Stretch { text: &input[next..next + length], quoted: false, without: true });
            at = next + length;
            plain = at;
            continue;
        }
        fresh = c.is_whitespace();
        at = next;
    }
    found.push(Stretch { text: &input[plain..], quoted: false, without: false });
    found.retain(|stretch| stretch.text.chars().any(char::is_alphanumeric));
    found
}

fn closing(open: char) -> Option<&'static [char]> {
    match open {
        '"' => Some(&['"']),
        '\u{201c}' => Some(&['\u{201d}']),
        '\u{201e}' => Some(&['\u{201c}', '\u{201d}']),
        '\u{ab}' => Some(&['\u{bb}']),
        '\u{bb}' => Some(&['\u{ab}']),
        _ => None,
    }
}

/// The words and names of a stretch.
#[derive(Default)]
struct Heard {
    words: Vec<(Span, WordId)>,
    names: Vec<Span>,
}

struct Ear<'a> {
    text: &'a str,
    analyzer: &'a mut Analyzer,
    heard: Heard,
}

impl Reader for Ear<'_> {
    fn word(&mut self, span: Span) {
        let id = self.analyzer.lexicon.id(&self.text[span.clone()]);
        self.heard.words.push((span, id));
    }

    fn name(&mut self, span: Span) {
        self.heard.names.push(span);
    }
}

/// Which function words are left out.
#[derive(Clone, Copy)]
struct Dropped {
    stop_bits: u8,
    /// The question is rather English, so its words are no German compounds.
    english: bool,
}

struct Builder<'a> {
    analyzer: Analyzer,
    params: &'a TextParams,
    plan: Plan,
    by_key: HashMap<String, usize>,
}

impl<'a> Builder<'a> {
    fn new(params: &'a TextParams) -> Self {
        Self {
            analyzer: Analyzer::default(),
            params,
            plan: Plan::default(),
            by_key: HashMap::new(),
        }
    }

    fn hear(&mut self, text: &str) -> Heard {
        let mut ear = Ear { text, analyzer: &mut self.analyzer, heard: Heard::default() };
        words::read(text, &mut ear);
        ear.heard
    }

    /// The function words of the language that the question has more of; of both when it has as many.
    fn dropped<'h>(&self, heard: impl Iterator<Item = &'h Heard>) -> Dropped {
        let (mut english, mut german) = (0, 0);
        for (_, id) in heard.flat_map(|heard| &heard.words) {
            let word = self.analyzer.lexicon.get(*id);
            english += u32::from(word.stop & stop_words::ENGLISH != 0);
            german += u32::from(word.stop & stop_words::GERMAN != 0) + u32::from(word.umlaut);
        }
        let stop_bits = match english.cmp(&german) {
            std::cmp::Ordering::Greater => stop_words::ENGLISH,
            std::cmp::Ordering::Less => stop_words::GERMAN,
            std::cmp::Ordering::Equal => stop_words::ENGLISH | stop_words::GERMAN,
        };
        Dropped { stop_bits, english: english > german }
    }

    fn groups(&mut self, text: &str, heard: &Heard, dropped: Dropped) {
        for (span, id) in &heard.words {
            let word = self.analyzer.lexicon.get(*id);
            if word.stop & dropped.stop_bits != 0 {
                continue;
            }
            let shown = &text[span.clone()];
            let key = word.lower.to_string();
            let humps = word.humps.clone();
            self.word(shown, key, *id, 1.0);
            for hump in humps {
                let lower = self.analyzer.lexicon.get(hump).lower.to_string();
                if lower.chars().nth(1).is_some() {
                    self.word(
                        &lower.clone(),
                        format!("\u{1}{lower}"),
                        hump,
                        self.params.query_parts,
                    );
                }
            }
            if !dropped.english {
                for part in self.analyzer.lexicon.german_parts(*id).to_vec() {
                    let weights = self.params.weights;
                    let leaves = vec![
                        Leaf { field: Field::Prose, term: part.to_string(), weight: weights.prose },
                        Leaf { field: Field::Title, term: part.to_string(), weight: weights.title },
                        Leaf { field: Field::Parts, term: part.to_string(), weight: weights.parts },
                    ];
                    self.add(&part[1..], format!("\u{2}{part}"), self.params.query_parts, leaves);
                }
            }
        }
        for span in &heard.names {
            let term = lexicon::name(&text[span.clone()]);
            let key = term.clone();
            if self.by_key.contains_key(&term[1..]) {
                // A single word: its own group looks for the name, too.
                continue;
            }
            let weight = self.params.weights.names;
            self.add(
                &text[span.clone()],
                key,
                weight,
                vec![Leaf { field: Field::Names, term, weight: 1.0 }],
            );
        }
    }

    fn word(&mut self, shown: &str, key: String, id: WordId, boost: f32) {
        let weights = self.params.weights;
        let mut leaves = Vec::with_capacity(11);
        for language in LANGUAGES {
            let term = self.analyzer.lexicon.term(id, language);
            let mut leaf =
                |field, weight| leaves.push(Leaf { field, term: term.to_owned(), weight });
            leaf(Field::Prose, weights.prose);
            if language == Language::English {
                leaf(Field::Code, weights.code);
            }
            leaf(Field::Title, weights.title);
            leaf(Field::Parts, weights.parts);
        }
        let name = lexicon::name(&self.analyzer.lexicon.get(id).lower);
        leaves.push(Leaf { field: Field::Names, term: name, weight: weights.names });
        self.add(shown, key, boost, leaves);
    }

    /// Function words alone: they stand in titles.
    fn titles(&mut self, text: &str, heard: &Heard) {
        for (span, id) in &heard.words {
            let leaves = LANGUAGES.map(|language| Leaf {
                field: Field::Title,
                term: self.analyzer.lexicon.term(*id, language).to_owned(),
                weight: 1.0,
            });
            let key = self.analyzer.lexicon.get(*id).lower.to_string();
            self.add(&text[span.clone()], key, 1.0, leaves.to_vec());
        }
    }

    fn add(&mut self, shown: &str, key: String, boost: f32, mut leaves: Vec<Leaf>) {
        leaves.retain(|leaf| leaf.weight > 0.0);
        if let Some(at) = self.by_key.get(&key) {
            self.plan.groups[*at].boost += boost;
        } else if self.plan.groups.len() == MAX_GROUPS {
            self.plan.left_out += 1;
        } else if !leaves.is_empty() && boost > 0.0 {
            self.by_key.insert(key, self.plan.groups.len());
            self.plan.groups.push(Group { shown: shown.to_owned(), boost, leaves });
        }
    }

    /// The words in order; function words leave a gap that anything may fill.
    fn phrase(&mut self, heard: &Heard) -> Phrase {
        let mut readings = Vec::new();
        for (language, stop) in
            LANGUAGES.into_iter().zip([stop_words::ENGLISH, stop_words::GERMAN, 0])
        {
            let mut reading = Vec::new();
            for (at, (_, id)) in heard.words.iter().enumerate() {
                if self.analyzer.lexicon.get(*id).stop & stop == 0 {
                    reading.push((at as u32, self.analyzer.lexicon.term(*id, language).to_owned()));
                }
            }
            if let Some((first, _)) = reading.first() {
                let first = *first;
                reading.iter_mut().for_each(|(at, _)| *at -= first);
                readings.push(reading);
            }
        }
        Phrase { readings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(words: &str) -> String {
        let plan = Plan::of(&TextQuery { words: words.to_owned(), ..TextQuery::default() });
        let groups: Vec<String> =
            plan.groups.iter().map(|group| format!("{}*{}", group.shown, group.boost)).collect();
        let phrases = |phrases: &[Phrase]| {
            phrases
                .iter()
                .map(|p| format!("{:?}", p.readings.first()))
                .collect::<Vec<_>>()
                .join(" ")
        };
        format!("{} +{} -{}", groups.join(" "), phrases(&plan.required), phrases(&plan.excluded))
    }

    #[test]
    fn what_is_typed_becomes_words() {
        insta::assert_snapshot!(plan("how does the index index files"), @"index*2 files*1 + -");
        insta::assert_snapshot!(plan("Wie wird die Datenbankverbindung geöffnet?"), @"Datenbankverbindung*1 datenbank*0.4 verbind*0.4 geöffnet*1 + -");
        insta::assert_snapshot!(plan("parse_config HashMap E0308"), @"parse*1 config*1 HashMap*1 hash*0.4 map*0.4 E0308*1 0308*0.4 parse_config*1 + -");
        insta::assert_snapshot!(plan("\"kill the process\" -windows"), @r#"kill*1 process*1 +Some([(0, "ekill"), (2, "eprocess")]) -Some([(0, "ewindow")])"#);
        insta::assert_snapshot!(plan("to be or not to be"), @"to*2 be*2 or*1 not*1 + -");
    }

    #[test]
    fn broken_syntax_is_plain_words() {
        insta::assert_snapshot!(plan("\"open AND (field:value^2 --locked -"), @"open*1 field*1 value*1 2*1 locked*1 field:value*1 + -");
        insta::assert_snapshot!(plan("-only -these"), @"only*1 these*1 + -");
        assert_eq!(plan("").trim(), "+ -");
    }
}
