//! Puts a merge together: head, file blocks from the spool, parts, sidecar. Everything is written to
//! temporary files, checked, and only then gets its name.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use tempfile::NamedTempFile;

use super::naming::Naming;
use super::{MergeError, MergeRequest, Merged, Target, check, debug, earlier};
use crate::model::Inclusion;
use crate::render::block::way_back;
use crate::render::view::{Emitted, Entry, Parts, View};
use crate::render::{self};
use crate::sidecar::{self, Placed};

/// Where a merge and its temporary files go.
pub(super) struct Place {
    folder: Option<PathBuf>,
    stem: String,
}

impl Place {
    pub(super) fn new(target: &Target, stem: &str) -> Result<Self, MergeError> {
        let folder = match target {
            Target::Folder(folder) => Some(folder.clone()),
            Target::Stream => None,
        };
        if let Some(folder) = &folder {
            let made = fs::create_dir_all(folder);
            made.map_err(|source| MergeError::Write { path: folder.clone(), source })?;
        }
        Ok(Self { folder, stem: stem.to_owned() })
    }

    /// A file without a name for what is not finished.
    pub(super) fn spool(&self) -> Result<File, MergeError> {
        let made = match &self.folder {
            Some(folder) => tempfile::tempfile_in(folder),
            None => tempfile::tempfile(),
        };
        made.map_err(|source| self.failed(source))
    }

    /// A fault of the file system, with the folder.
    pub(super) fn failed(&self, source: io::Error) -> MergeError {
        let path = self.folder.clone().unwrap_or_else(|| PathBuf::from("standard output"));
        MergeError::Write { path, source }
    }

    fn draft(&self) -> Result<Draft, MergeError> {
        let Some(folder) = &self.folder else {
            return Ok(Draft::Open(self.spool()?));
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".repolens-").suffix(".tmp");
        builder.permissions(fs::Permissions::from_mode(0o666));
        Ok(Draft::Named(builder.tempfile_in(folder).map_err(|source| self.failed(source))?))
    }

    fn part_name(&self, part: usize, parts: usize) -> String {
        match parts {
            0 | 1 => format!("{}_merge.md", self.stem),
            _ => format!("{}_part{}_merge.md", self.stem, part + 1),
        }
    }
}

/// A file that has no name of its own yet.
enum Draft {
    Named(NamedTempFile),
    Open(File),
}

impl Draft {
    fn file(&self) -> io::Result<File> {
        match self {
            Self::Named(file) => file.as_file().try_clone(),
            Self::Open(file) => file.try_clone(),
        }
    }
}

/// Writes a part and knows how far it is.
struct PartWriter {
    out: BufWriter<File>,
    at: u64,
}

impl Write for PartWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.at += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl PartWriter {
    /// Appends a range of the spool, inside the kernel where it can.
    fn copy(&mut self, spool: &mut File, from: u64, length: u64) -> io::Result<()> {
        self.out.flush()?;
        spool.seek(SeekFrom::Start(from))?;
        let copied = io::copy(&mut (&*spool).take(length), self.out.get_mut())?;
        self.at += copied;
        if copied != length {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the spool is too short"));
        }
        Ok(())
    }
}

/// Assembles, checks and names a merge.
pub(super) fn write(
    view: View<'_>,
    place: &Place,
    mut spool: File,
    request: &MergeRequest,
) -> Result<Merged, MergeError> {
    let split_size = request.split_size;
    let failed = |source| place.failed(source);
    let parts = match split_size {
        Some(size) if !view.settings.plan_only => split(view, place, size).map_err(failed)?,
        _ => Parts { files: vec![place.part_name(0, 1)], of: Vec::new() },
    };
    let view = View { parts: &parts, ..view };
    let mut drafts = Vec::new();
    let mut places = Vec::new();
    let mut bytes = 0;
    let mut assembly =
        Assembly { view, is_split: split_size.is_some(), from: 0, next: 0, headed: 0 };
    for part in 0..parts.files.len() {
        let draft = place.draft()?;
        let out = BufWriter::with_capacity(256 * 1024, draft.file().map_err(failed)?);
        let mut out = PartWriter { out, at: 0 };
        assembly.part(part, &mut spool, &mut out, &mut places).map_err(failed)?;
        out.flush().map_err(failed)?;
        bytes += out.at;
        drafts.push(draft);
    }
    drop(spool);
    judge(view, place, &drafts)?;
    let sidecar = sidecar_draft(view, place, &places)?;
    let mut merged = Merged {
        files: Vec::new(),
        sidecar: None,
        stream: None,
        bytes,
        totals: view.totals.clone(),
        notes: Vec::new(),
        debug: Vec::new(),
    };
    if request.debug {
        merged.debug = debug::lines(view, &places).map_err(failed)?;
    }
    // Everything is complete now; what follows is only renaming, of all or of none.
    let mut naming = Naming::default();
    for (draft, name) in drafts.into_iter().zip(&parts.files) {
        match (draft, &place.folder) {
            (Draft::Named(file), Some(folder)) => {
                merged.files.push(naming.give(file, folder.join(name))?);
            }
            (Draft::Open(mut file), _) => {
                file.seek(SeekFrom::Start(0)).map_err(failed)?;
                merged.stream = Some(file);
            }
            (Draft::Named(_), None) => {}
        }
    }
    if let (Some((draft, name)), Some(folder)) = (sidecar, &place.folder) {
        merged.sidecar = Some(naming.give(draft, folder.join(name))?);
    }
    naming.keep();
    if let Some(folder) = &place.folder {
        merged.notes.extend(earlier::remove_stale(folder, &place.stem, &merged));
    }
    Ok(merged)
}

/// Nothing gets a name whose structure is wrong (specification 12).
fn judge(view: View<'_>, place: &Place, drafts: &[Draft]) -> Result<(), MergeError> {
    let parts = { view.parts.files.iter() }
        .zip(drafts)
        .map(|(name, draft)| Ok((name.as_str(), draft.file()?)));
    let fault = check::fault(parts).map_err(|source| place.failed(source))?;
    fault.map_or(Ok(()), |what| Err(MergeError::Structure { what }))
}

fn sidecar_draft(
    view: View<'_>,
    place: &Place,
    places: &[Placed],
) -> Result<Option<(NamedTempFile, String)>, MergeError> {
    if !view.settings.extras.json_sidecar {
        return Ok(None);
    }
    let Draft::Named(draft) = place.draft()? else { return Ok(None) };
    let name = format!("{}_merge.json", place.stem);
    let mut out = BufWriter::new(draft.as_file());
    let written = sidecar::write(view, &name, places, &mut out).and_then(|()| out.flush());
    written.map_err(|source| place.failed(source))?;
    drop(out);
    Ok(Some((draft, name)))
}

/// The files of a merge on their way into parts.
struct Assembly<'a> {
    view: View<'a>,
    /// Whether the way back is not part of the spooled blocks.
    is_split: bool,
    /// Where the next block lies in the spool.
    from: u64,
    /// The next file.
    next: usize,
    /// The next repository without a heading.
    headed: usize,
}

impl Assembly<'_> {
    fn part(
        &mut self,
        part: usize,
        spool: &mut File,
        out: &mut PartWriter,
        places: &mut Vec<Placed>,
    ) -> io::Result<()> {
        match part {
            0 => render::head(self.view, out)?,
            part => render::continuation(self.view, part, out)?,
        }
        if self.view.settings.plan_only {
            return Ok(());
        }
        let back = match part {
            0 => way_back(""),
            _ => way_back(&self.view.parts.files[0]),
        };
        // Blocks that lie one after the other are copied at once.
        let mut run = Run { from: self.from, length: 0 };
        for repo in 0..self.view.snapshot.repos.len() {
            let first = self.view.names.index(repo, 0);
            let count = self.view.snapshot.repos[repo].files.len();
            if first + count < self.next || (first < self.next && first + count == self.next) {
                continue;
            }
            // Files without content may come before the first block, and even end the part before it.
            if repo >= self.headed && self.starts_here(repo, part) {
                self.headed = repo + 1;
                run.write(spool, out)?;
                render::repository(self.view, repo, out)?;
            }
            for entry in self.view.of_repo(repo).skip(self.next.saturating_sub(first)) {
                if self.view.parts.part(entry.index) > part {
                    run.write(spool, out)?;
                    return Ok(());
                }
                self.next = entry.index + 1;
                let Some(emitted) = emitted(entry) else { continue };
                let offset = out.at + run.length;
                run.length += emitted.block;
                self.from += emitted.block;
                let mut length = emitted.block;
                if self.is_split {
                    run.write(spool, out)?;
                    out.write_all(back.as_bytes())?;
                    length += back.len() as u64;
                }
                places.push(Placed { index: entry.index, part, offset, length });
            }
        }
        run.write(spool, out)
    }

    /// Whether the heading of a repository stands in this part: with its first block, or in the part
    /// where that would stand.
    fn starts_here(&self, repo: usize, part: usize) -> bool {
        let first = self.view.of_repo(repo).find(|entry| emitted(*entry).is_some());
        let last_part = self.view.parts.files.len() - 1;
        let of = match first {
            Some(entry) => self.view.parts.part(entry.index),
            None => {
                let at = self.view.names.index(repo, 0);
                self.view.parts.of.get(at).map_or(last_part, |part| *part as usize)
            }
        };
        of == part
    }
}

/// A range of the spool that still has to be copied.
struct Run {
    from: u64,
    length: u64,
}

impl Run {
    fn write(&mut self, spool: &mut File, out: &mut PartWriter) -> io::Result<()> {
        if self.length > 0 {
            out.copy(spool, self.from, self.length)?;
            self.from += self.length;
            self.length = 0;
        }
        Ok(())
    }
}

fn emitted(entry: Entry<'_>) -> Option<&Emitted> {
    match entry.file.inclusion {
        Inclusion::MetaOnly(_) => None,
        _ => entry.facts.emitted.as_ref(),
    }
}

/// Bytes that numbers of parts may add to a head that was measured with other numbers.
const NUMBERS: u64 = 64;

/// Which file block stands in which part, so that no part is larger than `size` unless a single block is.
fn split(view: View<'_>, place: &Place, size: u64) -> io::Result<Parts> {
    let files = view.facts.len();
    // The head is measured with the longest links it can have.
    let longest = Parts {
        files: vec![place.part_name(0, 2), place.part_name(99_998, 2)],
        of: vec![1; files],
    };
    let measured = View { parts: &longest, ..view };
    let head = measure(|out| render::head(measured, out))? + NUMBERS;
    let continuation = measure(|out| render::continuation(measured, 1, out))? + NUMBERS;
    let back = way_back(&longest.files[0]).len() as u64;
    let mut parts = Parts { files: Vec::new(), of: vec![0; files] };
    let mut part = 0_u32;
    let mut at = head;
    let mut blocks = 0;
    for repo in 0..view.snapshot.repos.len() {
        let mut heading = measure(|out| render::repository(view, repo, out))?;
        for entry in view.of_repo(repo) {
            parts.of[entry.index] = part;
            let Some(emitted) = emitted(entry) else { continue };
            let need = emitted.block + back + heading;
            // A part has at least one block; the first one has the head.
            if at + need > size && (blocks > 0 || part == 0) {
                part += 1;
                at = continuation;
                blocks = 0;
                parts.of[entry.index] = part;
            }
            at += need;
            blocks += 1;
            heading = 0;
        }
    }
    let count = part as usize + 1;
    parts.files = (0..count).map(|part| place.part_name(part, count)).collect();
    Ok(parts)
}

fn measure(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<u64> {
    let mut counter = Counter(0);
    write(&mut counter)?;
    Ok(counter.0)
}

/// Counts what is written.
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
