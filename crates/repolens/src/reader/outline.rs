//! What stands where in a merge: manifest rows and file blocks with their byte ranges.

use std::io::Read;

use contracts::repolens::report::ReportMeta;

use super::event::{Event, Position, Sink};
use super::file_meta::FileMeta;
use super::grammar::{Included, key_value, row};
use super::{Reader, parse_meta};

/// Everything but the contents. Grows with the number of files, not with their size.
#[derive(Debug, Default, Clone)]
pub struct Outline {
    /// Number of this part and of all parts, as its title says.
    pub part: Option<(u32, u32)>,
    /// `Merge-Id` of the header.
    pub merge_id: Option<String>,
    /// The `@meta` block, where there is a readable one.
    pub meta: Option<ReportMeta>,
    /// The manifest.
    pub rows: Vec<ManifestRow>,
    /// The file blocks, in their order.
    pub blocks: Vec<Block>,
}

/// A row of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestRow {
    /// Number of the repository in the merge, from 0.
    pub repo: usize,
    /// The path as it is shown; not always the exact one.
    pub shown_path: String,
    /// The anchor of its block.
    pub anchor: Option<String>,
    /// Category.
    pub category: String,
    /// Tags.
    pub tags: Vec<String>,
    /// Bytes on disk.
    pub size_bytes: u64,
    /// Tokens of the content.
    pub tokens: Option<u64>,
    /// How much of it stands here.
    pub included: Included,
    /// MD5 on disk.
    pub md5: Option<String>,
}

/// A file block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Number of the part, from 0, in the order in which the parts were read.
    pub part: usize,
    /// Line of its marker.
    pub line: u64,
    /// `FILE:f_…`.
    pub id: String,
    /// The anchor of its heading.
    pub anchor: String,
    /// Name of the repository, exact.
    pub repo: String,
    /// Path in the repository, exact.
    pub path: String,
    /// Whether `path` has `%XX` for foreign bytes.
    pub percent: bool,
    /// Name of the encoding on disk, when it is not UTF-8.
    pub encoding: Option<String>,
    /// The facts of `file_meta`, where it is there.
    pub facts: Option<FileMeta>,
    /// Where the content stands, piece by piece.
    pub pieces: Vec<Piece>,
}

/// A range of bytes of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Where it begins.
    pub offset: u64,
    /// Its bytes, without a line feed that was added.
    pub length: u64,
}

/// Why an outline could not be made.
#[derive(Debug, thiserror::Error)]
pub enum OutlineError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] std::io::Error),
    /// It is no merge.
    #[error("line {line}: {what}")]
    Form {
        /// Where.
        line: u64,
        /// What is wrong.
        what: String,
    },
}

/// Reads one part.
pub fn outline(mut part: impl Read) -> Result<Outline, OutlineError> {
    let mut reader = Reader::new();
    let mut outliner = Outliner::default();
    let mut buffer = vec![0; 128 << 10];
    loop {
        match part.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => reader.push(&buffer[..count], &mut outliner),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    reader.finish(&mut outliner);
    outliner.finish()
}

/// A [`Sink`] that makes an [`Outline`].
#[derive(Debug, Default)]
pub struct Outliner {
    outline: Outline,
    anchor: String,
    in_meta: bool,
    meta: Vec<u8>,
    /// Repositories whose own heading in the manifest has come; none where there is a single one.
    tables: usize,
    in_manifest: bool,
    zone: Option<OpenZone>,
    wrong: Option<(u64, String)>,
}

#[derive(Debug)]
struct OpenZone {
    eof_none: bool,
    start: Option<u64>,
}

/// Longest `@meta` block that is read, in bytes.
const META_LIMIT_BYTES: usize = 1 << 20;

impl Outliner {
    /// The outline, or the first thing that is wrong.
    pub fn finish(self) -> Result<Outline, OutlineError> {
        if let Some((line, what)) = self.wrong {
            return Err(OutlineError::Form { line, what });
        }
        if self.outline.part.is_none() {
            let what = "no `# WC-Merge Report (Part N/M)`: this is no merge".to_owned();
            return Err(OutlineError::Form { line: 1, what });
        }
        Ok(self.outline)
    }

    fn fail(&mut self, at: Position, what: impl Into<String>) {
        self.wrong.get_or_insert((at.line, what.into()));
    }

    fn heading(&mut self, token: &str) {
        if token == "manifest" {
            self.in_manifest = true;
        } else if token.starts_with("manifest-") {
            self.tables += 1;
        } else {
            self.in_manifest = false;
        }
    }

    fn table(&mut self, at: Position, line: &str) {
        if !self.in_manifest || line.starts_with("| Path ") || line.starts_with("| :") {
            return;
        }
        let repo = self.tables.saturating_sub(1);
        match row(line) {
            Ok(row) => match &row.included {
                Ok(included) => self.outline.rows.push(ManifestRow {
                    repo,
                    shown_path: row.path.to_owned(),
                    anchor: row.link.map(|link| link.token.to_owned()),
                    category: row.category.to_owned(),
                    tags: row.tags().map(str::to_owned).collect(),
                    size_bytes: row.size_bytes,
                    tokens: row.tokens,
                    included: included.clone(),
                    md5: row.md5.map(str::to_owned),
                }),
                Err(words) => self.fail(at, format!("`{words}` is no way to be included")),
            },
            Err(what) => self.fail(at, what),
        }
    }

    fn fence_close(&mut self, at: Position) {
        if let Some(zone) = self.zone.take()
            && let Some(start) = zone.start
            && let Some(block) = self.outline.blocks.last_mut()
        {
            let added = u64::from(zone.eof_none && at.offset > start);
            block.pieces.push(Piece { offset: start, length: at.offset - start - added });
        }
        if self.in_meta {
            let text = String::from_utf8_lossy(&self.meta).into_owned();
            let read = parse_meta(&text)
                .map_err(|error| error.to_string())
                .and_then(|value| serde_json::from_value(value).map_err(|error| error.to_string()));
            match read {
                Ok(meta) => self.outline.meta = Some(meta),
                Err(what) => self.fail(at, format!("the @meta block cannot be read: {what}")),
            }
        }
    }
}

impl Sink for Outliner {
    fn event(&mut self, at: Position, event: Event<'_>) {
        match event {
            Event::Title { part, of } => self.outline.part = Some((part, of)),
            Event::Anchor(token) if !token.starts_with("file-f_") => self.anchor = token.to_owned(),
            Event::Heading { token: Some(token), .. } => self.heading(token),
            Event::Item(item) => {
                if let Some(("Merge-Id", value)) = key_value(item) {
                    self.outline.merge_id.get_or_insert_with(|| value.to_owned());
                }
            }
            Event::Row(line) => self.table(at, line),
            Event::Start("meta") => self.in_meta = true,
            Event::End("meta") => self.in_meta = false,
            Event::File(marker) => self.outline.blocks.push(Block {
                part: 0,
                line: at.line,
                id: marker.id.to_owned(),
                anchor: self.anchor.clone(),
                repo: marker.repo.into_owned(),
                path: marker.path.into_owned(),
                percent: marker.percent,
                encoding: None,
                facts: None,
                pieces: Vec::new(),
            }),
            Event::FileMeta(json) => match serde_json::from_str(json) {
                Ok(facts) => {
                    if let Some(block) = self.outline.blocks.last_mut() {
                        block.facts = Some(facts);
                    }
                }
                Err(error) => self.fail(at, format!("file_meta cannot be read: {error}")),
            },
            Event::ZoneBegin(zone) => {
                self.zone = Some(OpenZone { eof_none: zone.eof_none, start: None });
                let Some(block) = self.outline.blocks.last_mut() else {
                    return self.fail(at, "a zone stands outside of a file block");
                };
                block.encoding = zone.encoding.map(str::to_owned);
                if block.id != zone.id {
                    self.fail(at, "the zone has another id than its file block");
                }
            }
            Event::FenceOpen { backticks, info } => {
                let start = at.offset + (backticks + info.len() + 1) as u64;
                if let Some(zone) = &mut self.zone {
                    zone.start = Some(start);
                }
            }
            Event::FenceClose => self.fence_close(at),
            Event::Broken(what) => self.fail(at, what),
            _ => {}
        }
    }

    fn content(&mut self, bytes: &[u8]) {
        if self.in_meta && self.meta.len() + bytes.len() <= META_LIMIT_BYTES {
            self.meta.extend_from_slice(bytes);
        }
    }
}
