//! Redaction of complete texts: the fast way finds what the thorough one finds, and nothing is lost.

use std::borrow::Cow;

use proptest::prelude::*;
use redact::{Depth, Finding, Redacted, Redactor};

use crate::generate::{Random, fill};
use crate::properties::hostile;
use crate::recall::planted;

fn fast(text: &str) -> Redacted<'_> {
    Redactor::for_merges().redact(text, Depth::Fast)
}

/// What stands in the text as it is, without any encoding.
fn plain(text: &str) -> Vec<Finding> {
    let found = Redactor::for_merges().scan(text);
    found.into_iter().filter(|finding| !finding.reason.contains(", inside ")).collect()
}

/// The source put together again from what came out and what was masked.
fn restored(source: &str, redacted: &Redacted<'_>) -> String {
    let (mut out, mut at) = (String::new(), 0);
    for span in &redacted.spans {
        out.push_str(&redacted.text[at..span.output.start]);
        out.push_str(&source[span.source.clone()]);
        at = span.output.end;
    }
    out + &redacted.text[at..]
}

#[test]
fn the_fast_way_finds_what_is_planted() {
    let planted = planted();
    let leaks = |(text, secret): &&(String, String)| fast(text).text.contains(secret.as_str());
    let missed: Vec<_> = planted.iter().filter(leaks).collect();
    assert!(planted.len() >= 300);
    assert!(missed.len() * 100 <= planted.len(), "{} missed: {missed:#?}", missed.len());
}

#[test]
fn the_prefilter_passes_over_no_format() {
    // Planted in one long text, so that runs, blocks and words fall on every offset.
    for seed in 0..8 {
        let mut random = Random::new(seed);
        let mut text = String::new();
        for format in crate::recall::TOKENS {
            text.push_str(&"lorem ipsum, dolor "[..1 + random.next() as usize % 18]);
            text.push_str(&fill(format, &mut random));
            text.push('\n');
        }
        let found = fast(&text);
        let passed_over: Vec<_> = plain(&text)
            .into_iter()
            .filter(|finding| !found.spans.iter().any(|span| span.source == finding.range))
            .map(|finding| format!("{} {}", finding.rule, &text[finding.range]))
            .collect();
        assert!(passed_over.is_empty(), "{passed_over:#?}");
    }
}

#[test]
fn a_text_without_secrets_is_not_copied() {
    let text = "let token = next_token();\n// see https://docs.rs/\n".repeat(100);
    for depth in [Depth::Fast, Depth::Deep] {
        let redacted = Redactor::for_merges().redact(&text, depth);
        assert!(matches!(redacted.text, Cow::Borrowed(same) if same.as_ptr() == text.as_ptr()));
        assert!(redacted.spans.is_empty() && redacted.counts().is_empty());
    }
}

#[test]
fn masks_are_typed_counted_and_the_same_everywhere() {
    let mut random = Random::new(1);
    let (token, key) = (fill("ghp_{an:36}", &mut random), fill("AKIA{b32:16}", &mut random));
    let text = format!("a: {token}\r\nb: {key} {token}\nc: ü\n");
    let redacted = fast(&text);
    let counts: Vec<_> = redacted.counts().into_iter().collect();
    assert_eq!(counts, [("aws-access-key-id", 1), ("github-token", 2)]);
    let masks: Vec<&str> =
        redacted.spans.iter().map(|span| &redacted.text[span.output.clone()]).collect();
    assert!(masks[0] == masks[2] && masks[0] != masks[1], "{masks:?}");
    let again = fast(&token).text.into_owned();
    assert_eq!(again, masks[0], "another text, another redactor, the same mask");
    assert_eq!(redacted.text.lines().count(), text.lines().count());
    assert_eq!(restored(&text, &redacted), text);
}

#[test]
fn a_mask_that_anybody_can_make_confirms_no_guess() {
    let masked = |value: &str| fast(&format!("db_password = \"{value}\"\n")).text.into_owned();
    assert_eq!(masked("Sommer2019!"), "db_password = \"«redacted:secret-assignment:00000000»\"\n");
    assert_eq!(masked("Sommer2019!"), masked("Winter2020?"));
    let strong = fill("{an:30}7q2W9", &mut Random::new(4));
    assert!(!masked(&strong).contains(":00000000»"), "{}", masked(&strong));
}

#[test]
fn encoded_secrets_are_for_the_deep_way() {
    use base64::Engine as _;
    let token = fill("ghp_{an:36}", &mut Random::new(1));
    let line = base64::engine::general_purpose::STANDARD.encode(format!("the token is {token}."));
    let redact = |depth| Redactor::for_merges().redact(&line, depth).spans.len();
    assert_eq!((redact(Depth::Fast), redact(Depth::Deep)), (0, 1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn fast_and_thorough_agree(text in hostile()) {
        let (fast, plain) = (fast(&text), plain(&text));
        for finding in &plain {
            // An escape may lengthen what the thorough way finds.
            let covered = fast.spans.iter().any(|span| {
                span.source.start < finding.range.end && finding.range.start < span.source.end
            });
            prop_assert!(covered, "{} {:?} not in {:?}", finding.rule, finding.range, fast.spans);
        }
        let all = Redactor::for_merges().scan(&text);
        for span in &fast.spans {
            let known = all.iter().any(|finding| finding.range.start <= span.source.start
                && span.source.end <= finding.range.end);
            prop_assert!(known, "{span:?} is found by the fast way only");
        }
        prop_assert_eq!(restored(&text, &fast), text);
    }
}
