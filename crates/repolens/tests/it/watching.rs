//! A watch over a working copy: what it merges again, what it says, and that it rests.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, SystemTime};

use repolens::watch::State;

use crate::merging::repolens;
use crate::tree::Tree;

/// Much longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

struct Watched {
    child: Child,
    lines: Receiver<String>,
    /// Lines that nobody asked for yet: those of the two outputs come in any order.
    waiting: Vec<String>,
}

impl Watched {
    #[expect(clippy::disallowed_methods, reason = "the test stops a program that never ends")]
    fn start(tree: &Tree, words: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_repolens"))
            .args(["watch", "."])
            .args(words)
            .current_dir(tree.root())
            .env("SOURCE_DATE_EPOCH", "1700000000")
            .env("HAUSKI_HOME", tree.outside().join("home"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let (told, lines) = channel();
        let out = child.stdout.take().expect("a pipe was asked for");
        let err = child.stderr.take().expect("a pipe was asked for");
        let other = told.clone();
        std::thread::spawn(move || {
            BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| told.send(line))
        });
        std::thread::spawn(move || {
            BufReader::new(err).lines().map_while(Result::ok).try_for_each(|line| other.send(line))
        });
        Self { child, lines, waiting: Vec::new() }
    }

    /// The next line that holds this.
    fn until(&mut self, part: &str) -> String {
        loop {
            if let Some(at) = self.waiting.iter().position(|line| line.contains(part)) {
                return self.waiting.remove(at);
            }
            let line = self.lines.recv_timeout(LONG).expect("the watch says something");
            self.waiting.push(line);
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

#[test]
fn a_change_is_merged_and_named_and_the_bytes_are_those_of_a_first_merge() {
    let tree = Tree::new().file("a.rs", "fn a() {}\n").file(".gitignore", "*.log\n");
    let tree = tree.folder("empty").file("noise.log", "1\n");
    let mut watched = Watched::start(&tree, &["--out", "../out", "--count", "4"]);
    watched.until("full content");
    let merge = tree.outside().join("out/demo-max_merge.md");
    assert!(fs::read_to_string(&merge).unwrap().contains("fn a() {}"));
    // What is ignored changes nothing; were it merged, there would be one merge too many.
    fs::write(tree.root().join("noise.log"), "noise\n").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    fs::write(tree.root().join("a.rs"), "fn changed() {}\n").unwrap();
    let line = watched.until("changed: ");
    assert!(line.contains("demo/a.rs"), "{line}");
    watched.until("again in");
    assert!(fs::read_to_string(&merge).unwrap().contains("fn changed() {}"));
    fs::write(tree.root().join("empty/new.py"), "new = 1\n").unwrap();
    assert!(watched.until("added: ").contains("demo/empty/new.py"));
    watched.until("again in");
    fs::remove_file(tree.root().join("a.rs")).unwrap();
    assert!(watched.until("removed: ").contains("demo/a.rs"));
    watched.until("again in");
    assert!(watched.child.wait().unwrap().success());
    let words = [".", "--out", "../cold", "--name", "demo-max", "--no-cache"];
    assert_eq!(repolens(&tree.root(), &words).code, 0);
    let cold = fs::read(tree.outside().join("cold/demo-max_merge.md")).unwrap();
    assert_eq!(fs::read(&merge).unwrap(), cold);
}

#[test]
fn a_merge_into_the_working_copy_does_not_wake_itself_and_a_resting_watch_costs_nothing() {
    let tree = Tree::new().file("a.rs", "fn a() {}\n");
    let mut watched = Watched::start(&tree, &["--out", "."]);
    watched.until("full content");
    // The merge itself is a change; it is looked at and found to be none.
    std::thread::sleep(Duration::from_millis(1500));
    while let Ok(line) = watched.lines.try_recv() {
        assert!(!line.contains("again in"), "nothing is merged again: {line}");
    }
    let Some(before) = ticks(watched.child.id()) else { return };
    std::thread::sleep(Duration::from_millis(1000));
    assert_eq!(ticks(watched.child.id()), Some(before));
}

/// Processor time of a process in ticks of the clock, where the system tells it.
fn ticks(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.split_whitespace().skip(11).take(2).map(str::to_owned).collect())
}

#[test]
fn a_watch_needs_a_folder() {
    let tree = Tree::new().file("a.rs", "fn a() {}\n");
    let ran = repolens(&tree.root(), &["watch", "--stdout"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
}

#[test]
fn looks_are_compared_by_size_time_and_kind() {
    let later = SystemTime::now() + Duration::from_secs(10);
    let tree = Tree::new().file("a", "1").file("b", "2").link("l", "a");
    let before = State::of(&tree.scan(), later);
    assert!(State::of(&tree.scan(), later).since(&before).is_empty());
    let tree = tree.file("b", "22").file("c", "3");
    fs::remove_file(tree.root().join("l")).unwrap();
    let changes = State::of(&tree.scan(), later).since(&before);
    assert_eq!(changes.told(), "1 changed: demo/b; 1 added: demo/c; 1 removed: demo/l");
    // Looked at in the moment of a change, the same times prove nothing.
    let early = State::of(&tree.scan(), SystemTime::UNIX_EPOCH);
    assert!(!State::of(&tree.scan(), later).since(&early).is_empty());
}
