//! Vectors are what they should be: own kernels against candle, and the real model against reference vectors that
//! `minilm.json` holds (64-bit floats and own word pieces, in another language).

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hauski_embed::{Arithmetic, Folder, Level, Model};
use serde::Deserialize;
use testkit::model::{self, Vocabulary};

const TEXTS: [&str; 6] = [
    "A man is eating food.",
    "the index never forgets",
    "x",
    "Search and find? A man searching the index is never eating.",
    "a b c d e f g h i j k l m n o p q r s t u",
    "the man",
];

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn vectors(model: &Model, texts: &[&str]) -> Vec<Vec<f32>> {
    let ids: Vec<Vec<u32>> =
        texts.iter().map(|text| model.tokens(text).expect("tokens").ids).collect();
    let ids: Vec<&[u32]> = ids.iter().map(Vec::as_slice).collect();
    model.encode(&ids).expect("vectors")
}

fn tiny(seed: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    model::write(folder.path(), seed, Vocabulary::Json);
    folder
}

fn load(folder: &Path, arithmetic: Arithmetic, level: Level) -> Model {
    Model::of(Folder::read(folder).expect("a folder"), arithmetic, level).expect("a model")
}

#[test]
fn own_kernels_and_candle_give_the_same_vectors_on_every_level() {
    for seed in [1, 2, 3] {
        let folder = tiny(seed);
        let reference = vectors(&load(folder.path(), Arithmetic::Candle, Level::best()), &TEXTS);
        for level in Level::all() {
            let own = vectors(&load(folder.path(), Arithmetic::F32, level), &TEXTS);
            for (own, reference) in own.iter().zip(&reference) {
                assert_eq!(own.len(), model::DIMENSIONS);
                let length = cosine(own, own).sqrt();
                assert!((length - 1.0).abs() < 1e-6, "{length}");
                assert!(cosine(own, reference) > 0.999_999, "{level:?}");
            }
            let bytes = vectors(&load(folder.path(), Arithmetic::Int8, level), &TEXTS);
            for (bytes, reference) in bytes.iter().zip(&reference) {
                assert!(cosine(bytes, reference) > 0.995, "{level:?} {}", cosine(bytes, reference));
            }
        }
        let other = vectors(&load(tiny(seed + 10).path(), Arithmetic::F32, Level::best()), &TEXTS);
        assert!(cosine(&other[0], &reference[0]) < 0.9, "other weights, other vectors");
    }
}

#[test]
fn the_vector_of_a_text_does_not_depend_on_its_neighbours() {
    let folder = tiny(7);
    let model = load(folder.path(), Arithmetic::F32, Level::best());
    let together = vectors(&model, &TEXTS);
    for (text, vector) in TEXTS.iter().zip(together) {
        assert_eq!(vectors(&model, &[text])[0], vector, "{text}");
    }
}

#[test]
fn a_vocabulary_as_text_reads_as_one_in_json_does() {
    let (json, text) = (tiny(1), tempfile::tempdir().expect("a folder"));
    model::write(text.path(), 1, Vocabulary::Text);
    let (json, text) = (
        load(json.path(), Arithmetic::F32, Level::best()),
        load(text.path(), Arithmetic::F32, Level::best()),
    );
    for sentence in TEXTS {
        assert_eq!(json.tokens(sentence), text.tokens(sentence), "{sentence}");
    }
}

#[test]
fn a_text_that_is_too_long_is_cut_before_its_last_token_and_says_so() {
    let folder = tiny(1);
    let model = load(folder.path(), Arithmetic::F32, Level::best());
    let long = "the index ".repeat(40);
    let encoded = model.tokens(&long).expect("tokens");
    assert!(encoded.is_cut());
    assert_eq!((encoded.ids.len(), encoded.whole), (model::CONTEXT, 82));
    assert_eq!((encoded.ids[0], encoded.ids[model::CONTEXT - 1]), (2, 3), "[CLS] and [SEP]");
    let short = model.tokens("the index").expect("tokens");
    assert!(!short.is_cut());
    assert_eq!(model.framed(&short.ids[1..short.whole - 1]), Ok(short));
    assert_eq!(model.framed(&[9_999]), Err("the model has no token 9999".to_owned()));
}

#[derive(Deserialize)]
struct Reference {
    text: String,
    tokens: usize,
    vector: String,
}

#[test]
fn the_real_model_agrees_with_the_reference() {
    let Some(folder) = real() else {
        testkit::not_run("MiniLM against its reference", "HAUSKI_TEST_MODEL names no model folder");
        return;
    };
    let references: Vec<Reference> =
        serde_json::from_str(include_str!("minilm.json")).expect("references");
    let candle = load(&folder, Arithmetic::Candle, Level::best());
    let bytes = load(&folder, Arithmetic::Int8, Level::best());
    for level in Level::all() {
        let own = load(&folder, Arithmetic::F32, level);
        for reference in &references {
            let exact = STANDARD.decode(&reference.vector).expect("base64");
            let exact: Vec<f32> =
                exact.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
            let text = reference.text.as_str();
            assert_eq!(own.tokens(text).expect("tokens").ids.len(), reference.tokens, "{text}");
            for model in [&own, &candle] {
                let cosine = cosine(&vectors(model, &[text])[0], &exact);
                assert!(cosine > 0.999_999, "{level:?} {text}: {cosine}");
            }
            let cosine = cosine(&vectors(&bytes, &[text])[0], &exact);
            assert!(cosine > 0.98, "int8 {text}: {cosine}");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "where the real model lies is said from outside")]
fn real() -> Option<PathBuf> {
    std::env::var_os("HAUSKI_TEST_MODEL").map(PathBuf::from).filter(|path| path.is_dir())
}
