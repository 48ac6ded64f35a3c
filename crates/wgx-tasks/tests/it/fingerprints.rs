//! What runs stand on, looked at for real.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use wgx_tasks::fingerprint::{CollectRequest, Environment, collect};
use wgx_tasks::process::Variables;
use wgx_tasks::tools::Facts;

struct Machine {
    dir: TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { dir: TempDir::new().unwrap() };
        fs::create_dir(machine.dir.path().join("root")).unwrap();
        fs::create_dir(machine.dir.path().join("bin")).unwrap();
        machine
    }

    /// A tool that tells `version` and counts how often it was asked.
    fn tool(&self, name: &str, version: &str) {
        let file = self.dir.path().join("bin").join(name);
        let count = self.dir.path().join("asked");
        let script = format!("#!/bin/sh\necho x >> '{}'\necho {name} {version}\n", count.display());
        fs::write(&file, script).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn times_asked(&self) -> usize {
        fs::read_to_string(self.dir.path().join("asked")).unwrap_or_default().lines().count()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.dir.path().join("root").join(name), text).unwrap();
    }

    #[expect(clippy::disallowed_methods, reason = "tools of the test need a shell on PATH")]
    fn environment(&self) -> Variables {
        let mut path = OsString::from(self.dir.path().join("bin"));
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        vec![("PATH".into(), path), ("RUSTFLAGS".into(), "-Dwarnings".into())]
    }

    fn look(&self, facts: &mut Facts, ask_tools: bool) -> Environment {
        let root = self.dir.path().join("root");
        let request = CollectRequest {
            root: &root,
            repository: None,
            environment: &self.environment(),
            device_class: "test",
            programs: &["some-runner", "./not-a-name"],
            flags: &BTreeMap::from([("--parallel".to_owned(), "2".to_owned())]),
            is_trusted: true,
            ask_tools,
            git_timeout_ms: 1_000,
        };
        collect(request, facts)
    }
}

#[test]
fn a_row_names_what_the_files_and_the_task_use() {
    let machine = Machine::new();
    machine.tool("some-runner", "2.3.4");
    machine.tool("uv", "0.9.1");
    machine.write("uv.lock", "x");
    machine.write(".nvmrc", "20");
    let row = machine.look(&mut Facts::default(), true);
    assert_eq!(row.tools["some-runner"], "2.3.4");
    assert_eq!(row.tools["uv"], "0.9.1");
    assert_eq!(
        row.lockfiles["uv.lock"],
        "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    );
    assert!(row.toolchain_files.contains_key(".nvmrc"));
    assert_eq!(row.flags["RUSTFLAGS"], "-Dwarnings");
    assert_eq!(row.flags["--parallel"], "2");
    assert!(!row.kernel.is_empty() && row.cpus > 0);
}

#[test]
fn a_tool_is_asked_once_until_its_file_changes() {
    let machine = Machine::new();
    machine.tool("some-runner", "2.3.4");
    let mut facts = Facts::default();
    assert_eq!(machine.look(&mut facts, false).gaps, ["version of some-runner: not asked yet"]);
    assert_eq!(machine.times_asked(), 0);
    machine.look(&mut facts, true);
    let mut kept = Facts::from_json(&facts.to_json());
    assert_eq!(machine.look(&mut kept, true).tools["some-runner"], "2.3.4");
    assert!(!kept.is_changed());
    assert_eq!(machine.times_asked(), 1);
    machine.tool("some-runner", "10.20.30");
    assert_eq!(machine.look(&mut kept, true).tools["some-runner"], "10.20.30");
    assert_eq!(machine.times_asked(), 2);
}

#[test]
fn digests_of_settled_files_are_kept_and_of_fresh_ones_read_again() {
    let machine = Machine::new();
    machine.write("uv.lock", "one");
    let mut facts = Facts::default();
    let first = machine.look(&mut facts, true).lockfiles["uv.lock"].clone();
    machine.write("uv.lock", "two");
    assert_ne!(machine.look(&mut facts, true).lockfiles["uv.lock"], first);
    let file = fs::File::options().append(true).open(machine.dir.path().join("root/uv.lock"));
    let file = file.unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
    machine.look(&mut facts, true);
    assert!(facts.to_json().contains("uv.lock"));
}

#[test]
fn unreadable_facts_are_no_facts() {
    assert_eq!(Facts::from_json("{broken"), Facts::default());
}
