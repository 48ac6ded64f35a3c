//! Commits, watermarks, replacement, deletion, compaction, damage.

use std::path::Path;

use hauski_index::ChunkId;
use hauski_index::text::{TextChange, TextIndex};
use tempfile::TempDir;

use super::{ids, put, search};

#[test]
fn the_watermark_survives_and_uncommitted_changes_do_not() {
    let folder = TempDir::new().unwrap();
    let index = TextIndex::open(folder.path()).unwrap();
    index.apply(&[put(1, "first words")], 7).unwrap();
    assert_eq!(index.watermark(), 0);
    assert_eq!(index.commit().unwrap(), 7);
    index.apply(&[put(2, "second words")], 9).unwrap();
    assert_eq!(ids(&index, "words"), [1, 2], "found before the commit");
    drop(index);
    let index = TextIndex::open(folder.path()).unwrap();
    assert_eq!(index.watermark(), 7);
    assert_eq!(ids(&index, "words"), [1]);
    // Healing applies again what the watermark does not cover, and some of what it does.
    index.apply(&[put(1, "first words"), put(2, "second words")], 9).unwrap();
    index.commit().unwrap();
    assert_eq!(ids(&index, "words"), [1, 2]);
    assert_eq!(index.stats().passages, 2);
}

#[test]
fn a_passage_is_replaced_and_deleted_at_once() {
    let folder = TempDir::new().unwrap();
    let index = TextIndex::open(folder.path()).unwrap();
    index.apply(&[put(1, "old zebra"), put(2, "zebra stays")], 1).unwrap();
    index.commit().unwrap();
    index.apply(&[put(1, "new giraffe")], 2).unwrap();
    assert_eq!(ids(&index, "zebra"), [2]);
    assert_eq!(ids(&index, "giraffe"), [1]);
    index.apply(&[TextChange::Delete(ChunkId(2)), TextChange::Delete(ChunkId(77))], 3).unwrap();
    assert_eq!(ids(&index, "zebra"), [] as [u64; 0]);
    index.commit().unwrap();
    assert_eq!(ids(&index, "zebra"), [] as [u64; 0]);
    assert_eq!(ids(&index, "giraffe"), [1]);
}

/// Same passages, other ways there: one at a time with commits between, replaced and deleted ones among them.
#[test]
fn scores_do_not_depend_on_history() {
    let text = |id: u64| {
        format!(
            "passage {} about kernel{} and module{} words",
            "long ".repeat(id as usize % 7),
            id % 3,
            id % 5
        )
    };
    let (short, long) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let straight = TextIndex::open(short.path()).unwrap();
    let all: Vec<TextChange> = (0..60).map(|id| put(id, &text(id))).collect();
    straight.apply(&all, 1).unwrap();
    straight.commit().unwrap();
    let winding = TextIndex::open(long.path()).unwrap();
    let mut seq = 0;
    for id in (0..80).rev() {
        seq += 1;
        winding.apply(&[put(id, "kernel1 something else first")], seq).unwrap();
        if id % 9 == 0 {
            winding.commit().unwrap();
        }
    }
    for id in 0..80 {
        seq += 1;
        let change = if id < 60 { put(id, &text(id)) } else { TextChange::Delete(ChunkId(id)) };
        winding.apply(&[change], seq).unwrap();
        if id % 13 == 0 {
            winding.commit().unwrap();
        }
    }
    for step in ["waiting", "committed", "compacted"] {
        match step {
            "committed" => drop(winding.commit().unwrap()),
            "compacted" => winding.compact().unwrap(),
            _ => {}
        }
        for words in ["kernel1 module3 passages", "long words", "\"about kernel2\" module1"] {
            let query = super::ask(words);
            assert_eq!(search(&straight, &query), search(&winding, &query), "{step}: {words}");
        }
    }
}

#[test]
fn what_was_deleted_is_in_no_file_after_compaction() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("text");
    let index = TextIndex::open(&path).unwrap();
    let mut secret = String::from("xylophon");
    secret.push_str("quartz");
    index
        .apply(&[put(1, &format!("the {secret} of somebody")), put(2, "harmless zucchini")], 1)
        .unwrap();
    index.commit().unwrap();
    assert!(has_term(&path, &secret) && has_term(&path, "zucchini"), "the scan sees terms");
    index.apply(&[TextChange::Delete(ChunkId(1))], 2).unwrap();
    index.commit().unwrap();
    index.compact().unwrap();
    assert!(!has_term(&path, &secret));
    assert!(has_term(&path, "zucchini"));
    assert!(!holds(&path, &secret), "no file holds it as it was written");
    assert_eq!(strangers(&path), [] as [String; 0], "all files belong to what is left");
    assert_eq!(ids(&index, "zucchini"), [2]);
    assert_eq!(index.stats().deleted, 0);
    assert_eq!(index.watermark(), 2);
}

/// A deletion that shares its segment with living passages leaves its terms until the compaction.
#[test]
fn a_compaction_rewrites_what_deletions_left() {
    let folder = TempDir::new().unwrap();
    let index = TextIndex::open(folder.path()).unwrap();
    let passages: Vec<TextChange> =
        (0..50).map(|id| put(id, &format!("word{id}x and others"))).collect();
    index.apply(&passages, 1).unwrap();
    index.commit().unwrap();
    index.apply(&[TextChange::Delete(ChunkId(7)), put(8, "replaced")], 2).unwrap();
    index.commit().unwrap();
    assert!(has_term(folder.path(), "word7x") && has_term(folder.path(), "word8x"));
    assert_eq!(index.stats().deleted, 2);
    index.compact().unwrap();
    assert!(!has_term(folder.path(), "word7x") && !has_term(folder.path(), "word8x"));
    assert!(has_term(folder.path(), "word9x"));
    assert_eq!(index.stats().passages, 49);
}

/// Whether a term dictionary on the disk holds a word, in any reading. Dictionaries are automata: a word does not stand in them
/// letter by letter.
fn has_term(folder: &Path, word: &str) -> bool {
    let index = tantivy::Index::open_in_dir(folder).expect("an index");
    let searcher = index.reader().expect("a reader").searcher();
    let fields: Vec<tantivy::schema::Field> = index
        .schema()
        .fields()
        .filter(|(_, entry)| entry.field_type().is_str())
        .map(|(field, _)| field)
        .collect();
    searcher.segment_readers().iter().any(|segment| {
        fields.iter().any(|field| {
            let inverted = segment.inverted_index(*field).expect("a field");
            let mut terms = inverted.terms().stream().expect("terms");
            let mut found = false;
            while terms.advance() {
                found |= terms.key().ends_with(word.as_bytes());
            }
            found
        })
    })
}

/// Files that belong to no segment of the index.
fn strangers(folder: &Path) -> Vec<String> {
    let index = tantivy::Index::open_in_dir(folder).expect("an index");
    let live: Vec<String> = index
        .searchable_segment_ids()
        .expect("segments")
        .iter()
        .map(tantivy::index::SegmentId::uuid_string)
        .collect();
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("a folder")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && name != "meta.json" && name != "format")
        .filter(|name| !live.iter().any(|id| name.starts_with(id)))
        .collect();
    names.sort();
    names
}

/// Whether any file below holds these bytes.
fn holds(folder: &Path, needle: &str) -> bool {
    std::fs::read_dir(folder).expect("a folder").flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return holds(&path, needle);
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
    })
}

#[test]
fn a_damaged_index_is_put_aside() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("text");
    let index = TextIndex::open(&path).unwrap();
    index.apply(&[put(1, "some words")], 5).unwrap();
    index.commit().unwrap();
    assert_eq!(index.verify().unwrap(), Vec::<std::path::PathBuf>::new());
    drop(index);
    for damage in ["meta.json", "format"] {
        std::fs::write(path.join(damage), "{").unwrap();
        let index = TextIndex::open(&path).unwrap();
        let aside = index.set_aside().expect("was damaged").clone();
        assert!(aside.path.exists());
        assert_eq!(index.watermark(), 0, "everything is to be applied again");
        index.apply(&[put(1, "some words")], 5).unwrap();
        index.compact().unwrap();
        assert!(!aside.path.exists(), "what was put aside may hold what was forgotten");
        assert_eq!(ids(&index, "words"), [1]);
    }
}

/// A commit that fails loses nothing that was applied: the next one has it.
#[test]
fn a_failed_commit_is_made_good() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("text");
    let index = TextIndex::open(&path).unwrap();
    index.apply(&[put(1, "first words"), put(9, "ninth words")], 1).unwrap();
    index.commit().unwrap();
    std::fs::rename(&path, folder.path().join("away")).unwrap();
    // Whether the first to notice is this or the commit, depends on tantivy's thread.
    let _ = index.apply(&[put(2, "second words"), TextChange::Delete(ChunkId(9))], 2);
    assert!(index.commit().is_err());
    let _ = index.apply(&[put(3, "third words")], 3);
    assert_eq!(index.watermark(), 1);
    assert_eq!(ids(&index, "words"), [1, 2, 3], "searches go on");
    std::fs::rename(folder.path().join("away"), &path).unwrap();
    assert_eq!(index.commit().unwrap(), 3);
    drop(index);
    let index = TextIndex::open(&path).unwrap();
    assert_eq!(ids(&index, "words"), [1, 2, 3]);
    assert_eq!(index.watermark(), 3);
}

/// What was loaded is not held in memory: after a failure nothing is committed over it.
#[test]
fn a_failed_load_stops_all_later_writes() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("text");
    let index = TextIndex::open(&path).unwrap();
    std::fs::rename(&path, folder.path().join("away")).unwrap();
    let _ = index.load(&[put(2, "second words")], 2);
    assert!(index.commit().is_err());
    std::fs::rename(folder.path().join("away"), &path).unwrap();
    let error = index.commit().unwrap_err();
    assert!(error.to_string().contains("open it again"), "{error}");
    assert_eq!(index.watermark(), 0);
}

#[test]
fn an_index_has_one_writer() {
    let folder = TempDir::new().unwrap();
    let first = TextIndex::open(folder.path()).unwrap();
    first.apply(&[put(1, "words")], 1).unwrap();
    first.commit().unwrap();
    assert!(TextIndex::open(folder.path()).is_err());
    assert_eq!(ids(&first, "words"), [1], "and nothing was put aside");
}
