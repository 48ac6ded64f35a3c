//! The cache of facts: what it may answer without reading, and what it must forget.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use repolens::facts::{Cache, Known, Seen};
use repolens::model::{Kind, Stamp};

const BUILD: [u8; 32] = [7; 32];
const HOUR_NS: i64 = 3_600_000_000_000;

fn known(number: u8) -> Known {
    let tokens = Some(u64::from(number));
    Known { md5: [number; 16], sha256: [number; 32], kind: Kind::Text, tokens, clean: Some(true) }
}

fn stamp() -> Stamp {
    Stamp { mtime_ns: HOUR_NS, ctime_ns: HOUR_NS, inode: 5 }
}

fn open(folder: &Path) -> Cache {
    Cache::open(folder, BUILD, &[Path::new("/a"), Path::new("/b")])
}

fn filled(folder: &Path, read_ns: i64) {
    let mut cache = open(folder);
    cache.learn([known(1)]);
    cache.see(0, 1, [Seen::new(b"x", 10, stamp(), [1; 32], read_ns)]);
    cache.save().expect("the cache can be written");
}

#[test]
fn an_unchanged_file_is_known_without_reading_and_a_changed_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("facts");
    filled(&folder, 2 * HOUR_NS);
    let cache = open(&folder);
    assert_eq!(cache.by_state(0, b"x", 10, stamp()), Some(&known(1)));
    assert_eq!(cache.by_content(&[1; 32]), Some(&known(1)));
    let other = [
        cache.by_state(1, b"x", 10, stamp()),
        cache.by_state(2, b"x", 10, stamp()),
        cache.by_state(0, b"y", 10, stamp()),
        cache.by_state(0, b"x", 11, stamp()),
        cache.by_state(0, b"x", 10, Stamp { mtime_ns: HOUR_NS + 1, ..stamp() }),
        // The modification time was set back, the change time tells.
        cache.by_state(0, b"x", 10, Stamp { ctime_ns: HOUR_NS + 1, ..stamp() }),
        // Another file was renamed over it.
        cache.by_state(0, b"x", 10, Stamp { inode: 6, ..stamp() }),
    ];
    assert_eq!(other, [None; 7]);
}

#[test]
fn a_file_that_changed_just_before_it_was_read_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), HOUR_NS + 1_000_000_000);
    let cache = open(folder.path());
    assert_eq!(cache.by_state(0, b"x", 10, stamp()), None);
    assert_eq!(cache.by_content(&[1; 32]), Some(&known(1)), "its content is still known");
}

#[test]
fn a_damaged_cut_foreign_or_older_cache_is_empty_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let damages: [fn(&mut Vec<u8>); 5] = [
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        },
        Vec::clear,
        |bytes| bytes.extend_from_slice(b"more"),
        |bytes| *bytes = b"repolens facts 1".to_vec(),
    ];
    for damage in damages {
        filled(folder.path(), 2 * HOUR_NS);
        for entry in fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            let mut bytes = fs::read(&path).unwrap();
            damage(&mut bytes);
            fs::write(&path, bytes).unwrap();
        }
        let cache = open(folder.path());
        assert_eq!(cache.by_state(0, b"x", 10, stamp()), None);
        assert_eq!(cache.by_content(&[1; 32]), None);
    }
    filled(folder.path(), 2 * HOUR_NS);
    let other_build = Cache::open(folder.path(), [8; 32], &[Path::new("/a")]);
    assert_eq!(other_build.by_content(&[1; 32]), None);
    assert!(open(folder.path()).by_content(&[1; 32]).is_some());
}

#[test]
fn a_cache_that_others_may_write_or_that_is_a_link_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 2 * HOUR_NS);
    let file = folder.path().join("contents");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(open(folder.path()).by_content(&[1; 32]), None);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(open(folder.path()).by_content(&[1; 32]).is_some());
    fs::rename(&file, folder.path().join("real")).unwrap();
    std::os::unix::fs::symlink("real", &file).unwrap();
    assert_eq!(open(folder.path()).by_content(&[1; 32]), None);
}

#[test]
fn nobody_else_may_read_it_and_nothing_is_written_when_nothing_was_learned() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("new/facts");
    open(&place).save().unwrap();
    assert!(!place.exists());
    filled(&place, 2 * HOUR_NS);
    assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o700);
    for entry in fs::read_dir(&place).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!entry.file_name().to_string_lossy().contains("new"), "no draft stays");
    }
    let before = fs::metadata(place.join("contents")).unwrap().modified().unwrap();
    filled(&place, 2 * HOUR_NS);
    assert_eq!(fs::metadata(place.join("contents")).unwrap().modified().unwrap(), before);
}

#[test]
fn it_stays_bounded_and_keeps_what_was_used_last() {
    let folder = tempfile::tempdir().unwrap();
    let numbered = |number: u32| {
        let mut known = known(0);
        known.sha256[..4].copy_from_slice(&number.to_le_bytes());
        known
    };
    let mut cache = open(folder.path());
    cache.learn((0..90_000).map(numbered));
    cache.save().unwrap();
    let mut cache = open(folder.path());
    cache.learn((80_000..150_000).map(numbered));
    cache.save().unwrap();
    let cache = open(folder.path());
    let has = |number| cache.by_content(&numbered(number).sha256).is_some();
    assert!(has(80_000) && has(149_999), "the last run is kept");
    assert!(!has(0) && !has(79_999), "what it did not need went first");
}
