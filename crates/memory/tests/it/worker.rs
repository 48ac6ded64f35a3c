//! Other processes: this test binary starts itself again with a job in its environment.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use memory::{Access, RunFilter, RunFinish, Store, StoreError};

use crate::stores::{block_on, finish, open, run, start, try_open};

const JOB: &str = "MEMORY_TEST_JOB";
const HOME: &str = "MEMORY_TEST_HOME";

/// Starts a process that does this job in this home.
pub(crate) fn process(job: &str, home: &Path) -> Child {
    let program = std::env::current_exe().unwrap();
    command(program.as_os_str(), &[], (job, home)).spawn().unwrap()
}

/// The command line of such a process, behind another program where `words` is not empty.
#[expect(clippy::disallowed_methods, reason = "the test needs real processes")]
pub(crate) fn command(program: &OsStr, words: &[&OsStr], (job, home): (&str, &Path)) -> Command {
    let mut command = Command::new(program);
    command
        .args(words)
        .args(["--ignored", "--exact", "worker::works", "--nocapture", "--test-threads=1"])
        .env(JOB, job)
        .env(HOME, home)
        .env_remove("RUST_BACKTRACE")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
#[ignore = "the body of the other processes; started by the tests that need them"]
#[expect(clippy::disallowed_methods, reason = "the parent passes the job in the environment")]
fn works() {
    let Some(job) = std::env::var_os(JOB) else {
        return;
    };
    let home = PathBuf::from(std::env::var_os(HOME).expect("the parent names the home"));
    let job = job.into_string().expect("a job is a word");
    match job.split_once(':').unwrap_or((&job, "")) {
        ("write", count) => block_on(write_runs(&home, count.parse().unwrap())),
        ("acknowledge", when) => block_on(acknowledge(&home, when == "before")),
        ("read-only", _) => block_on(use_read_only(&home)),
        ("fill", _) => block_on(fill(&home)),
        other => panic!("no job {other:?}"),
    }
}

async fn write_runs(home: &Path, count: u32) {
    let mut store = open(home).await;
    for number in 0..count {
        let text = format!("line of {} {number}\n", std::process::id());
        let run = run(&mut store, &start("shared", "just:test"), 0, &text).await;
        say(&run.id);
    }
    store.close().await.unwrap();
}

/// Writes runs without end and says each id: after the commit, or (the control) before it.
async fn acknowledge(home: &Path, before: bool) {
    let mut store = open(home).await;
    loop {
        let run = store.start_run(&start("shared", "just:test")).await.unwrap();
        let end: RunFinish = finish(&store, 0, &format!("{}\n", run.id));
        if before {
            say(&run.id);
        }
        store.finish_run(&run, &end).await.unwrap();
        if !before {
            say(&run.id);
        }
    }
}

/// In a home that this user cannot write: reading works, writing says why not.
async fn use_read_only(home: &Path) {
    let mut store = try_open(home, Access::Read).await.expect("a read-only home can be read");
    let runs = store.runs(&RunFilter::default()).await.unwrap();
    assert_eq!(runs.len(), 1);
    store.search_logs("readable", &RunFilter::default()).await.unwrap();
    let error = match try_open(home, Access::Write).await {
        Err(error) => error,
        Ok(mut store) => store.start_run(&start("a", "just:x")).await.unwrap_err(),
    };
    assert!(error.hint().contains("writable"), "{error:?}");
    let error = try_open(&home.join("below"), Access::Write).await.err().unwrap();
    assert!(error.to_string().contains("cannot be written"), "{error:?}");
    say("read-only");
}

/// On a small disk: writes until it is full, makes room, and looks whether all is there.
async fn fill(home: &Path) {
    let filler = home.with_extension("filler");
    std::fs::write(&filler, vec![1; 600_000]).unwrap();
    let mut store = open(home).await;
    let mut acknowledged = Vec::new();
    let error = loop {
        assert!(acknowledged.len() < 100_000, "the disk is not small");
        match fill_once(&mut store, acknowledged.len()).await {
            Ok(id) => acknowledged.push(id),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("no space left"), "{error:?}");
    assert!(error.hint().contains("free some space"), "{error:?}");
    assert!(acknowledged.len() > 3);
    drop(store);
    std::fs::remove_file(filler).unwrap();
    let mut store = open(home).await;
    for id in &acknowledged {
        assert!(store.run(id).await.unwrap().run.finished);
    }
    assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
    fill_once(&mut store, acknowledged.len()).await.expect("there is room again");
    say("filled");
}

async fn fill_once(store: &mut Store, number: usize) -> Result<String, StoreError> {
    let run = store.start_run(&start("a", "just:x")).await?;
    let mut writer = store.log_writer();
    let words: String = (0..2000).map(|word| format!("w{}x{word} ", number * 2000)).collect();
    writer.write_all(words.as_bytes()).unwrap();
    let log = Some(writer.finish()?);
    let end = RunFinish { exit_code: Some(0), log, ..RunFinish::default() };
    store.finish_run(&run, &end).await?;
    Ok(run.id)
}

fn say(id: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("ack {id}\n").as_bytes()).and_then(|()| out.flush()).unwrap();
}

/// The ids that a process said.
pub(crate) fn said(output: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    complete.lines().filter_map(|line| line.split("ack ").nth(1)).map(str::to_owned).collect()
}
