//! The pass over the files: every one is read once, masked, counted and rendered, by several threads at
//! the same time, and written in the order of the merge. Memory is bounded by what is in flight.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError, mpsc};

use redact::{Depth, Redacted, Redactor};
use sha2::{Digest as _, Sha256};

use super::read::{self, MASK_MARGIN, Memory, Taken};
use super::{Progress, TokenCounter};
use crate::facts::{Cache, Known, Seen};
use crate::model::{Encoding, Inclusion, Kind, Reason, Snapshot};
use crate::render::anchors::{Id, Names, markers_in};
use crate::render::block::{self, Content, border};
use crate::render::view::{Entry, Facts, Hashes, Settings};
use crate::scan::beneath::Root;

/// Files of a batch together have about this many bytes.
const BATCH_BYTES: u64 = 256 * 1024;
const BATCH_FILES: usize = 64;

/// Bytes of files that may be in flight; a single larger file goes alone.
const FLIGHT_BYTES: u64 = 8 << 20;

/// Everything the pass needs.
pub(super) struct Pass<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) names: &'a Names,
    pub(super) settings: &'a Settings,
    pub(super) redactor: &'a Redactor,
    pub(super) tokens: Option<&'a TokenCounter>,
    pub(super) cache: &'a Cache,
    /// Ends every block: the way back, where it is the same in all of them.
    pub(super) block_end: &'a str,
    pub(super) threads: usize,
}

/// What the pass found out.
pub(super) struct Found {
    /// By the number of the file.
    pub(super) facts: Vec<Facts>,
    /// What each file turned out to be: kind, inclusion, size.
    pub(super) files: Vec<(Kind, Inclusion, u64)>,
    /// Ids whose markers stand in contents.
    pub(super) markers: HashSet<Id>,
    /// For the cache.
    pub(super) learned: Learned,
}

/// What the cache did not know.
#[derive(Default)]
pub(super) struct Learned {
    pub(super) contents: Vec<Known>,
    /// With the number of the repository in the snapshot.
    pub(super) states: Vec<(usize, Seen)>,
}

/// A batch on its way to the writer.
#[derive(Default)]
struct Rendered {
    text: Vec<u8>,
    facts: Vec<Facts>,
    files: Vec<(Kind, Inclusion, u64)>,
    markers: HashSet<Id>,
    learned: Learned,
}

struct Batch {
    repo: usize,
    files: Range<usize>,
    bytes: u64,
}

impl Pass<'_> {
    /// Renders all file blocks to `out`, one after the other.
    pub(super) fn run(&self, out: &mut impl Write, progress: &dyn Progress) -> io::Result<Found> {
        let batches = self.batches();
        let flight = Flight::default();
        let next = AtomicUsize::new(0);
        let (to_writer, from_workers) = mpsc::channel::<(usize, Rendered)>();
        let total = self.snapshot.repos.iter().map(|repo| repo.files.len()).sum();
        let mut found = Found {
            facts: Vec::with_capacity(total),
            files: Vec::with_capacity(total),
            markers: HashSet::new(),
            learned: Learned::default(),
        };
        std::thread::scope(|scope| {
            for _ in 0..self.threads.clamp(1, batches.len().max(1)) {
                let to_writer = to_writer.clone();
                let (batches, flight, next) = (&batches, &flight, &next);
                scope.spawn(move || {
                    let mut worker = Worker::new(self);
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(batch) = batches.get(number) else { break };
                        if !flight.enter(number, batch.bytes) {
                            break;
                        }
                        let rendered = worker.render(batch);
                        if to_writer.send((number, rendered)).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(to_writer);
            let written = self.collect(&from_workers, &batches, &flight, &mut found, out, progress);
            if written.is_err() {
                flight.stop();
            }
            written
        })?;
        Ok(found)
    }

    fn collect(
        &self,
        from_workers: &mpsc::Receiver<(usize, Rendered)>,
        batches: &[Batch],
        flight: &Flight,
        found: &mut Found,
        out: &mut impl Write,
        progress: &dyn Progress,
    ) -> io::Result<()> {
        let mut waiting: BTreeMap<usize, Rendered> = BTreeMap::new();
        let mut number = 0;
        for (at, rendered) in from_workers {
            waiting.insert(at, rendered);
            while let Some(rendered) = waiting.remove(&number) {
                out.write_all(&rendered.text)?;
                found.facts.extend(rendered.facts);
                found.files.extend(rendered.files);
                found.markers.extend(rendered.markers);
                found.learned.contents.extend(rendered.learned.contents);
                found.learned.states.extend(rendered.learned.states);
                flight.leave(batches[number].bytes);
                number += 1;
                progress.files(found.facts.len());
            }
        }
        Ok(())
    }

    fn batches(&self) -> Vec<Batch> {
        let mut batches: Vec<Batch> = Vec::new();
        for (repo, at) in self.snapshot.repos.iter().zip(0..) {
            let mut open = Batch { repo: at, files: 0..0, bytes: 0 };
            for (index, file) in repo.files.iter().enumerate() {
                // What is only hashed in portions takes no memory.
                let bytes = file.size.min(read::TEXT_MAX);
                let full = open.files.len() >= BATCH_FILES || open.bytes + bytes > BATCH_BYTES;
                if full && !open.files.is_empty() {
                    let next = Batch { repo: at, files: index..index, bytes: 0 };
                    batches.push(std::mem::replace(&mut open, next));
                }
                open.files.end = index + 1;
                open.bytes += bytes;
            }
            if !open.files.is_empty() {
                batches.push(open);
            }
        }
        batches
    }
}

/// One thread's tools.
struct Worker<'a> {
    pass: &'a Pass<'a>,
    roots: Vec<Option<io::Result<Root>>>,
    /// The numbers of the repositories in the cache.
    numbers: Vec<Option<usize>>,
    bytes: Vec<u8>,
}

impl<'a> Worker<'a> {
    fn new(pass: &'a Pass<'a>) -> Self {
        let repos = &pass.snapshot.repos;
        let roots = repos.iter().map(|_| None).collect();
        let numbers = repos.iter().map(|repo| pass.cache.root(&repo.root)).collect();
        Self { pass, roots, numbers, bytes: Vec::new() }
    }

    fn render(&mut self, batch: &Batch) -> Rendered {
        let mut rendered = Rendered::default();
        for at in batch.files.clone() {
            self.file(batch.repo, at, &mut rendered);
        }
        rendered
    }

    fn file(&mut self, repo_index: usize, at: usize, rendered: &mut Rendered) {
        let pass = self.pass;
        let repo = &pass.snapshot.repos[repo_index];
        let file = &repo.files[at];
        let root = self.roots[repo_index].get_or_insert_with(|| Root::open(&repo.root));
        let memory = Memory { cache: pass.cache, root: self.numbers[repo_index] };
        let mut taken = match root {
            Ok(root) => read::take(root, file, memory, &mut self.bytes),
            Err(error) => Taken::unread(
                file,
                Kind::Unreadable { reason: crate::scan::reason(error) },
                Inclusion::MetaOnly(Reason::Unreadable),
            ),
        };
        let mut facts = Facts { hashes: taken.hashes, emitted: None };
        // Whether the whole text was found to hold no secret.
        let mut clean = None;
        if taken.inclusion == Inclusion::MetaOnly(Reason::Profile) {
            clean = self.is_clean(&taken);
            if clean == Some(false) {
                facts.hashes = None;
            }
        } else if !matches!(taken.inclusion, Inclusion::MetaOnly(_)) {
            let bytes = std::mem::take(&mut self.bytes);
            match read::decode(&taken.kind, bytes) {
                Some(text) => {
                    self.content(repo_index, at, &text, &mut taken, &mut facts, rendered);
                    let whole = taken.inclusion == Inclusion::Full;
                    clean = { facts.emitted.as_ref().filter(|_| whole) }
                        .map(|emitted| emitted.redacted.is_empty());
                    // The next file reuses the memory, unless this one was large.
                    self.bytes = text.into_bytes();
                    if self.bytes.capacity() as u64 > 4 * BATCH_BYTES {
                        self.bytes = Vec::new();
                    }
                }
                None => taken.inclusion = Inclusion::MetaOnly(Reason::Changed),
            }
        }
        if pass.cache.is_on() {
            remember(repo_index, &taken, &facts, clean, &mut rendered.learned);
        }
        rendered.facts.push(facts);
        rendered.files.push((taken.kind, taken.inclusion, taken.size));
    }

    /// Whether a text that the profile does not show holds no secret; nothing for what is no text. Its
    /// hash must not let anybody test guesses either.
    fn is_clean(&mut self, taken: &Taken) -> Option<bool> {
        let known = taken.known.as_ref().and_then(|known| known.clean);
        if known.is_some() || self.bytes.is_empty() {
            return known;
        }
        let text = read::decode(&taken.kind, std::mem::take(&mut self.bytes))?;
        let clean = self.pass.redactor.count(&text, Depth::Fast) == 0;
        self.bytes = text.into_bytes();
        Some(clean)
    }

    fn content(
        &self,
        repo_index: usize,
        at: usize,
        text: &str,
        taken: &mut Taken,
        facts: &mut Facts,
        rendered: &mut Rendered,
    ) {
        let pass = self.pass;
        let limit = match (&taken.inclusion, pass.settings.split_files) {
            (Inclusion::Truncated { .. }, true) if taken.size > read::TEXT_MAX => {
                taken.inclusion = Inclusion::MetaOnly(Reason::TooLarge);
                return;
            }
            (Inclusion::Truncated { .. }, true) => {
                taken.inclusion = Inclusion::Full;
                None
            }
            (Inclusion::Truncated { kept }, false) => Some(*kept),
            _ => None,
        };
        // What is known is known of whole texts.
        let known = taken.known.as_ref().filter(|_| limit.is_none());
        let border = limit.map(|limit| source_border(&taken.kind, text, limit));
        let looked_at = border.map_or(text, |border| beginning(text, border as u64 + MASK_MARGIN));
        let redacted = match known {
            Some(Known { clean: Some(true), .. }) => {
                Redacted { text: Cow::Borrowed(looked_at), spans: Vec::new() }
            }
            _ => pass.redactor.redact(looked_at, Depth::Fast),
        };
        if !redacted.spans.is_empty() {
            // With the rest of the file known, a hash of all of it would let anybody test guesses.
            facts.hashes = None;
        }
        let mut counts = redacted.counts();
        let mut emitted: &str = &redacted.text;
        if let Some(border) = border {
            let cut = Cut::new(&taken.kind, text, &redacted, border);
            emitted = &redacted.text[..cut.output];
            taken.inclusion = Inclusion::Truncated { kept: cut.kept };
            counts.clear();
            for span in redacted.spans.iter().filter(|span| span.output.end <= cut.output) {
                *counts.entry(span.rule).or_default() += 1;
            }
        }
        markers_in(emitted.as_bytes(), &mut rendered.markers);
        let is_file = counts.is_empty() && limit.is_none() && taken.kind == Kind::Text;
        let sha256 = (!is_file).then(|| Box::new(Sha256::digest(emitted.as_bytes()).into()));
        let repo = &pass.snapshot.repos[repo_index];
        // The block tells what reading told, not what the scan supposed.
        let mut file = repo.files[at].clone();
        file.kind = taken.kind.clone();
        file.inclusion = taken.inclusion.clone();
        file.size = taken.size;
        let index = pass.names.index(repo_index, at);
        let entry = Entry { repo_index, index, repo, file: &file, facts };
        let content = Content {
            text: emitted.as_bytes(),
            sha256,
            tokens: pass.tokens.map(|count| {
                known.and_then(|known| known.tokens).unwrap_or_else(|| count(emitted))
            }),
            redacted: counts.into_iter().map(|(rule, count)| (rule, count as u64)).collect(),
        };
        let start = rendered.text.len();
        let mut done = block::write(entry, pass.names, pass.settings, content, &mut rendered.text);
        rendered.text.extend_from_slice(pass.block_end.as_bytes());
        done.block = (rendered.text.len() - start) as u64;
        facts.emitted = Some(done);
    }
}

/// Notes what the cache did not know of a file.
fn remember(repo: usize, taken: &Taken, facts: &Facts, clean: Option<bool>, learned: &mut Learned) {
    let Some(Hashes { md5, sha256 }) = taken.hashes else { return };
    learned.states.extend(taken.seen.map(|seen| (repo, seen)));
    let whole = facts.emitted.as_ref().filter(|_| taken.inclusion == Inclusion::Full);
    let tokens = whole.and_then(|emitted| emitted.tokens);
    let is_news = taken.known.as_ref().is_none_or(|known| {
        (known.tokens.is_none() && tokens.is_some()) || (known.clean.is_none() && clean.is_some())
    });
    // A file that was too large to be held was looked at in part; its kind may be wrong.
    if is_news && taken.size <= read::TEXT_MAX {
        learned.contents.push(Known { md5, sha256, kind: taken.kind.clone(), tokens, clean });
    }
}

/// The first `limit` bytes of a text, down to a character's border.
fn beginning(text: &str, limit: u64) -> &str {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    &text[..border(text.as_bytes(), limit)]
}

/// Where a truncated content ends.
struct Cut {
    /// In the masked text.
    output: usize,
    /// Bytes of the file on disk up to there.
    kept: u64,
}

impl Cut {
    /// The last border of a character up to `border`, a border in `text`, that is not inside a secret.
    fn new(kind: &Kind, text: &str, redacted: &Redacted<'_>, border: usize) -> Self {
        let mut source = border;
        let mut shift = 0_isize;
        for span in &redacted.spans {
            if span.source.end <= source {
                shift = span.output.end.cast_signed() - span.source.end.cast_signed();
            } else if span.source.start < source {
                source = span.source.start;
            }
        }
        let kept = match kind {
            Kind::Encoded(Encoding::Latin1) => text[..source].chars().count() as u64,
            Kind::Encoded(_) => text[..source].encode_utf16().count() as u64 * 2,
            _ => source as u64,
        };
        Self { output: source.saturating_add_signed(shift), kept }
    }
}

/// The last border of a character in `text` that the first `limit` bytes of the file hold.
fn source_border(kind: &Kind, text: &str, limit: u64) -> usize {
    let end = match kind {
        Kind::Encoded(Encoding::Latin1) => {
            text.char_indices().nth(usize::try_from(limit).unwrap_or(usize::MAX))
        }
        Kind::Encoded(_) => {
            let mut units = 0;
            text.char_indices().find(|(_, c)| {
                units += c.len_utf16() as u64;
                units * 2 > limit
            })
        }
        _ => return beginning(text, limit).len(),
    };
    end.map_or(text.len(), |(at, _)| at)
}

/// Keeps the bytes of the batches between reading and writing below a bound.
#[derive(Default)]
struct Flight {
    state: Mutex<FlightState>,
    changed: Condvar,
}

#[derive(Default)]
struct FlightState {
    bytes: u64,
    /// Batches that were written.
    left: usize,
    stopped: bool,
}

impl Flight {
    /// Waits until a batch may be read; the one that is written next always may. False to end.
    fn enter(&self, number: usize, bytes: u64) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !state.stopped && number != state.left && state.bytes + bytes > FLIGHT_BYTES {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.bytes += bytes;
        !state.stopped
    }

    fn leave(&self, bytes: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.bytes -= bytes;
        state.left += 1;
        drop(state);
        self.changed.notify_all();
    }

    fn stop(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stopped = true;
        self.changed.notify_all();
    }
}
