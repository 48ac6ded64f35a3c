//! One file: opened beneath its root, read in a bounded window, decoded, masked, cut.

use std::io::Read as _;

use repolens::model::{Category, File, Tag};
use repolens::scan::beneath::Root;
use rustix::fs::{FileType, fstat};

use super::document::{Document, Seen, SourceRef};
use super::files::{PassOptions, Tree, TreeKind};
use super::skip::{Skip, after_reading};
use super::text::Text;
use super::vault;
use crate::chunk::{CHUNKER_VERSION, Kind, Source, language, split};

/// How often a file that changes while it is read is tried.
const TRIES: usize = 3;

/// Bytes that tell most files that are no text.
const LOOKED_AT: u64 = 8 << 10;

pub(super) struct Reader<'a> {
    pub(super) root: &'a Root,
    pub(super) options: &'a PassOptions,
    pub(super) now_ns: &'a (dyn Fn() -> i64 + Sync),
}

pub(super) enum Outcome {
    Read(Box<Document>),
    /// Nothing, after so many bytes.
    Skipped(Skip, u64),
}

/// What one reading gave.
enum Look {
    Window(Window),
    /// Not text, after so many bytes.
    Binary(u64),
    /// It changed meanwhile.
    Changed,
}

/// The window of a file, and the file then.
struct Window {
    bytes: Vec<u8>,
    seen: Seen,
}

impl Reader<'_> {
    pub(super) fn read(&self, file: &File, tree: &Tree) -> Outcome {
        for _ in 0..TRIES {
            match self.window(file) {
                Ok(Look::Window(window)) => return self.document(file, tree, window),
                Ok(Look::Binary(bytes)) => return Outcome::Skipped(Skip::Binary, bytes),
                Ok(Look::Changed) => {}
                Err(_) => return Outcome::Skipped(Skip::Unreadable, 0),
            }
        }
        Outcome::Skipped(Skip::Changed, 0)
    }

    /// Reads once.
    fn window(&self, file: &File) -> std::io::Result<Look> {
        let read_ns = (self.now_ns)();
        let opened = std::fs::File::from(self.root.file(&file.raw_path())?);
        let before = fstat(&opened)?;
        if FileType::from_raw_mode(before.st_mode) != FileType::RegularFile {
            return Err(std::io::Error::other("not a regular file any more"));
        }
        let seen = seen_of(&before, read_ns);
        let window = self.options.window_bytes as u64;
        let mut bytes = Vec::new();
        bytes.try_reserve(usize::try_from(seen.size.min(window)).unwrap_or(0) + 1)?;
        (&opened).take(window.min(LOOKED_AT)).read_to_end(&mut bytes)?;
        let marked = bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]);
        if !marked && memchr::memchr(0, &bytes).is_some() {
            return Ok(Look::Binary(bytes.len() as u64));
        }
        (&opened).take(window.saturating_sub(bytes.len() as u64)).read_to_end(&mut bytes)?;
        let after = seen_of(&fstat(&opened)?, read_ns);
        let is_same = after == seen && bytes.len() as u64 == seen.size.min(window);
        Ok(if is_same { Look::Window(Window { bytes, seen }) } else { Look::Changed })
    }

    fn document(&self, file: &File, tree: &Tree, window: Window) -> Outcome {
        let read = window.bytes.len() as u64;
        let is_whole = read == window.seen.size;
        let skipped = |skip| Outcome::Skipped(skip, read);
        let text = match Text::of(window.bytes, is_whole) {
            Ok(text) => text,
            Err(skip) => return skipped(skip),
        };
        let kind = Kind::of(&file.path, text.shown());
        if let Some(skip) = after_reading(text.shown(), kind)
            && (skip == Skip::Blank || !self.options.everything && tree.kind == TreeKind::Repo)
        {
            return skipped(skip);
        }
        if tree.kind == TreeKind::Conversations && kind != Kind::Turns {
            return skipped(Skip::NoConversation);
        }
        let source = Source { path: &file.path, language: None, text: text.shown(), kind };
        let mut chunks = split(&source, &self.options.chunk);
        text.restore(&mut chunks);
        let note = (tree.kind == TreeKind::Vault && kind == Kind::Markdown)
            .then(|| vault::read(text.shown()));
        let heading = || chunks.first().and_then(|chunk| chunk.scope.first()).cloned();
        let title = match &note {
            Some(note) => note.title.clone(),
            None if kind == Kind::Markdown => heading(),
            None => None,
        };
        let left_out_bytes = if is_whole { 0 } else { window.seen.size - cited_bytes(&text, read) };
        let mut tags = tags(file, kind, &text);
        if let Some(note) = note {
            let pairs = |name: &str, values: std::collections::BTreeSet<String>| {
                let name = name.to_owned();
                values.into_iter().map(move |value| (name.clone(), value)).collect::<Vec<_>>()
            };
            tags.extend(pairs("tag", note.tags));
            tags.extend(pairs("alias", note.aliases));
            tags.extend(pairs("link", note.links));
        }
        if left_out_bytes > 0 {
            tags.push(("cut".to_owned(), "beginning".to_owned()));
        }
        tags.sort();
        tags.dedup();
        let hash = text.hash();
        Outcome::Read(Box::new(Document {
            collection: tree.collection.clone(),
            doc_id: file.path.clone(),
            source: SourceRef {
                origin: tree.kind.origin().to_owned(),
                id: file.path.clone(),
                trust: tree.trust,
            },
            title: title.unwrap_or_default(),
            path: file.path.clone(),
            at_ms: window.seen.mtime_ns.div_euclid(1_000_000),
            tags,
            hash,
            chunks,
            file: Some(Seen { hash, ..window.seen }),
            masked: text.secrets(),
            left_out_bytes,
            moved_from: None,
        }))
    }
}

/// Bytes of the file that the text holds: a window is cut at its last line.
fn cited_bytes(text: &Text, read: u64) -> u64 {
    match text.encoding {
        None => text.plain.len() as u64,
        Some("latin-1") => text.plain.chars().count() as u64,
        Some(_) => read,
    }
}

fn seen_of(stat: &rustix::fs::Stat, read_ns: i64) -> Seen {
    let stamp = repolens::scan::stamp(stat);
    Seen {
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mtime_ns: stamp.mtime_ns,
        ctime_ns: stamp.ctime_ns,
        inode: stamp.inode,
        read_ns,
        hash: [0; 32],
        chunker: CHUNKER_VERSION,
    }
}

fn tags(file: &File, kind: Kind, text: &Text) -> Vec<(String, String)> {
    let mut tags = vec![
        ("category".to_owned(), category(file.category).to_owned()),
        ("kind".to_owned(), kind.name().to_owned()),
    ];
    let mut add = |name: &str, value: &str| tags.push((name.to_owned(), value.to_owned()));
    if let Some(language) = language(&file.path) {
        add("lang", language);
    }
    if let Some(encoding) = text.encoding {
        add("encoding", encoding);
    }
    for tag in &file.tags {
        add("role", role(*tag));
    }
    tags
}

fn category(category: Category) -> &'static str {
    match category {
        Category::Source => "source",
        Category::Doc => "doc",
        Category::Config => "config",
        Category::Test => "test",
        Category::Contract => "contract",
        Category::Other => "other",
    }
}

fn role(tag: Tag) -> &'static str {
    match tag {
        Tag::AiContext => "ai-context",
        Tag::Runbook => "runbook",
        Tag::Lockfile => "lockfile",
        Tag::Script => "script",
        Tag::Ci => "ci",
        Tag::Adr => "adr",
        Tag::Feed => "feed",
        Tag::WgxProfile => "wgx-profile",
    }
}
