//! What goes wrong around the daemon: too much at once, a full disk, a home that cannot be written, a plugin without
//! bounds, SIGKILL.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::access::new_key;
use crate::daemon::{Daemon, HAUSKI, PATIENCE};
use crate::gateway::{fake, with_fake};

const CHAT: &str = "/v1/chat/completions";

fn script(text: &str) -> Value {
    json!({ "model": "fake-script", "messages": [{ "role": "user", "content": text }] })
}

/// `plugins.json` with the scripted engine and these limits.
fn limited(limits: &Value) -> String {
    let mut plugins: Value = serde_json::from_str(&fake()).unwrap();
    plugins["plugins"][0]["limits"] = limits.clone();
    plugins.to_string()
}

#[tokio::test]
async fn more_than_the_daemon_takes_is_refused_at_once_and_says_when_to_come_back() {
    let limits = "request:\n  max_concurrent: 2\n";
    let daemon = with_fake(Daemon::with().file("policies/limits.yaml", limits)).await;
    let (_, key) = new_key(&daemon, &["chat"]).await;
    let client = daemon.tcp().key(&key);
    let began = Instant::now();
    let asked = (0..12).map(|_| {
        let client = client.clone();
        async move {
            let began = Instant::now();
            (client.post_json(CHAT, &script("wait 3000; say done")).await, began.elapsed())
        }
    });
    let replies = futures_util::future::join_all(asked).await;
    let (done, refused): (Vec<_>, Vec<_>) =
        replies.iter().partition(|(reply, _)| reply.status == 200);
    assert_eq!(done.len(), 2, "two places");
    for (reply, after) in refused {
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (503, "overloaded"));
        assert_eq!(reply.headers["retry-after"], "1");
        assert!(*after < Duration::from_millis(2_500), "{after:?}: it waits one second at most");
    }
    assert!(began.elapsed() < PATIENCE);
    assert_eq!(client.post_json(CHAT, &script("say after")).await.status, 200);
}

#[tokio::test]
async fn a_queue_of_a_plugin_that_is_full_answers_429_at_once() {
    let start = Daemon::with();
    let daemon = with_fake(start).await;
    let file = daemon.home.path().join("plugins/plugins.json");
    std::fs::write(file, limited(&json!({ "inflight": 1, "queue": 1 }))).unwrap();
    let reply = daemon.owner().request("POST", "/admin/plugins/fake/reload").send().await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let asked = (0..6).map(|_| {
        let client = daemon.owner();
        async move {
            let began = Instant::now();
            (client.post_json(CHAT, &script("wait 1500; say done")).await, began.elapsed())
        }
    });
    let replies = futures_util::future::join_all(asked).await;
    let done = replies.iter().filter(|(reply, _)| reply.status == 200).count();
    assert_eq!(done, 2, "one at work, one in the queue");
    for (reply, after) in replies.iter().filter(|(reply, _)| reply.status != 200) {
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (429, "engine_overloaded"));
        assert!(reply.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
        assert!(*after < Duration::from_millis(1_000), "{after:?}");
    }
    let page = daemon.owner().get("/metrics").await;
    assert!(
        page.text().contains("plugin_calls_refused_total{plugin=\"fake\"} 4"),
        "{}",
        page.text()
    );
}

#[tokio::test]
async fn a_plugin_that_takes_all_memory_ends_alone_and_comes_back() {
    let daemon = with_fake(Daemon::with()).await;
    let file = daemon.home.path().join("plugins/plugins.json");
    std::fs::write(file, limited(&json!({ "memory_bytes": 256 << 20 }))).unwrap();
    let reply = daemon.owner().request("POST", "/admin/plugins/fake/reload").send().await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let before = own_memory(&daemon);
    let reply = daemon.owner().post_json(CHAT, &script("fault memory")).await;
    assert!(
        matches!(reply.code().as_str(), "upstream_error" | "capability_unavailable"),
        "{}",
        reply.text()
    );
    let began = Instant::now();
    while daemon.owner().post_json(CHAT, &script("say back")).await.status != 200 {
        assert!(began.elapsed() < PATIENCE, "it does not come back:\n{}", daemon.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(own_memory(&daemon) < before + (64 << 20), "the memory was the plugin's own");
}

fn own_memory(daemon: &Daemon) -> u64 {
    let statm = std::fs::read_to_string(format!("/proc/{}/statm", daemon.pid())).unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}

#[tokio::test]
async fn a_killed_daemon_starts_again_with_everything_it_had_said() {
    let daemon = with_fake(Daemon::with()).await;
    let (_, key) = new_key(&daemon, &["chat", "admin"]).await;
    let change =
        daemon.owner().request("PUT", "/admin/config/log_level").json(&json!({"value": "warn"}));
    assert_eq!(change.send().await.status, 200);
    let mut live = daemon
        .tcp()
        .key(&key)
        .request("POST", CHAT)
        .json(&json!({
            "model": "fake-script",
            "messages": [{ "role": "user", "content": "say one; wait 20000; say two" }],
            "stream": true,
        }))
        .open()
        .await;
    assert!(live.chunk().await.is_some());
    let plugin = daemon.owner().get("/admin/plugins/fake").await.json()["pid"].as_i64().unwrap();
    let daemon = daemon.kill().await.args(&["--test-plugins"]).start().await;
    let began = Instant::now();
    while Path::new(&format!("/proc/{plugin}")).exists() {
        assert!(began.elapsed() < PATIENCE, "the plugin of the killed daemon lives on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let client = daemon.tcp().key(&key);
    let config = client.get("/admin/config").await.json();
    let settings = config["settings"].as_array().unwrap();
    let level = settings.iter().find(|setting| setting["name"] == "log_level").unwrap();
    assert_eq!((&level["value"], &level["source"]), (&json!("warn"), &json!("stored")));
    let verdict = client.get("/admin/audit/verify").await.json();
    assert_eq!(verdict["verdict"], "sound", "{verdict:#}");
    while client.post_json(CHAT, &script("say again")).await.status != 200 {
        assert!(began.elapsed() < PATIENCE, "the engine does not come back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_home_that_cannot_be_written_is_refused_by_name() {
    use std::os::unix::fs::PermissionsExt;
    if testkit::is_root() && !testkit::has_program("setpriv") {
        return testkit::not_run("a home that cannot be written", "setpriv is missing");
    }
    let folder = testkit::public_tempdir();
    let program = folder.path().join("hauski");
    testkit::copy_program(Path::new(HAUSKI), &program);
    let home = folder.path().join("home");
    std::fs::create_dir(&home).unwrap();
    std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o555)).unwrap();
    let ended = as_nobody(&program, &home, &["serve", "--bind", "127.0.0.1:0", "--check"]).await;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success(), "{said}");
    assert!(said.contains("error:") && said.contains(home.to_str().unwrap()), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

async fn as_nobody(program: &Path, home: &Path, args: &[&str]) -> std::process::Output {
    let id = testkit::NOBODY.to_string();
    let mut command = match testkit::is_root() {
        true => {
            let mut command = tokio::process::Command::new("setpriv");
            command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]).arg(program);
            command
        }
        false => tokio::process::Command::new(program),
    };
    command.args(args).current_dir(home).env_clear();
    command.env("HAUSKI_HOME", home).env("HOME", home).env("PATH", "/usr/bin:/bin");
    command.kill_on_drop(true);
    tokio::time::timeout(PATIENCE, command.output()).await.unwrap().unwrap()
}

/// A disk of eight megabytes, where this machine lets somebody make one.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    #[expect(
        clippy::disallowed_methods,
        reason = "a file system is made and taken away by its tools"
    )]
    fn on(folder: &Path) -> Option<Self> {
        let made = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs"])
            .arg(folder)
            .output();
        made.is_ok_and(|made| made.status.success()).then(|| Self(folder.to_owned()))
    }

    fn fill(&self) -> u64 {
        use std::io::Write;
        let mut file = std::fs::File::create(self.0.join("filler")).unwrap();
        let mut written = 0;
        while let Ok(more) = file.write(&[0; 4_096]) {
            written += more as u64;
        }
        written
    }
}

impl Drop for SmallDisk {
    #[expect(
        clippy::disallowed_methods,
        reason = "a file system is made and taken away by its tools"
    )]
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[tokio::test]
async fn a_full_disk_refuses_what_must_be_recorded_and_ends_nothing() {
    let start = Daemon::with();
    let home = start.home().to_owned();
    let Some(disk) = SmallDisk::on(&home) else {
        return testkit::not_run("a full disk", "no tmpfs can be mounted here");
    };
    let daemon = start.start().await;
    let (_, key) = new_key(&daemon, &["metrics"]).await;
    assert!(disk.fill() > 0);
    let wish = json!({ "scopes": ["chat"] });
    let refused = daemon.owner().post_json("/admin/keys", &wish).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (500, "internal_error"),
        "{}",
        refused.text()
    );
    assert!(!refused.text().contains(home.to_str().unwrap()), "no path in an error");
    assert_eq!(daemon.get("/health").await.status, 200);
    assert_eq!(daemon.tcp().get("/metrics").await.status, 401, "a refusal stays a refusal");
    std::fs::remove_file(disk.0.join("filler")).unwrap();
    let began = Instant::now();
    while daemon.owner().post_json("/admin/keys", &wish).await.status != 201 {
        assert!(
            began.elapsed() < PATIENCE,
            "it does not go on when there is room:\n{}",
            daemon.log()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(daemon.tcp().key(&key).get("/metrics").await.status, 200);
    let verdict = daemon.owner().get("/admin/audit/verify").await.json();
    assert_ne!(verdict["verdict"], "tampered", "{verdict:#}");
}

#[tokio::test]
async fn a_flood_without_keys_costs_few_lines_and_every_refusal_is_counted() {
    const FLOOD: u64 = 600;
    let daemon = Daemon::start().await;
    for _ in 0..FLOOD / 20 {
        let asked = (0..20).map(|_| async { daemon.get("/metrics").await.status });
        for status in futures_util::future::join_all(asked).await {
            assert_eq!(status, 401);
        }
    }
    let began = Instant::now();
    loop {
        let tail = daemon.owner().get("/admin/audit?limit=1000").await.json();
        let lines = tail["lines"].as_array().unwrap();
        let denied: Vec<_> = lines.iter().filter(|line| line["action"] == "access.deny").collect();
        let count = |line: &&Value| line["data"]["count"].as_u64().unwrap_or(1);
        let counted: u64 = denied.iter().map(count).sum();
        if counted == FLOOD {
            assert!(denied.len() < 200, "{} lines for {FLOOD} refusals", denied.len());
            break;
        }
        assert!(counted < FLOOD && began.elapsed() < PATIENCE, "{counted} of {FLOOD} are counted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let verdict = daemon.owner().get("/admin/audit/verify").await.json();
    assert_eq!(verdict["verdict"], "sound", "{verdict:#}");
}

#[tokio::test]
async fn plugins_json_and_programs_of_plugins_are_taken_again_by_themselves() {
    let daemon = Daemon::with().args(&["--test-plugins"]).start().await;
    let folder = daemon.home.path().join("plugins");
    std::fs::create_dir_all(&folder).unwrap();
    let program = folder.join("engine");
    testkit::copy_program(Path::new(HAUSKI), &program);
    let mut plugins: Value = serde_json::from_str(&fake()).unwrap();
    plugins["plugins"][0]["command"][0] = json!("engine");
    std::fs::write(folder.join("plugins.json"), plugins.to_string()).unwrap();
    let first = running(&daemon, None).await;

    std::fs::write(folder.join("plugins.json"), "{ not json").unwrap();
    daemon.logged("plugins.json refused; the plugins before stay in force").await;
    assert_eq!(running(&daemon, None).await, first);

    let fresh = folder.join("fresh");
    testkit::copy_program(Path::new(HAUSKI), &fresh);
    std::fs::rename(&fresh, &program).unwrap();
    daemon.logged("its program has changed; a fresh process runs").await;
    assert_ne!(running(&daemon, Some(first)).await, first);

    std::fs::write(folder.join("plugins.json"), r#"{"schema":1,"plugins":[]}"#).unwrap();
    let began = Instant::now();
    while !daemon.owner().get("/admin/plugins").await.json()["plugins"]
        .as_array()
        .unwrap()
        .is_empty()
    {
        assert!(began.elapsed() < PATIENCE, "the plugin stays");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let tail = daemon.owner().get("/admin/audit").await.json();
    let mut actions = BTreeMap::new();
    for line in tail["lines"].as_array().unwrap() {
        *actions.entry(line["action"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    assert_eq!((actions["plugins.reload"], actions["plugin.reload"]), (2, 1), "{actions:?}");
}

/// The process of the plugin once it runs, and is another one than `not`.
async fn running(daemon: &Daemon, not: Option<i64>) -> i64 {
    let began = Instant::now();
    loop {
        let plugin = daemon.owner().get("/admin/plugins/fake").await.json();
        let pid = plugin["pid"].as_i64().filter(|pid| Some(*pid) != not);
        if let (Some(pid), "running") = (pid, plugin["state"].as_str().unwrap_or_default()) {
            return pid;
        }
        assert!(began.elapsed() < PATIENCE, "{plugin:#}\n{}", daemon.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
