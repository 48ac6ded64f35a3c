//! The words of these tests: calling wgx in a repository, hiding what differs between two calls.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use testkit::{Ran, Run, TestRepo};

/// The program under test.
pub(crate) const WGX: &str = env!("CARGO_BIN_EXE_wgx");

/// Calls of wgx in a repository.
pub(crate) trait Wgx {
    /// A call that is still to be completed.
    fn call(&self, words: &[&str]) -> Run;

    /// Calls wgx and waits.
    fn wgx(&self, words: &[&str]) -> Ran {
        self.call(words).go()
    }

    /// Calls wgx and expects a code.
    fn expect(&self, code: i32, words: &[&str]) -> Ran {
        let ran = self.wgx(words);
        assert_eq!(ran.code, code, "wgx {words:?}\n{}\n{}", ran.stdout, ran.stderr);
        ran
    }

    /// Calls wgx, expects success and takes its report.
    fn report(&self, words: &[&str]) -> Value {
        self.expect(0, &[words, &["--json"]].concat()).json()
    }

    /// The recorded runs, newest first.
    fn recorded(&self) -> Vec<Value> {
        self.report(&["runs"])["runs"].as_array().unwrap().clone()
    }

    /// Task ids of the recorded runs, oldest first.
    fn recorded_tasks(&self) -> Vec<String> {
        let runs = self.recorded().into_iter().rev();
        runs.map(|run| run["task"].as_str().unwrap().to_owned()).collect()
    }
}

impl Wgx for TestRepo {
    fn call(&self, words: &[&str]) -> Run {
        self.run(WGX, words)
    }
}

/// Hides paths, ids, times and the machine from a snapshot.
pub(crate) fn filtered(repo: &TestRepo, check: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    let filters = [
        (repo.home().to_string_lossy().into_owned(), "[home]"),
        (repo.path().to_string_lossy().into_owned(), "[root]"),
        (repo.path().file_name().unwrap().to_string_lossy().into_owned(), "[name]"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}(-[0-9a-f]{4}-[0-9a-f]{12})?".into(), "[id]"),
        (r"\b[0-9a-f]{64}\b".into(), "[sha256]"),
        (r"\b[0-9a-f]{12} ".into(), "[sha256] "),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d".into(), "[time]"),
        (r" +\d+ ms".into(), " [ms]"),
        (r"(?m)^  (arch|os|machine\.\w+|tools\.\w+) .*\n".into(), ""),
        (r"(?m) +$".into(), ""),
    ];
    for (pattern, replacement) in filters {
        settings.add_filter(&pattern, replacement);
    }
    settings.bind(check);
}

/// Every file below a folder.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false => files.push(entry.path()),
            }
        }
    }
    files
}
