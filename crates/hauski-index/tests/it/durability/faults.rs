//! Seeded faults: each does to the files what a defect in the code would have done, and the checks must see it.

use std::fs;
use std::path::Path;

use hauski_index::text::{Kind, TextChange, TextIndex};
use hauski_index::truth::Truth;
use hauski_index::vectors::{self, VectorOptions};
use hauski_index::{Attributes, ChunkId};
use sqlx::{ConnectOptions, Connection};

use super::checks::check;
use super::victim::perform;
use super::work::{Model, Op};
use crate::index::{Letters, PATIENCE, Time, open};
use crate::truth::document;

/// Works a while in this very process and closes; the model says what must be there.
async fn worked(home: &Path, operations: std::ops::Range<u64>, model: &mut Model) {
    let index = open(home, &Time::new()).await;
    index.set_embedder(Letters::new("one", 26)).await.unwrap();
    for number in operations {
        perform(&index, &Op::of(number)).await;
        model.apply(&Op::of(number));
    }
    assert!(index.wait_until_seen(index.truth().seq(), PATIENCE).await);
    assert!(index.wait_until_embedded(PATIENCE).await);
    index.close().await;
}

/// A home after 60 operations, and what must be there.
fn home() -> (tempfile::TempDir, Model) {
    let home = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    block_on(worked(home.path(), 0..60, &mut model));
    assert!(!model.forgotten.is_empty() && model.live.len() > 5, "{model:?}");
    (home, model)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(work)
}

/// What the checks say after a fault.
fn seen(home: &Path, model: &Model) -> String {
    check(home, model, None).0.join("\n")
}

fn text_index(home: &Path) -> TextIndex {
    TextIndex::open(&home.join("vector/text")).unwrap()
}

async fn live(home: &Path) -> Vec<ChunkId> {
    let truth = Truth::open(home).await.unwrap();
    let live = truth.live().await.unwrap();
    truth.close().await;
    live
}

#[test]
fn without_a_fault_the_checks_are_silent() {
    let (home, model) = home();
    assert_eq!(seen(home.path(), &model), "");
}

/// As if a write were acknowledged before it is on the disk.
#[test]
fn a_lost_acknowledged_write_is_seen() {
    let home = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    block_on(worked(home.path(), 0..30, &mut model));
    let database = home.path().join("index.sqlite");
    let earlier = fs::read(&database).unwrap();
    block_on(worked(home.path(), 30..60, &mut model));
    fs::write(&database, earlier).unwrap();
    assert!(seen(home.path(), &model).contains("and should be"));
}

/// As if the watermark were written before the passages.
#[test]
fn a_watermark_ahead_of_its_passages_is_seen() {
    let (home, model) = home();
    let text = text_index(home.path());
    let lost = block_on(live(home.path()))[0];
    text.apply(&[TextChange::Delete(lost)], text.watermark()).unwrap();
    text.commit().unwrap();
    drop(text);
    assert!(seen(home.path(), &model).contains("the text index lacks 1"));
}

/// As if a replay brought a deleted passage back.
#[test]
fn a_deleted_passage_in_the_text_index_is_seen() {
    let (home, model) = home();
    let text = text_index(home.path());
    let ghost = TextChange::Put {
        id: ChunkId(999_999),
        attributes: Attributes::default(),
        title: String::new(),
        text: "ghost".to_owned(),
        kind: Kind::Prose,
        language: None,
    };
    text.apply(&[ghost], text.watermark()).unwrap();
    text.commit().unwrap();
    drop(text);
    assert!(
        seen(home.path(), &model).contains("the text index shows 1 passages that do not exist")
    );
}

/// As if vectors were taken over without being written.
#[test]
fn a_lost_vector_is_seen() {
    let (home, model) = home();
    let options = VectorOptions::new(26, "letters", "one");
    let store = vectors::open(&home.path().join("vector/letters@one"), &options).unwrap();
    let lost = block_on(live(home.path()))[0];
    store.delete(&[lost], store.watermark()).unwrap();
    store.flush().unwrap();
    drop(store);
    assert!(seen(home.path(), &model).contains("the store of vectors lacks 1"));
}

/// As if a compaction left an old file behind.
#[test]
fn a_file_with_forgotten_bytes_is_seen() {
    let (home, model) = home();
    let version = model.forgotten.first().unwrap();
    let left = home.path().join("vector/text/left-behind.store");
    fs::write(left, super::work::word(*version)).unwrap();
    assert!(seen(home.path(), &model).contains("a file still holds the forgotten version"));
}

/// As if an import brought something forgotten back.
#[test]
fn a_forgotten_document_that_is_back_is_seen() {
    let (home, model) = home();
    let version = model.forgotten.first().unwrap();
    block_on(async {
        let truth = Truth::open(home.path()).await.unwrap();
        let text = format!("heron {} sluice", super::work::word(*version));
        let mut back = document("document-7777", &[&text, "a passage that they share"]);
        back.revive = true;
        truth.put(vec![back], 0).await.unwrap();
        truth.close().await;
    });
    let seen = seen(home.path(), &model);
    assert!(seen.contains("is gone and found in"), "{seen}");
}

/// As if a page of the database went bad without its checksum telling.
#[test]
fn a_changed_text_is_seen() {
    let (home, model) = home();
    block_on(async {
        let options =
            sqlx::sqlite::SqliteConnectOptions::new().filename(home.path().join("index.sqlite"));
        let mut database = options.connect().await.unwrap();
        sqlx::raw_sql(
            "UPDATE chunk SET text = text || ' and more' WHERE id = (SELECT max(id) FROM chunk)",
        )
        .execute(&mut database)
        .await
        .unwrap();
        database.close().await.unwrap();
    });
    assert!(seen(home.path(), &model).contains("is not what its hash says"));
}

/// A power cut may keep any beginning of a derived file: what is torn is derived anew, and nothing of the truth is gone.
#[test]
fn torn_derived_files_are_healed() {
    let mut dice = super::Dice(7);
    for _ in 0..6 {
        let (home, model) = home();
        let mut files = Vec::new();
        collect(&home.path().join("vector"), &mut files);
        let file = &files[dice.below(files.len() as u64) as usize];
        let bytes = fs::read(file).unwrap();
        let kept = dice.below(bytes.len() as u64 + 1) as usize;
        fs::write(file, &bytes[..kept]).unwrap();
        let first = seen(home.path(), &model);
        if !first.is_empty() {
            // Sealed files are looked at by `verify`; `rebuild` is what it says to do then.
            block_on(async {
                let index = open(home.path(), &Time::new()).await;
                index.rebuild().await.unwrap();
                index.close().await;
                let _ = fs::remove_dir_all(home.path().join("vector/letters@one"));
            });
        }
        assert_eq!(
            seen(home.path(), &model),
            "",
            "{} cut at {kept}; first: {first}",
            file.display()
        );
    }
}

fn collect(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().flatten().map(|it| it.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if path.file_name().is_some_and(|name| name != "truth") {
            files.push(path);
        }
    }
}
