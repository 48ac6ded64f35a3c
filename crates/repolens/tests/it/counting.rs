//! Token counts against a second implementation.

use std::time::Instant;

use proptest::prelude::*;
use repolens::tokens::Vocabulary;

fn second_opinion(vocabulary: Vocabulary) -> toktok::Tokenizer {
    toktok::Tokenizer::builtin(vocabulary.name()).expect("it has this vocabulary")
}

#[test]
fn known_texts_have_known_tokens() {
    let encode = |text| Vocabulary::O200kBase.encode(text);
    assert_eq!(encode("hello world"), [24912, 2375]);
    assert_eq!(Vocabulary::Cl100kBase.encode("hello world"), [15339, 1917]);
    // The long s is an `s` where case does not count, as in the expressions of the original; the
    // second opinion does not know that.
    assert_eq!(encode("ä'ſ'LLUH"), [450, 6, 70067, 6, 130546, 39]);
    // What looks like a special token is seven pieces of text.
    assert_eq!(Vocabulary::O200kBase.count("<|endoftext|>"), 7);
    assert_eq!(Vocabulary::O200kBase.count(""), 0);
}

#[test]
fn names_are_those_of_the_vocabularies() {
    for vocabulary in Vocabulary::ALL {
        assert_eq!(vocabulary.name().parse(), Ok(vocabulary));
        assert!(vocabulary.count("a") == 1, "{}", vocabulary.name());
    }
    let error = "gpt-9".parse::<Vocabulary>().unwrap_err().to_string();
    insta::assert_snapshot!(error, @"`gpt-9` is no vocabulary here; it is one of o200k_base, o200k_harmony, cl100k_base, p50k_base, r50k_base");
}

#[test]
fn both_agree_on_our_own_sources() {
    for vocabulary in [Vocabulary::O200kBase, Vocabulary::Cl100kBase] {
        let second = second_opinion(vocabulary);
        let sources = [
            include_str!("../../src/scan/walk.rs"),
            include_str!("../../src/classify.rs"),
            include_str!("../../../redact/src/secrets.rules"),
            include_str!("../../../../README.md"),
            include_str!("../../../../Cargo.lock"),
        ];
        for text in sources {
            assert_eq!(vocabulary.encode(text), second.encode(text.as_bytes()));
            assert_eq!(vocabulary.count(text), second.count(text.as_bytes()) as u64);
        }
    }
}

/// Long runs of one kind of character are where merging pairs can become quadratic.
#[test]
fn a_megabyte_without_a_word_border_is_counted_in_time() {
    let started = Instant::now();
    for piece in ["a", "ab", " ", "\n", "=", "漢", "é", "0", "-\u{301}", "🦀"] {
        let text = piece.repeat((1 << 20) / piece.len());
        assert!(Vocabulary::O200kBase.count(&text) > 0);
    }
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_agree_on_any_text(text in "([\\PC--[ſK]]|[ \\t\\r\\n\u{85}\u{a0}\u{2028}\u{3000}']|'(s|LL|Ve)|[A-Za-zäßΣ]{1,9}){0,60}") {
        thread_local! {
            static SECOND: toktok::Tokenizer = second_opinion(Vocabulary::O200kBase);
        }
        let ours = Vocabulary::O200kBase.encode(&text);
        let theirs = SECOND.with(|second| second.encode(text.as_bytes()));
        prop_assert_eq!(&ours, &theirs);
        prop_assert_eq!(Vocabulary::O200kBase.count(&text), ours.len() as u64);
    }
}
