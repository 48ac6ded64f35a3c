//! Waiting for changes.

use std::time::Duration;

use hauski_index::ingest::{Wake, Watch, WatchMode, WatchOptions};

use super::write;

fn quick() -> WatchOptions {
    WatchOptions {
        quiet: Duration::from_millis(60),
        poll: Duration::from_millis(80),
        ..WatchOptions::default()
    }
}

#[test]
fn a_change_wakes_and_so_does_one_in_a_new_folder() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "src/a.txt", "one");
    let mut watch = Watch::open(dir.path(), quick()).unwrap();
    assert_eq!(watch.mode(), &WatchMode::Events);
    assert_eq!(watch.next(Duration::from_millis(150)), Wake::TimedOut);
    write(dir.path(), "src/a.txt", "two");
    assert_eq!(watch.next(Duration::from_secs(20)), Wake::Changed);
    write(dir.path(), "new/b.txt", "one");
    assert_eq!(watch.next(Duration::from_secs(20)), Wake::Changed);
    watch.follow().unwrap();
    write(dir.path(), "new/b.txt", "two");
    assert_eq!(watch.next(Duration::from_secs(20)), Wake::Changed);
}

#[test]
fn reading_is_no_change() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a.txt", "one");
    let mut watch = Watch::open(dir.path(), quick()).unwrap();
    std::fs::read(dir.path().join("a.txt")).unwrap();
    assert_eq!(watch.next(Duration::from_millis(200)), Wake::TimedOut);
}

#[test]
fn a_tree_with_too_many_folders_is_polled_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a/b/c.txt", "one");
    let options = WatchOptions { folders_max: 1, ..quick() };
    let mut watch = Watch::open(dir.path(), options).unwrap();
    let WatchMode::Polling(reason) = watch.mode().clone() else { panic!("{:?}", watch.mode()) };
    assert_eq!(reason, "3 folders are more than the 1 that are watched");
    assert_eq!(watch.next(Duration::from_secs(5)), Wake::Poll);
}
