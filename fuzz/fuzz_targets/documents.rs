//! YAML, JSON and TOML: any bytes give a tree or an error, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wgx_tasks::document;

fuzz_target!(|text: &str| {
    let _ = document::parse_yaml_stream(text);
    let _ = document::parse_json(text);
    let _ = document::parse_jsonc(text);
    let _ = document::parse_toml(text);
});
