//! Facts cannot be changed, and are deleted only by leaving a tombstone.

use std::fs::File;
use std::time::{Duration, SystemTime};

use memory::{Forget, NewPolicyEvent, Retention, RunFilter, Store};
use sqlx::{ConnectOptions, Executor};

use crate::stores::{block_on, log, open, run, start};

async fn ids(store: &mut Store) -> Vec<String> {
    let runs = store.runs(&RunFilter::default()).await.unwrap();
    runs.into_iter().map(|run| run.id).collect()
}

/// Two hours pass for all objects.
fn make_old(store: &Store) {
    let then = SystemTime::now() - Duration::from_secs(7200);
    for object in store.cas().objects().unwrap() {
        let file = File::options().append(true).open(store.cas().path(&object.digest)).unwrap();
        file.set_modified(then).unwrap();
    }
}

#[test]
fn a_collection_takes_only_old_objects_that_no_fact_names() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let mut store = open(folder.path()).await;
        run(&mut store, &start("a", "just:x"), 0, "named\n").await;
        store.cas().put(&b"unnamed"[..]).unwrap();
        let keep = Retention::default();
        assert_eq!(store.gc(&keep).await.unwrap().unused_objects, 0);
        make_old(&store);
        let collected = store.gc(&keep).await.unwrap();
        assert_eq!((collected.unused_objects, collected.unused_bytes), (1, 7));
        assert_eq!(store.check().await.unwrap().notes, Vec::<String>::new());
    });
}

#[test]
fn no_statement_changes_or_deletes_a_fact() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let mut store = open(folder.path()).await;
        let begun = run(&mut store, &start("a", "just:x"), 1, "x").await;
        let event = NewPolicyEvent { run_id: Some(begun.id.clone()), ..NewPolicyEvent::default() };
        store.record_policy_events(&[event]).await.unwrap();
        store.set_preference(None, "k", Some("v")).await.unwrap();
        store.learn_meaning("k", "p", &["s".into()]).await.unwrap();
        store.grant_trust("k", "h").await.unwrap();
        let second = run(&mut store, &start("a", "just:x"), 1, "y").await;
        store.forget(&Forget::Runs(vec![second.id]), "test").await.unwrap();
        let options =
            sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join("memory.sqlite"));
        let mut raw = options.connect().await.unwrap();
        for table in [
            "repo",
            "env",
            "run_started",
            "run_finished",
            "policy_event",
            "evidence_pack",
            "preference",
            "meaning",
            "trust",
            "tombstone",
        ] {
            for sql in
                [format!("UPDATE {table} SET device_id = 'x'"), format!("DELETE FROM {table}")]
            {
                let refused = raw.execute(sqlx::AssertSqlSafe(sql.clone())).await;
                let error = refused.expect_err(&sql).to_string();
                assert!(error.contains("a fact is"), "{sql}: {error}");
            }
        }
    });
}

#[test]
fn a_forgotten_run_is_gone_with_its_words_and_its_log() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let mut store = open(folder.path()).await;
        let secret = run(&mut store, &start("a", "just:x"), 1, "error: embarrassing\n").await;
        let shared = run(&mut store, &start("a", "just:x"), 0, "plain\n").await;
        let other = run(&mut store, &start("a", "just:y"), 0, "plain\n").await;
        let digest = log(&store, "error: embarrassing\n").sha256;
        let forgotten =
            store.forget(&Forget::Runs(vec![secret.id.clone()]), "asked for").await.unwrap();
        assert_eq!((forgotten.facts, forgotten.objects_left), (1, 1));
        assert_eq!(ids(&mut store).await, [other.id.clone(), shared.id.clone()]);
        let all = RunFilter::default();
        assert!(store.search_logs("embarrassing", &all).await.unwrap().hits.is_empty());
        store.forget(&Forget::Runs(vec![shared.id]), "asked for").await.unwrap();
        assert_eq!(store.search_logs("plain", &all).await.unwrap().hits.len(), 1);
        let checked = store.check().await.unwrap();
        assert_eq!(checked.problems, Vec::<String>::new());
        assert!(store.cas().contains(&digest), "a log that was just written again stays");
        store.close().await.unwrap();
        for file in ["memory.sqlite", "memory.sqlite-wal"] {
            let bytes = std::fs::read(folder.path().join(file)).unwrap_or_default();
            let found = bytes.windows(12).any(|window| window == b"embarrassing");
            assert!(!found, "{file} still holds the words");
        }
    });
}

#[test]
fn the_log_of_a_forgotten_run_leaves_the_store() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let mut store = open(folder.path()).await;
        let begun = run(&mut store, &start("a", "just:x"), 0, "only here\n").await;
        make_old(&store);
        let forgotten = store.forget(&Forget::Runs(vec![begun.id]), "asked for").await.unwrap();
        assert_eq!((forgotten.objects, forgotten.bytes), (1, 10));
        assert!(store.cas().objects().unwrap().is_empty());
    });
}

#[test]
fn a_forgotten_repository_leaves_nothing_but_tombstones() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let mut store = open(folder.path()).await;
        let kept = run(&mut store, &start("b", "just:x"), 0, "").await;
        let key = run(&mut store, &start("a", "just:x"), 0, "").await.repo_key;
        store.set_preference(Some(&key), "k", Some("v")).await.unwrap();
        store.learn_meaning(&key, "p", &["s".into()]).await.unwrap();
        store.grant_trust(&key, "h").await.unwrap();
        let forgotten = store.forget(&Forget::Repo(key.clone()), "moved").await.unwrap();
        assert_eq!(forgotten.facts, 5);
        assert_eq!(ids(&mut store).await, [kept.id]);
        assert_eq!(store.repos().await.unwrap().len(), 1);
        assert!(store.meanings(&key).await.unwrap().is_empty());
        assert!(!store.is_trusted(&key, "h").await.unwrap());
        assert_eq!(store.stats().await.unwrap().tombstones, 5);
    });
}

#[test]
fn retention_keeps_the_newest_of_each_task() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let mut store = open(folder.path()).await;
        let mut newest = Vec::new();
        for task in ["just:x", "just:y"] {
            for number in 0..4 {
                let text = format!("{task} {number} {}\n", "z".repeat(1000));
                newest.push(run(&mut store, &start("a", task), 0, &text).await.id);
            }
        }
        let all =
            Retention { max_age_days: None, max_log_bytes: None, max_runs: None, keep_runs: 0 };
        assert_eq!(store.gc(&all).await.unwrap().runs.facts, 0);
        let by_size = Retention { max_log_bytes: Some(3100), keep_runs: 1, ..all };
        assert_eq!(store.gc(&by_size).await.unwrap().runs.facts, 5);
        let expected = [&newest[7], &newest[6], &newest[3]].map(Clone::clone);
        assert_eq!(ids(&mut store).await, expected);
        let by_age = Retention { max_age_days: Some(0), keep_runs: 1, ..all };
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(store.gc(&by_age).await.unwrap().runs.facts, 1);
        assert_eq!(ids(&mut store).await, [newest[7].clone(), newest[3].clone()]);
        assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
    });
}

#[test]
fn a_check_names_damage() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let mut store = open(folder.path()).await;
        run(&mut store, &start("a", "just:x"), 0, "some text\n").await;
        assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
        let object = store.cas().objects().unwrap().remove(0);
        std::fs::write(store.cas().path(&object.digest), "other text").unwrap();
        let checked = store.check().await.unwrap();
        assert!(checked.problems[0].contains(object.digest.as_str()), "{checked:?}");
        std::fs::remove_file(store.cas().path(&object.digest)).unwrap();
        let checked = store.check().await.unwrap();
        assert_eq!((checked.problems.len(), checked.notes.len()), (0, 1), "{checked:?}");
    });
}
