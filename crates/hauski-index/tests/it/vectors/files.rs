//! What the embedded store promises of its files.

use hauski_index::vectors::{
    Damage, Engine, Mode, VectorError, VectorOptions, VectorRecord, VectorStore, open,
};
use hauski_index::{Attributes, ChunkId, Filter};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

use super::bed::{folder, noise};

const DIMS: usize = 16;

fn options() -> VectorOptions {
    VectorOptions { seal_rows: 10, engine: Engine::Flat, ..VectorOptions::new(DIMS, "m", "r1") }
}

fn open_in(dir: &TempDir) -> Box<dyn VectorStore> {
    open(dir.path(), &options()).unwrap()
}

fn put(store: &dyn VectorStore, ids: impl IntoIterator<Item = u64>, seq: u64) {
    let record = |id| VectorRecord {
        id: ChunkId(id),
        vector: noise(DIMS, id),
        attributes: Attributes { collection: 1, ..Attributes::default() },
    };
    let records: Vec<VectorRecord> = ids.into_iter().map(record).collect();
    store.upsert(&records, seq).unwrap();
}

fn ids(store: &dyn VectorStore) -> Vec<u64> {
    let hits = store.search(&noise(DIMS, 1), 10_000, &Filter::default(), Mode::Exact).unwrap();
    let mut ids: Vec<u64> = hits.iter().map(|hit| hit.id.0).collect();
    ids.sort_unstable();
    ids
}

/// Makes bytes wrong.
type Spoil = &'static dyn Fn(&mut Vec<u8>);

/// All files below a folder.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn file(dir: &TempDir, prefix: &str) -> PathBuf {
    let named = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(prefix);
    files(dir.path()).into_iter().find(named).unwrap_or_else(|| panic!("no {prefix}"))
}

/// Whether the vector of an id stands in any file: at full precision, as it came or of length one, or in bytes.
fn traces(dir: &Path, id: u64) -> Vec<PathBuf> {
    let raw = noise(DIMS, id);
    let norm = raw.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    let unit: Vec<f32> = raw.iter().map(|&value| (f64::from(value) / norm) as f32).collect();
    let most = unit.iter().fold(0f32, |most, value| most.max(value.abs()));
    let codes: Vec<u8> =
        unit.iter().map(|value| (value / (most / 127.0)).round() as i8 as u8).collect();
    let bytes =
        |numbers: &[f32]| numbers.iter().flat_map(|it| it.to_le_bytes()).collect::<Vec<u8>>();
    let needles = [bytes(&raw)[..16].to_vec(), bytes(&unit)[..16].to_vec(), codes];
    let has = |path: &PathBuf| {
        let content = std::fs::read(path).unwrap();
        needles.iter().any(|it| memchr::memmem::find(&content, it).is_some())
    };
    files(dir).into_iter().filter(has).collect()
}

#[test]
fn forgotten_vectors_are_in_no_file_after_compaction() {
    let dir = folder();
    let store = open_in(&dir);
    put(&*store, 0..25, 1);
    assert!(!traces(dir.path(), 3).is_empty() && !traces(dir.path(), 24).is_empty());
    store.delete(&[ChunkId(3), ChunkId(24)], 2).unwrap();
    // A replaced vector is forgotten too.
    let vector = noise(DIMS, 777);
    store
        .upsert(&[VectorRecord { id: ChunkId(7), vector, attributes: Attributes::default() }], 3)
        .unwrap();
    store.compact().unwrap();
    for id in [3, 7, 24] {
        assert_eq!(traces(dir.path(), id), Vec::<PathBuf>::new(), "passage {id}");
    }
    for id in [0, 8, 23, 777] {
        assert!(!traces(dir.path(), id).is_empty(), "the search for bytes finds what is there");
    }
    drop(store);
    let store = open_in(&dir);
    for id in [3, 7, 24] {
        assert_eq!(traces(dir.path(), id), Vec::<PathBuf>::new(), "passage {id} after reopening");
    }
    assert_eq!(ids(&*store).len(), 23);
}

#[test]
fn a_log_cut_anywhere_holds_whole_batches_only() {
    let made = folder();
    let roomy = VectorOptions { seal_rows: 1000, ..options() };
    let store = open(made.path(), &roomy).unwrap();
    put(&*store, [1, 2], 1);
    put(&*store, [3], 2);
    store.delete(&[ChunkId(1)], 3).unwrap();
    put(&*store, [4, 5], 4);
    drop(store);
    let log = std::fs::read(file(&made, "log-")).unwrap();
    let states = [vec![], vec![1, 2], vec![1, 2, 3], vec![2, 3], vec![2, 3, 4, 5]];
    let mut seen = std::collections::BTreeSet::new();
    for cut in 16..=log.len() {
        std::fs::write(file(&made, "log-"), &log[..cut]).unwrap();
        let store = open(made.path(), &roomy).unwrap();
        let followed = store.watermark() as usize;
        assert_eq!(ids(&*store), states[followed], "cut at {cut}");
        let torn = store.damage().torn_bytes;
        assert_eq!(torn == 0, seen.insert(followed), "cut at {cut}: {torn} bytes");
    }
    assert_eq!(seen.len(), 5);
}

#[test]
fn wrong_bytes_in_a_log_end_it_there() {
    let dir = folder();
    let roomy = VectorOptions { seal_rows: 1000, ..options() };
    let store = open(dir.path(), &roomy).unwrap();
    (1..=5).for_each(|seq| put(&*store, [seq], seq));
    drop(store);
    let log = std::fs::read(file(&dir, "log-")).unwrap();
    for at in (16..log.len()).step_by(7) {
        let mut wrong = log.clone();
        wrong[at] ^= 0x40;
        std::fs::write(file(&dir, "log-"), &wrong).unwrap();
        let store = open(dir.path(), &roomy).unwrap();
        let followed = store.watermark();
        assert!(followed < 5 && store.damage().torn_bytes > 0, "byte {at}");
        assert_eq!(ids(&*store), (1..=followed).collect::<Vec<_>>());
        // What is behind the watermark is put in again.
        (followed + 1..=5).for_each(|seq| put(&*store, [seq], seq));
        assert_eq!(ids(&*store), [1, 2, 3, 4, 5]);
        drop(store);
        std::fs::write(file(&dir, "log-"), &log).unwrap();
    }
}

#[test]
fn a_log_that_ends_in_zeros_is_cut_there() {
    let dir = folder();
    let store = open_in(&dir);
    put(&*store, [1], 1);
    drop(store);
    let path = file(&dir, "log-");
    let mut log = std::fs::read(&path).unwrap();
    log.extend([0; 5000]);
    std::fs::write(&path, log).unwrap();
    let store = open_in(&dir);
    assert_eq!((store.damage().torn_bytes, ids(&*store)), (5000, vec![1]));
}

#[test]
fn a_missing_log_is_reported_and_replayed_from_the_watermark() {
    let dir = folder();
    let store = open_in(&dir);
    put(&*store, 0..12, 1);
    put(&*store, 20..24, 2);
    assert_eq!(store.watermark(), 2);
    drop(store);
    std::fs::remove_file(file(&dir, "log-")).unwrap();
    let store = open_in(&dir);
    assert_eq!(store.watermark(), 1);
    assert_eq!(store.damage().files.len(), 1);
    put(&*store, 20..24, 2);
    assert_eq!(ids(&*store).len(), 16);
    drop(store);
    assert_eq!(ids(&*open_in(&dir)).len(), 16);
}

#[test]
fn a_damaged_segment_is_set_aside_and_its_ids_are_named_until_they_are_back() {
    let made = folder();
    let store = open_in(&made);
    put(&*store, 0..10, 1);
    store.delete(&[ChunkId(4)], 2).unwrap();
    put(&*store, 100..103, 3);
    drop(store);
    let name = file(&made, "seg-").file_name().unwrap().to_owned();
    let sound = std::fs::read(file(&made, "seg-")).unwrap();
    let lost: Vec<ChunkId> = (0..10).filter(|&id| id != 4).map(ChunkId).collect();
    let damages: [(&str, Spoil); 6] = [
        ("cut", &|bytes| bytes.truncate(5000)),
        ("empty", &|bytes| bytes.clear()),
        ("longer", &|bytes| bytes.push(0)),
        ("another magic", &|bytes| bytes[0] ^= 1),
        ("a wrong header", &|bytes| bytes[100] ^= 1),
        ("a wrong id", &|bytes| {
            let at = memchr::memmem::find(bytes, &[9, 0, 0, 0, 0, 0, 0, 0]).unwrap();
            bytes[at] = 8;
        }),
    ];
    for (what, damage) in damages {
        let dir = folder();
        for path in files(made.path()) {
            std::fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
        }
        let mut bytes = sound.clone();
        damage(&mut bytes);
        std::fs::write(dir.path().join(&name), bytes).unwrap();
        for round in 0..2 {
            let store = open_in(&dir);
            assert_eq!(store.damage().lost, lost, "{what}, opened {round} times before");
            assert_eq!(store.damage().files.len(), 1 - round, "{what}");
            assert_eq!(ids(&*store), [100, 101, 102], "{what}");
            assert!(dir.path().join("quarantine").join(&name).exists());
        }
        let store = open_in(&dir);
        put(&*store, (0..10).filter(|&id| id != 4), 1);
        assert_eq!(store.damage().lost, []);
        assert_eq!(ids(&*store).len(), 12);
        drop(store);
        let store = open_in(&dir);
        assert_eq!((ids(&*store).len(), store.damage().lost.len()), (12, 0), "{what}");
        store.compact().unwrap();
        assert!(!dir.path().join("quarantine").exists());
    }
}

#[test]
fn verifying_finds_wrong_bytes_in_the_large_sections() {
    for from_end in [1, DIMS * 4 * 10 + 4096] {
        let dir = folder();
        let store = open_in(&dir);
        put(&*store, 0..10, 1);
        put(&*store, 50..53, 2);
        drop(store);
        let path = file(&dir, "seg-");
        let mut bytes = std::fs::read(&path).unwrap();
        let at = bytes.len() - from_end;
        bytes[at] ^= 0x10;
        std::fs::write(&path, bytes).unwrap();
        let store = open_in(&dir);
        let damage = store.verify().unwrap();
        if damage.files.is_empty() {
            // The byte was between two sections.
            continue;
        }
        assert_eq!(damage.lost.len(), 10);
        assert_eq!(ids(&*store), [50, 51, 52]);
        drop(store);
        assert_eq!(open_in(&dir).damage().lost.len(), 10);
    }
}

#[test]
fn a_damaged_or_missing_list_means_everything_has_to_come_back() {
    for missing in [false, true] {
        let dir = folder();
        let store = open_in(&dir);
        put(&*store, 0..13, 1);
        drop(store);
        let path = dir.path().join("MANIFEST");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[20] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        if missing {
            std::fs::remove_file(&path).unwrap();
        }
        let store = open_in(&dir);
        let damage = store.damage();
        assert!(damage.everything && !damage.files.is_empty());
        assert_eq!((store.watermark(), ids(&*store)), (0, vec![]));
        put(&*store, 0..13, 1);
        drop(store);
        let store = open_in(&dir);
        assert_eq!((ids(&*store).len(), store.damage().everything), (13, false));
    }
}

#[test]
fn an_opening_that_ended_before_the_list_was_written_is_no_damage() {
    let dir = folder();
    drop(open_in(&dir));
    std::fs::remove_file(dir.path().join("MANIFEST")).unwrap();
    let store = open_in(&dir);
    assert_eq!(store.damage(), Damage::default());
    put(&*store, [1], 1);
    drop(store);
    assert_eq!(ids(&*open_in(&dir)), [1]);
}

#[test]
fn files_that_no_list_names_are_removed() {
    let dir = folder();
    drop(open_in(&dir));
    for name in ["seg-77", "log-78", "seg-79.tmp", "MANIFEST.tmp"] {
        std::fs::write(dir.path().join(name), "left by a crash").unwrap();
    }
    std::fs::write(dir.path().join("notes.txt"), "not ours").unwrap();
    drop(open_in(&dir));
    let names: Vec<String> = files(dir.path())
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names, ["LOCK", "MANIFEST", "log-1", "notes.txt"]);
}

#[test]
fn one_process_at_a_time_and_one_model_a_folder() {
    let dir = folder();
    let store = open_in(&dir);
    put(&*store, [1], 1);
    assert!(matches!(open(dir.path(), &options()), Err(VectorError::Busy { .. })));
    drop(store);
    let other = |change: &dyn Fn(&mut VectorOptions)| {
        let mut other = options();
        change(&mut other);
        open(dir.path(), &other).err().unwrap().to_string()
    };
    let text = other(&|it| it.revision = "r2".into());
    assert!(
        text.contains("holds vectors of m r1 (16 numbers), not of m r2 (16 numbers)"),
        "{text}"
    );
    other(&|it| it.model = "n".into());
    other(&|it| it.dims = 17);
    assert_eq!(ids(&*open_in(&dir)), [1]);
}

#[test]
fn options_out_of_range_are_refused() {
    let dir = folder();
    for (dims, seal_rows) in [(0, 10), (8193, 10), (DIMS, 0), (DIMS, (1 << 20) + 1)] {
        let options = VectorOptions { dims, seal_rows, ..options() };
        assert!(matches!(open(dir.path(), &options), Err(VectorError::Options(_))));
    }
    assert!(files(dir.path()).is_empty());
}

#[test]
fn many_dead_rows_are_removed_when_the_log_is_sealed() {
    let dir = folder();
    let store = open_in(&dir);
    put(&*store, 0..10, 1);
    store.delete(&(0..3).map(ChunkId).collect::<Vec<_>>(), 2).unwrap();
    assert_eq!(store.stats().unwrap().dead, 3);
    put(&*store, 20..27, 3);
    assert_eq!((store.stats().unwrap().dead, ids(&*store).len()), (0, 14));
    assert_eq!(traces(dir.path(), 1), Vec::<PathBuf>::new());
}

#[test]
fn estimates_by_signs_find_nearly_all_neighbours() {
    // Beyond 16,384 rows a search begins with signs.
    let dir = folder();
    let options = VectorOptions { seal_rows: 9000, ..VectorOptions::new(64, "m", "r") };
    let store = open(dir.path(), &options).unwrap();
    let vector = |id: u64| -> Vec<f32> {
        let centre = noise(64, 1_000_000 + id % 60);
        centre.iter().zip(noise(64, id)).map(|(a, b)| a + 0.6 * b + 0.3).collect()
    };
    for batch in 0..4 {
        let record = |id| VectorRecord {
            id: ChunkId(id),
            vector: vector(id),
            attributes: Attributes { collection: (id % 2) as u32, ..Attributes::default() },
        };
        let records: Vec<_> = (batch * 9000..(batch + 1) * 9000).map(record).collect();
        store.upsert(&records, batch + 1).unwrap();
    }
    let (mut found, mut wanted) = (0, 0);
    for (seed, filter) in [
        (1, Filter::default()),
        (2, Filter::default()),
        (3, Filter { collections: vec![1], ..Filter::default() }),
    ] {
        let query = vector(50_000 + seed);
        let exact = store.search(&query, 20, &filter, Mode::Exact).unwrap();
        let quick = store.search(&query, 20, &filter, Mode::Auto).unwrap();
        wanted += exact.len();
        found += quick.iter().filter(|hit| exact.contains(hit)).count();
    }
    assert_eq!(wanted, 60);
    assert!(found >= 58, "{found} of {wanted}");
}

#[test]
fn graphs_find_nearly_all_neighbours_and_never_what_is_gone() {
    let dir = folder();
    let options = VectorOptions { seal_rows: 1500, engine: Engine::Hnsw, ..options() };
    let store = open(dir.path(), &options).unwrap();
    put(&*store, 0..1500, 1);
    put(&*store, 1500..3000, 2);
    put(&*store, 3000..3100, 3);
    while store.stats().unwrap().graphs < 2 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let gone: Vec<ChunkId> = (0..3100).filter(|id| id % 7 == 0).map(ChunkId).collect();
    store.delete(&gone, 4).unwrap();
    let (mut found, mut wanted) = (0, 0);
    for seed in 0..20 {
        let query = noise(DIMS, 500_000 + seed);
        let exact = store.search(&query, 10, &Filter::default(), Mode::Exact).unwrap();
        let quick = store.search(&query, 10, &Filter::default(), Mode::Auto).unwrap();
        assert!(quick.iter().all(|hit| hit.id.0 % 7 != 0), "{quick:?}");
        wanted += exact.len();
        found += quick.iter().filter(|hit| exact.contains(hit)).count();
    }
    assert!(wanted == 200 && found >= 190, "{found} of {wanted}");
}
