//! What holds for every text: every byte that is not blank is cited exactly once, sizes are kept, the same text is cut
//! the same way.

use hauski_index::chunk::{Chunk, ChunkOptions, Kind, Source, estimate, split};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

const KINDS: [Kind; 8] = [
    Kind::Code,
    Kind::Config,
    Kind::Settings,
    Kind::Markdown,
    Kind::Prose,
    Kind::Log,
    Kind::Turns,
    Kind::Rows,
];

/// Every path ends in another language or format.
const PATHS: [&str; 29] = [
    "a.rs", "a.py", "a.js", "a.ts", "a.tsx", "a.go", "a.java", "a.c", "a.cpp", "a.cs", "a.sh",
    "a.json", "a.yaml", "a.toml", "a.md", "a.html", "a.css", "a.rb", "a.php", "a.kt", "a.swift",
    "a.svelte", "a.sql", "a.lua", "a.zig", "a.nix", "a.rst", "a.csv", "a",
];

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

/// Fails with words when a passage breaks a law.
fn obeys(path: &str, kind: Kind, text: &str, options: &ChunkOptions) -> Result<(), TestCaseError> {
    let source = Source { path, language: None, text, kind };
    let chunks = split(&source, options);
    let mut at = 0;
    let mut last: Option<&Chunk> = None;
    for chunk in &chunks {
        prop_assert!(chunk.span.start < chunk.span.end && text.is_char_boundary(chunk.span.start));
        let shares = kind == Kind::Turns && last.is_some_and(|last| last.span == chunk.span);
        if !shares {
            prop_assert!(chunk.span.start >= at, "{path} {:?} overlaps {at}", chunk.span);
            let between = &text[at..chunk.span.start];
            prop_assert!(between.chars().all(is_blank), "{path}: {between:?} is in no passage");
            at = chunk.span.end;
        }
        let bytes = &text[chunk.span.clone()];
        prop_assert_eq!(chunk.hash, <[u8; 32]>::from(Sha256::digest(bytes)));
        let feeds =
            |end: usize| text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count();
        prop_assert_eq!(feeds(chunk.span.start) + 1, chunk.lines.0 as usize);
        prop_assert_eq!(feeds(chunk.span.end - 1) + 1, chunk.lines.1 as usize);
        if !matches!(kind, Kind::Log | Kind::Turns) {
            prop_assert_eq!(&chunk.text, bytes);
        }
        // A single character can cost more than nothing, and tiny neighbours may join.
        prop_assert!(estimate(&chunk.text) <= options.text_tokens + 16, "{path}: {}", chunk.text);
        prop_assert!(
            estimate(&chunk.header) <= options.header_tokens + 24,
            "{path}: {}",
            chunk.header
        );
        last = Some(chunk);
    }
    let rest = &text[at..];
    prop_assert!(rest.chars().all(is_blank), "{path} {kind:?}: {rest:?} is in no passage");
    prop_assert_eq!(split(&source, options), chunks);
    Ok(())
}

/// Texts that look a little like programs, documents and data.
fn texts() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[a-z]{1,9}",
        "[A-Za-z0-9_]{1,14}",
        Just("\n".to_owned()),
        Just("\n\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("    ".to_owned()),
        Just("\t".to_owned()),
        Just("fn f(a: u8) {\n".to_owned()),
        Just("}\n".to_owned()),
        Just("def g(x):\n    return x\n".to_owned()),
        Just("class A {\n".to_owned()),
        Just("/// doc\n".to_owned()),
        Just("# Title\n".to_owned()),
        Just("Title\n=====\n".to_owned()),
        Just("```rust\n".to_owned()),
        Just("\"key\": [1, {\"a\": null}],\n".to_owned()),
        Just("- item\n".to_owned()),
        Just("key: value\n".to_owned()),
        Just("[section]\n".to_owned()),
        Just("2026-11-21T20:01:49Z error: no\n".to_owned()),
        Just("{\"role\":\"user\",\"content\":\"hi there. Bye\",\"at\":1}\n".to_owned()),
        Just("a,\"b\nc\",d\n".to_owned()),
        Just("<div class='x'>".to_owned()),
        Just("\u{feff}".to_owned()),
        Just("\u{1b}[31m".to_owned()),
        "[(){}\\[\\];:,.<>=+*/!?'\"`#$@&|~^-]{1,4}",
        "\\PC{1,6}",
    ];
    prop::collection::vec(word, 0..120).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn every_byte_is_cited_exactly_once(text in texts(), path in 0..PATHS.len(), tokens in 16..90_usize) {
        let options = ChunkOptions { text_tokens: tokens, ..ChunkOptions::default() };
        let path = PATHS[path];
        obeys(path, Kind::of(path, &text), &text, &options)?;
    }

    #[test]
    fn whatever_a_text_is_called(text in texts(), path in 0..PATHS.len(), kind in 0..KINDS.len()) {
        let options = ChunkOptions { text_tokens: 24, ..ChunkOptions::default() };
        obeys(PATHS[path], KINDS[kind], &text, &options)?;
    }

    #[test]
    fn whatever_the_characters(text in "\\PC{0,300}|[\\x00-\\x7f]{0,300}", kind in 0..KINDS.len()) {
        obeys("a.rs", KINDS[kind], &text, &ChunkOptions { text_tokens: 16, ..ChunkOptions::default() })?;
    }
}

#[test]
fn this_very_repository_is_cut_by_the_laws() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = 0;
    for folder in
        ["crates/hauski-index/src", "crates/repolens/src/pack", "docs", "examples", "policies"]
    {
        let mut folders = vec![root.join(folder)];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            for entry in entries.flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(text) = std::fs::read_to_string(&path) {
                    let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                    obeys(&name, Kind::of(&name, &text), &text, &ChunkOptions::default()).unwrap();
                    files += 1;
                }
            }
        }
    }
    assert!(files > 50, "{files}");
}

#[test]
fn hostile_texts_end_soon() {
    let texts = [
        "[".repeat(100_000),
        "{\"a\":".repeat(100_000),
        "(".repeat(20_000),
        "<div>".repeat(8_000),
        "x".repeat(200_000),
        " ".repeat(200_000),
        "\n".repeat(200_000),
        "a ".repeat(100_000),
        "\"".repeat(20_000),
        "# ".repeat(20_000),
        "#\n".repeat(20_000),
        "```\n".repeat(10_000),
        "- ".repeat(20_000),
        "error 12:00:00\n".repeat(10_000),
        "\u{301}".repeat(20_000),
        "if (a) { ".repeat(8_000),
    ];
    let mut slowest = (std::time::Duration::ZERO, String::new());
    for text in &texts {
        for (path, kind) in [
            ("a.json", Kind::Config),
            ("a.rs", Kind::Code),
            ("a.js", Kind::Code),
            ("a.html", Kind::Code),
            ("a.yaml", Kind::Config),
            ("a.md", Kind::Markdown),
            ("a.txt", Kind::Prose),
            ("a.log", Kind::Log),
            ("a.csv", Kind::Rows),
            ("a.jsonl", Kind::Turns),
        ] {
            let begun = std::time::Instant::now();
            let chunks =
                split(&Source { path, language: None, text, kind }, &ChunkOptions::default());
            let took = begun.elapsed();
            slowest = slowest.max((took, format!("{path} {:?}", text.get(..8))));
            let cited: usize = chunks.iter().map(|chunk| chunk.span.len()).sum();
            assert!(cited >= text.trim().len() / 2 || kind == Kind::Turns, "{path} {cited}");
        }
    }
    // Unoptimised, on a busy machine; a grammar alone may take half a second.
    assert!(slowest.0.as_secs() < 20, "{slowest:?}");
}
