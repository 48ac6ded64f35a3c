//! Recording runs and listing them.

use memory::{Access, Outcome, RunFilter};

use crate::stores::{SECRET, block_on, open, run, start, try_open};

#[test]
fn a_run_is_there_with_all_that_it_links() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let mut store = open(folder.path()).await;
        let mut start = start("house", "just:test");
        start.args = vec!["--token".into(), SECRET.into()];
        let begun = run(&mut store, &start, 1, &format!("fine\nerror: {SECRET} is wrong\n")).await;
        let detail = store.run(&begun.id).await.unwrap();
        assert_eq!(detail.run.outcome(), Outcome::Failed);
        assert!(detail.run.args[1].starts_with("«redacted:"), "{:?}", detail.run.args);
        assert_eq!(detail.run.repo, "house");
        assert_eq!(detail.environment.as_ref(), Some(&start.environment));
        let summary = detail.evidence[0].content.summary.log.clone().unwrap();
        assert_eq!((summary.lines, summary.error_lines, summary.masked), (2, 1, 1));
        assert!(summary.first_errors[0].starts_with("error: «redacted:"), "{summary:?}");
        assert!(detail.run.signature.is_some());
        let short = store.run(&begun.id[..13]).await.unwrap();
        assert_eq!(short, detail);
        store.close().await.unwrap();
    });
}

#[test]
fn an_unfinished_run_is_listed_as_open() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let mut store = open(folder.path()).await;
        store.start_run(&start("house", "just:serve")).await.unwrap();
        drop(store);
        let mut store = try_open(folder.path(), Access::Read).await.unwrap();
        let runs = store.runs(&RunFilter::default()).await.unwrap();
        assert_eq!(runs[0].outcome(), Outcome::Open);
        assert_eq!(runs[0].exit_code, None);
    });
}

#[test]
fn filters_narrow_the_list_and_the_newest_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let mut store = open(folder.path()).await;
        let mut ids = Vec::new();
        for (repo, task, code) in
            [("a", "just:x", 0), ("a", "just:y", 1), ("b", "just:x", 1), ("a", "just:x", 2)]
        {
            ids.push(run(&mut store, &start(repo, task), code, "").await);
        }
        let listed = async |store: &mut memory::Store, filter: RunFilter| -> Vec<usize> {
            let runs = store.runs(&filter).await.unwrap();
            runs.iter().map(|run| ids.iter().position(|id| id.id == run.id).unwrap()).collect()
        };
        let all = RunFilter::default();
        let of_a = RunFilter { repo_key: Some(ids[0].repo_key.clone()), ..all.clone() };
        let failed = Some(Outcome::Failed);
        assert_eq!(listed(&mut store, all.clone()).await, [3, 2, 1, 0]);
        assert_eq!(listed(&mut store, of_a.clone()).await, [3, 1, 0]);
        let filter = RunFilter { outcome: failed, ..of_a.clone() };
        assert_eq!(listed(&mut store, filter).await, [3, 1]);
        let filter = RunFilter { tasks: vec!["just:x".into()], limit: Some(1), ..of_a };
        assert_eq!(listed(&mut store, filter).await, [3]);
        let filter = RunFilter { before_id: Some(ids[2].id.clone()), ..all.clone() };
        assert_eq!(listed(&mut store, filter).await, [1, 0]);
        let filter = RunFilter { since_ms: Some(i64::MAX), ..all.clone() };
        assert!(listed(&mut store, filter).await.is_empty());
        let filter = RunFilter { outcome: Some(Outcome::Passed), ..all };
        assert_eq!(listed(&mut store, filter).await, [0]);
    });
}
