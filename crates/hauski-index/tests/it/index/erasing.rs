//! Forgetting through the facade: no file of the home holds it any more.

use contracts::hauski::index::{ForgetFilter, ForgetRequest};
use hauski_index::IndexError;

use super::{Letters, PATIENCE, Time, document, found, open, put, question};
use crate::truth::holds;

fn by(filter: ForgetFilter) -> ForgetRequest {
    ForgetRequest { filter, confirm: true, ..ForgetRequest::default() }
}

#[tokio::test]
async fn no_file_holds_what_was_forgotten() {
    let home = tempfile::tempdir().unwrap();
    let index = open(home.path(), &Time::new()).await;
    index.set_embedder(Letters::new("one", 26)).await.unwrap();
    let secret = "quokkaburrow behind the third sluice";
    put(
        &index,
        vec![
            document("notes", "doomed-name", &[secret]),
            document("notes", "kept", &["a kept passage about sluices"]),
        ],
    )
    .await;
    assert!(index.wait_until_embedded(PATIENCE).await);
    assert_eq!(found(&index, &question("quokkaburrow")).await[0], "doomed-name");
    assert!(holds(home.path(), "quokkaburrow"));

    let filter = ForgetFilter { query: Some("QUOKKABURROW".to_owned()), ..Default::default() };
    let preview = ForgetRequest { dry_run: true, filter: filter.clone(), ..Default::default() };
    let preview = index.forget(&preview).await.unwrap();
    assert_eq!((preview.forgotten_count, preview.chunks, preview.vectors), (1, 1, 1));
    assert_eq!(found(&index, &question("quokkaburrow")).await[0], "doomed-name");

    let forgot = index.forget(&by(filter)).await.unwrap();
    assert_eq!((forgot.forgotten_count, forgot.vectors, forgot.erased), (1, 1, true));
    assert!(!found(&index, &question("quokkaburrow")).await.contains(&"doomed-name".to_owned()));
    for bytes in ["quokkaburrow", "doomed-name"] {
        assert!(!holds(home.path(), bytes), "{bytes} is left in a file");
    }
    let again = index.upsert(document("notes", "doomed-name", &[secret])).await.unwrap();
    assert_eq!((again.status.as_str(), again.refused[0].code.as_str()), ("refused", "forgotten"));
    assert_eq!(found(&index, &question("sluices")).await, ["kept"]);
    assert!(index.verify().await.unwrap().ok);
    index.close().await;
    assert!(!holds(home.path(), "quokkaburrow"));

    let index = open(home.path(), &Time::new()).await;
    let mut wanted = document("notes", "doomed-name", &[secret]);
    wanted.revive = true;
    assert_eq!(index.upsert(wanted).await.unwrap().ingested, 1);
    index.close().await;
}

#[tokio::test]
async fn nothing_is_forgotten_by_accident() {
    let home = tempfile::tempdir().unwrap();
    let index = open(home.path(), &Time::new()).await;
    put(&index, vec![document("notes", "a", &["x"]), document("other", "b", &["x"])]).await;
    let notes = || Some("notes".to_owned());
    let unconfirmed = ForgetRequest {
        filter: ForgetFilter { doc_id: Some("a".to_owned()), ..Default::default() },
        ..Default::default()
    };
    for request in [
        unconfirmed,
        by(ForgetFilter::default()),
        by(ForgetFilter { namespace: notes(), ..Default::default() }),
        by(ForgetFilter { allow_namespace_wipe: true, ..Default::default() }),
        by(ForgetFilter { query: Some("x".to_owned()), ..Default::default() }),
    ] {
        let error = index.forget(&request).await.unwrap_err();
        assert!(matches!(error, IndexError::Invalid { .. }), "{error:?}");
    }
    let wipe =
        ForgetFilter { namespace: notes(), allow_namespace_wipe: true, ..Default::default() };
    assert_eq!(index.forget(&by(wipe)).await.unwrap().forgotten_count, 1);
    assert_eq!(index.stats().await.unwrap().total_documents, 1);
    index.close().await;
}
