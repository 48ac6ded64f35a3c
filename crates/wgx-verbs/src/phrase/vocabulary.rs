//! The words of one resolution, each analysed once: stems, readings, and how it compares with others.

use std::collections::HashMap;

use super::knowledge::{Knowledge, Tags};
use super::words::is_typo;

/// Index of a word in a [`Vocabulary`].
pub(crate) type WordId = usize;

/// One word with all that is known of it.
pub(crate) struct Word {
    pub(crate) surface: String,
    /// One stem per language file, in their order.
    pub(crate) stems: Vec<String>,
    /// Alternative meanings of the word alone.
    pub(crate) readings: Vec<Tags>,
    /// Meaning as a short form in an identifier.
    pub(crate) short_form: Option<Tags>,
    pub(crate) is_filler: bool,
    pub(crate) is_generic: bool,
    /// It belongs to another part of life.
    pub(crate) is_elsewhere: bool,
    /// The word that stands for all words of the same thing.
    same: Option<String>,
    /// Stems of the English words that it may stand for.
    english: Vec<String>,
}

/// Where English stands among the languages.
const ENGLISH: usize = 0;

/// How well a word agrees with its translation: a little less than with itself.
const TRANSLATED: f32 = 0.98;

impl Word {
    fn translates(&self, other: &Self) -> bool {
        self.english.iter().any(|stem| other.stems.get(ENGLISH) == Some(stem))
    }
}

/// All words seen so far.
pub(crate) struct Vocabulary<'k> {
    pub(crate) knowledge: &'k Knowledge,
    words: Vec<Word>,
    ids: HashMap<String, WordId>,
    /// `false` leaves words without meaning: only what they look like counts.
    has_meaning: bool,
}

impl<'k> Vocabulary<'k> {
    /// An empty vocabulary.
    pub(crate) fn new(knowledge: &'k Knowledge, has_meaning: bool) -> Self {
        Self { knowledge, words: Vec::new(), ids: HashMap::new(), has_meaning }
    }

    /// The word of that id.
    pub(crate) fn word(&self, id: WordId) -> &Word {
        &self.words[id]
    }

    /// Whether words have meaning beyond their letters.
    pub(crate) fn has_meaning(&self) -> bool {
        self.has_meaning
    }

    /// How many words there are; ids are below it.
    pub(crate) fn len(&self) -> usize {
        self.words.len()
    }

    /// The id of a folded word, analysing it when it is new.
    pub(crate) fn intern(&mut self, surface: &str) -> WordId {
        if let Some(id) = self.ids.get(surface) {
            return *id;
        }
        let word = self.analyse(surface);
        let id = self.words.len();
        self.words.push(word);
        self.ids.insert(surface.to_owned(), id);
        id
    }

    /// Whether a word has a meaning, is filler, or names an object that every task has.
    pub(crate) fn is_known(&self, id: WordId) -> bool {
        let word = &self.words[id];
        !word.readings.is_empty() || word.short_form.is_some() || word.is_filler || word.is_generic
    }

    fn analyse(&self, surface: &str) -> Word {
        let languages = &self.knowledge.languages;
        let stems: Vec<String> =
            languages.iter().map(|language| language.stemmer.stem(surface).into_owned()).collect();
        let readings = if self.has_meaning { self.readings(surface, &stems) } else { Vec::new() };
        Word {
            is_filler: languages.iter().any(|language| language.filler.contains(surface)),
            is_generic: languages
                .iter()
                .zip(&stems)
                .any(|(language, stem)| language.generic.contains(stem)),
            is_elsewhere: languages
                .iter()
                .zip(&stems)
                .any(|(language, stem)| language.elsewhere.contains(stem)),
            same: self.knowledge.same.get(surface).filter(|_| self.has_meaning).cloned(),
            short_form: self.knowledge.names.get(surface).filter(|_| self.has_meaning).cloned(),
            english: languages
                .iter()
                .zip(&stems)
                .filter(|_| self.has_meaning)
                .flat_map(|(language, stem)| {
                    inflections(stem).find_map(|form| language.english.get(form))
                })
                .flatten()
                .cloned()
                .collect(),
            surface: surface.to_owned(),
            stems,
            readings,
        }
    }

    /// The meanings of a listed form, else of its stems.
    fn readings(&self, surface: &str, stems: &[String]) -> Vec<Tags> {
        let languages = &self.knowledge.languages;
        let mut readings: Vec<Tags> = Vec::new();
        let mut add = |found: Option<&Vec<Tags>>| {
            for tags in found.into_iter().flatten() {
                if !readings.contains(tags) {
                    readings.push(tags.clone());
                }
            }
        };
        let listed = languages.iter().map(|language| language.surfaces.get(surface));
        let is_listed = listed.clone().any(|found| found.is_some());
        if is_listed {
            listed.for_each(add);
        } else {
            for (language, stem) in languages.iter().zip(stems) {
                add(inflections(stem).find_map(|form| language.single.get(form)));
            }
        }
        let again = surface.strip_prefix("re").filter(|rest| rest.len() >= 4);
        if let (true, Some(rest)) = (readings.is_empty(), again) {
            let listed = languages.iter().find_map(|language| language.surfaces.get(rest));
            return listed.cloned().unwrap_or_default();
        }
        readings
    }

    /// How well two words agree: 1 for the same word in any inflection, less for a typing mistake.
    pub(crate) fn agreement(&self, left: WordId, right: WordId) -> f32 {
        let (a, b) = (&self.words[left], &self.words[right]);
        let is_same = a.same.is_some() && a.same == b.same;
        if left == right || is_same || a.stems.iter().zip(&b.stems).any(|(x, y)| x == y) {
            1.0
        } else if a.translates(b) || b.translates(a) {
            TRANSLATED
        } else if !self.is_known(left) && is_typo(&a.surface, &b.surface) {
            0.85
        } else {
            0.0
        }
    }

    /// How far two different words are related by their letters: one is within the other (`unlock` and
    /// `lock`), or they begin alike (`statisch` and `static`).
    pub(crate) fn kinship(&self, left: WordId, right: WordId) -> f32 {
        let (a, b) = (&self.words[left].surface, &self.words[right].surface);
        let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
        let is_number = |word: &str| word.bytes().all(|letter| letter.is_ascii_digit());
        if short.len() >= 2 && is_number(short) && long.ends_with(short.as_str()) {
            return 1.0;
        }
        if short.len() < 4 || self.agreement(left, right) > 0.0 {
            return 0.0;
        }
        let share = short.len() as f32 / long.len() as f32;
        if long.ends_with(short.as_str()) || long.starts_with(short.as_str()) {
            return share.max(0.5);
        }
        let alike = short.bytes().zip(long.bytes()).take_while(|(x, y)| x == y).count();
        let stem = self.words[left].stems.iter().map(String::len).min().unwrap_or(0);
        if alike >= 5 && alike * 10 >= stem * 7 { alike as f32 / long.len() as f32 } else { 0.0 }
    }

    /// The meanings of the parts of a compound (`linkcheck`, `Datenbankmigration`), or nothing.
    pub(crate) fn compound(&self, surface: &str) -> Option<Tags> {
        (self.has_meaning && surface.len() >= 5 && surface.is_ascii())
            .then(|| self.split(surface, 3))?
    }

    /// For a compound whose last part alone is known: the unknown part and the known meaning.
    pub(crate) fn compound_head(&self, surface: &str) -> Option<(String, Tags)> {
        if !self.has_meaning || surface.len() < 9 || !surface.is_ascii() {
            return None;
        }
        let splits = 4..=surface.len() - 5;
        splits.into_iter().find_map(|at| {
            let (left, right) = surface.split_at(at);
            let tags = self.last_part(right)?;
            // The end of a verb is no head: `entspricht` is not about what `richten` means.
            let is_act = tags.iter().any(|tag| self.knowledge.is_activity(*tag));
            (!is_act || self.part(right).is_some()).then(|| (left.to_owned(), tags))
        })
    }

    /// The two known words of an identifier written as one (`testall`), neither listed as a whole.
    pub(crate) fn halves(&self, surface: &str) -> Option<(String, String)> {
        if !self.has_meaning || surface.len() < 7 || !surface.is_ascii() {
            return None;
        }
        let is_word = |word: &str| {
            let languages = &self.knowledge.languages;
            languages.iter().any(|it| it.surfaces.contains_key(word) || it.bonus.contains(word))
        };
        let splits = 3..=surface.len() - 3;
        let halves = |at: usize| surface.split_at(at);
        let found = splits.map(halves).find(|(left, right)| is_word(left) && is_word(right));
        found.filter(|_| !is_word(surface)).map(|(l, r)| (l.to_owned(), r.to_owned()))
    }

    fn split(&self, surface: &str, parts: usize) -> Option<Tags> {
        if parts == 0 || surface.len() < 4 {
            return None;
        }
        (2..=surface.len() - 2).rev().find_map(|at| {
            let (left, right) = surface.split_at(at);
            // A suffix of English nouns, not a part: `membership`.
            if right == "ship" {
                return None;
            }
            let first = self.linked_part(left)?;
            let rest = self.last_part(right).or_else(|| self.split(right, parts - 1))?;
            Some(first.into_iter().chain(rest).collect())
        })
    }

    /// A left part, also with the German linking letters.
    fn linked_part(&self, left: &str) -> Option<Tags> {
        let without = |ending: &str| left.strip_suffix(ending).filter(|rest| rest.len() >= 3);
        self.part(left)
            .or_else(|| self.part(without("s")?))
            .or_else(|| self.part(without("en")?))
            .or_else(|| self.part(&format!("{}e", without("en").or_else(|| without("n"))?)))
    }

    fn part(&self, part: &str) -> Option<Tags> {
        if part.len() < 3 && !matches!(part, "db" | "go" | "js" | "ts" | "py" | "ci" | "ui") {
            return None;
        }
        let languages = &self.knowledge.languages;
        let mut surfaces = languages.iter().map(|language| &language.surfaces);
        let known = surfaces.find_map(|known| known.get(part)?.first());
        known.or_else(|| self.knowledge.names.get(part)).cloned()
    }

    /// The last part carries the inflection; a generic object adds nothing (`Lintfehler`).
    fn last_part(&self, part: &str) -> Option<Tags> {
        self.part(part).or_else(|| {
            let word = (part.len() >= 4).then(|| self.analyse(part))?;
            let nothing = word.is_generic.then(Tags::new);
            word.readings.into_iter().next().or(nothing)
        })
    }
}

/// Verb endings that the stemmers leave: `startet`, `gebaut`.
fn inflections(stem: &str) -> impl Iterator<Item = &str> {
    let is_long = stem.len() > 5;
    let endings = ["et", "st", "t", "te"].into_iter().filter(move |_| is_long);
    std::iter::once(stem).chain(endings.filter_map(|ending| stem.strip_suffix(ending)))
}
