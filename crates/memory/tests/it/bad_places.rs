//! Homes and databases that cannot be used.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use memory::{Access, StoreError};
use sqlx::Connection;

use crate::stores::{block_on, open, run, start, try_open};
use crate::worker::{command, said};

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Runs a job and expects it to say a word.
fn expect(mut command: Command, word: &str) {
    let output = command.output().unwrap();
    let shown = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(said(&output.stdout), [word], "{shown}");
}

/// As root, the job runs as nobody; else this user loses the right to write.
#[test]
fn a_read_only_home_is_read_and_says_why_it_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    block_on(async {
        let mut store = open(&home).await;
        run(&mut store, &start("a", "just:x"), 0, "readable\n").await;
        store.close().await.unwrap();
    });
    let program = folder.path().join("it");
    testkit::copy_program(&std::env::current_exe().unwrap(), &program);
    allow(folder.path(), 0o755);
    let mut folders = vec![home.clone()];
    while let Some(place) = folders.pop() {
        for entry in fs::read_dir(&place).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                allow(&entry.path(), 0o444);
            }
        }
        allow(&place, 0o555);
    }
    let mut job = command(program.as_os_str(), &[], ("read-only", &home));
    if rustix::process::geteuid().is_root() {
        job.uid(65534).gid(65534);
    }
    job.current_dir("/");
    expect(job, "read-only");
    allow(&home, 0o755);
}

/// The job gets its own small disk, in a mount namespace of its own.
#[test]
fn a_full_disk_is_named_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=3m small \"$MEMORY_TEST_DISK\" && exec \"$@\"";
    let program = std::env::current_exe().unwrap();
    let unshared = ["--map-root-user", "--mount", "sh", "-c", script, "sh"].map(OsStr::new);
    let words: Vec<&OsStr> = unshared.into_iter().chain([program.as_os_str()]).collect();
    let home = folder.path().join("home");
    let mut job = command(OsStr::new("unshare"), &words, ("fill", &home));
    job.env("MEMORY_TEST_DISK", folder.path());
    if !can_mount() {
        eprintln!("SKIPPED: full disk (this machine lets nobody mount a tmpfs in a namespace)");
        return;
    }
    expect(job, "filled");
}

#[expect(clippy::disallowed_methods, reason = "the test needs a disk of its own")]
fn can_mount() -> bool {
    let words = ["--map-root-user", "--mount", "mount", "-t", "tmpfs", "small", "/tmp"];
    Command::new("unshare").args(words).output().is_ok_and(|output| output.status.success())
}

#[test]
fn a_database_of_an_older_version_is_migrated_with_its_runs() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let path = folder.path().join("memory.sqlite");
        let options =
            sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
        let mut old = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let migrator = sqlx::migrate::Migrator::new(migrations).await.unwrap();
        migrator.run_to(1, &mut old).await.unwrap();
        let insert = "INSERT INTO preference VALUES ('i', 'd', 1, NULL, 'kept', 'yes')";
        sqlx::query(insert).execute(&mut old).await.unwrap();
        old.close().await.unwrap();
        let error = try_open(folder.path(), Access::Read).await.err().unwrap();
        assert!(error.to_string().contains("must be migrated"), "{error}");
        let mut store = open(folder.path()).await;
        assert_eq!(store.preference(None, "kept").await.unwrap().as_deref(), Some("yes"));
        run(&mut store, &start("a", "just:x"), 0, "x").await;
        assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
    });
}

#[test]
fn a_second_writer_waits_for_the_first() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let mut store = open(folder.path()).await;
        let path = folder.path().join("memory.sqlite");
        let holder = std::thread::spawn(move || {
            block_on(async {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
                let mut other = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
                sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
                std::thread::sleep(std::time::Duration::from_millis(6500));
                sqlx::query("COMMIT").execute(&mut other).await.unwrap();
            });
        });
        std::thread::sleep(std::time::Duration::from_millis(300));
        run(&mut store, &start("a", "just:x"), 0, "x").await;
        holder.join().unwrap();
    });
}

#[test]
fn nobody_else_can_read_the_memory() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    block_on(async {
        let mut store = open(&home).await;
        run(&mut store, &start("a", "just:x"), 0, "x").await;
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&home), 0o700);
        for file in ["memory.sqlite", "memory.sqlite-wal", "memory.sqlite-shm", "device"] {
            assert_eq!(mode(&home.join(file)), 0o600, "{file}");
        }
    });
}

#[test]
fn reading_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let error = block_on(try_open(&home, Access::Read)).err().unwrap();
    assert!(error.is_missing(), "{error:?}");
    assert!(!home.exists());
}

#[test]
fn a_damaged_or_foreign_file_is_named_and_stays() {
    let garbage = "not a database ".repeat(1000);
    let truncated = b"SQLite format 3\0\x10\0".to_vec();
    for content in [garbage.into_bytes(), truncated] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("memory.sqlite");
        fs::write(&path, &content).unwrap();
        for access in [Access::Write, Access::Read] {
            let error = block_on(try_open(folder.path(), access)).err().unwrap();
            assert!(error.to_string().contains("memory.sqlite"), "{error}");
            assert!(error.hint().contains("nothing was changed"), "{error:?}");
        }
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        open(folder.path()).await.close().await.unwrap();
        let path = folder.path().join("memory.sqlite");
        let mut bytes = fs::read(&path).unwrap();
        bytes[63] += 100;
        fs::write(&path, &bytes).unwrap();
        let error = try_open(folder.path(), Access::Write).await.err().unwrap();
        assert!(matches!(error, StoreError::Newer { .. }), "{error:?}");
        assert!(error.hint().contains("update wgx"));
        assert_eq!(fs::read(&path).unwrap(), bytes);
        bytes[60] = 1;
        fs::write(&path, &bytes).unwrap();
        let error = try_open(folder.path(), Access::Write).await.err().unwrap();
        assert!(matches!(error, StoreError::NotOurs { .. }), "{error:?}");
    });
}

#[test]
fn a_folder_or_a_file_in_the_way_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = block_on(try_open(&file.join("home"), Access::Write)).err().unwrap();
    assert!(error.to_string().contains("is not a folder"), "{error}");
    let home = folder.path().join("home");
    fs::create_dir_all(home.join("memory.sqlite")).unwrap();
    let error = block_on(try_open(&home, Access::Write)).err().unwrap();
    assert!(error.to_string().contains("memory.sqlite"), "{error}");
}

#[test]
fn an_empty_file_becomes_a_memory() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("memory.sqlite"), "").unwrap();
    block_on(async {
        let mut store = open(folder.path()).await;
        run(&mut store, &start("a", "just:x"), 0, "x").await;
    });
}
