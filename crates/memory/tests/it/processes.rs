//! Many processes at once, and processes that are killed.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use memory::{Access, RunFilter};

use crate::stores::{block_on, try_open};
use crate::worker::{process, said};

/// Ids of the finished runs of a store that is sound.
fn finished_runs(home: &Path) -> BTreeSet<String> {
    block_on(async {
        let mut store = try_open(home, Access::Write).await.unwrap();
        let runs = store.runs(&RunFilter::default()).await.unwrap();
        runs.into_iter().filter(|run| run.finished).map(|run| run.id).collect()
    })
}

fn write_at_once(processes: usize, runs_each: usize) {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let job = format!("write:{runs_each}");
    let children: Vec<_> = (0..processes).map(|_| process(&job, &home)).collect();
    let mut acknowledged = BTreeSet::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}{}", String::from_utf8_lossy(&output.stdout));
        acknowledged.extend(said(&output.stdout));
    }
    assert_eq!(acknowledged.len(), processes * runs_each);
    assert_eq!(finished_runs(&home), acknowledged);
    let left: Vec<_> = std::fs::read_dir(&home)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with('.'))
        .collect();
    assert!(left.is_empty(), "drafts are left: {left:?}");
}

#[test]
fn sixty_four_first_starts_in_an_empty_home_lose_nothing() {
    write_at_once(64, 1);
}

#[test]
fn sixty_four_processes_write_at_once_and_lose_nothing() {
    write_at_once(64, 8);
}

/// Kills a writer at random moments until an acknowledged run is gone, at most so many times. Says
/// after how many kills.
fn kills_until_a_loss(job: &str, kills: u64) -> Option<u64> {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let mut acknowledged = BTreeSet::new();
    for round in 0..kills {
        let mut child = process(job, &home);
        std::thread::sleep(Duration::from_millis(60 + round * 37 % 90));
        child.kill().unwrap();
        acknowledged.extend(said(&child.wait_with_output().unwrap().stdout));
        if !acknowledged.is_subset(&finished_runs(&home)) {
            return Some(round + 1);
        }
    }
    let enough = acknowledged.len() as u64 >= kills;
    assert!(enough, "the processes were killed before they did anything");
    block_on(async {
        let mut store = try_open(&home, Access::Write).await.unwrap();
        assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
    });
    None
}

#[test]
fn no_acknowledged_run_is_lost_to_kill_9() {
    assert_eq!(kills_until_a_loss("acknowledge:after", 20), None);
}

#[test]
fn the_kill_test_sees_a_loss_where_there_is_one() {
    assert!(kills_until_a_loss("acknowledge:before", 200).is_some());
}
