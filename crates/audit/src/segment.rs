//! Files of a log: `segment-NNNNNNNN.jsonl` with the lines, `segment-NNNNNNNN.notes` with the checkpoints
//! over them (each note followed by an empty line), `key`, `lock`.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Folder, number and paths of a segment; numbers begin at 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentPath {
    pub(crate) number: u64,
    pub(crate) lines: PathBuf,
    pub(crate) notes: PathBuf,
}

impl SegmentPath {
    pub(crate) fn new(folder: &Path, number: u64) -> Self {
        let file = |kind| folder.join(format!("segment-{number:08}.{kind}"));
        Self { number, lines: file("jsonl"), notes: file("notes") }
    }

    /// The number of a file of lines or notes, from its name.
    fn number_of(name: &str, kind: &str) -> Option<u64> {
        let digits = name.strip_prefix("segment-")?.strip_suffix(kind)?;
        let number = digits.parse().ok()?;
        (number > 0 && format!("{number:08}") == digits).then_some(number)
    }

    /// The name of the file of lines, for messages.
    pub(crate) fn name(&self) -> String {
        format!("segment-{:08}.jsonl", self.number)
    }

    /// The name of the file of checkpoints, for messages.
    pub(crate) fn notes_name(&self) -> String {
        format!("segment-{:08}.notes", self.number)
    }
}

/// The segments of a folder by number.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<SegmentPath>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(folder)? {
        if let Some(number) =
            entry?.file_name().to_str().and_then(|name| SegmentPath::number_of(name, ".jsonl"))
        {
            segments.push(SegmentPath::new(folder, number));
        }
    }
    segments.sort_by_key(|segment| segment.number);
    Ok(segments)
}

/// The numbers of the segments that have a file of checkpoints.
pub(crate) fn numbers_of_notes(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        numbers.extend(name.to_str().and_then(|name| SegmentPath::number_of(name, ".notes")));
    }
    Ok(numbers)
}

/// Opens a file for reading that must be a plain file, not a link to one.
pub(crate) fn open_plain(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
    let file = fs::OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a plain file"));
    }
    Ok(file)
}

/// Makes new names in a folder outlast a power cut.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
