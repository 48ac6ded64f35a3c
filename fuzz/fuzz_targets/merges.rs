//! Merges: the validator takes any bytes, in portions of any size, and says the same of them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use repolens::validate::{Options, Validator};

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (portion, bytes) = input;
    let verdict = |portion: usize| {
        let mut validator = Validator::new(Options { debug: true, ..Options::default() });
        // Two parts, so that what joins them is reached too.
        for (number, part) in bytes.split(|byte| *byte == 0xFE).take(3).enumerate() {
            validator.begin_part(&format!("x_part{}_merge.md", number + 1));
            part.chunks(portion).for_each(|bytes| validator.push(bytes));
            validator.end_part();
        }
        validator.finish()
    };
    let whole = verdict(usize::MAX);
    let pieces = verdict(usize::from(portion).max(1));
    assert_eq!(
        (whole.valid, whole.errors, whole.files),
        (pieces.valid, pieces.errors, pieces.files)
    );
    let _ = repolens::reader::outline(bytes.as_slice());
});
