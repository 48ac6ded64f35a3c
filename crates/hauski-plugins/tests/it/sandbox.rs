//! The sandbox: what plugins can and cannot do in it, as root and as a user without rights.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A daemon's home and a folder with plugins.
pub(crate) struct Lab {
    folder: TempDir,
    pub(crate) nobody: bool,
}

impl Lab {
    /// One for the user of this test, and where that is root one for a user without rights.
    pub(crate) fn each() -> Vec<Self> {
        let mut users = vec![false];
        if testkit::is_root() {
            users.push(true);
        } else {
            testkit::not_run("the sandbox as root", "this is not root");
        }
        let mut labs: Vec<_> = users.into_iter().map(Self::new).collect();
        labs.retain(|lab| {
            let matrix = &self_test(lab, &[])["matrix"];
            let missing = matrix.as_array().expect("facts").iter().find(|f| f["available"] != true);
            if let Some(fact) = missing {
                testkit::not_run("the sandbox", &format!("this machine lacks a layer: {fact}"));
            }
            missing.is_none()
        });
        labs
    }

    fn new(nobody: bool) -> Self {
        let lab = Self { folder: testkit::public_tempdir(), nobody };
        lab.own(lab.folder.path());
        lab.dir("home/run");
        lab.dir("plugins");
        let (built, own) = (env!("CARGO_BIN_EXE_plugin-lab"), lab.path("plugin-lab"));
        if fs::hard_link(built, &own).is_err() {
            testkit::copy_program(Path::new(built), Path::new(&own));
        }
        lab
    }

    /// Gives `path` to the user that the daemon runs as.
    fn own(&self, path: &Path) {
        if self.nobody {
            std::os::unix::fs::chown(path, Some(testkit::NOBODY), Some(testkit::NOBODY))
                .expect("the lab works");
        }
    }

    /// An absolute path below the lab's folder.
    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("UTF-8").to_owned()
    }

    /// A folder, with those on the way.
    pub(crate) fn dir(&self, name: &str) -> String {
        let mut path = self.folder.path().to_owned();
        for part in Path::new(name) {
            path.push(part);
            match fs::create_dir(&path) {
                Ok(()) => self.own(&path),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::AlreadyExists),
            }
        }
        self.path(name)
    }

    /// A file that only its owner may read.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("the lab works");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("the lab works");
        self.own(&path);
        self.path(name)
    }

    /// What the daemon would be told to start, to be changed by a test.
    pub(crate) fn request(&self, command: &[&str]) -> Value {
        json!({
            "plugin": { "name": "hostile", "command": command },
            "home": self.path("home"),
            "plugins": self.path("plugins"),
        })
    }

    /// The small daemon, not yet started.
    #[expect(clippy::disallowed_methods, reason = "tests start programs")]
    pub(crate) fn host(&self) -> Command {
        let mut command = Command::new(self.path("plugin-lab"));
        command.args(["host"]).env_clear().current_dir(self.folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if self.nobody {
            command.uid(testkit::NOBODY).gid(testkit::NOBODY);
        }
        command
    }

    pub(crate) fn start(&self) -> Child {
        self.host().spawn().expect("the lab works")
    }

    pub(crate) fn run(&self, request: &Value) -> Value {
        let mut child = self.start();
        child
            .stdin
            .take()
            .expect("a pipe")
            .write_all(request.to_string().as_bytes())
            .expect("the lab works");
        let output = child.wait_with_output().expect("the lab works");
        let (out, err) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"))
    }

    pub(crate) fn shell(&self, script: &str) -> Value {
        self.run(&self.request(&["/bin/sh", "-c", script]))
    }
}

#[test]
fn a_plugin_runs_with_no_rights_and_an_own_view() {
    for lab in Lab::each() {
        let script = "id -u; hostname; grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status; ls /; env | grep -v ^PWD= | sort; exit 7";
        let answer = lab.shell(script);
        assert_eq!(answer["code"], 7, "{answer}");
        assert_eq!(answer["init"]["code"], 7, "{answer}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer["stdout"].as_str().unwrap(), @r"
            1000
            plugin
            CapInh:	0000000000000000
            CapPrm:	0000000000000000
            CapEff:	0000000000000000
            CapBnd:	0000000000000000
            CapAmb:	0000000000000000
            NoNewPrivs:	1
            Seccomp:	2
            bin
            dev
            etc
            lib
            lib64
            proc
            run
            sbin
            sys
            tmp
            usr
            HAUSKI_PLUGIN_NAME=hostile
            HOME=/tmp
            LANG=C.UTF-8
            PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
            TMPDIR=/tmp
            ");
        }
    }
}

#[test]
fn a_program_that_is_not_there_or_not_the_one_is_refused() {
    for lab in Lab::each() {
        let absent = lab.run(&lab.request(&["bin/none"]));
        assert_eq!(absent["refused"]["what"], "command", "{absent}");
        let mut other = lab.request(&["/bin/true"]);
        other["plugin"]["sha256"] = json!("00");
        let other = lab.run(&other);
        assert_eq!(other["refused"]["what"], "sha256", "{other}");
    }
}

#[test]
fn folders_that_are_not_what_they_are_called_are_refused() {
    for lab in Lab::each() {
        lab.dir("plugins/data");
        lab.dir("person/.ssh");
        std::os::unix::fs::symlink(lab.path("person"), lab.path("plugins/data/out")).unwrap();
        let refused = |field: &str, name: &str| {
            let mut request = lab.request(&["/bin/true"]);
            request["plugin"]["sandbox"] = json!({ field: [name] });
            request["person"] = lab.path("person").into();
            let answer = lab.run(&request);
            answer["refused"]["reason"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
        };
        let top = lab.path("");
        for (name, why) in [
            ("none", "No such file"),
            ("../home", "goes upwards"),
            ("data/out", "symbolic link"),
            ("data/out/.ssh", "symbolic link"),
            (top.as_str(), "home folder"),
            (&lab.path("home"), "home folder"),
            (&lab.path("home/run"), "belongs to the daemon"),
            (&lab.path("person"), "home folder"),
            ("/", "top folder"),
        ] {
            for field in ["read", "write"] {
                let reason = refused(field, name);
                assert!(reason.contains(why), "{field} {name}: {reason}");
            }
        }
        assert!(!Path::new(&lab.path("plugins/none")).exists(), "what is declared is not made");
    }
}

#[test]
fn a_plugin_does_not_read_the_person_s_keys() {
    for lab in Lab::each() {
        lab.dir("person/.ssh");
        let key = lab.file("person/.ssh/id_ed25519", "the key");
        let mut request = lab.request(&["/bin/cat", &key]);
        request["person"] = lab.path("person").into();
        assert_eq!(lab.run(&request)["stdout"], "");
        request["waive"] = "hostile:files".into();
        assert_eq!(lab.run(&request)["stdout"], "the key", "without the view of files it would");
    }
}

/// What `plugin-lab self-test` says without `layers`.
#[expect(clippy::disallowed_methods, reason = "tests start programs")]
fn self_test(lab: &Lab, layers: &[&str]) -> Value {
    let mut command = Command::new(lab.path("plugin-lab"));
    command.arg("self-test").args(layers).env_clear().env("SECRET", "x");
    if lab.nobody {
        command.uid(testkit::NOBODY).gid(testkit::NOBODY);
    }
    let output = command.output().expect("the lab works");
    serde_json::from_slice(&output.stdout).expect("an answer")
}

#[test]
fn the_nine_forbidden_operations_are_refused() {
    for lab in Lab::each() {
        let answer = self_test(&lab, &[]);
        assert_eq!(answer["tested"]["passed"], true, "{answer:#}");
        let operations = answer["tested"]["operations"].as_array().unwrap();
        let answers: Vec<_> = operations.iter().map(|o| (&o["name"], &o["answer"])).collect();
        assert_eq!(answers.len(), 9);
        assert!(answers.iter().all(|(_, answer)| *answer == "EPERM"), "{answers:?}");
        assert_eq!(answer["refusal"], Value::Null);
    }
}

#[test]
fn the_self_test_is_red_without_any_single_layer() {
    for lab in Lab::each() {
        for layer in [
            "environment",
            "privileges",
            "network",
            "process",
            "ipc",
            "hostname",
            "control-groups",
            "files",
            "system-calls",
        ] {
            let answer = self_test(&lab, &[layer]);
            assert_eq!(answer["tested"]["passed"], false, "{layer}: {answer:#}");
            let refusal = answer["refusal"].as_str().unwrap();
            let named = refusal.starts_with(layer) || layer == "system-calls" || layer == "process";
            assert!(named, "{layer}: {refusal}");
        }
    }
}

/// As in containers and on systems whose administrator forbids user namespaces.
#[test]
#[expect(clippy::disallowed_methods, reason = "tests start programs")]
fn a_missing_layer_is_refused_at_once_with_its_reason() {
    if !testkit::has_program("unshare") {
        return testkit::not_run("a machine without user namespaces", "needs unshare");
    }
    for lab in Lab::each() {
        let script = "echo 0 > /proc/sys/user/max_user_namespaces; exec ./plugin-lab self-test";
        let mut command = Command::new("unshare");
        command.args(["-Ur", "sh", "-c", script]).current_dir(lab.path(""));
        if lab.nobody {
            command.uid(testkit::NOBODY).gid(testkit::NOBODY);
        }
        let begun = Instant::now();
        let output = command.output().unwrap();
        let took = begun.elapsed();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let refused = &answer["refused"];
        assert_eq!(refused["what"], "user", "{answer:#}");
        assert_eq!(refused["hint"], "user.max_user_namespaces is 0", "{answer:#}");
        let missing = answer["matrix"].as_array().unwrap().iter().find(|f| f["layer"] == "user");
        assert_eq!(missing.unwrap()["available"], false);
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
}

#[test]
fn the_matrix_names_every_layer_of_the_kernel() {
    for lab in Lab::each() {
        let answer = self_test(&lab, &[]);
        let matrix = answer["matrix"].as_array().unwrap();
        assert_eq!(matrix.len(), 9, "{answer:#}");
        assert!(matrix.iter().all(|fact| fact["available"] == true), "{answer:#}");
    }
}

/// Printed, not asserted: other tests and people use this machine meanwhile.
#[test]
fn how_long_a_start_takes() {
    for lab in Lab::each() {
        let request = lab.request(&["/bin/true"]);
        let start = || lab.run(&request)["started_us"].as_u64().expect("a number");
        let mut took: Vec<_> = std::iter::repeat_with(start).take(100).collect();
        took.sort_unstable();
        let user = if lab.nobody { "nobody" } else { "this user" };
        println!("start as {user}: p50 {} µs, p95 {} µs", took[49], took[94]);
    }
}
