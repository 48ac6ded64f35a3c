//! What verbs ask of history: statistics, precedents, search, preferences, trust.

use std::io::Write;

use memory::{NewPolicyEvent, Outcome, RunFilter, SecretRef, SeedSnapshot, StoreError};

use crate::stores::{SECRET, block_on, open, run, start};

#[test]
fn statistics_count_runs_failures_and_durations() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let mut store = open(folder.path()).await;
        let mut key = String::new();
        for duration_ms in [30, 10, 20, 90] {
            let begun = store.start_run(&start("a", "just:x")).await.unwrap();
            key.clone_from(&begun.repo_key);
            let end = memory::RunFinish {
                exit_code: Some(0),
                duration_ms,
                ..memory::RunFinish::default()
            };
            store.finish_run(&begun, &end).await.unwrap();
        }
        run(&mut store, &start("a", "just:x"), 3, "error: no").await;
        store.start_run(&start("a", "just:y")).await.unwrap();
        run(&mut store, &start("b", "just:x"), 0, "").await;
        let stats = store.task_stats(&key).await.unwrap();
        assert_eq!(stats.len(), 2);
        assert_eq!((stats[0].runs, stats[0].failures), (5, 1));
        assert_eq!(stats[0].last_exit_code, Some(3));
        assert_eq!((stats[0].median_ms, stats[0].p90_ms), (Some(20), Some(90)));
        assert_eq!((stats[1].runs, stats[1].last_exit_code, stats[1].median_ms), (1, None, None));
        let next = store.successors(&key).await.unwrap();
        let pairs: Vec<_> =
            next.iter().map(|s| (s.task.as_str(), s.passed, s.next.as_str(), s.times)).collect();
        assert_eq!(pairs, [("just:x", true, "just:x", 4), ("just:x", false, "just:y", 1)],);
    });
}

#[test]
fn a_failure_names_what_made_the_same_failure_go() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let mut store = open(folder.path()).await;
        let test = start("a", "just:test");
        let mut fixed = test.clone();
        fixed.environment.tools.insert("node".into(), "22".into());
        let old = run(&mut store, &test, 1, "error: no module `x` at /home/a/f.js:1\n").await;
        run(&mut store, &start("a", "just:other"), 0, "").await;
        let green = run(&mut store, &fixed, 0, "fine").await;
        run(&mut store, &test, 1, "error: something else\n").await;
        let again = run(&mut store, &test, 1, "error: no module `x` at /tmp/z/f.js:20\n").await;
        let precedent = store.precedent(&again.id).await.unwrap().unwrap();
        assert_eq!(precedent.failed.id, old.id);
        assert_eq!(precedent.fixed_by.unwrap().id, green.id);
        assert_eq!(precedent.changes.len(), 1);
        assert_eq!(precedent.changes[0].field, "tools.node");
        assert_eq!(store.precedent(&green.id).await.unwrap(), None);
        assert_eq!(store.precedent(&old.id).await.unwrap(), None);
        let passed = store.last_passed(&green.repo_key, "just:test").await.unwrap().unwrap();
        assert_eq!(passed.id, green.id);
    });
}

#[test]
fn words_of_logs_are_found_with_the_line_they_stand_in() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let mut store = open(folder.path()).await;
        let first = run(&mut store, &start("a", "just:x"), 1, "one\nTür nicht gefunden: 7\n").await;
        let second = run(&mut store, &start("b", "just:x"), 0, "tur, nicht zu\n").await;
        let all = RunFilter::default();
        let ids = async |store: &mut memory::Store, text: &str, filter: &RunFilter| {
            let found = store.search_logs(text, filter).await.unwrap();
            let ids: Vec<_> = found.hits.into_iter().map(|hit| hit.run.id).collect();
            ids.join(" ")
        };
        let both = format!("{} {}", second.id, first.id);
        assert_eq!(ids(&mut store, "tur nicht", &all).await, both);
        assert_eq!(ids(&mut store, "\"nicht gefunden\"", &all).await, first.id);
        assert_eq!(ids(&mut store, "gefu*", &all).await, first.id);
        assert!(ids(&mut store, "gefu", &all).await.is_empty());
        let failed = RunFilter { outcome: Some(Outcome::Failed), ..all.clone() };
        assert_eq!(ids(&mut store, "nicht", &failed).await, first.id);
        let limited = RunFilter { limit: Some(1), ..all.clone() };
        assert_eq!(ids(&mut store, "nicht", &limited).await, second.id);
        let found = store.search_logs("gefunden", &all).await.unwrap();
        assert_eq!(found.hits[0].snippet.as_deref(), Some("Tür nicht gefunden: 7"));
        assert_eq!((found.hits[0].line, found.hits[0].whole), (Some(2), true));
        for odd in ["AND", "a OR", "NEAR(x", "x\" OR \"y", "col:x", "^x", "{a}", "x'y;--"] {
            store.search_logs(odd, &all).await.unwrap();
        }
        let error = store.search_logs("* -", &all).await.unwrap_err();
        assert!(matches!(error, StoreError::Invalid { .. }), "{error}");
    });
}

#[test]
fn a_long_log_is_searchable_at_both_ends_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let mut store = open(folder.path()).await;
        let middle = "filler words here\n".repeat(20_000);
        let text = format!("alpha\n{middle}omega\nneedle\n{middle}zulu\n");
        run(&mut store, &start("a", "just:x"), 0, &text).await;
        let all = RunFilter::default();
        for word in ["alpha", "zulu"] {
            let found = store.search_logs(word, &all).await.unwrap();
            assert_eq!(found.hits.len(), 1, "{word}");
            assert!(!found.hits[0].whole);
        }
        let found = store.search_logs("needle", &all).await.unwrap();
        assert_eq!((found.hits.len(), found.partly_indexed_logs), (0, 1));
        assert_eq!(store.rebuild_log_text().await.unwrap(), (1, 0));
        assert_eq!(store.search_logs("zulu", &all).await.unwrap().hits.len(), 1);
    });
}

#[test]
fn a_secret_over_several_writes_never_reaches_the_store() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let store = open(folder.path()).await;
        let mut writer = store.log_writer();
        let (first, second) = SECRET.split_at(5);
        for number in 0..40_000 {
            writer.write_all(format!("filler {first}").as_bytes()).unwrap();
            writer.write_all(second.as_bytes()).unwrap();
            writer.write_all(b" \xff\xfe").unwrap();
            if number % 3 == 0 {
                writer.write_all(b"\n").unwrap();
            }
        }
        let log = writer.finish().unwrap();
        assert_eq!(log.summary.masked, 40_000);
        let bytes = std::fs::read(store.cas().path(&log.sha256)).unwrap();
        assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()));
        assert_eq!(bytes.iter().filter(|byte| **byte == 0xff).count(), 40_000);
    });
}

#[test]
fn the_newest_preference_wins_and_none_removes_it() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let mut store = open(folder.path()).await;
        let key = memory::repo_key(&crate::stores::repo("a").identity);
        store.set_preference(Some(&key), "prefer_nextest", Some("yes")).await.unwrap();
        store
            .set_preference(Some(&key), "prefer_nextest", Some(&format!("no {SECRET}")))
            .await
            .unwrap();
        store.set_preference(None, "prefer_nextest", Some("all")).await.unwrap();
        let value = store.preference(Some(&key), "prefer_nextest").await.unwrap();
        assert!(value.unwrap().starts_with("no «redacted:"));
        assert_eq!(store.preferences(None).await.unwrap()["prefer_nextest"], "all");
        store.set_preference(Some(&key), "prefer_nextest", None).await.unwrap();
        assert_eq!(store.preference(Some(&key), "prefer_nextest").await.unwrap(), None);
        assert!(store.preferences(Some(&key)).await.unwrap().is_empty());
    });
}

#[test]
fn phrases_are_learned_and_unlearned() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let mut store = open(folder.path()).await;
        let steps = ["vale .".to_owned(), "just:cspell".to_owned()];
        store.learn_meaning("k", "docs prüfen", &steps).await.unwrap();
        assert_eq!(store.meanings("k").await.unwrap()["docs prüfen"], steps);
        store.learn_meaning("k", "docs prüfen", &[]).await.unwrap();
        assert!(store.meanings("k").await.unwrap().is_empty());
    });
}

#[test]
fn trust_is_bound_to_content_and_can_be_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let mut store = open(folder.path()).await;
        assert!(!store.is_trusted("k", "one").await.unwrap());
        store.grant_trust("k", "one").await.unwrap();
        store.grant_trust("k", "two").await.unwrap();
        assert!(store.is_trusted("k", "one").await.unwrap());
        assert!(!store.is_trusted("k", "three").await.unwrap());
        assert!(!store.is_trusted("other", "one").await.unwrap());
        store.decline_trust("k", "one").await.unwrap();
        assert!(!store.is_trusted("k", "one").await.unwrap());
        assert!(store.is_trusted("k", "two").await.unwrap());
        assert!(store.is_declined("k", "one").await.unwrap());
        assert!(store.was_trusted("k").await.unwrap());
        assert!(!store.is_declined("k", "two").await.unwrap());
        store.revoke_trust("k").await.unwrap();
        assert!(!store.is_declined("k", "one").await.unwrap());
        assert!(!store.is_trusted("k", "two").await.unwrap());
        assert!(!store.was_trusted("k").await.unwrap());
        store.grant_trust("k", "two").await.unwrap();
        assert!(store.is_trusted("k", "two").await.unwrap());
        assert_eq!(store.trust_records("k").await.unwrap().len(), 5);
    });
}

#[test]
fn rules_are_counted_by_outcome() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let mut store = open(folder.path()).await;
        let event = |rule: &str, outcome: &str| NewPolicyEvent {
            repo_key: "k".into(),
            rule: rule.into(),
            outcome: outcome.into(),
            message: SECRET.into(),
            ..NewPolicyEvent::default()
        };
        let events = [event("a", "broken"), event("b", "broken"), event("b", "broken")];
        store.record_policy_events(&events).await.unwrap();
        let counts = store.rule_counts("k", 0).await.unwrap();
        let seen: Vec<_> = counts.iter().map(|c| (c.rule.as_str(), c.events)).collect();
        assert_eq!(seen, [("b", 2), ("a", 1)]);
        assert!(store.rule_counts("k", i64::MAX).await.unwrap().is_empty());
    });
}

#[test]
fn seeds_and_places_of_secrets_are_known() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let mut store = open(folder.path()).await;
        let seed = SeedSnapshot {
            repo_key: "k".into(),
            name: "demo".into(),
            schema_version: "3".into(),
            export_cmd: "dump".into(),
            checksum: "0".repeat(64),
        };
        store.record_seed(&seed).await.unwrap();
        let known = store.seeds("k").await.unwrap();
        assert_eq!(known.iter().map(|it| &it.seed).collect::<Vec<_>>(), [&seed]);
        let newer = SeedSnapshot { schema_version: "4".into(), ..seed.clone() };
        store.record_seed(&newer).await.unwrap();
        assert_eq!(store.forget_seeds("k", "demo", Some("4")).await.unwrap().facts, 1);
        assert_eq!(store.seeds("k").await.unwrap(), known);
        assert_eq!(store.forget_seeds("k", "demo", None).await.unwrap().facts, 1);
        assert!(store.seeds("k").await.unwrap().is_empty());
        let secret = SecretRef {
            repo_key: None,
            name: "TOKEN".into(),
            provider: "gh".into(),
            scope: "release".into(),
        };
        store.record_secret_ref(&secret).await.unwrap();
        store.record_secret_ref(&secret).await.unwrap();
        assert_eq!(store.secret_refs("k").await.unwrap(), [secret]);
        assert_eq!(store.forget_secret_refs("k", "TOKEN", Some("sops")).await.unwrap().facts, 0);
        assert_eq!(store.forget_secret_refs("k", "TOKEN", None).await.unwrap().facts, 1);
        assert!(store.secret_refs("k").await.unwrap().is_empty());
    });
}
