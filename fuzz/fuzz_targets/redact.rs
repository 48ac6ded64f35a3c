//! Masking: any text is masked without a panic, and masking it again changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use redact::Redactor;

fuzz_target!(|text: &str| {
    let redactor = Redactor::new([7; 32]);
    let once = redactor.mask(text).text;
    let twice = redactor.mask(&once).text;
    assert_eq!(once, twice);
    let _ = redactor.scan(text);
    let _ = redact::escape::escape_ctl(text);
});
