//! From roots to written merges: scan, select, read and render, assemble, check, rename.

mod check;
mod content;
mod debug;
mod earlier;
mod error;
mod extras;
mod name;
mod naming;
mod read;
mod request;
mod write;

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use contracts::repolens::report::{Extras, MetaDensity};
use jiff::Timestamp;
use redact::Redactor;
use sha2::{Digest as _, Sha256};

pub use error::MergeError;
pub use read::{TEXT_MAX, decode, sniff};
pub use request::{Density, MergeRequest, Merged, Mode, Progress, Target};

use crate::delta;
use crate::facts::{Cache, build_id};
use crate::model::{Inclusion, Snapshot};
use crate::render::anchors::{Names, hex, markers_in};
use crate::render::block::way_back;
use crate::render::view::{Facts, Parts, Settings, Totals, View, included};
use crate::scan::{self, ScanOptions, scan};
use crate::secrets;
use crate::select::{Selection, select};

/// Counts the tokens of a text.
pub type TokenCounter = dyn Fn(&str) -> u64 + Sync;

/// How often ids are salted anew when files change under a merge.
const SALT_TRIES: usize = 4;

/// Makes the merges of a request. When one fails, those before it stay.
pub fn merge(
    request: &MergeRequest,
    tokens: Option<&TokenCounter>,
    progress: &dyn Progress,
) -> Result<Vec<Merged>, MergeError> {
    check(request)?;
    merge_seen(look(request)?, request, tokens, progress)
}

/// What the roots of a request hold right now, but for the merges that go into the same folder.
pub fn look(request: &MergeRequest) -> Result<Snapshot, MergeError> {
    let mut snapshot = scan(&request.roots, &request.scan)?;
    if let Target::Folder(folder) = &request.target {
        earlier::leave_out(&mut snapshot, folder);
    }
    Ok(snapshot)
}

/// As [`merge`], of what [`look`] saw a moment ago.
pub fn merge_seen(
    mut snapshot: Snapshot,
    request: &MergeRequest,
    tokens: Option<&TokenCounter>,
    progress: &dyn Progress,
) -> Result<Vec<Merged>, MergeError> {
    check(request)?;
    let mut selection = request.selection.clone();
    let mut notes = Vec::new();
    if request.meta_none && selection.plan_only {
        selection.plan_only = false;
        notes.push("--meta-none keeps the manifest, so --plan-only has no effect".to_owned());
    }
    if selection.plan_only && has_blocks(request.extras) {
        notes.push("--plan-only leaves out the extras".to_owned());
    }
    select(&mut snapshot, &selection);
    progress.total(snapshot.repos.iter().map(|repo| repo.files.len()).sum());
    let snapshots = match request.mode {
        Mode::Combined => vec![snapshot],
        Mode::PerRepo => {
            snapshot.repos.into_iter().map(|repo| Snapshot { repos: vec![repo] }).collect()
        }
    };
    let settings = settings(request, &selection);
    let stems = name::stems(request, &settings, &snapshots)?;
    let mut cache = open_cache(request, &snapshots);
    let job = Job { request, settings, tokens, progress };
    let mut merged = Vec::new();
    for (snapshot, stem) in snapshots.into_iter().zip(stems) {
        let mut one = job.one(snapshot, &mut cache, &stem)?;
        one.notes.splice(0..0, notes.iter().cloned());
        merged.push(one);
    }
    if let (Err(error), Some(last)) = (cache.save(), merged.last_mut()) {
        last.notes.push(format!("what was learned for the next run could not be kept: {error}"));
    }
    Ok(merged)
}

/// Whether any extra is asked for that is a block of the merge.
fn has_blocks(extras: Extras) -> bool {
    Extras { json_sidecar: false, ..extras } != Extras::default()
}

fn open_cache(request: &MergeRequest, snapshots: &[Snapshot]) -> Cache {
    let Some(folder) = &request.cache else { return Cache::none() };
    let repos = snapshots.iter().flat_map(|snapshot| &snapshot.repos);
    let roots: Vec<&Path> = repos.map(|repo| repo.root.as_path()).collect();
    Cache::open(folder, build_id(), &roots)
}

/// Reads every file of a snapshot as a merge of all texts would and keeps only what it is: its kind in
/// the snapshot, its hashes and counts in the answer, in the order of the files.
pub(crate) fn look_at(
    snapshot: &mut Snapshot,
    cache: Option<&Path>,
    tokens: Option<&TokenCounter>,
    threads: usize,
) -> Result<Vec<Facts>, MergeError> {
    let request = MergeRequest {
        roots: Vec::new(),
        scan: ScanOptions::default(),
        selection: Selection { plan_only: true, ..Selection::default() },
        mode: Mode::Combined,
        density: Density::Min,
        meta_none: true,
        split_files: false,
        split_size: None,
        extras: Extras::default(),
        delta_from: None,
        nav_headings: false,
        debug: false,
        generated_at: Timestamp::UNIX_EPOCH,
        threads,
        cache: cache.map(Path::to_owned),
        target: Target::Stream,
        name: None,
        dated: true,
    };
    let mut cache = open_cache(&request, std::slice::from_ref(snapshot));
    let settings = settings(&request, &request.selection);
    let job = Job { request: &request, settings, tokens, progress: &Silent };
    let place = write::Place::new(&Target::Stream, "")?;
    let names = Names::new(snapshot, 0);
    let redactor = secrets::redactor();
    let mut nowhere = place.spool()?;
    let found = job.pass(snapshot, &names, (&redactor, &cache), &mut nowhere, &place)?;
    remember(&mut cache, snapshot, found.learned);
    adopt(snapshot, found.files);
    // What could not be kept is found out again.
    let _not_kept = cache.save();
    Ok(found.facts)
}

/// Nobody follows.
struct Silent;

impl Progress for Silent {
    fn total(&self, _files: usize) {}
    fn files(&self, _done: usize) {}
}

/// Hands what a pass found out to the cache.
fn remember(cache: &mut Cache, snapshot: &Snapshot, learned: content::Learned) {
    cache.learn(learned.contents);
    for (index, repo) in snapshot.repos.iter().enumerate() {
        let Some(root) = cache.root(&repo.root) else { continue };
        let seen = learned.states.iter().filter(|(of, _)| *of == index).map(|(_, seen)| *seen);
        cache.see(root, repo.files.len(), seen);
    }
}

fn check(request: &MergeRequest) -> Result<(), MergeError> {
    let wrong = |text: &str| Err(MergeError::Options(text.to_owned()));
    if request.target == Target::Stream {
        if request.mode == Mode::PerRepo && request.roots.len() > 1 {
            return wrong("one merge a repository does not fit on standard output");
        }
        if request.split_size.is_some() {
            return wrong("parts do not fit on standard output");
        }
        if request.extras.json_sidecar {
            return wrong("a sidecar belongs beside a file, not beside standard output");
        }
    }
    if request.extras.delta_reports && request.delta_from.is_none() {
        return wrong("the delta block needs something to compare with: --delta-from");
    }
    if request.split_files && request.selection.max_file_bytes.is_none() {
        return wrong("--split-files splits files above --max-file-bytes, which is not given");
    }
    Ok(())
}

fn settings(request: &MergeRequest, selection: &Selection) -> Settings {
    let filtered = selection.path_filter.is_some() || !selection.extensions.is_empty();
    let throttled = request.density == Density::Auto && filtered;
    let density = match request.density {
        Density::Min => MetaDensity::Min,
        Density::Standard => MetaDensity::Standard,
        Density::Auto if filtered => MetaDensity::Standard,
        Density::Full | Density::Auto => MetaDensity::Full,
    };
    Settings {
        level: selection.level,
        plan_only: selection.plan_only,
        code_only: selection.code_only && !selection.plan_only,
        meta_none: request.meta_none,
        density,
        throttled,
        max_file_bytes: selection.max_file_bytes,
        split_files: request.split_files,
        split_size: request.split_size,
        path_filter: selection.path_filter.clone(),
        extensions: selection.extensions.clone(),
        extras: request.extras,
        nav_headings: request.nav_headings,
        generated_at: request.generated_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    }
}

/// One call.
struct Job<'a> {
    request: &'a MergeRequest,
    settings: Settings,
    tokens: Option<&'a TokenCounter>,
    progress: &'a dyn Progress,
}

impl Job<'_> {
    fn one(
        &self,
        mut snapshot: Snapshot,
        cache: &mut Cache,
        stem: &str,
    ) -> Result<Merged, MergeError> {
        let place = write::Place::new(&self.request.target, stem)?;
        let redactor = secrets::redactor();
        let mut notes = extras::texts(&snapshot, &self.settings, &redactor);
        // Nothing outside of the blocks may hold their markers either.
        let mut shown = HashSet::new();
        for (_, text) in &notes.augment {
            markers_in(text.as_bytes(), &mut shown);
        }
        let mut names = Names::new(&snapshot, 0);
        let mut tries = 0;
        let (facts, spool) = loop {
            let mut spool = place.spool()?;
            let mut found = self.pass(&snapshot, &names, (&redactor, cache), &mut spool, &place)?;
            remember(cache, &snapshot, found.learned);
            found.markers.extend(&shown);
            let clash = names.ids().iter().any(|id| found.markers.contains(id));
            adopt(&mut snapshot, found.files);
            if !clash || self.settings.plan_only {
                break (found.facts, spool);
            }
            tries += 1;
            if tries > SALT_TRIES {
                let what = "the files change while they are read".to_owned();
                return Err(MergeError::Structure { what });
            }
            names = (names.salt() + 1..)
                .map(|salt| Names::new(&snapshot, salt))
                .find(|names| names.ids().iter().all(|id| !found.markers.contains(id)))
                .unwrap_or(names);
            unread(&mut snapshot);
        };
        let mut totals = Totals::new(&snapshot, &facts);
        notes.delta = self.delta(&snapshot, &facts)?;
        totals.redacted_elsewhere += notes.masked;
        let merge_id = merge_id(&snapshot, &facts, &names, (&self.settings, self.request));
        let view = View {
            snapshot: &snapshot,
            facts: &facts,
            names: &names,
            settings: &self.settings,
            totals: &totals,
            parts: &Parts::default(),
            notes: &notes,
            merge_id: &merge_id,
        };
        write::write(view, &place, spool, self.request)
    }

    /// The text of the delta extra, where it is asked for and shown.
    fn delta(&self, snapshot: &Snapshot, facts: &[Facts]) -> Result<Option<String>, MergeError> {
        let base = self.request.delta_from.as_ref();
        let base = base.filter(|_| self.settings.extras.delta_reports && !self.settings.plan_only);
        let Some(base) = base else { return Ok(None) };
        let (selection, time) = (&self.request.selection, &self.settings.generated_at);
        let delta = delta::delta(base, snapshot, facts, selection, time)?;
        Ok(Some(delta::text(&delta)))
    }

    fn pass(
        &self,
        snapshot: &Snapshot,
        names: &Names,
        (redactor, cache): (&Redactor, &Cache),
        spool: &mut fs::File,
        place: &write::Place,
    ) -> Result<content::Found, MergeError> {
        let way_back = way_back("");
        let threads = scan::threads(self.request.threads);
        let pass = content::Pass {
            snapshot,
            names,
            settings: &self.settings,
            redactor,
            tokens: self.tokens,
            cache,
            // In several parts the way back differs, so it is added when they are assembled.
            block_end: if self.request.split_size.is_some() { "" } else { &way_back },
            threads,
        };
        let done = match self.settings.plan_only {
            true => pass.run(&mut io::sink(), self.progress),
            false => pass.run(spool, self.progress),
        };
        done.map_err(|source| place.failed(source))
    }
}

/// What reading told replaces what the scan supposed.
fn adopt(snapshot: &mut Snapshot, found: Vec<(crate::model::Kind, Inclusion, u64)>) {
    let files = snapshot.repos.iter_mut().flat_map(|repo| &mut repo.files);
    for (file, (kind, inclusion, size)) in files.zip(found) {
        file.kind = kind;
        file.inclusion = inclusion;
        file.size = size;
    }
}

/// Makes every file that was read be read again.
fn unread(snapshot: &mut Snapshot) {
    use crate::model::{Kind, Reason};
    for file in snapshot.repos.iter_mut().flat_map(|repo| &mut repo.files) {
        let was_read =
            matches!(file.kind, Kind::Text | Kind::Encoded(_) | Kind::Binary | Kind::LfsPointer);
        if was_read {
            file.kind = Kind::Unread;
            if matches!(
                file.inclusion,
                Inclusion::MetaOnly(Reason::Binary | Reason::LfsPointer | Reason::Changed)
            ) {
                file.inclusion = Inclusion::Full;
            }
        }
    }
}

/// Ties parts and sidecar together: a hash of what the merge is made of.
fn merge_id(
    snapshot: &Snapshot,
    facts: &[Facts],
    names: &Names,
    (settings, request): (&Settings, &MergeRequest),
) -> String {
    let mut hash = Sha256::new();
    if let Some(base) = &request.delta_from {
        hash.update(base.label());
    }
    hash.update(format!(
        "{} {:?} {} {} {:?} {:?} {} {:?} {:?} {:?} {:?} {}\n",
        settings.level.name(),
        settings.render_mode(),
        settings.meta_none,
        settings.nav_headings,
        settings.density,
        settings.max_file_bytes,
        settings.split_files,
        settings.split_size,
        settings.path_filter,
        settings.extensions,
        settings.extras,
        names.salt(),
    ));
    for (repo_index, repo) in snapshot.repos.iter().enumerate() {
        for (at, file) in repo.files.iter().enumerate() {
            let index = names.index(repo_index, at);
            let facts = &facts[index];
            hash.update(names.ids()[index]);
            hash.update(file.size.to_le_bytes());
            // Of a file with masked secrets only what stands in the merge: a hash of the rest would
            // let anybody test guesses.
            let emitted = facts.emitted.as_ref().and_then(|emitted| emitted.sha256.as_deref());
            if let Some(sha256) = facts.hashes.map(|hashes| hashes.sha256).or(emitted.copied()) {
                hash.update(sha256);
            }
            let entry = crate::render::view::Entry { repo_index, index, repo, file, facts };
            hash.update(included(entry));
        }
    }
    hex(&hash.finalize()[..8])
}

/// The folder of a file, for messages.
fn folder_of(path: &Path) -> PathBuf {
    path.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A merge of everything in a folder, handed over open.
    pub(super) fn request(root: &Path) -> MergeRequest {
        MergeRequest {
            roots: vec![root.to_owned()],
            scan: ScanOptions::default(),
            selection: Selection::default(),
            mode: Mode::Combined,
            density: Density::Auto,
            meta_none: false,
            split_files: false,
            split_size: None,
            extras: Extras::default(),
            delta_from: None,
            nav_headings: false,
            generated_at: Timestamp::UNIX_EPOCH,
            threads: 1,
            debug: false,
            cache: None,
            target: Target::Stream,
            name: None,
            dated: true,
        }
    }
}
