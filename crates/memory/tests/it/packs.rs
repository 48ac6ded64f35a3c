//! Packs: equal from equal memories, merged in any order, and never believed.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use memory::{Access, ExportOptions, Forget, ImportLimits, PackError, RunFilter, Store};
use proptest::prelude::*;

use crate::stores::{SECRET, blind_mask, block_on, open, run, start, try_open};

async fn export(store: &mut Store, path: &Path) -> memory::Exported {
    store.export(path, &ExportOptions::default()).await.unwrap()
}

async fn import(store: &mut Store, path: &Path) -> Result<memory::Imported, PackError> {
    store.import(path, &ImportLimits::default()).await
}

#[test]
fn a_pack_brings_runs_logs_and_words() {
    let folder = tempfile::tempdir().unwrap();
    let pack = folder.path().join("pack.tar.gz");
    block_on(async {
        let mut one = open(&folder.path().join("one")).await;
        let begun = run(&mut one, &start("a", "just:x"), 1, "error: deep trouble\n").await;
        one.grant_trust(&begun.repo_key, "h").await.unwrap();
        let exported = export(&mut one, &pack).await;
        assert_eq!((exported.manifest.objects, exported.manifest.objects_left_out), (1, 0));
        let mut two = open(&folder.path().join("two")).await;
        let imported = import(&mut two, &pack).await.unwrap();
        assert_eq!((imported.new_facts, imported.new_objects), (5, 1));
        assert_eq!(two.run(&begun.id).await.unwrap(), one.run(&begun.id).await.unwrap());
        let found = two.search_logs("trouble", &RunFilter::default()).await.unwrap();
        assert_eq!(found.hits[0].snippet.as_deref(), Some("error: deep trouble"));
        assert!(two.trust_records(&begun.repo_key).await.unwrap().is_empty(), "trust stays home");
        let again = import(&mut two, &pack).await.unwrap();
        assert_eq!((again.new_facts, again.known_facts, again.new_objects), (0, 5, 0));
        assert_eq!(two.check().await.unwrap().problems, Vec::<String>::new());
        let copy = folder.path().join("copy.tar.gz");
        export(&mut two, &copy).await;
        assert_eq!(
            fs::read(&pack).unwrap(),
            fs::read(&copy).unwrap(),
            "equal memories, equal packs"
        );
    });
}

#[test]
fn a_damaged_object_comes_back_whole() {
    let folder = tempfile::tempdir().unwrap();
    let pack = folder.path().join("pack.tar.gz");
    block_on(async {
        let mut store = open(&folder.path().join("home")).await;
        run(&mut store, &start("a", "just:x"), 0, "some text\n").await;
        export(&mut store, &pack).await;
        let object = store.cas().objects().unwrap().remove(0);
        fs::write(store.cas().path(&object.digest), "same size\n").unwrap();
        assert_eq!(import(&mut store, &pack).await.unwrap().new_objects, 1);
        assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
    });
}

#[test]
fn what_was_forgotten_here_or_there_stays_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let (before, after) = (folder.path().join("before"), folder.path().join("after"));
    block_on(async {
        let mut one = open(&folder.path().join("one")).await;
        let gone = run(&mut one, &start("a", "just:x"), 0, "gone\n").await;
        let kept = run(&mut one, &start("a", "just:x"), 0, "kept\n").await;
        export(&mut one, &before).await;
        let mut two = open(&folder.path().join("two")).await;
        import(&mut two, &before).await.unwrap();
        one.forget(&Forget::Runs(vec![gone.id.clone()]), "asked for").await.unwrap();
        export(&mut one, &after).await;
        let back = import(&mut one, &before).await.unwrap();
        assert_eq!(back.forgotten_facts, 3);
        import(&mut two, &after).await.unwrap();
        for store in [&mut one, &mut two] {
            let runs = store.runs(&RunFilter::default()).await.unwrap();
            assert_eq!(runs.iter().map(|run| &run.id).collect::<Vec<_>>(), [&kept.id]);
            assert!(
                store.search_logs("gone", &RunFilter::default()).await.unwrap().hits.is_empty()
            );
        }
        assert_eq!(one.fingerprint().await.unwrap(), two.fingerprint().await.unwrap());
    });
}

#[test]
fn secrets_in_old_logs_and_facts_stay_out_of_packs() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let pack = folder.path().join("pack.tar.gz");
    block_on(async {
        // Recorded when the rules did not know this secret yet.
        let home = memory::Home::at(&home);
        let mut store = Store::open(&home, Access::Write, blind_mask()).await.unwrap();
        let mut leaky = start("a", "just:x");
        leaky.args = vec![SECRET.into()];
        leaky.environment.flags.insert("TOKEN".into(), SECRET.into());
        run(&mut store, &leaky, 1, &format!("error: {SECRET}\n")).await;
        store.set_preference(None, "k", Some(SECRET)).await.unwrap();
        drop(store);
        let mut store = try_open(home.root(), Access::Write).await.unwrap();
        let exported = export(&mut store, &pack).await;
        assert_eq!(exported.objects_with_secrets, 1);
        assert!(exported.masked >= 4, "{exported:?}");
        let mut bytes = Vec::new();
        GzDecoder::new(File::open(&pack).unwrap()).read_to_end(&mut bytes).unwrap();
        assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()));
        let mut other = open(&folder.path().join("other")).await;
        import(&mut other, &pack).await.unwrap();
        import(&mut store, &pack).await.unwrap();
    });
}

/// What is done to two memories before they are merged.
#[derive(Clone, Debug)]
enum Step {
    Run { store: usize, task: u8, code: i32 },
    Prefer { store: usize, value: u8 },
    Forget { store: usize, which: usize },
    Merge { from: usize, into: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let store = 0..3_usize;
    let step = prop_oneof![
        4 => (store.clone(), 0..3_u8, 0..2).prop_map(|(store, task, code)| Step::Run { store, task, code }),
        1 => (store.clone(), any::<u8>()).prop_map(|(store, value)| Step::Prefer { store, value }),
        2 => (store.clone(), any::<usize>()).prop_map(|(store, which)| Step::Forget { store, which }),
        2 => (store.clone(), store).prop_map(|(from, into)| Step::Merge { from, into }),
    ];
    prop::collection::vec(step, 1..14)
}

async fn take(stores: &mut [Store], step: &Step, folder: &Path) {
    match *step {
        Step::Run { store, task, code } => {
            let mut start = start("a", &format!("just:{task}"));
            start.environment.tools.insert("tool".into(), task.to_string());
            run(&mut stores[store], &start, code, &format!("error: {task}\n")).await;
        }
        Step::Prefer { store, value } => {
            stores[store].set_preference(None, "k", Some(&value.to_string())).await.unwrap();
        }
        Step::Forget { store, which } => {
            let runs = stores[store].runs(&RunFilter::default()).await.unwrap();
            if !runs.is_empty() {
                let id = runs[which % runs.len()].id.clone();
                stores[store].forget(&Forget::Runs(vec![id]), "step").await.unwrap();
            }
        }
        Step::Merge { from, into } => {
            let pack = folder.join("step.tar.gz");
            export(&mut stores[from], &pack).await;
            import(&mut stores[into], &pack).await.unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_merges_comes_to_one_state(
        steps in steps(),
        orders in prop::collection::vec(Just(vec![0_usize, 1, 2, 0]).prop_shuffle(), 2),
    ) {
        let folder = tempfile::tempdir().unwrap();
        block_on(async {
            let mut stores = Vec::new();
            for name in ["one", "two", "three"] {
                stores.push(open(&folder.path().join(name)).await);
            }
            for step in &steps {
                take(&mut stores, step, folder.path()).await;
            }
            let packs: Vec<PathBuf> =
                (0..3).map(|number| folder.path().join(format!("{number}.tar.gz"))).collect();
            for (store, pack) in stores.iter_mut().zip(&packs) {
                export(store, pack).await;
            }
            let mut states = Vec::new();
            for (number, order) in orders.iter().enumerate() {
                let mut merged = open(&folder.path().join(format!("merged{number}"))).await;
                for which in order {
                    import(&mut merged, &packs[*which]).await.unwrap();
                }
                assert_eq!(merged.check().await.unwrap().problems, Vec::<String>::new());
                states.push(merged.fingerprint().await.unwrap());
            }
            for pack in &packs {
                import(&mut stores[0], pack).await.unwrap();
            }
            states.push(stores[0].fingerprint().await.unwrap());
            assert!(states.iter().all(|state| *state == states[0]), "{orders:?}");
        });
    }
}

/// The entries of a pack, to be changed and packed again.
fn entries(pack: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(pack).unwrap()));
    let read = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (name, bytes)
    });
    read.collect()
}

fn repack(path: &Path, entries: &[(String, Vec<u8>)], kind: tar::EntryType) {
    let mut tar =
        tar::Builder::new(GzEncoder::new(File::create(path).unwrap(), Compression::fast()));
    for (name, bytes) in entries {
        let mut header = tar::Header::new_ustar();
        let raw = &mut header.as_old_mut().name;
        raw[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        let odd = kind != tar::EntryType::Regular && name.ends_with("odd");
        header.set_entry_type(if odd { kind } else { tar::EntryType::Regular });
        if odd {
            header.set_link_name("/etc/passwd").unwrap();
            header.set_size(0);
        }
        header.set_cksum();
        tar.append(&header, if odd { &[][..] } else { bytes.as_slice() }).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap();
}

/// What an import of a changed pack says. The memory must not have changed.
fn refused(change: impl FnOnce(&mut Vec<(String, Vec<u8>)>), kind: tar::EntryType) -> PackError {
    let folder = tempfile::tempdir().unwrap();
    let pack = folder.path().join("pack.tar.gz");
    block_on(async {
        let mut one = open(&folder.path().join("one")).await;
        run(&mut one, &start("a", "just:x"), 1, "error: deep trouble\n").await;
        export(&mut one, &pack).await;
        let mut changed = entries(&pack);
        change(&mut changed);
        repack(&pack, &changed, kind);
        let mut two = open(&folder.path().join("two")).await;
        let before = two.fingerprint().await.unwrap();
        let error = import(&mut two, &pack).await.expect_err("the pack must be refused");
        assert_eq!(two.fingerprint().await.unwrap(), before);
        assert!(!error.hint().is_empty());
        error
    })
}

fn replace(entries: &mut [(String, Vec<u8>)], name: &str, from: &str, to: &str) {
    let entry = entries.iter_mut().find(|entry| entry.0.ends_with(name)).unwrap();
    let text = String::from_utf8(entry.1.clone()).unwrap();
    assert!(text.contains(from), "{text}");
    entry.1 = text.replace(from, to).into_bytes();
}

#[test]
fn packs_with_what_no_pack_holds_are_refused() {
    let file = tar::EntryType::Regular;
    for name in ["../evil", "/etc/evil", "cas/../evil", "facts/evil.jsonl", "cas/00/00/evil"] {
        let error = refused(|entries| entries.push((name.into(), b"x".to_vec())), file);
        assert!(matches!(error, PackError::Entry { .. }), "{name}: {error:?}");
    }
    let error = refused(|entries| entries.push(entries[1].clone()), file);
    assert!(matches!(error, PackError::Entry { .. }), "{error:?}");
    for kind in [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Fifo] {
        let error = refused(|entries| entries.insert(1, ("cas/odd".into(), Vec::new())), kind);
        assert!(matches!(error, PackError::Entry { .. }), "{error:?}");
    }
}

#[test]
fn packs_that_lie_are_refused() {
    let file = tar::EntryType::Regular;
    let error = refused(|entries| entries[1].1[0] ^= 1, file);
    assert!(matches!(error, PackError::Mismatch { .. }), "{error:?}");
    let error = refused(|entries| replace(entries, "run_started.jsonl", "just:x", "just:y"), file);
    assert!(matches!(error, PackError::Mismatch { .. }), "{error:?}");
    let error = refused(
        |entries| {
            replace(entries, "run_started.jsonl", "\"args\":\"[]\"", "\"args\":\"}\"");
        },
        file,
    );
    assert!(matches!(error, PackError::Fact { line: 1, .. }), "{error:?}");
    let error = refused(|entries| entries.retain(|entry| !entry.0.ends_with("env.jsonl")), file);
    assert!(matches!(error, PackError::NotAPack { .. }), "{error:?}");
    let error = refused(|entries| drop(entries.remove(1)), file);
    assert!(matches!(error, PackError::NotAPack { .. }), "{error:?}");
    let error = refused(|entries| entries.swap(0, 1), file);
    assert!(matches!(error, PackError::NotAPack { .. }), "{error:?}");
    let error = refused(Vec::clear, file);
    assert!(matches!(error, PackError::NotAPack { .. }), "{error:?}");
}

#[test]
fn packs_of_newer_versions_are_refused() {
    let file = tar::EntryType::Regular;
    for (from, to) in
        [("hauski.pack/1", "hauski.pack/2"), ("\"store_version\": ", "\"store_version\": 9")]
    {
        let error = refused(|entries| replace(entries, "manifest.json", from, to), file);
        assert!(matches!(error, PackError::Newer { .. }), "{error:?}");
        assert!(error.hint().contains("update wgx"));
    }
}

#[test]
fn a_bomb_is_refused_before_it_fills_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let pack = folder.path().join("bomb.tar.gz");
    let mut gzip = GzEncoder::new(File::create(&pack).unwrap(), Compression::fast());
    let mut header = tar::Header::new_ustar();
    header.set_path("manifest.json").unwrap();
    header.set_size(1 << 34);
    header.set_cksum();
    gzip.write_all(header.as_bytes()).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..100 {
        gzip.write_all(&zeros).unwrap();
    }
    gzip.finish().unwrap();
    block_on(async {
        let mut store = open(&folder.path().join("home")).await;
        let error = import(&mut store, &pack).await.unwrap_err();
        assert!(
            matches!(error, PackError::NotAPack { .. } | PackError::TooLarge { .. }),
            "{error:?}"
        );
    });
}

#[test]
fn a_cut_off_pack_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let pack = folder.path().join("pack.tar.gz");
    block_on(async {
        let mut one = open(&folder.path().join("one")).await;
        run(&mut one, &start("a", "just:x"), 1, "error: deep trouble\n").await;
        export(&mut one, &pack).await;
        let bytes = fs::read(&pack).unwrap();
        let mut two = open(&folder.path().join("two")).await;
        for length in [0, 5, 100, bytes.len() / 2, bytes.len() - 9] {
            fs::write(&pack, &bytes[..length]).unwrap();
            assert!(import(&mut two, &pack).await.is_err(), "{length} of {} bytes", bytes.len());
        }
        assert!(two.runs(&RunFilter::default()).await.unwrap().is_empty());
    });
}
