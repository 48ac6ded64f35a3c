//! What has to hold after a kill.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use contracts::hauski::index::SearchRequest;
use hauski_index::Index;

use super::work::{Model, Op, name, word};
use crate::index::{Letters, PATIENCE, Time, open, question};
use crate::truth::holds;

/// Opens the index again and compares it with what must be there. Returns what is wrong, how long the opening took, and
/// whether the operation that was under way is done.
pub(super) fn check(
    home: &Path,
    model: &Model,
    under_way: Option<&Op>,
) -> (Vec<String>, Duration, bool) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(async {
        let began = Instant::now();
        let index = open(home, &Time::new()).await;
        let opened = began.elapsed();
        let mut problems = Vec::new();
        // Before anything rewrites a file.
        for version in &model.forgotten {
            if holds(home, &word(*version)) {
                problems.push(format!("a file still holds the forgotten version {version}"));
            }
        }
        index.set_embedder(Letters::new("one", 26)).await.unwrap();
        let live = state(&index).await;
        let mut done = model.clone();
        if let Some(op) = under_way {
            done.apply(op);
        }
        let was_done = live != model.live && live == done.live;
        let expected = if was_done { &done } else { model };
        if live != expected.live {
            problems.push(format!("there is {live:?} and should be {:?}", expected.live));
        }
        if !index.wait_until_seen(index.truth().seq(), PATIENCE).await
            || !index.wait_until_embedded(PATIENCE).await
        {
            problems.push("the stores do not follow".to_owned());
        }
        problems.extend(index.verify().await.unwrap().problems);
        find(&index, expected, &mut problems).await;
        index.close().await;
        (problems, opened, was_done)
    })
}

/// Version by document, as the truth has it. Two passages a document, or it is torn.
async fn state(index: &Index) -> BTreeMap<u64, u64> {
    let rows = index.truth().rows(&index.truth().live().await.unwrap()).await.unwrap();
    let mut passages: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for row in rows {
        let number = row.doc_id.rsplit('-').next().and_then(|number| number.parse().ok());
        passages.entry(number.unwrap_or(u64::MAX)).or_default().push(row.text);
    }
    let version = |texts: &Vec<String>| {
        let own = texts.iter().find_map(|text| text.split_once("quokka")?.1.split_once("zz"));
        let version = own.and_then(|(version, _)| version.parse().ok());
        version.filter(|_| texts.len() == 2).unwrap_or(u64::MAX)
    };
    passages.into_iter().map(|(number, texts)| (number, version(&texts))).collect()
}

/// Every version that is there is found, and none that is gone.
async fn find(index: &Index, model: &Model, problems: &mut Vec<String>) {
    let texts = async |version: u64| {
        let request = SearchRequest { k: Some(100), ..question(&word(version)) };
        let found = index.search(&request).await.unwrap().matches;
        let own = found.into_iter().filter(|found| found.text.contains(&word(version)));
        own.map(|found| found.doc_id).collect::<Vec<_>>()
    };
    for (document, version) in &model.live {
        let found = texts(*version).await;
        if found != [name(*document)] {
            problems.push(format!("version {version} is found in {found:?}"));
        }
    }
    for version in model.gone.iter().rev().take(30).chain(&model.forgotten) {
        let found = texts(*version).await;
        if !found.is_empty() {
            problems.push(format!("version {version} is gone and found in {found:?}"));
        }
    }
}
