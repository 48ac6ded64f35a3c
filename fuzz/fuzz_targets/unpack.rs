//! Unpacking: whatever a merge says, nothing is written outside of the target.
#![no_main]

use libfuzzer_sys::fuzz_target;
use repolens::unpack::{UnpackRequest, unpack};

fuzz_target!(|bytes: &[u8]| {
    let dir = tempfile::tempdir().expect("a folder");
    let merge = dir.path().join("x_merge.md");
    std::fs::write(&merge, bytes).expect("a file");
    let into = dir.path().join("into");
    let request = UnpackRequest {
        merges: vec![merge.clone()],
        into: into.clone(),
        partial: true,
        ..UnpackRequest::default()
    };
    let _ = unpack(&request);
    let beside = std::fs::read_dir(dir.path()).expect("a folder").flatten();
    for path in beside.map(|entry| entry.path()) {
        assert!(path == merge || path == into, "{}", path.display());
    }
    assert_eq!(std::fs::read(&merge).expect("the merge"), bytes);
});
