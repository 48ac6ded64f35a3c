//! Where a passage stands, and whether its file still says so.

use std::fs::File;
use std::os::unix::fs::FileExt;

use contracts::hauski::index::{Citation, CitationState};
use sha2::{Digest, Sha256};

use crate::truth::Row;

/// Longest span that is read again.
const MAX_SPAN: u64 = 4 << 20;

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
    let Some(bytes) = span(file, start, end) else { return CitationState::Missing };
    let is_same = bytes.is_some_and(|bytes| Sha256::digest(bytes).as_slice() == row.hash);
    if is_same { CitationState::Matches } else { CitationState::Changed }
}

/// The bytes of a span; `Some(None)` where the file is too short now.
fn span(file: &str, start: u64, end: u64) -> Option<Option<Vec<u8>>> {
    // No link is followed: what was read was a file, and another one in its place is not the same.
    let open = rustix::fs::OFlags::RDONLY
        | rustix::fs::OFlags::NOFOLLOW
        | rustix::fs::OFlags::NONBLOCK
        | rustix::fs::OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(file, open, rustix::fs::Mode::empty()).ok()?);
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let length = end.checked_sub(start).filter(|length| *length <= MAX_SPAN);
    let Some(length) = length.and_then(|length| usize::try_from(length).ok()) else {
        return Some(None);
    };
    let mut bytes = vec![0; length];
    Some(file.read_exact_at(&mut bytes, start).is_ok().then_some(bytes))
}
