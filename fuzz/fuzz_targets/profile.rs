//! Profiles: any text gives tasks and problems, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wgx_tasks::profile::{self, Os};

fuzz_target!(|text: &str| {
    for file in [".wgx/profile.yml", ".wgx/profile.json"] {
        let loaded = profile::parse(file, text, Os::current());
        let _ = profile::check(&loaded.profile);
        let _ = loaded.profile.found_tasks("");
    }
});
