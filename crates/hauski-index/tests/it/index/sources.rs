//! Folders are taken in, looked at again, kept up with and taken out.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use contracts::hauski::index::{CitationState, Looked, Source, SourceKind};
use hauski_index::embed::{Embedder, Embedding, Kind, ModelId};
use hauski_index::{Index, IndexOptions, NewSource};

use super::{Letters, PATIENCE, found, question};

/// An index with the clock of the machine, beside a folder to take in.
struct Bed {
    folder: tempfile::TempDir,
    _home: tempfile::TempDir,
    index: Index,
}

impl Bed {
    async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let index = Index::open(home.path(), IndexOptions::default()).await.unwrap();
        Self { folder: tempfile::tempdir().unwrap(), _home: home, index }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    async fn add(&self, kind: SourceKind) -> Source {
        self.index.add_source(new(self.folder.path(), Some(kind), Some("bed"))).await.unwrap()
    }

    async fn look(&self) -> Looked {
        let source = self.index.sync_source("bed").await.unwrap();
        assert!(self.index.wait_until_seen(self.index.truth().seq(), PATIENCE).await);
        source.outcome.unwrap()
    }
}

fn new(root: &Path, kind: Option<SourceKind>, name: Option<&str>) -> NewSource {
    NewSource { root: root.to_owned(), kind, name: name.map(str::to_owned) }
}

#[tokio::test]
async fn a_folder_is_found_with_file_and_line() {
    let bed = Bed::new().await;
    let token = format!("ghp_{}", "016C7gHVNMKbOj9ZRPTpsJHD4QvLrW2l0gqM");
    bed.write(
        "notes/birds.md",
        &format!("# Birds\n\nHerons nest here.\n\n## Keys\n\nThe key is {token}.\n"),
    );
    bed.write(
        "code/sluice.rs",
        "//! Water.\n\n/// Opens the sluice slowly.\npub fn open_sluice() {}\n",
    );
    bed.write(".gitignore", "left/\n");
    bed.write("left/out.md", "Herons again.\n");
    bed.write("image.bin", "a\0b");
    let source = bed.add(SourceKind::Repo).await;
    assert_eq!((source.name.as_str(), source.documents), ("repo:bed", 0));
    let looked = bed.look().await;
    assert_eq!((looked.put, looked.masked), (3, 1), "{looked:?}");
    assert_eq!((looked.skipped["ignored"], looked.skipped["binary"]), (1, 1), "{looked:?}");

    let report = bed.index.search(&question("herons nest")).await.unwrap();
    let best = &report.matches[0].citation;
    let file = bed.folder.path().canonicalize().unwrap().join("notes/birds.md");
    assert_eq!(best.file.as_deref(), file.to_str());
    assert_eq!((best.first_line, best.state), (Some(1), CitationState::Matches));
    let report = bed.index.search(&question("open sluice")).await.unwrap();
    let best = &report.matches[0];
    assert_eq!(best.doc_id, "code/sluice.rs");
    assert_eq!(best.citation.first_line, Some(1));
    // A passage with a masked secret still stands where it is cited.
    let report = bed.index.search(&question("the key is")).await.unwrap();
    let keys = report.matches.iter().find(|found| found.text.contains("The key is")).unwrap();
    assert!(!keys.text.contains(&token), "{}", keys.text);
    assert_eq!(keys.citation.state, CitationState::Matches);
    bed.index.close().await;
}

#[tokio::test]
async fn changes_are_followed() {
    let bed = Bed::new().await;
    bed.write("a.md", "Herons nest here.\n");
    bed.write("b.md", "Beavers build dams.\n");
    bed.add(SourceKind::Folder).await;
    assert_eq!(bed.look().await.put, 2);
    bed.write("a.md", "Storks nest here.\n");
    bed.write("c.md", "Otters swim.\n");
    fs::remove_file(bed.folder.path().join("b.md")).unwrap();
    let looked = bed.look().await;
    assert_eq!((looked.put, looked.removed), (2, 1), "{looked:?}");
    assert_eq!(found(&bed.index, &question("storks")).await, ["a.md"]);
    assert_eq!(found(&bed.index, &question("herons beavers")).await, [""; 0]);
    let source = bed.index.source("folder:bed").await.unwrap();
    assert_eq!((source.documents, source.looking), (2, None));
    assert!(bed.index.verify().await.unwrap().ok);
    // Files that have come to rest are not read again; those of this moment are, and found to be the same.
    for name in ["a.md", "c.md"] {
        let old = std::time::SystemTime::now() - Duration::from_secs(3600);
        fs::File::open(bed.folder.path().join(name)).unwrap().set_modified(old).unwrap();
    }
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let looked = bed.look().await;
    assert_eq!((looked.touched, looked.put), (2, 0), "{looked:?}");
    let looked = bed.look().await;
    assert_eq!((looked.unchanged, looked.bytes), (2, 0), "{looked:?}");
    bed.index.close().await;
}

/// Counts the passages that it embeds.
struct Counting(Arc<Letters>, AtomicUsize);

impl Embedder for Counting {
    fn model(&self) -> &ModelId {
        self.0.model()
    }

    fn embed<'a>(&'a self, texts: &'a [String], kind: Kind) -> Embedding<'a> {
        if kind == Kind::Passage {
            self.1.fetch_add(texts.len(), Ordering::SeqCst);
        }
        self.0.embed(texts, kind)
    }
}

#[tokio::test]
async fn nothing_is_embedded_twice() {
    let bed = Bed::new().await;
    let model = Arc::new(Counting(Letters::new("one", 26), AtomicUsize::new(0)));
    bed.index.set_embedder(Arc::clone(&model) as Arc<dyn Embedder>).await.unwrap();
    let text = "# Birds\n\nHerons nest here.\n\n# Mammals\n\nBeavers build dams.\n";
    bed.write("old/name.md", text);
    bed.write("code.rs", "/// Opens the sluice.\npub fn open() {}\n");
    bed.add(SourceKind::Repo).await;
    bed.look().await;
    assert!(bed.index.wait_until_embedded(PATIENCE).await);
    let first = model.1.load(Ordering::SeqCst);
    assert!(first >= 2, "{first}");

    fs::create_dir(bed.folder.path().join("new")).unwrap();
    let path = |name: &str| bed.folder.path().join(name);
    fs::rename(path("old/name.md"), path("new/place.md")).unwrap();
    bed.write("copy.md", text);
    let looked = bed.look().await;
    assert_eq!((looked.put, looked.moved, looked.removed), (2, 1, 1), "{looked:?}");
    assert!(bed.index.wait_until_embedded(PATIENCE).await);
    assert_eq!(model.1.load(Ordering::SeqCst), first, "renamed and copied, not embedded again");
    let stats = bed.index.stats().await.unwrap();
    assert_eq!(stats.embedded_chunks, stats.total_chunks);
    assert!(bed.index.verify().await.unwrap().ok);
    let report = bed.index.search(&question("beavers")).await.unwrap();
    let headers: Vec<&str> = report.matches.iter().map(|found| found.header.as_str()).collect();
    assert!(headers.iter().any(|header| header.starts_with("new/place.md")), "{headers:?}");

    bed.write("new/place.md", &text.replace("Beavers build dams.", "Otters swim in rivers."));
    bed.look().await;
    assert!(bed.index.wait_until_embedded(PATIENCE).await);
    assert_eq!(model.1.load(Ordering::SeqCst), first + 1, "one passage has changed");
    bed.index.close().await;
}

#[tokio::test]
async fn links_lead_nowhere() {
    let bed = Bed::new().await;
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.md"), "The herons are elsewhere.\n").unwrap();
    bed.write("a.md", "Herons nest here.\n");
    std::os::unix::fs::symlink(outside.path(), bed.folder.path().join("out")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret.md"), bed.folder.path().join("b.md"))
        .unwrap();
    bed.add(SourceKind::Folder).await;
    let looked = bed.look().await;
    assert_eq!((looked.put, looked.skipped["symlink"]), (1, 2), "{looked:?}");
    assert_eq!(found(&bed.index, &question("herons elsewhere")).await, ["a.md"]);
    bed.index.close().await;
}

#[tokio::test]
async fn only_folders_that_can_be_sources_are_taken() {
    let bed = Bed::new().await;
    bed.write("file.md", "x\n");
    let refused = async |root: &Path, name: Option<&str>| {
        bed.index.add_source(new(root, None, name)).await.unwrap_err().to_string()
    };
    let folder = bed.folder.path();
    for (root, why) in [
        (Path::new("relative"), "is not an absolute path"),
        (Path::new("/"), "lie within each other"),
        (bed._home.path(), "lie within each other"),
        (bed._home.path().parent().unwrap(), "lie within each other"),
        (&folder.join("file.md"), "is not a folder"),
        (&folder.join("missing"), "cannot be opened"),
    ] {
        let said = refused(root, None).await;
        assert!(said.contains(why), "{said}");
    }
    for name in ["", "a*b", " a", "line\nbreak"] {
        let said = refused(folder, Some(name)).await;
        assert!(said.contains("must"), "{name:?}: {said}");
    }
    let first = bed.index.add_source(new(folder, None, Some("bed"))).await.unwrap();
    let again = bed.index.add_source(new(folder, None, None)).await.unwrap();
    assert_eq!((first.name.as_str(), &again), ("folder:bed", &first));
    assert!(refused(folder, Some("other")).await.contains("is the source `folder:bed` already"));
    let other = tempfile::tempdir().unwrap();
    assert!(refused(other.path(), Some("bed")).await.contains("give this one another name"));
    bed.index.close().await;
}

#[tokio::test]
async fn a_source_that_goes_takes_its_documents_along() {
    let bed = Bed::new().await;
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("other.md"), "Herons over there.\n").unwrap();
    bed.write("a.md", "Herons nest here.\n");
    bed.add(SourceKind::Folder).await;
    bed.look().await;
    bed.index.add_source(new(other.path(), None, Some("other"))).await.unwrap();
    bed.index.sync_source("other").await.unwrap();
    assert!(bed.index.remove_source("nothing").await.is_err());
    let gone = bed.index.remove_source("bed").await.unwrap();
    assert_eq!((gone.name.as_str(), gone.documents), ("folder:bed", 1));
    assert!(bed.index.wait_until_seen(bed.index.truth().seq(), PATIENCE).await);
    assert_eq!(found(&bed.index, &question("herons")).await, ["other.md"]);
    assert_eq!(bed.index.sources().await.unwrap().sources.len(), 1);
    // It may come back.
    bed.add(SourceKind::Folder).await;
    assert_eq!(bed.look().await.put, 1);
    bed.index.close().await;
}

#[tokio::test]
async fn a_folder_that_is_away_loses_nothing() {
    let bed = Bed::new().await;
    bed.write("a.md", "Herons nest here.\n");
    bed.add(SourceKind::Folder).await;
    bed.look().await;
    let away = bed.folder.path().with_extension("away");
    fs::rename(bed.folder.path(), &away).unwrap();
    bed.index.sync_source("bed").await.unwrap_err();
    let source = bed.index.source("bed").await.unwrap();
    assert_eq!(source.documents, 1);
    assert!(source.outcome.unwrap().error.is_some());
    assert_eq!(found(&bed.index, &question("herons")).await, ["a.md"]);
    fs::rename(&away, bed.folder.path()).unwrap();
    assert_eq!(bed.look().await.error, None);
    bed.index.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sources_are_kept_up_to_date() {
    let bed = Bed::new().await;
    bed.write("a.md", "Herons nest here.\n");
    let keeping = tokio::spawn({
        let index = bed.index.clone();
        async move { index.keep_sources().await }
    });
    bed.add(SourceKind::Folder).await;
    let comes = async |words: &str, name: &str| {
        let began = Instant::now();
        while found(&bed.index, &question(words)).await != [name] {
            assert!(began.elapsed() < PATIENCE, "{words} is not found");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    comes("herons", "a.md").await;
    bed.write("deep/er/b.md", "Beavers build dams.\n");
    comes("beavers", "deep/er/b.md").await;
    fs::rename(bed.folder.path().join("deep/er/b.md"), bed.folder.path().join("c.md")).unwrap();
    comes("beavers", "c.md").await;
    bed.index.close().await;
    tokio::time::timeout(PATIENCE, keeping).await.unwrap().unwrap();
}
