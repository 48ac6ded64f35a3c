//! Proofs that a line belongs to a log, which need nothing of the log to be checked but its key.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contracts::hauski::audit::{Line, PROOF, Proof};
use thiserror::Error;

use crate::checkpoint::Checkpoint;
use crate::key::VerifierKey;
use crate::line;
use crate::merkle::{self, CompactRange, Hash};
use crate::note::Note;
use crate::read::Lines;
use crate::scan;
use crate::segment;

/// Why there is no proof.
#[derive(Debug, Error)]
pub enum ProveError {
    /// The log cannot be read.
    #[error("cannot read the audit log in {}: {why}", .folder.display())]
    Unreadable {
        /// Its folder.
        folder: PathBuf,
        /// Why not.
        why: String,
    },
    /// No checkpoint covers the line.
    #[error("no checkpoint covers line {seq}; {signed} lines are signed")]
    NotSigned {
        /// The line asked for.
        seq: u64,
        /// How many are.
        signed: u64,
    },
    /// The lines do not lead to the root that was signed.
    #[error("the log does not lead to its own checkpoint; look at it with `hauski audit verify`")]
    Broken,
}

/// Why a proof shows nothing.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ProofError {
    /// It is not in the form of one.
    #[error("not a proof: {0}")]
    Form(String),
    /// Another key than the expected one signed it.
    #[error("the checkpoint is not signed by {0}")]
    Key(String),
    /// The line and the path do not lead to the root that was signed.
    #[error("the line is not in the log that this checkpoint signs")]
    NotIncluded,
}

/// Makes the proof for a line from the newest checkpoint.
pub fn prove(folder: &Path, seq: u64) -> Result<Proof, ProveError> {
    let unreadable = |why: String| ProveError::Unreadable { folder: folder.to_owned(), why };
    let segments = segment::list(folder).map_err(|error| unreadable(error.to_string()))?;
    let last = segments.last().ok_or_else(|| unreadable("no segment is there".to_owned()))?;
    let end = scan::scan(last, &[])
        .map_err(|error| unreadable(error.to_string()))?
        .end
        .ok_or(ProveError::Broken)?;
    let checkpoint = Note::parse(&end.last_note).and_then(|note| Checkpoint::parse(note.text));
    let signed = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size);
    let checkpoint = checkpoint
        .filter(|checkpoint| seq < checkpoint.size)
        .ok_or(ProveError::NotSigned { seq, signed })?;
    let (proven, path) = walk(&segments, seq, checkpoint.size).map_err(unreadable)?;
    let leaf = merkle::leaf_hash(proven.as_bytes());
    if merkle::root_of_path(leaf, seq, checkpoint.size, &path) != Some(checkpoint.root) {
        return Err(ProveError::Broken);
    }
    Ok(Proof {
        schema: PROOF.to_owned(),
        line: proven,
        index: seq,
        path: path.iter().map(|hash| STANDARD.encode(hash)).collect(),
        checkpoint: end.last_note,
        key: end.key.to_string(),
    })
}

/// The line at `seq`, and the roots of the subtrees beside it; one pass, one subtree at a time.
fn walk(
    segments: &[segment::SegmentPath],
    seq: u64,
    size: u64,
) -> Result<(String, Vec<Hash>), String> {
    let ranges = merkle::path_ranges(seq, size);
    let mut by_start: Vec<usize> = (0..ranges.len()).collect();
    by_start.sort_by_key(|at| ranges[*at].0);
    let mut path = vec![[0; 32]; ranges.len()];
    let mut waiting = by_start.into_iter().peekable();
    let mut subtree = CompactRange::default();
    let mut proven = String::new();
    for (at, text) in (0..size).zip(Lines::new(segments)) {
        let text = text.map_err(|error| error.to_string())?;
        if at == seq {
            proven = String::from_utf8(text).map_err(|_| "it is not UTF-8".to_owned())?;
            continue;
        }
        subtree.push(merkle::leaf_hash(&text));
        if let Some(range) = waiting.next_if(|range| ranges[*range].1 == at + 1) {
            path[range] = subtree.root();
            subtree = CompactRange::default();
        }
    }
    Ok((proven, path))
}

/// Checks a proof against `key`, or against the key that it names itself when none is given: then it shows
/// only that whoever has that key signed. Returns the line.
pub fn check_proof(proof: &Proof, key: Option<&VerifierKey>) -> Result<Line, ProofError> {
    let form = |why: &str| ProofError::Form(why.to_owned());
    if proof.schema != PROOF {
        return Err(ProofError::Form(format!("its schema is {:.80}, not {PROOF}", proof.schema)));
    }
    let line =
        line::parse(proof.line.as_bytes()).map_err(|(_, detail)| ProofError::Form(detail))?;
    let named: VerifierKey = proof.key.parse().map_err(|_| form("`key` is no verifier key"))?;
    let key = key.unwrap_or(&named);
    let note = Note::parse(&proof.checkpoint).ok_or_else(|| form("`checkpoint` is no note"))?;
    let checkpoint =
        Checkpoint::parse(note.text).ok_or_else(|| form("`checkpoint` is no checkpoint"))?;
    if !note.is_signed_by(key) || checkpoint.origin != key.name() {
        return Err(ProofError::Key(key.to_string()));
    }
    let path: Option<Vec<Hash>> = proof
        .path
        .iter()
        .map(|hash| STANDARD.decode(hash).ok().and_then(|hash| hash.try_into().ok()))
        .collect();
    let path = path.ok_or_else(|| form("`path` holds something that is no hash"))?;
    let leaf = merkle::leaf_hash(proof.line.as_bytes());
    let root = merkle::root_of_path(leaf, proof.index, checkpoint.size, &path);
    if root != Some(checkpoint.root) || line.seq != proof.index {
        return Err(ProofError::NotIncluded);
    }
    Ok(line)
}
