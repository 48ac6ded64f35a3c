//! Builders: stores, runs and packs with plain content.

use std::io::Write;
use std::path::Path;

use memory::{
    Access, Environment, Home, RepoIdentity, RepoRecord, RunFinish, RunStart, StartedRun, Store,
    StoreError, StoredLog,
};
use redact::Redactor;

/// A secret that the mask of these tests knows.
pub(crate) const SECRET: &str = "Pferd-Batterie-9";

/// Masks [`SECRET`].
pub(crate) fn mask() -> Redactor {
    blind_mask().with_known_values([("DB_PASSWORD", SECRET)])
}

/// Does not know [`SECRET`] yet.
pub(crate) fn blind_mask() -> Redactor {
    Redactor::new([7; 32])
}

pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
}

pub(crate) async fn open(root: &Path) -> Store {
    try_open(root, Access::Write).await.unwrap()
}

pub(crate) async fn try_open(root: &Path, access: Access) -> Result<Store, StoreError> {
    Store::open(&Home::at(root), access, mask()).await
}

pub(crate) fn repo(name: &str) -> RepoRecord {
    RepoRecord {
        identity: RepoIdentity::Origin(format!("https://example.org/team/{name}.git")),
        name: name.to_owned(),
        tags: Vec::new(),
        default_tasks: Vec::new(),
    }
}

pub(crate) fn start(repo_name: &str, task: &str) -> RunStart {
    let mut environment = Environment { os: "debian 12".into(), ..Environment::default() };
    environment.tools.insert("rustc".into(), "1.95.0".into());
    RunStart {
        repo: repo(repo_name),
        environment,
        task: task.to_owned(),
        source: "just".to_owned(),
        args: Vec::new(),
        cwd: String::new(),
        reason: "named".to_owned(),
        parent_run: None,
    }
}

pub(crate) fn log(store: &Store, text: &str) -> StoredLog {
    let mut writer = store.log_writer();
    writer.write_all(text.as_bytes()).unwrap();
    writer.finish().unwrap()
}

pub(crate) fn finish(store: &Store, exit_code: i32, text: &str) -> RunFinish {
    RunFinish {
        exit_code: Some(exit_code),
        duration_ms: 12,
        log: Some(log(store, text)),
        ..RunFinish::default()
    }
}

/// A whole run.
pub(crate) async fn run(
    store: &mut Store,
    start: &RunStart,
    exit_code: i32,
    text: &str,
) -> StartedRun {
    let run = store.start_run(start).await.unwrap();
    let end = finish(store, exit_code, text);
    store.finish_run(&run, &end).await.unwrap();
    run
}
