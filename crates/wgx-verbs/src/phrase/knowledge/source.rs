//! Writes the generated file of knowledge from its readable sources: `concepts.toml`, `tools.toml` and the
//! language files. Part of the tests only.

use std::collections::{BTreeMap, HashMap, HashSet};

use rust_stemmers::Stemmer;
use serde::Deserialize;

use super::super::words::{fold, sentence, stemmer};
use super::{Concept, ConceptInfo, Kind, Knowledge, Language, Tags, Tools};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConceptFile {
    activity: HashMap<String, ConceptEntry>,
    scope: HashMap<String, ConceptEntry>,
    modifier: HashMap<String, ConceptEntry>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ConceptEntry {
    missing: Option<f32>,
    extra: Option<f32>,
    gives: BTreeMap<String, f32>,
    usual: Vec<String>,
    names: Vec<String>,
    everyday: bool,
    beside: BTreeMap<String, f32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LanguageFile {
    stemmer: String,
    filler: String,
    between: String,
    generic: String,
    negation: Vec<String>,
    not_negation: Vec<String>,
    without: Vec<String>,
    conjunction: Vec<String>,
    particles: Vec<String>,
    asking: Vec<String>,
    contrast: Vec<String>,
    relative: Vec<String>,
    refusal: Vec<String>,
    aside: Vec<String>,
    how: Vec<String>,
    same: String,
    bonus: String,
    elsewhere: String,
    real: String,
    #[serde(default)]
    english: String,
    purpose: Vec<String>,
    meaning: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToolFile {
    wrappers: Vec<String>,
    runners: Vec<String>,
    interpreters: Vec<String>,
    about: BTreeMap<String, Vec<String>>,
    commands: BTreeMap<String, String>,
}

impl Knowledge {
    fn parse() -> Result<Self, toml::de::Error> {
        let file: ConceptFile = toml::from_str(include_str!("../concepts.toml"))?;
        let (concepts, names, by_name) = concepts(file);
        let files: Vec<LanguageFile> =
            [include_str!("../language/en.toml"), include_str!("../language/de.toml")]
                .into_iter()
                .map(toml::from_str)
                .collect::<Result<_, _>>()?;
        let same = files.iter().flat_map(|file| same(&file.same)).collect();
        let languages = files.iter().map(|file| Language::new(file, &by_name)).collect();
        let tools = Tools::new(toml::from_str(include_str!("../tools.toml"))?, &by_name);
        Ok(Self { concepts, names, languages, same, tools, by_name })
    }
}

/// Each word of a line with the first word of it.
fn same(lines: &str) -> impl Iterator<Item = (String, String)> {
    lines.lines().flat_map(|line| {
        let first = line.split_whitespace().next().map(fold).unwrap_or_default();
        line.split_whitespace().map(move |word| (fold(word), first.clone())).collect::<Vec<_>>()
    })
}

/// Lines of `word word: english english`, all as stems.
fn english(lines: &str, own: &Stemmer) -> HashMap<String, Vec<String>> {
    let english = stemmer("english");
    let mut found: HashMap<String, Vec<String>> = HashMap::new();
    for (words, meanings) in lines.lines().filter_map(|line| line.split_once(':')) {
        for word in words.split_whitespace() {
            let stems = meanings.split_whitespace().map(|word| english.stem(word).into_owned());
            found.entry(own.stem(&fold(word)).into_owned()).or_default().extend(stems);
        }
    }
    for stems in found.values_mut() {
        stems.sort_unstable();
        stems.dedup();
    }
    found
}

type ConceptTables = (Vec<ConceptInfo>, HashMap<String, Tags>, HashMap<String, Concept>);

fn concepts(file: ConceptFile) -> ConceptTables {
    let kinds = [
        (Kind::Activity, file.activity),
        (Kind::Scope, file.scope),
        (Kind::Modifier, file.modifier),
    ];
    let mut entries: Vec<(Kind, String, ConceptEntry)> = kinds
        .into_iter()
        .flat_map(|(kind, table)| table.into_iter().map(move |(name, entry)| (kind, name, entry)))
        .collect();
    entries.sort_by(|left, right| left.1.cmp(&right.1));
    let by_name: HashMap<String, Concept> =
        (0..).zip(&entries).map(|(at, (_, name, _))| (name.clone(), at)).collect();
    let mut names: HashMap<String, Tags> = HashMap::new();
    let mut infos = Vec::with_capacity(entries.len());
    for (kind, name, entry) in entries {
        let own = by_name[&name];
        for short in entry.names.iter().chain([&name]) {
            names.entry(short.clone()).or_insert_with(|| vec![own]);
        }
        infos.push(concept_info(kind, &entry, &by_name));
    }
    (infos, names, by_name)
}

fn concept_info(
    kind: Kind,
    entry: &ConceptEntry,
    by_name: &HashMap<String, Concept>,
) -> ConceptInfo {
    let (missing, extra) = match kind {
        Kind::Activity => (0.1, 0.72),
        Kind::Scope => (0.4, 0.82),
        Kind::Modifier => (0.6, 0.85),
    };
    ConceptInfo {
        kind,
        missing: entry.missing.unwrap_or(missing),
        extra: entry.extra.unwrap_or(extra),
        is_everyday: entry.everyday,
        gives: entry.gives.iter().map(|(name, strength)| (by_name[name], *strength)).collect(),
        usual: entry.usual.iter().map(|name| by_name[name]).collect(),
        beside: entry
            .beside
            .iter()
            .map(|(name, rest)| (by_name.get(name).copied(), *rest))
            .collect(),
    }
}

impl Language {
    fn new(file: &LanguageFile, by_name: &HashMap<String, Concept>) -> Self {
        let stemmer = stemmer(&file.stemmer);
        let stems = |phrase: &str| -> Vec<String> {
            sentence(phrase).iter().map(|word| stemmer.stem(word).into_owned()).collect()
        };
        let mut single: HashMap<String, Vec<Tags>> = HashMap::new();
        let mut phrases: HashMap<String, Vec<(Vec<String>, Tags)>> = HashMap::new();
        let mut surfaces: HashMap<String, Vec<Tags>> = HashMap::new();
        let filler: HashSet<String> = file.filler.split_whitespace().map(fold).collect();
        let mut loose: HashMap<String, Vec<(Vec<String>, Tags)>> = HashMap::new();
        // A question or a negation says the same only as it stands.
        let bound: HashSet<String> = [&file.relative, &file.refusal, &file.without]
            .into_iter()
            .flatten()
            .map(|word| fold(word))
            .chain(
                file.asking
                    .iter()
                    .chain(&file.negation)
                    .chain(&file.aside)
                    .flat_map(|text| sentence(text)),
            )
            .collect();
        let is_bound = |word: &String| bound.contains(word);
        for (key, meanings) in &file.meaning {
            let tags: Tags = key.split('+').map(|name| by_name[name]).collect();
            for phrase in meanings {
                let words = sentence(phrase);
                let mut content: Vec<String> = words
                    .iter()
                    .filter(|word| !filler.contains(*word))
                    .map(|word| stemmer.stem(word).into_owned())
                    .collect();
                // What may destroy is taken only as it stands, but for the order.
                let may_drop = content.len() == words.len() || !key.split('+').any(is_grave);
                // "All" belongs to the word beside it: `all type checkers` are not all checks.
                let is_whole = key.split('+').any(|name| name == "all");
                let distinct = content.iter().collect::<HashSet<_>>().len() == content.len();
                if tags.len() > 1
                    && content.len() > 1
                    && distinct
                    && may_drop
                    && !is_whole
                    && !words.iter().any(is_bound)
                {
                    let first = content.remove(0);
                    loose.entry(first).or_default().push((content, tags.clone()));
                }
                let mut stems = stems(phrase);
                if stems.len() > 1 {
                    let first = stems.remove(0);
                    phrases.entry(first).or_default().push((stems, tags.clone()));
                } else if let Some(stem) = stems.pop() {
                    for readings in
                        [surfaces.entry(fold(phrase)).or_default(), single.entry(stem).or_default()]
                    {
                        if !readings.contains(&tags) {
                            readings.push(tags.clone());
                        }
                    }
                }
            }
        }
        for longer in phrases.values_mut() {
            longer.sort_by_key(|(rest, _)| std::cmp::Reverse(rest.len()));
        }
        let mut spellings: Vec<String> = surfaces.keys().chain(&filler).cloned().collect();
        spellings.sort_unstable();
        spellings.dedup();
        let folded = |words: &[String]| words.iter().map(|word| fold(word)).collect();
        let sentences = |words: &[String]| words.iter().map(|word| sentence(word)).collect();
        let generic = file.generic.split_whitespace().flat_map(stems).collect();
        let elsewhere = file.elsewhere.split_whitespace().flat_map(stems).collect();
        Self {
            single,
            phrases,
            loose,
            between: file.between.split_whitespace().map(fold).collect(),
            generic,
            negation: sentences(&file.negation),
            not_negation: sentences(&file.not_negation),
            without: folded(&file.without),
            conjunction: folded(&file.conjunction),
            particles: folded(&file.particles),
            asking: sentences(&file.asking),
            contrast: folded(&file.contrast),
            relative: folded(&file.relative),
            refusal: folded(&file.refusal),
            aside: sentences(&file.aside),
            how: file.how.iter().map(|text| text.split_whitespace().map(fold).collect()).collect(),
            bonus: file.bonus.split_whitespace().map(fold).collect(),
            elsewhere,
            real: file.real.split_whitespace().map(fold).collect(),
            english: english(&file.english, &stemmer),
            purpose: folded(&file.purpose),
            filler,
            surfaces,
            spellings,
            stemmer_name: file.stemmer.clone(),
            stemmer,
        }
    }
}

impl Tools {
    fn new(file: ToolFile, by_name: &HashMap<String, Concept>) -> Self {
        let split = |text: &String| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let longest_first = |texts: &[String]| {
            let mut all: Vec<Vec<String>> = texts.iter().map(split).collect();
            all.sort_by_key(|words| std::cmp::Reverse(words.len()));
            all
        };
        let mut commands: HashMap<String, Vec<(Vec<String>, Tags)>> = HashMap::new();
        for (key, meaning) in &file.commands {
            let mut words = split(key);
            let program = words.remove(0);
            let tags = meaning.split_whitespace().map(|name| by_name[name]).collect();
            commands.entry(program).or_default().push((words, tags));
        }
        for variants in commands.values_mut() {
            variants
                .sort_by(|left, right| right.0.len().cmp(&left.0.len()).then(left.0.cmp(&right.0)));
        }
        let mut about: HashMap<String, Tags> = HashMap::new();
        for (name, programs) in file.about {
            for program in programs {
                about.entry(program).or_default().push(by_name[&name]);
            }
        }
        Self {
            wrappers: longest_first(&file.wrappers),
            runners: longest_first(&file.runners),
            interpreters: longest_first(&file.interpreters),
            about,
            commands,
        }
    }
}

/// Activities that free text must not take for another.
fn is_grave(concept: &str) -> bool {
    ["remove", "reset", "clean", "deploy", "publish", "release", "rollback", "restore", "uninstall"]
        .contains(&concept)
}

/// Set to write the file anew.
const WRITE: &str = "WGX_WRITE_KNOWLEDGE";

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a person at the keyboard says what to do; no product code reads this"
)]
fn the_generated_file_is_fresh() {
    let fresh = serde_json::to_string(&Knowledge::parse().expect("valid")).expect("plain data");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/phrase/knowledge.json");
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(path, &fresh).expect("writable");
    }
    let kept = std::fs::read_to_string(path).expect("there");
    assert!(
        kept == fresh,
        "the sources changed: run {WRITE}=1 cargo test -p wgx-verbs --lib the_generated_file_is_fresh"
    );
}

#[test]
fn the_data_files_parse_and_name_only_known_concepts() {
    let knowledge = Knowledge::parse().unwrap();
    assert!(knowledge.concepts.len() > 150);
    for language in &knowledge.languages {
        assert!(language.single.len() > 300 && language.filler.len() > 100);
    }
}
