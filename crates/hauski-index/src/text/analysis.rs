//! From a passage to the terms of its fields.

use super::language::{self, Evidence, Language};
use super::lexicon::{self, Lexicon, WordId};
use super::stop_words;
use super::words::{self, Reader, Span};

/// What a passage is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Sentences of a language.
    #[default]
    Prose,
    /// Source code: identifiers are cut into their words, comments count as English.
    Code,
    /// Output of programs: read like code.
    Log,
}

/// Ends a term in the text of a field.
pub(super) const END: char = '\u{1}';
/// Takes a position without a term: a word was left out.
pub(super) const SKIP: char = '\u{2}';
/// So many positions lie between the title and the text, so that no phrase reaches over.
const TITLE_GAP: usize = 8;

/// The fields of a passage: terms, each closed by [`END`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields {
    /// Every word of title and text, once each, in order.
    pub(super) main: String,
    /// The words of the title, with its function words.
    pub(super) title: String,
    /// Parts of compounds and names, and second readings.
    pub(super) parts: String,
    /// Names as they stand.
    pub(super) names: String,
    /// Number of terms in `main`.
    pub(super) words: u32,
    pub(super) language: Option<Language>,
}

/// Turns passages into fields; remembers words from one to the next.
#[derive(Default)]
pub(super) struct Analyzer {
    pub(super) lexicon: Lexicon,
    /// Every passage of prose is taken for this language.
    pub(super) forced: Option<Language>,
    title: Vec<WordId>,
    text: Vec<WordId>,
    names: Vec<Span>,
}

impl Analyzer {
    pub(super) fn fields(
        &mut self,
        title: &str,
        text: &str,
        kind: Kind,
        default: Option<Language>,
    ) -> Fields {
        self.lexicon.trim();
        let mut evidence = Evidence::default();
        let mut fields = Fields::default();
        for (text, tokens) in [(title, &mut self.title), (text, &mut self.text)] {
            tokens.clear();
            self.names.clear();
            let mut reading = Reading {
                text,
                lexicon: &mut self.lexicon,
                tokens,
                names: &mut self.names,
                evidence: &mut evidence,
            };
            words::read(text, &mut reading);
            for span in &self.names {
                fields.names.push_str(&lexicon::name(&text[span.clone()]));
                fields.names.push(END);
            }
        }
        let language = match kind {
            Kind::Prose if self.forced.is_some() => self.forced,
            Kind::Prose => language::of_prose(text, evidence).or(default),
            Kind::Code | Kind::Log => Some(Language::English),
        };
        fields.language = language;
        let also_german = kind != Kind::Prose && evidence.clear() == Some(Language::German);
        let reading = Way { kind, language, also_german };
        for id in &self.title {
            reading.push(&mut self.lexicon, *id, &mut fields);
            let term = self.lexicon.term(*id, language.unwrap_or(Language::English));
            fields.title.push_str(term);
            fields.title.push(END);
        }
        if !self.title.is_empty() {
            fields.main.extend(std::iter::repeat_n(SKIP, TITLE_GAP));
        }
        for id in &self.text {
            reading.push(&mut self.lexicon, *id, &mut fields);
        }
        fields
    }
}

struct Reading<'a> {
    text: &'a str,
    lexicon: &'a mut Lexicon,
    tokens: &'a mut Vec<WordId>,
    names: &'a mut Vec<Span>,
    evidence: &'a mut Evidence,
}

impl Reader for Reading<'_> {
    fn word(&mut self, span: Span) {
        let id = self.lexicon.id(&self.text[span]);
        let word = self.lexicon.get(id);
        self.evidence.add(word.stop, word.umlaut);
        self.tokens.push(id);
    }

    fn name(&mut self, span: Span) {
        self.names.push(span);
    }
}

/// How the words of one passage are indexed.
#[derive(Clone, Copy)]
struct Way {
    kind: Kind,
    language: Option<Language>,
    also_german: bool,
}

impl Way {
    fn push(self, lexicon: &mut Lexicon, id: WordId, fields: &mut Fields) {
        let word = lexicon.get(id);
        let stop = match self.language {
            Some(Language::English) | None => stop_words::ENGLISH,
            Some(Language::German) => stop_words::GERMAN,
            Some(Language::Other) => 0,
        };
        if word.stop & stop != 0 {
            fields.main.push(SKIP);
            return;
        }
        if word.humps.is_empty() {
            return self.push_word(lexicon, id, fields);
        }
        let humps = word.humps.clone();
        let camel =
            self.kind != Kind::Prose && humps.iter().all(|hump| !starts_with_digit(lexicon, *hump));
        if !camel {
            self.push_word(lexicon, id, fields);
        }
        for hump in humps {
            let shown = &lexicon.get(hump).lower;
            if camel {
                self.push_word(lexicon, hump, fields);
            } else if shown.chars().nth(1).is_some() {
                let term = lexicon.term(hump, self.language.unwrap_or(Language::English));
                fields.parts.push_str(term);
                fields.parts.push(END);
            }
        }
    }

    fn push_word(self, lexicon: &mut Lexicon, id: WordId, fields: &mut Fields) {
        let main = self.language.unwrap_or(Language::English);
        let term = lexicon.term(id, main);
        fields.main.push_str(term);
        fields.main.push(END);
        fields.words += 1;
        if self.language.is_none() || self.also_german {
            // Too short to tell, or code with German comments: found by either language's stem, counted once.
            let english = lexicon.term(id, Language::English)[1..].to_owned();
            let german = lexicon.term(id, Language::German);
            if german[1..] != english {
                fields.parts.push_str(german);
                fields.parts.push(END);
            }
        }
        if main == Language::German || self.language.is_none() || self.also_german {
            for part in lexicon.german_parts(id) {
                fields.parts.push_str(part);
                fields.parts.push(END);
            }
        }
    }
}

fn starts_with_digit(lexicon: &Lexicon, id: WordId) -> bool {
    lexicon.get(id).lower.starts_with(char::is_numeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(title: &str, text: &str, kind: Kind) -> String {
        let fields = Analyzer::default().fields(title, text, kind, None);
        let show = |field: &str| field.replace(END, " ").replace(SKIP, "_");
        format!(
            "{:?} {} | {} | {} | {}",
            fields.language,
            show(&fields.main),
            show(&fields.title),
            show(&fields.parts),
            show(&fields.names)
        )
    }

    #[test]
    fn english_prose() {
        insta::assert_snapshot!(
            shown("The Parser", "It is the parsers of HashMap that read src/lib.rs and the errors in it.", Kind::Prose),
            @"Some(English) _eparser ___________eparser _ehashmap _eread esrc elib ers __eerror __ | ethe eparser  | ehash emap  | ihashmap isrc/lib.rs"
        );
    }

    #[test]
    fn german_prose() {
        insta::assert_snapshot!(
            shown("", "Wenn die Datenbankverbindung abbricht, wird der Aenderungsverlauf nicht geschrieben.", Kind::Prose),
            @"Some(German) __ddatenbankverbind dabbricht __danderungsverlauf _dgeschrieb  |  | ddatenbank dverbind dander dverlauf  |"
        );
    }

    #[test]
    fn code_and_short_notes() {
        insta::assert_snapshot!(shown("", "fn parseConfig(path: &Path) -> sha256 // E0308", Kind::Code), @"Some(English) efn epars econfig epath epath esha256 ee0308  |  | esha e256 e0308  | iparseconfig isha256 ie0308");
        insta::assert_snapshot!(shown("", "Rechnungen Docker", Kind::Prose), @"None erechnungen edocker  |  | drechnung ddock  |");
    }
}
