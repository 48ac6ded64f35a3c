//! What is known before any repository is seen: concepts, one language file per language, and public
//! tools. Read from a generated file, because every free text is a process of its own and must not pay
//! for parsing and stemming the sources; `source` writes it and a test keeps it fresh.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::OnceLock;

use rust_stemmers::Stemmer;
use serde::{Deserialize, Serialize, Serializer};

use super::words::{is_typo, stemmer};

#[cfg(test)]
mod source;

/// Index of a concept.
pub(crate) type Concept = u16;

/// What kind of thing a concept is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) enum Kind {
    /// What is done.
    Activity,
    /// To what.
    Scope,
    /// How.
    Modifier,
}

/// One concept; the file's head explains the fields.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct ConceptInfo {
    pub(crate) kind: Kind,
    pub(crate) missing: f32,
    pub(crate) extra: f32,
    pub(crate) gives: Vec<(Concept, f32)>,
    pub(crate) usual: Vec<Concept>,
    /// Common outside of software.
    pub(crate) is_everyday: bool,
    beside: Vec<(Option<Concept>, f32)>,
}

impl ConceptInfo {
    /// An activity of its own, not a manner such as to check, to fix or to start.
    pub(crate) fn is_deed(&self) -> bool {
        self.kind == Kind::Activity && self.missing < 0.3 && self.beside.is_empty()
    }

    /// What remains when this concept is missing and the request also names these activities.
    pub(crate) fn missing_beside(&self, own: Concept, activities: &[Concept]) -> f32 {
        let fits = |wanted: &Option<Concept>| match wanted {
            Some(concept) => activities.contains(concept),
            None => activities.iter().any(|other| *other != own),
        };
        let rests = self.beside.iter().filter(|(wanted, _)| fits(wanted)).map(|(_, rest)| *rest);
        rests.fold(self.missing, f32::max)
    }
}

/// Concepts that one word or phrase means at once.
pub(crate) type Tags = Vec<Concept>;

/// Everything read from the data files.
#[derive(Deserialize, Serialize)]
pub(crate) struct Knowledge {
    pub(crate) concepts: Vec<ConceptInfo>,
    /// Short forms in identifiers.
    #[serde(serialize_with = "sorted_map")]
    pub(crate) names: HashMap<String, Tags>,
    pub(crate) languages: Vec<Language>,
    /// Words for one thing → the word that stands for them.
    #[serde(serialize_with = "sorted_map")]
    pub(crate) same: HashMap<String, String>,
    pub(crate) tools: Tools,
    #[serde(serialize_with = "sorted_map")]
    by_name: HashMap<String, Concept>,
}

/// One language file.
#[derive(Deserialize, Serialize)]
pub(crate) struct Language {
    stemmer_name: String,
    #[serde(skip, default = "unnamed_stemmer")]
    pub(crate) stemmer: Stemmer,
    /// Stem of a single word → readings.
    #[serde(serialize_with = "sorted_map")]
    pub(crate) single: HashMap<String, Vec<Tags>>,
    /// First stem of a longer phrase → remaining stems and meaning.
    #[serde(serialize_with = "sorted_map")]
    pub(crate) phrases: HashMap<String, Vec<(Vec<String>, Tags)>>,
    /// First content stem of a phrase with several concepts → its other content stems and meaning:
    /// these are found in any order.
    #[serde(serialize_with = "sorted_map")]
    pub(crate) loose: HashMap<String, Vec<(Vec<String>, Tags)>>,
    #[serde(serialize_with = "sorted_set")]
    pub(crate) filler: HashSet<String>,
    /// Filler that may stand inside of a phrase.
    #[serde(serialize_with = "sorted_set")]
    pub(crate) between: HashSet<String>,
    #[serde(serialize_with = "sorted_set")]
    pub(crate) generic: HashSet<String>,
    pub(crate) negation: Vec<Vec<String>>,
    pub(crate) not_negation: Vec<Vec<String>>,
    #[serde(serialize_with = "sorted_set")]
    pub(crate) without: HashSet<String>,
    #[serde(serialize_with = "sorted_set")]
    pub(crate) conjunction: HashSet<String>,
    #[serde(serialize_with = "sorted_set")]
    pub(crate) particles: HashSet<String>,
    pub(crate) asking: Vec<Vec<String>>,
    /// Words that part what is wanted from what is not.
    #[serde(serialize_with = "sorted_set")]
    pub(crate) contrast: HashSet<String>,
    /// Words after which a negation describes.
    #[serde(serialize_with = "sorted_set")]
    pub(crate) relative: HashSet<String>,
    /// Negations that also reach what stands before them.
    #[serde(serialize_with = "sorted_set")]
    pub(crate) refusal: HashSet<String>,
    /// Words that a request may hold without asking for more.
    #[serde(serialize_with = "sorted_set")]
    pub(crate) bonus: HashSet<String>,
    /// Who says this wants to know how; `*` is any word.
    pub(crate) how: Vec<Vec<String>>,
    /// What these begin tells why or when.
    pub(crate) aside: Vec<Vec<String>>,
    /// Stems of words that belong to other parts of life.
    #[serde(serialize_with = "sorted_set")]
    pub(crate) elsewhere: HashSet<String>,
    /// Words that are no typing mistakes.
    #[serde(serialize_with = "sorted_set")]
    real: HashSet<String>,
    /// Stem → stems of the English words that it may stand for.
    #[serde(serialize_with = "sorted_map")]
    pub(crate) english: HashMap<String, Vec<String>>,
    /// After these words comes what something is for (`a database for the tests`).
    #[serde(serialize_with = "sorted_set")]
    pub(crate) purpose: HashSet<String>,
    /// Words as written, folded → readings: a listed form beats a form with the same stem.
    #[serde(serialize_with = "sorted_map")]
    pub(crate) surfaces: HashMap<String, Vec<Tags>>,
    /// The same and filler, for typing mistakes.
    spellings: Vec<String>,
}

/// Public tools and what they do.
#[derive(Deserialize, Serialize)]
pub(crate) struct Tools {
    pub(crate) wrappers: Vec<Vec<String>>,
    pub(crate) runners: Vec<Vec<String>>,
    pub(crate) interpreters: Vec<Vec<String>>,
    /// Program → its language or the part of a system that it is about.
    #[serde(serialize_with = "sorted_map")]
    pub(crate) about: HashMap<String, Tags>,
    /// Program → (words that must follow, concepts).
    #[serde(serialize_with = "sorted_map")]
    pub(crate) commands: HashMap<String, Vec<(Vec<String>, Tags)>>,
}

/// The knowledge, parsed on first use.
pub(crate) fn knowledge() -> &'static Knowledge {
    static KNOWLEDGE: OnceLock<Knowledge> = OnceLock::new();
    KNOWLEDGE.get_or_init(|| {
        let mut knowledge: Knowledge = serde_json::from_str(include_str!("knowledge.json"))
            .expect("the file is compiled in and a test keeps it equal to its sources");
        for language in &mut knowledge.languages {
            language.stemmer = stemmer(&language.stemmer_name);
        }
        knowledge
    })
}

impl Knowledge {
    /// The concept of that name.
    pub(crate) fn concept(&self, name: &str) -> Option<Concept> {
        self.by_name.get(name).copied()
    }

    /// The name of a concept.
    #[cfg(test)]
    pub(crate) fn name(&self, concept: Concept) -> &str {
        self.by_name.iter().find(|(_, other)| **other == concept).map_or("", |(name, _)| name)
    }

    /// Whether a concept is an activity.
    pub(crate) fn is_activity(&self, concept: Concept) -> bool {
        self.concepts[usize::from(concept)].kind == Kind::Activity
    }

    fn is_filler(&self, word: &str) -> bool {
        self.languages.iter().any(|language| language.filler.contains(word))
    }

    /// The known word, in any language, that a mistyped word stands for.
    pub(crate) fn correct(&self, word: &str) -> Option<&str> {
        if self.languages.iter().any(|language| language.real.contains(word)) {
            return None;
        }
        self.languages
            .iter()
            .flat_map(|language| &language.spellings)
            .filter(|known| is_typo(word, known))
            .min_by_key(|known| (!self.is_filler(known), known.len().abs_diff(word.len())))
            .map(String::as_str)
    }
}

/// Stands in until the name is read.
fn unnamed_stemmer() -> Stemmer {
    stemmer("")
}

/// In order, so that the generated file is the same each time.
fn sorted_map<K: Ord + Serialize, V: Serialize, S: Serializer>(
    map: &HashMap<K, V>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    map.iter().collect::<BTreeMap<_, _>>().serialize(serializer)
}

fn sorted_set<S: Serializer>(set: &HashSet<String>, serializer: S) -> Result<S::Ok, S::Error> {
    set.iter().collect::<BTreeSet<_>>().serialize(serializer)
}
