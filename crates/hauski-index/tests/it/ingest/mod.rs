//! Passes over real trees: what changes, what stays, what is left out, and what nobody may see.

mod hostile;
mod passes;
mod watching;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use hauski_index::ingest::{
    Change, Document, Known, Pass, PassOptions, Report, Seen, Tree, TreeKind, Trust, pass,
};

/// A truth in memory: what was put is known.
#[derive(Default)]
struct Shelf {
    documents: BTreeMap<String, Document>,
}

impl Known for Shelf {
    fn file(&self, _: &str, doc_id: &str) -> Option<Seen> {
        self.documents.get(doc_id)?.file
    }

    fn hash(&self, _: &str, doc_id: &str) -> Option<[u8; 32]> {
        self.documents.get(doc_id).map(|document| document.hash)
    }

    fn doc_ids(&self, _: &str) -> Vec<String> {
        self.documents.keys().cloned().collect()
    }
}

/// Ten seconds after everything that a test wrote, so that no file is too young to be trusted.
fn later() -> i64 {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    i64::try_from(now).unwrap() + 10_000_000_000
}

fn tree(root: &Path, kind: TreeKind) -> Tree {
    Tree { collection: "repo:test".into(), root: root.to_owned(), kind, trust: Trust::Medium }
}

impl Shelf {
    /// A pass over a tree; its changes are taken and told in short.
    fn pass(&mut self, tree: &Tree, options: &PassOptions) -> (Report, Vec<String>) {
        let changes = Mutex::new(Vec::new());
        let cancel = AtomicBool::new(false);
        let parts = Pass { known: &*self, now_ns: &later, cancel: &cancel };
        let mut sink = |change| {
            changes.lock().unwrap().push(change);
            Ok(())
        };
        let report = pass(tree, options, &parts, &mut (), &mut sink).unwrap();
        let told = changes.into_inner().unwrap().into_iter().map(|change| self.take(change));
        (report, told.collect())
    }

    fn take(&mut self, change: Change) -> String {
        match change {
            Change::Put(document) => {
                let from = document.moved_from.clone();
                let told = format!(
                    "put {}{}",
                    document.doc_id,
                    from.map_or(String::new(), |from| format!(" from {from}"))
                );
                self.documents.insert(document.doc_id.clone(), *document);
                told
            }
            Change::Touch { doc_id, seen, .. } => {
                self.documents.get_mut(&doc_id).unwrap().file = Some(seen);
                format!("touch {doc_id}")
            }
            Change::Remove { doc_id, .. } => {
                self.documents.remove(&doc_id);
                format!("remove {doc_id}")
            }
        }
    }
}

fn write(root: &Path, path: &str, text: impl AsRef<[u8]>) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// What was left out, as reports name it.
fn skipped(report: &Report) -> Vec<(&'static str, u64)> {
    report.skipped.iter().map(|(skip, count)| (skip.name(), *count)).collect()
}
