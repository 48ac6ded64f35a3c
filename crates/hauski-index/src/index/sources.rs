//! Sources: folders that their owner named, compared with what is known of them whenever somebody asks.

mod keep;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use contracts::hauski::index::{Looked, Looking, SOURCES, Source, SourceKind, Sources};
use tokio::runtime::Handle;

use super::{Index, IndexError, Inner, search, upsert};
use crate::ingest::{
    Change, Document, KnownDocuments, Pass, PassOptions, Progress, Tree, TreeKind, Trust, pass,
};
use crate::truth::{self, SourceRow};

/// Documents and passages that are put at a time.
const DOCUMENTS: usize = 128;
const PASSAGES: usize = 2000;
/// Names of documents that are removed at a time.
const REMOVALS: usize = 5000;
/// Sources that are kept up to date.
const MAX_SOURCES: usize = 1000;

/// A folder to take in.
#[derive(Clone, Debug)]
pub struct NewSource {
    /// Where it lies.
    pub root: PathBuf,
    /// What it is; found out where nothing is said.
    pub kind: Option<SourceKind>,
    /// What people call it; the name of the folder where nothing is said.
    pub name: Option<String>,
}

impl Index {
    /// Adds a folder to the sources; nothing of it is read yet. A folder that is there already stays what it is.
    ///
    /// # Errors
    /// The folder cannot be a source, or the database says no.
    pub async fn add_source(&self, new: NewSource) -> Result<Source, IndexError> {
        let root = self.checked_root(&new.root)?;
        let rows = self.0.truth.sources().await?;
        let root_text = root
            .to_str()
            .ok_or_else(|| IndexError::invalid("path", "the folder's path is not valid UTF-8"))?;
        let kind = new.kind.unwrap_or_else(|| kind_of(&root));
        let label = match &new.name {
            Some(name) => name.clone(),
            None => root.file_name().and_then(|name| name.to_str()).unwrap_or("root").to_owned(),
        };
        let name = format!("{}:{label}", prefix(kind));
        upsert::namespace_name("name", &label)?;
        upsert::namespace_name("name", &name)?;
        if let Some(there) = rows.iter().find(|row| row.root.as_deref() == Some(root_text)) {
            let is_other = new.name.is_some() && there.name != name
                || new.kind.is_some_and(|kind| there.kind != kind.name());
            if is_other {
                let what = format!(
                    "the folder is the source `{}` already; `hauski index remove {}` takes it out",
                    there.name, there.name
                );
                return Err(IndexError::invalid("path", what));
            }
            return Ok(self.shown(there.clone()));
        }
        if let Some(there) = rows.iter().find(|row| row.name == name) {
            let other = there.root.as_deref().unwrap_or_default();
            let what = format!("`{name}` is {other}; give this one another name with --name");
            return Err(IndexError::invalid("name", what));
        }
        if rows.len() >= MAX_SOURCES {
            let what = format!("there are {MAX_SOURCES} sources; remove one first");
            return Err(IndexError::invalid("path", what));
        }
        let row = SourceRow {
            name: name.clone(),
            kind: kind.name().to_owned(),
            collection: name,
            root: Some(root_text.to_owned()),
            options: "{}".to_owned(),
            added_ms: self.now_ms(),
            ..SourceRow::default()
        };
        self.0.truth.put_source(row.clone()).await?;
        self.0.sources_changed.send_modify(|count| *count += 1);
        Ok(self.shown(row))
    }

    /// Takes a source out, with its documents. They are no longer shown from then on and may come back.
    ///
    /// # Errors
    /// There is no such source, or the database says no.
    pub async fn remove_source(&self, name: &str) -> Result<Source, IndexError> {
        let row = self.source_row(name).await?;
        // A pass that is under way would put documents of it again.
        let _one_at_a_time = self.0.passing.lock().await;
        self.0.truth.remove_source(&row.name).await?;
        self.0.sources_changed.send_modify(|count| *count += 1);
        let known = self.0.truth.known(&row.collection).await?;
        let names: Vec<String> = known.into_iter().map(|known| known.doc_id).collect();
        for names in names.chunks(REMOVALS) {
            self.0.truth.remove(&row.collection, names).await?;
        }
        Ok(self.shown(row))
    }

    /// Compares a source with what is known of it, and takes over what changed. One pass at a time; it ends early when
    /// the index is closed.
    ///
    /// # Errors
    /// There is no such source, its folder cannot be read, or the database says no. The failure is kept with the source.
    pub async fn sync_source(&self, name: &str) -> Result<Source, IndexError> {
        let named = self.source_row(name).await?;
        let _one_at_a_time = self.0.passing.lock().await;
        if *self.0.stop.borrow() {
            return Err(IndexError::Interrupted("the index is closing".to_owned()));
        }
        // It may have been removed meanwhile.
        let row = self.source_row(&named.name).await?;
        let shown = Shown { inner: &self.0, name: &row.name };
        shown.set(Looking::default());
        let looked = self.look(&row).await;
        drop(shown);
        let (looked, failure) = match looked {
            Ok(looked) => (looked, None),
            Err(error) => {
                (Looked { error: Some(error.to_string()), ..Looked::default() }, Some(error))
            }
        };
        let outcome = serde_json::to_string(&looked).unwrap_or_default();
        self.0.truth.source_scanned(&row.name, self.now_ms(), outcome).await?;
        match failure {
            Some(error) => Err(error),
            None => Ok(self.shown(self.source_row(&row.name).await?)),
        }
    }

    /// Every source, by name.
    ///
    /// # Errors
    /// The database says no.
    pub async fn sources(&self) -> Result<Sources, IndexError> {
        let rows = self.0.truth.sources().await?;
        let sources = rows.into_iter().map(|row| self.shown(row)).collect();
        Ok(Sources { schema: SOURCES.to_owned(), sources })
    }

    /// One source, by its name, the end of it, or its folder.
    ///
    /// # Errors
    /// There is no such source, or the database says no.
    pub async fn source(&self, name: &str) -> Result<Source, IndexError> {
        Ok(self.shown(self.source_row(name).await?))
    }

    /// Changes whenever a source comes or goes.
    fn sources_changed(&self) -> tokio::sync::watch::Receiver<u64> {
        self.0.sources_changed.subscribe()
    }

    /// The source of this name, or the one whose name ends so, or whose folder it is.
    async fn source_row(&self, name: &str) -> Result<SourceRow, IndexError> {
        let mut rows = self.0.truth.sources().await?;
        let exact =
            rows.iter().position(|row| row.name == name || row.root.as_deref() == Some(name));
        if let Some(place) = exact {
            return Ok(rows.swap_remove(place));
        }
        let ends =
            |row: &SourceRow| row.name.split_once(':').is_some_and(|(_, label)| label == name);
        rows.retain(ends);
        match rows.len() {
            1 => Ok(rows.swap_remove(0)),
            0 => Err(IndexError::NotFound { what: "source", name: name.to_owned() }),
            _ => {
                let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
                let what = format!("`{name}` may be {}", names.join(" or "));
                Err(IndexError::invalid("name", what))
            }
        }
    }

    /// As reports show it.
    pub(super) fn shown(&self, row: SourceRow) -> Source {
        let looking = self.0.looking.lock().unwrap_or_else(PoisonError::into_inner);
        Source {
            looking: looking.get(&row.name).copied(),
            name: row.name,
            kind: row.kind,
            collection: row.collection,
            root: row.root,
            added_at: search::time(row.added_ms),
            scanned_at: row.scanned_ms.map(search::time),
            outcome: row.outcome.and_then(|text| serde_json::from_str(&text).ok()),
            documents: row.documents,
        }
    }

    /// The folder without links, if it may be a source: neither the whole machine nor what the daemon itself keeps.
    fn checked_root(&self, root: &Path) -> Result<PathBuf, IndexError> {
        let shown = root.display();
        if !root.is_absolute() {
            return Err(IndexError::invalid("path", format!("{shown} is not an absolute path")));
        }
        let whole = root.canonicalize();
        let whole = whole.map_err(|error| {
            IndexError::invalid("path", format!("{shown} cannot be opened: {error}"))
        })?;
        if !whole.is_dir() {
            return Err(IndexError::invalid("path", format!("{shown} is not a folder")));
        }
        let home = self.0.home.canonicalize().unwrap_or_else(|_| self.0.home.clone());
        if whole.starts_with(&home) || home.starts_with(&whole) {
            let what = format!(
                "{shown} and the daemon's own folder {} lie within each other; name folders beside it",
                home.display()
            );
            return Err(IndexError::invalid("path", what));
        }
        Ok(whole)
    }

    async fn look(&self, row: &SourceRow) -> Result<Looked, IndexError> {
        let began = Instant::now();
        let Some(root) = row.root.clone().map(PathBuf::from) else {
            return Err(IndexError::invalid("name", format!("`{}` has no folder", row.name)));
        };
        let Some(kind) = SourceKind::of(&row.kind) else {
            return Err(IndexError::invalid("name", format!("`{}` is of no known kind", row.name)));
        };
        let known =
            KnownDocuments::new(&row.collection, self.0.truth.known(&row.collection).await?);
        let tree = Tree {
            collection: row.collection.clone(),
            root,
            kind: tree_kind(kind),
            trust: trust(kind),
        };
        let (index, name, runtime) = (self.clone(), row.name.clone(), Handle::current());
        let looked = tokio::task::spawn_blocking(move || {
            let mut taker = Taker {
                index: &index,
                runtime,
                root: &tree.root,
                waiting: Waiting::default(),
                refused: 0,
                hidden: 0,
            };
            let clock = Arc::clone(&index.0.options.clock);
            let now_ns = move || clock().saturating_mul(1_000_000);
            let means = Pass { known: &known, now_ns: &now_ns, cancel: &index.0.cancel };
            let mut progress = Shown { inner: &index.0, name: &name };
            let report =
                pass(&tree, &PassOptions::default(), &means, &mut progress, &mut |change| {
                    taker.take(&tree.collection, change).map_err(Into::into)
                });
            let report = match report {
                Ok(report) => report,
                Err(error) => return Err(IndexError::Ingest(super::error::with_causes(&error))),
            };
            taker.flush(&tree.collection)?;
            let skipped =
                report.skipped.iter().map(|(skip, count)| (skip.name().to_owned(), *count));
            Ok(Looked {
                files: report.files,
                unchanged: report.unchanged,
                touched: report.touched,
                put: report.put,
                moved: report.moved,
                removed: report.removed,
                chunks: report.chunks,
                bytes: report.bytes,
                masked: report.masked,
                cut_files: report.cut_files,
                left_out_bytes: report.left_out_bytes,
                skipped: skipped.collect::<BTreeMap<_, _>>(),
                refused: taker.refused,
                hidden: taker.hidden,
                notes: report.notes,
                cancelled: report.cancelled,
                duration_ms: 0,
                error: None,
            })
        });
        let looked = looked.await??;
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Looked { duration_ms, ..looked })
    }
}

/// Shows how far a pass is, until it is dropped.
struct Shown<'a> {
    inner: &'a Inner,
    name: &'a str,
}

impl Shown<'_> {
    fn set(&self, looking: Looking) {
        let mut all = self.inner.looking.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(self.name.to_owned(), looking);
    }
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        self.inner.looking.lock().unwrap_or_else(PoisonError::into_inner).remove(self.name);
    }
}

impl Progress for Shown<'_> {
    fn step(&mut self, done: u64, total: u64, bytes: u64) {
        self.set(Looking { done, total, bytes });
    }
}

/// Hands what a pass says to the database, many at a time.
struct Taker<'a> {
    index: &'a Index,
    runtime: Handle,
    root: &'a Path,
    waiting: Waiting,
    refused: u64,
    hidden: u64,
}

#[derive(Default)]
struct Waiting {
    documents: Vec<truth::Document>,
    passages: usize,
    stamps: Vec<(String, String)>,
    gone: Vec<String>,
}

impl Taker<'_> {
    fn take(&mut self, collection: &str, change: Change) -> Result<(), IndexError> {
        match change {
            Change::Put(document) => {
                let document: Document = *document;
                self.waiting.passages += document.chunks.len();
                self.waiting.documents.push(document.stored(Some(self.root)));
            }
            Change::Touch { doc_id, seen, .. } => self.waiting.stamps.push((doc_id, seen.stamp())),
            Change::Remove { doc_id, .. } => self.waiting.gone.push(doc_id),
        }
        let waiting = &self.waiting;
        let is_full = waiting.documents.len() >= DOCUMENTS
            || waiting.passages >= PASSAGES
            || waiting.stamps.len() + waiting.gone.len() >= REMOVALS;
        if is_full { self.flush(collection) } else { Ok(()) }
    }

    fn flush(&mut self, collection: &str) -> Result<(), IndexError> {
        let Waiting { documents, stamps, gone, .. } = std::mem::take(&mut self.waiting);
        let index = self.index;
        let upserted = self.runtime.block_on(async {
            let truth = &index.0.truth;
            let upserted =
                if documents.is_empty() { None } else { Some(index.put(documents).await?) };
            if !stamps.is_empty() {
                truth.touch(collection, stamps).await?;
            }
            if !gone.is_empty() {
                truth.remove(collection, &gone).await?;
            }
            Ok::<_, IndexError>(upserted)
        })?;
        if let Some(upserted) = upserted {
            self.refused += upserted.refused.len() as u64;
            self.hidden += upserted.quarantined;
        }
        Ok(())
    }
}

fn prefix(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Repo => "repo",
        SourceKind::Folder | SourceKind::Vault => "folder",
        SourceKind::Conversations => "conversations",
    }
}

fn tree_kind(kind: SourceKind) -> TreeKind {
    match kind {
        SourceKind::Repo => TreeKind::Repo,
        SourceKind::Folder => TreeKind::Folder,
        SourceKind::Vault => TreeKind::Vault,
        SourceKind::Conversations => TreeKind::Conversations,
    }
}

/// Notes are the person's own; code and documents may be anybody's.
fn trust(kind: SourceKind) -> Trust {
    match kind {
        SourceKind::Vault => Trust::High,
        SourceKind::Repo | SourceKind::Folder | SourceKind::Conversations => Trust::Medium,
    }
}

/// A working copy has `.git`, a vault `.obsidian`.
fn kind_of(root: &Path) -> SourceKind {
    if root.join(".obsidian").is_dir() {
        SourceKind::Vault
    } else if root.join(".git").exists() {
        SourceKind::Repo
    } else {
        SourceKind::Folder
    }
}
