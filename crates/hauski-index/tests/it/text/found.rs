//! Words, names, phrases, exclusions, languages, filters and scores.

use std::collections::BTreeMap;

use hauski_index::Filter;
use hauski_index::text::{Bm25, Kind, TextIndex, TextParams, TextQuery};
use tempfile::TempDir;

use super::{ask, ids, of_kind, put, search, with};

/// Every question is asked twice: of what waits, and of what is committed.
fn both(changes: &[hauski_index::text::TextChange], check: impl Fn(&TextIndex)) {
    let folder = TempDir::new().expect("works");
    let index = TextIndex::open(folder.path()).expect("works");
    index.apply(changes, 1).expect("works");
    check(&index);
    index.commit().expect("works");
    check(&index);
}

#[test]
fn stems_meet_in_both_languages() {
    let passages = [
        put(1, "The parser reads the configuration and reports its errors to the caller."),
        put(2, "Der Zerteiler liest die Einstellungen und meldet dem Aufrufer jeden Fehler."),
        put(3, "Nothing of the kind is in this one, and it is here for the statistics."),
    ];
    both(&passages, |index| {
        assert_eq!(ids(index, "parsers"), [1]);
        assert_eq!(ids(index, "reported error"), [1]);
        assert_eq!(ids(index, "Einstellung"), [2]);
        assert_eq!(ids(index, "wer meldet die Fehler"), [2]);
        assert_eq!(ids(index, "unknown"), [] as [u64; 0]);
    });
}

#[test]
fn parts_of_german_compounds_are_found_and_weigh_less() {
    let passages = [
        put(1, "Die Datenbankverbindung wird nach einer Minute ohne Anfrage wieder geschlossen."),
        put(2, "Die Verbindung zur Bank ist nicht die beste, aber der Weg dorthin ist schön."),
        put(3, "Der Änderungsverlauf wird nicht gelöscht, wenn die Sitzung endet."),
    ];
    both(&passages, |index| {
        assert_eq!(ids(index, "Verbindung"), [2, 1]);
        assert_eq!(ids(index, "Datenbankverbindung")[0], 1);
        assert_eq!(ids(index, "Aenderungen"), [3]);
        assert_eq!(ids(index, "Verlauf der Änderung"), [3]);
    });
}

#[test]
fn names_are_found_whole_and_by_their_words() {
    let passages = [
        of_kind(
            1,
            "src/config.rs",
            "pub fn parse_config(path: &Path) -> Result<Config>",
            Kind::Code,
        ),
        of_kind(
            2,
            "src/parse.rs",
            "let parse = |config| config.len(); // parse the config",
            Kind::Code,
        ),
        of_kind(3, "src/map.rs", "use std::collections::HashMap;", Kind::Code),
        put(4, "The compiler says error[E0308]: mismatched types in version 1.27.3 of it."),
    ];
    both(&passages, |index| {
        assert_eq!(ids(index, "parse_config")[0], 1);
        assert_eq!(ids(index, "hashmap"), [3]);
        assert_eq!(ids(index, "hash maps"), [3]);
        assert_eq!(ids(index, "e0308"), [4]);
        assert_eq!(ids(index, "1.27.3"), [4]);
        assert_eq!(ids(index, "src/map.rs")[0], 3);
        assert_eq!(ids(index, "std::collections::HashMap")[0], 3);
    });
}

#[test]
fn phrases_must_stand_and_exclusions_must_not() {
    let passages = [
        put(1, "To kill the process, send it the signal; the process ends."),
        put(2, "The process will kill any signal that it gets on Windows."),
    ];
    both(&passages, |index| {
        assert_eq!(ids(index, "\"kill the process\""), [1]);
        assert_eq!(ids(index, "process -windows"), [1]);
        assert_eq!(ids(index, "process -\"kill any signal\""), [1]);
        assert_eq!(ids(index, "-windows"), [2]);
        assert_eq!(ids(index, "kill (process AND \"").len(), 2);
    });
}

#[test]
fn repeated_words_count() {
    let passages = [put(1, "alpha alpha alpha beta"), put(2, "alpha beta beta beta")];
    both(&passages, |index| {
        assert_eq!(ids(index, "alpha alpha beta"), [1, 2]);
        assert_eq!(ids(index, "alpha beta beta"), [2, 1]);
        assert_eq!(ids(index, "alpha beta"), [1, 2], "equal scores go by id");
    });
}

#[test]
fn filters_hold_inside_the_search() {
    let passages: Vec<_> = (0..200)
        .map(|id| {
            with(put(id, "the same words in each passage"), |attributes| {
                attributes.collection = (id % 4) as u32;
                attributes.tags = vec![(id % 5) as u32 + 10, 99];
                attributes.at_ms = id as i64;
                attributes.expires_at_ms = (id % 2 == 0).then_some(1_000 + id as i64);
            })
        })
        .collect();
    let filters = [
        Filter { collections: vec![1, 3], ..Filter::default() },
        Filter { all_tags: vec![99, 12], none_tags: vec![11], ..Filter::default() },
        Filter { from_ms: Some(50), until_ms: Some(60), ..Filter::default() },
        Filter { alive_at_ms: Some(1_100), ..Filter::default() },
        Filter {
            collections: vec![2],
            none_tags: vec![10, 14],
            from_ms: Some(100),
            alive_at_ms: Some(1_150),
            ..Filter::default()
        },
        Filter { all_tags: vec![12_345], ..Filter::default() },
    ];
    both(&passages, |index| {
        for filter in &filters {
            let expected: Vec<u64> = passages
                .iter()
                .filter_map(|change| match change {
                    hauski_index::text::TextChange::Put { id, attributes, .. } => {
                        filter.admits(attributes).then_some(id.0)
                    }
                    hauski_index::text::TextChange::Delete(_) => None,
                })
                .collect();
            let query = TextQuery {
                words: "passages".into(),
                k: 500,
                filter: filter.clone(),
                ..TextQuery::default()
            };
            let found: Vec<u64> = search(index, &query).hits.iter().map(|hit| hit.id.0).collect();
            assert_eq!(found, expected, "{filter:?}");
        }
    });
}

/// The scores are those of the textbook formula, by collection with constants of its own.
#[test]
fn scores_are_bm25() {
    let texts = [
        "kernel module kernel",
        "kernel driver loads firmware blob slowly",
        "cache line",
        "module cache",
    ];
    let passages: Vec<_> = texts
        .iter()
        .enumerate()
        .map(|(id, text)| {
            with(put(id as u64, text), |attributes| attributes.collection = (id % 2) as u32)
        })
        .collect();
    let short = Bm25 { k1: 0.9, b: 0.4 };
    let params = TextParams {
        by_collection: BTreeMap::from([(1, short)]),
        explain: true,
        ..TextParams::default()
    };
    let usual = [(3.0 + 2.0) / 2.0, (6.0 + 2.0) / 2.0];
    let part = |id: usize, word: &str| {
        let words: Vec<&str> = texts[id].split(' ').collect();
        let count = words.iter().filter(|w| **w == word).count() as f64;
        let with = texts.iter().filter(|text| text.contains(word)).count() as f64;
        let idf = (1.0 + (4.0 - with + 0.5) / (with + 0.5)).ln();
        let (k1, b) = if id % 2 == 1 { (0.9, 0.4) } else { (1.2, 0.75) };
        idf * count / (count + k1 * (1.0 - b + b * words.len() as f64 / usual[id % 2]))
    };
    both(&passages, |index| {
        let query = TextQuery {
            words: "kernel module".into(),
            k: 10,
            params: params.clone(),
            ..TextQuery::default()
        };
        let found = search(index, &query);
        let mut expected: Vec<(f64, u64)> = (0..4)
            .map(|id| (part(id, "kernel") + part(id, "module"), id as u64))
            .filter(|(score, _)| *score > 0.0)
            .collect();
        expected.sort_by(|a, b| b.0.total_cmp(&a.0));
        assert_eq!(found.hits.len(), expected.len());
        for (hit, (score, id)) in found.hits.iter().zip(expected) {
            assert_eq!(hit.id.0, id);
            assert!((f64::from(hit.score) - score).abs() < 1e-4, "{hit:?} should score {score}");
            let sum: f32 = hit.terms.iter().map(|term| term.score).sum();
            assert!((sum - hit.score).abs() < 1e-4);
        }
    });
}

#[test]
fn titles_count_more_and_hold_function_words() {
    let passages = [
        of_kind(1, "Retention", "How long things are kept in the store of the house.", Kind::Prose),
        of_kind(
            2,
            "Other",
            "The retention of things is told somewhere else than in this house.",
            Kind::Prose,
        ),
        of_kind(3, "The Who", "A band of old.", Kind::Prose),
    ];
    both(&passages, |index| {
        assert_eq!(ids(index, "retention"), [1, 2]);
        assert_eq!(ids(index, "the who"), [3]);
        assert_eq!(search(index, &ask("")).hits.len(), 0);
    });
}
