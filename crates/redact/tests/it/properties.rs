//! What must hold for any text.

use proptest::prelude::*;
use redact::{LogMasker, Redactor};

use crate::generate::{Random, fill};

/// Text in which secrets, their names, half masks and escapes meet at random.
pub(crate) fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "(?s).{0,12}",
        "[a-zA-Z0-9+/=_.:@\"' \\\\{},;&%-]{0,40}",
        any::<u64>().prop_map(|seed| fill("ghp_{an:36}", &mut Random::new(seed))),
        any::<u64>().prop_map(|seed| fill("AKIA{b32:16}", &mut Random::new(seed))),
        any::<u64>().prop_map(|seed| fill("password={pw:12}", &mut Random::new(seed))),
        any::<u64>().prop_map(|seed| fill("https://u:{an:12}@h/", &mut Random::new(seed))),
        any::<u64>().prop_map(|seed| fill("{b64:80}", &mut Random::new(seed))),
        any::<u64>()
            .prop_map(|seed| fill("«redacted:github-token:{hex:8}»", &mut Random::new(seed))),
        Just("token: ".to_owned()),
        Just("-----BEGIN PRIVATE KEY-----\n".to_owned()),
        Just("-----END PRIVATE KEY-----".to_owned()),
        Just("«redacted:".to_owned()),
        Just("Authorization: Bearer ".to_owned()),
        Just("\\u0041\\/%41\u{0}".to_owned()),
        Just("\n".to_owned()),
    ];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn masking_masked_text_changes_nothing(text in hostile()) {
        let redactor = Redactor::new([5; 32]);
        let once = redactor.mask(&text);
        let twice = redactor.mask(&once.text);
        prop_assert_eq!(&twice.text, &once.text);
        prop_assert!(twice.findings.is_empty());
    }

    #[test]
    fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let redactor = Redactor::new([5; 32]);
        let masked = redactor.mask_bytes(&bytes);
        prop_assert!(masked.findings.iter().all(|finding| finding.range.end <= bytes.len()));
        prop_assert!(redactor.mask_bytes(&masked.bytes).findings.is_empty());
        redactor.scan_bytes(&bytes);
    }

    #[test]
    fn a_stream_without_secrets_is_unchanged(text in hostile(), size in 1_usize..50) {
        let mut masker = LogMasker::new(Redactor::new([5; 32]));
        let mut out = Vec::new();
        text.as_bytes().chunks(size).for_each(|chunk| masker.push(chunk, &mut out));
        masker.finish(&mut out);
        if Redactor::new([5; 32]).mask(&text).findings.is_empty() {
            prop_assert_eq!(out, text.as_bytes());
        }
    }

    #[test]
    fn a_planted_token_never_survives(seed in any::<u64>(), size in 1_usize..90, text in "[a-z \n\
         ]{0,80}") {
        let secret = fill("glpat-{url:20}", &mut Random::new(seed));
        prop_assume!(!secret.ends_with(['-', '_']));
        let text = format!("{text} {secret} {text}");
        prop_assert!(!Redactor::new([5; 32]).mask(&text).text.contains(&secret));
        let mut masker = LogMasker::new(Redactor::new([5; 32]));
        let mut out = Vec::new();
        text.as_bytes().chunks(size).for_each(|chunk| masker.push(chunk, &mut out));
        masker.finish(&mut out);
        prop_assert!(!String::from_utf8_lossy(&out).contains(&secret));
    }
}

#[test]
fn masks_are_stable_under_one_key_and_differ_under_another() {
    let secret = fill("ghp_{an:36}", &mut Random::new(1));
    let mask = |key: u8| Redactor::new([key; 32]).mask(&format!("x {secret} {secret}")).text;
    let parts: Vec<String> = mask(1).split(' ').map(str::to_owned).collect();
    assert_eq!(parts[1], parts[2]);
    assert!(parts[1].starts_with("«redacted:github-token:") && parts[1].ends_with('»'));
    assert_eq!(mask(1), mask(1));
    assert_ne!(mask(1), mask(2));
}

#[test]
fn places_count_lines_and_characters() {
    let secret = fill("ghp_{an:36}", &mut Random::new(1));
    let found = Redactor::new([0; 32]).scan(&format!("ä\nüö {secret}\n{secret}"));
    let places: Vec<_> = found.iter().map(|f| (f.line, f.column)).collect();
    assert_eq!(places, [(2, 4), (3, 1)]);
}
