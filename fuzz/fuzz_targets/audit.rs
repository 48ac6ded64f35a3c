//! Lines, signed notes, checkpoints and keys of the audit log: any texts give an answer, never a panic; and what
//! is not signed never counts as proven.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let texts: Vec<String> =
        data.split(|byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into_owned()).collect();
    let [line, checkpoint, key, path, index] = &texts[..] else { return };
    let proof = audit::Proof {
        schema: contracts::hauski::audit::PROOF.to_owned(),
        line: line.clone(),
        index: index.parse().unwrap_or_default(),
        path: path.lines().map(str::to_owned).collect(),
        checkpoint: checkpoint.clone(),
        key: key.clone(),
    };
    let _ = audit::check_proof(&proof, None);
    if let Ok(key) = key.parse::<audit::VerifierKey>() {
        assert_eq!(key.to_string().parse(), Ok(key));
    }
});
