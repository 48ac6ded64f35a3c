//! Plugins that try to get out. Each attempt is shown to succeed without the layer that stops it.

use std::io::{Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{fs, process};

use serde_json::{Value, json};

use crate::sandbox::Lab;

/// The plugin's standard output for a request, without and with the layers given up.
fn without(lab: &Lab, request: &Value, layers: &[&str]) -> String {
    let mut request = request.clone();
    let waive: Vec<_> = layers.iter().map(|layer| format!("hostile:{layer}")).collect();
    request["waive"] = waive.join(",").into();
    let answer = lab.run(&request);
    answer["stdout"].as_str().unwrap_or_else(|| panic!("{answer}")).trim().to_owned()
}

#[test]
fn it_does_not_write_outside_of_declared_folders() {
    for lab in Lab::each() {
        lab.dir("elsewhere");
        lab.dir("plugins/data");
        let target = lab.path("elsewhere/mark");
        let script = format!("echo x > {target} && echo written");
        let mut request = lab.request(&["/bin/sh", "-c", &script]);
        assert_eq!(without(&lab, &request, &[]), "");
        assert!(!Path::new(&target).exists());
        assert_eq!(without(&lab, &request, &["files"]), "written", "the layer that stops it");

        // Its own folder is there to be read, the declared one to be written.
        request["plugin"]["command"][2] =
            "cat own; echo x > own; echo x > data/new; cat data/new; mkdir none".into();
        request["plugin"]["sandbox"] = json!({ "write": ["data"] });
        lab.file("plugins/own", "kept\n");
        assert_eq!(without(&lab, &request, &[]), "kept\nx");
        assert_eq!(fs::read_to_string(lab.path("plugins/own")).unwrap(), "kept\n");
    }
}

#[test]
fn it_does_not_change_the_machine_s_settings() {
    for lab in Lab::each() {
        let script = "for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /usr/x /etc/passwd /x /dev/x; do
            (echo x > $f) 2>/dev/null && echo $f; done; cat /proc/kcore /proc/keys /proc/kmsg 2>/dev/null | wc -c";
        assert_eq!(without(&lab, &lab.request(&["/bin/sh", "-c", script]), &[]), "0");
    }
}

#[test]
fn it_neither_sees_nor_signals_processes_outside() {
    for lab in Lab::each() {
        let own = process::id();
        let seen = format!("test -d /proc/{own} && echo seen");
        let seen = lab.request(&["/bin/sh", "-c", &seen]);
        assert_eq!(without(&lab, &seen, &[]), "");
        assert_eq!(without(&lab, &seen, &["process"]), "seen");

        // The small daemon itself is of the same user, and the parent's parent of the plugin.
        let signal = "kill -0 \"$(cat victim)\" && echo signalled";
        let mut request = lab.request(&["/bin/sh", "-c", signal]);
        request["pid_file"] = lab.path("plugins/victim").into();
        assert_eq!(without(&lab, &request, &[]), "");
        assert_eq!(without(&lab, &request, &["process"]), "signalled");
    }
}

#[test]
fn it_does_not_look_into_the_first_process() {
    for lab in Lab::each() {
        let script = "cat /proc/1/environ /proc/1/maps; cat /proc/1/fd/*; readlink /proc/1/fd/0; ls /proc/1/cwd/ /proc/1/root/; exit 0";
        let answer = lab.shell(script);
        assert_eq!(answer["stdout"], "", "{answer}");
        assert_eq!(answer["code"], 0, "{answer}");
    }
}

#[test]
fn it_ends_with_the_daemon() {
    for lab in Lab::each() {
        lab.dir("plugins/data");
        // For a while only, so that it ends by itself where the layer is given up.
        let script = "i=0; while [ $i -lt 30 ]; do echo x >> data/beat; sleep 0.1; i=$((i+1)); done & \
                      setsid sh -c 'sleep 3; echo x > data/late' & wait";
        let mut request = lab.request(&["/bin/sh", "-c", script]);
        request["plugin"]["sandbox"] = json!({ "write": ["data"] });
        let beats = || fs::metadata(lab.path("plugins/data/beat")).map_or(0, |about| about.len());
        let mut goes_on = |waive: &str| {
            let _ = fs::remove_file(lab.path("plugins/data/beat"));
            request["waive"] = waive.into();
            let mut daemon = lab.start();
            daemon.stdin.take().unwrap().write_all(request.to_string().as_bytes()).unwrap();
            let until = Instant::now() + Duration::from_secs(20);
            while beats() < 4 {
                assert!(Instant::now() < until, "it never began");
                sleep(Duration::from_millis(10));
            }
            daemon.kill().unwrap();
            daemon.wait().unwrap();
            sleep(Duration::from_millis(300));
            let then = beats();
            sleep(Duration::from_millis(500));
            beats() > then
        };
        assert!(!goes_on(""), "it went on after the daemon was killed");
        assert!(!Path::new(&lab.path("plugins/data/late")).exists());
        assert!(goes_on("hostile:parent"), "without that layer it would");
        sleep(Duration::from_secs(3));
    }
}

#[test]
fn a_fork_bomb_stops_at_the_limit() {
    for lab in Lab::each() {
        let script = "i=0; while [ $i -lt 60 ]; do sleep 5 & i=$((i+1)); echo $i; done 2>/dev/null";
        let mut request = lab.request(&["/bin/sh", "-c", script]);
        request["plugin"]["limits"] = json!({ "tasks": 20 });
        let last = |text: String| text.lines().last().map_or(0, |line| line.parse().unwrap());
        let reached: u32 = last(without(&lab, &request, &[]));
        assert!(reached < 20, "{reached}");
        assert_eq!(last(without(&lab, &request, &["limits"])), 60);
    }
}

#[test]
fn a_memory_bomb_hits_only_itself() {
    for lab in Lab::each() {
        let program = lab.path("plugin-lab");
        let mut request = lab.request(&[&program, "try", "eat", "268435456"]);
        request["plugin"]["limits"] = json!({ "memory_bytes": 64 << 20 });
        let answer = lab.run(&request);
        assert_eq!(answer["stdout"], "", "{answer}");
        assert!(answer["signal"].is_number(), "ended by the kernel or its own allocator: {answer}");
        assert_eq!(without(&lab, &request, &["limits"]), "done");
    }
}

#[test]
fn open_files_are_bounded() {
    for lab in Lab::each() {
        let mut request =
            lab.request(&["/bin/sh", "-c", "ulimit -n; ulimit -c; ulimit -n 5000 || echo kept"]);
        request["plugin"]["limits"] = json!({ "files": 40 });
        assert_eq!(without(&lab, &request, &[]), "40\n0\nkept");
    }
}

#[test]
fn it_reaches_no_unix_socket_of_the_host() {
    for lab in Lab::each() {
        let path = lab.path("home/run/hauski.sock");
        let _socket = UnixListener::bind(&path).unwrap();
        let everybody = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o777);
        fs::set_permissions(&path, everybody).unwrap();
        let name = format!("hauski-{}-{}", process::id(), lab.nobody);
        let _abstract =
            UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let program = lab.path("plugin-lab");
        let by_path = lab.request(&[&program, "try", "connect", &path]);
        let by_name = lab.request(&[&program, "try", "connect-abstract", &name]);
        assert!(without(&lab, &by_path, &[]).contains("No such file"));
        assert_eq!(without(&lab, &by_path, &["files"]), "done");
        assert!(without(&lab, &by_name, &[]).contains("refused"));
        assert_eq!(without(&lab, &by_name, &["network"]), "done");
    }
}

#[test]
fn it_reaches_what_is_shared_with_it_and_the_broker_only_where_asked_for() {
    for lab in Lab::each() {
        let path = lab.path("home/run/hostile.sock");
        let _socket = UnixListener::bind(&path).unwrap();
        let everybody = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o777);
        fs::set_permissions(&path, everybody).unwrap();
        let program = lab.path("plugin-lab");
        let mut request = lab.request(&[&program, "try", "connect", "/run/hauski/egress.sock"]);
        request["brokers"] = lab.path("home/run").into();
        assert!(without(&lab, &request, &[]).contains("No such file"));
        request["plugin"]["sandbox"] = json!({ "network": "broker" });
        assert_eq!(without(&lab, &request, &[]), "done");
        request["brokers"] = Value::Null;
        assert_eq!(lab.run(&request)["refused"]["what"], "sandbox.network");
    }
}

#[test]
fn it_inherits_no_descriptor() {
    for lab in Lab::each() {
        let secret = lab.file("home/secret", "open file");
        let request = |waive: &str| {
            let mut request = lab.request(&["/bin/sh", "-c", "cat <&9; ls /proc/self/fd | wc -l"]);
            request["waive"] = waive.into();
            let host = lab.host();
            // A shell leaves a descriptor open that nobody marked.
            #[expect(clippy::disallowed_methods, reason = "tests start programs")]
            let mut shell = process::Command::new("/bin/sh");
            let script = format!("exec 9<{secret}; exec {} host", host.get_program().display());
            shell.args(["-c", &script]).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped());
            if lab.nobody {
                std::os::unix::process::CommandExt::uid(&mut shell, testkit::NOBODY);
                std::os::unix::process::CommandExt::gid(&mut shell, testkit::NOBODY);
            }
            let mut child = shell.spawn().unwrap();
            child.stdin.take().unwrap().write_all(request.to_string().as_bytes()).unwrap();
            let mut text = String::new();
            child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
            child.wait().unwrap();
            let answer: Value = serde_json::from_str(&text).unwrap();
            answer["stdout"].as_str().unwrap().to_owned()
        };
        assert_eq!(request(""), "4\n");
        assert!(request("hostile:descriptors").starts_with("open file"));
    }
}

#[test]
fn it_has_no_variable_of_the_daemon() {
    for lab in Lab::each() {
        let request = |waive: &str| {
            let mut request =
                lab.request(&["/bin/sh", "-c", "echo \"$TOKEN\"; cat /proc/1/environ"]);
            request["waive"] = waive.into();
            let mut child = lab.host().env("TOKEN", "hidden").spawn().unwrap();
            child.stdin.take().unwrap().write_all(request.to_string().as_bytes()).unwrap();
            let output = child.wait_with_output().unwrap();
            let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
            answer["stdout"].as_str().unwrap().to_owned()
        };
        assert_eq!(request(""), "\n");
        assert_eq!(request("hostile:environment"), "hidden\n");
    }
}

#[test]
fn it_makes_no_further_namespace() {
    for lab in Lab::each() {
        let request = lab.request(&[&lab.path("plugin-lab"), "try", "unshare"]);
        assert!(without(&lab, &request, &[]).contains("not permitted"));
        // Two bars: without the filter, the bound of the namespace itself still holds.
        assert!(without(&lab, &request, &["system-calls"]).contains("No space left"));
        assert_eq!(without(&lab, &request, &["all"]), "done");
    }
}

#[test]
fn it_mounts_nothing() {
    for lab in Lab::each() {
        let request = lab.request(&[&lab.path("plugin-lab"), "try", "mount"]);
        for bars in [&[][..], &["system-calls"], &["privileges"]] {
            assert!(without(&lab, &request, bars).contains("not permitted"), "{bars:?}");
        }
        assert_eq!(without(&lab, &request, &["system-calls", "privileges"]), "done");
    }
}

#[test]
fn it_traces_no_process_and_uses_no_foreign_table_of_calls() {
    if !testkit::has_program("perl") || !cfg!(target_arch = "x86_64") {
        return testkit::not_run("ptrace and x32", "needs perl and x86-64");
    }
    for lab in Lab::each() {
        // PTRACE_TRACEME of itself, which is always allowed elsewhere.
        let trace = lab.request(&["/usr/bin/perl", "-e", "print syscall(101, 0, 0, 0, 0)"]);
        assert_eq!(without(&lab, &trace, &[]), "-1");
        assert_eq!(without(&lab, &trace, &["system-calls"]), "0");
        let x32 = lab.run(&lab.request(&[
            "/usr/bin/perl",
            "-e",
            "syscall(0x40000000 | 39); print 'alive'",
        ]));
        assert_eq!((&x32["signal"], &x32["stdout"]), (&json!(31), &json!("")), "{x32}");
    }
}

#[test]
fn links_that_it_makes_lead_nowhere_outside() {
    for lab in Lab::each() {
        lab.dir("person/.ssh");
        lab.dir("plugins/data");
        let key = lab.file("person/.ssh/key", "the key");
        let script = format!(
            "ln -s {key} data/link; cat data/link; ln {key} data/hard; ln -s /proc/1/root data/root; \
             cat data/root{key}; ln /usr/bin/env data/env; echo end"
        );
        let mut request = lab.request(&["/bin/sh", "-c", &script]);
        request["plugin"]["sandbox"] = json!({ "write": ["data"] });
        assert_eq!(without(&lab, &request, &[]), "end");
        // The next start does not take the link for the folder that it stands in for.
        request["plugin"]["sandbox"] = json!({ "read": ["data/link"] });
        let refused = lab.run(&request);
        assert!(
            refused["refused"]["reason"].as_str().unwrap().contains("symbolic link"),
            "{refused}"
        );
    }
}

#[test]
fn a_folder_swapped_after_the_check_is_refused() {
    for lab in Lab::each() {
        lab.dir("plugins/data");
        lab.dir("person");
        let mut request = lab.request(&["/bin/ls", "data"]);
        request["plugin"]["sandbox"] = json!({ "write": ["data"] });
        request["swap"] = json!([lab.path("plugins/data"), lab.path("person")]);
        let answer = lab.run(&request);
        let reason = answer["refused"]["reason"].as_str().unwrap_or_else(|| panic!("{answer}"));
        assert!(reason.contains("has become a symbolic link"), "{reason}");
    }
}
