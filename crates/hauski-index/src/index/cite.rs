//! Where a passage stands, and whether its file still says so.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;

use contracts::hauski::index::{Citation, CitationState};
use sha2::{Digest, Sha256};

use crate::ingest::{self, Citation::Holds};
use crate::truth::Row;

/// Longest span that is read again.
const MAX_SPAN: u64 = 4 << 20;
/// Longest file that is decoded and masked again.
const MAX_FILE: u64 = 4 << 20;

/// The citation of a passage; its file is looked at.
pub(super) fn citation(row: &Row) -> Citation {
    Citation {
        path: row.path.clone(),
        file: row.file.clone(),
        start: row.span.map(|span| span.0),
        end: row.span.map(|span| span.1),
        first_line: row.lines.map(|lines| lines.0),
        last_line: row.lines.map(|lines| lines.1),
        hash: row.hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        state: state(row),
    }
}

fn state(row: &Row) -> CitationState {
    let (Some(file), Some((start, end))) = (&row.file, row.span) else {
        return CitationState::Stored;
    };
    let Some(file) = open(file) else { return CitationState::Missing };
    let bytes = span(&file, start, end);
    let is_same = bytes.is_some_and(|bytes| Sha256::digest(bytes).as_slice() == row.hash);
    if is_same || is_same_as_cut(&file, start, end, &row.hash) {
        CitationState::Matches
    } else {
        CitationState::Changed
    }
}

/// Whether the span says the same after the file was decoded and its secrets were masked, as it was before it was cut.
fn is_same_as_cut(file: &File, start: u64, end: u64, hash: &[u8]) -> bool {
    let (Ok(start), Ok(end), Ok(hash)) =
        (usize::try_from(start), usize::try_from(end), <&[u8; 32]>::try_from(hash))
    else {
        return false;
    };
    let mut bytes = Vec::new();
    let read = file.take(MAX_FILE + 1).read_to_end(&mut bytes);
    let is_whole = read.is_ok_and(|read| read as u64 <= MAX_FILE);
    is_whole && ingest::check(bytes, &(start..end), hash) == Holds
}

/// The file, if there is one that may be read.
fn open(file: &str) -> Option<File> {
    // No link is followed: what was read was a file, and another one in its place is not the same.
    let open = rustix::fs::OFlags::RDONLY
        | rustix::fs::OFlags::NOFOLLOW
        | rustix::fs::OFlags::NONBLOCK
        | rustix::fs::OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(file, open, rustix::fs::Mode::empty()).ok()?);
    file.metadata().ok()?.is_file().then_some(file)
}

/// The bytes of a span; nothing where the file is too short now.
fn span(file: &File, start: u64, end: u64) -> Option<Vec<u8>> {
    let length = end.checked_sub(start).filter(|length| *length <= MAX_SPAN)?;
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    file.read_exact_at(&mut bytes, start).is_ok().then_some(bytes)
}
