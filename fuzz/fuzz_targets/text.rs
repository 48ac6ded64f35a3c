//! Any text and any question: words, names, compounds, phrases and the stretch that is shown hold together.
#![no_main]

use hauski_index::text::snippet;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str, u8)| {
    let (text, words, max_bytes) = input;
    let shown = snippet(text, words, usize::from(max_bytes));
    assert!(text.get(shown.range.clone()).is_some());
    for mark in shown.marks {
        assert!(!mark.is_empty() && text.get(mark.clone()).is_some());
        assert!(shown.range.start <= mark.start && mark.end <= shown.range.end);
    }
});
