//! Forgotten means: in no file, and not back by itself.

use std::fs;
use std::path::Path;

use hauski_index::truth::{PutOutcome, Selection};

use super::{NOW, document, open};

/// Whether any file below a folder holds these bytes.
pub(crate) fn holds(folder: &Path, needle: &str) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return holds(&path, needle);
        }
        let bytes = fs::read(&path).unwrap_or_default();
        memchr::memmem::find(&bytes, needle.as_bytes()).is_some()
    })
}

#[tokio::test]
async fn the_bytes_are_gone_and_do_not_come_back() {
    let home = tempfile::tempdir().unwrap();
    let truth = open(home.path()).await;
    let secret = "the heron nests behind the third sluice";
    let mut doomed = document("doomed-name", &[secret, "shared passage"]);
    doomed.hash = [7; 32];
    doomed.tags = vec!["place=heronsluice".to_owned()];
    truth.put(vec![doomed.clone(), document("other", &["shared passage"])], NOW).await.unwrap();
    let vectors = truth.pending("rev", 0, 10).await.unwrap();
    let vectors: Vec<_> = vectors.into_iter().map(|one| (one.content, vec![1.0, 2.0])).collect();
    truth.add_embeddings("rev", vectors).await.unwrap();
    assert!(holds(home.path(), secret));

    let by_text = Selection { text: Some("HERON NESTS".to_owned()), ..Selection::default() };
    let preview = truth.forget_preview(&by_text).await.unwrap();
    assert_eq!(preview.documents, [("notes".to_owned(), "doomed-name".to_owned(), 2)]);
    assert_eq!(preview.vectors, 1, "the shared passage's vector is still needed");
    assert_eq!(truth.forget(by_text.clone(), NOW).await.unwrap(), preview);
    assert!(truth.compact(truth.seq()).await.unwrap());
    for bytes in [secret, "doomed-name", "heronsluice"] {
        assert!(!holds(home.path(), bytes), "{bytes} is left in a file");
    }

    assert_eq!(truth.forget_preview(&by_text).await.unwrap(), Default::default());
    let again = truth.put(vec![doomed.clone()], NOW).await.unwrap();
    assert_eq!(again.outcomes, [PutOutcome::Forgotten]);
    let mut renamed = doomed.clone();
    renamed.doc_id = "another-name".to_owned();
    let again = truth.put(vec![renamed], NOW).await.unwrap();
    assert_eq!(again.outcomes, [PutOutcome::Forgotten], "the same content under another name");
    assert!(!holds(home.path(), secret));

    doomed.revive = true;
    let revived = truth.put(vec![doomed], NOW).await.unwrap();
    assert_eq!(revived.outcomes, [PutOutcome::Taken { added: 2, kept: 0, removed: 0 }]);
}

#[tokio::test]
async fn only_what_was_confirmed_goes() {
    let home = tempfile::tempdir().unwrap();
    let truth = open(home.path()).await;
    truth.put(vec![document("a", &["x"]), document("b", &["x"])], NOW).await.unwrap();
    let only = Some(vec![("notes".to_owned(), "a".to_owned())]);
    let selection =
        Selection { collection: Some("notes".to_owned()), only, ..Selection::default() };
    let gone = truth.forget(selection, NOW).await.unwrap();
    assert_eq!((gone.documents.len(), gone.chunks), (1, 1));
    assert!(truth.has_document(None, "b").await.unwrap());
}
