//! API keys: shown once, kept as hashes, bounded, replaced, and gone at once when revoked.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::access::new_key;
use crate::daemon::{Daemon, hauski};

#[tokio::test]
async fn the_command_line_makes_shows_and_ends_keys_without_a_daemon() {
    let home = tempfile::tempdir().unwrap();
    let made = hauski(home.path(), &[], &["keys", "create", "--scope", "chat,embed"]).await;
    assert_eq!(made.code, 0, "{}", made.stderr);
    let key = made.stdout.trim();
    assert!(key.starts_with("hk_live_") && key.len() == 66, "{key}");
    let id = &key[8..16];
    let listed = hauski(home.path(), &[], &["keys", "list"]).await;
    assert_eq!(listed.stdout, format!("{id}  active   chat,embed · requests 0 · tokens 0\n"));
    let revoked = hauski(home.path(), &[], &["keys", "revoke", key]).await;
    assert_eq!((revoked.code, revoked.stdout), (0, format!("hk_live_{id}_… is revoked\n")));
    let listed = hauski(home.path(), &[], &["keys", "list", "--json"]).await.json();
    assert_eq!(listed["keys"][0]["state"], "revoked");
}

#[tokio::test]
async fn nothing_on_disk_in_the_log_or_in_metrics_holds_a_key() {
    let daemon = Daemon::with().env("HAUSKI_LOG", "trace").start().await;
    let (_, key) = new_key(&daemon, &["admin"]).await;
    let client = daemon.tcp().key(&key);
    let metrics = client.get("/metrics").await;
    let list = client.get("/admin/keys").await;
    client.post_json("/admin/keys", &json!({"scopes": [key]})).await;
    client.get(&format!("/{key}")).await;
    let ended = daemon.stop().await;
    assert!(!metrics.text().contains(&key[17..]) && !list.text().contains(&key[17..]));
    let mut files = 0;
    for entry in walk(ended.home()) {
        let bytes = fs::read(&entry).unwrap();
        let secret = &key.as_bytes()[17..];
        let holds = bytes.windows(secret.len()).any(|window| window == secret);
        assert!(!holds, "{}", entry.display());
        let mode = entry.metadata().unwrap().permissions().mode() & 0o077;
        // What the index derives lies in a folder that only its owner may enter.
        let derived = ended.home().join("vector");
        let closed =
            |folder: &std::path::Path| folder.metadata().unwrap().permissions().mode() & 0o077 == 0;
        let elsewhere =
            entry.ends_with("stderr") || (entry.starts_with(&derived) && closed(&derived));
        assert!(elsewhere || mode == 0 || entry.extension().is_some_and(|e| e == "sqlite-shm"));
        files += 1;
    }
    assert!(files >= 3, "{files}");
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let all = entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] });
    all.filter(|path| path.is_file()).collect()
}

#[tokio::test]
async fn keys_outlive_the_daemon_also_when_it_is_killed() {
    let daemon = Daemon::start().await;
    let (_, key) = new_key(&daemon, &["metrics"]).await;
    let again = daemon.kill().await.start().await;
    assert_eq!(again.tcp().key(&key).get("/metrics").await.status, 200);
    let again = again.stop().await.start().await;
    assert_eq!(again.tcp().key(&key).get("/metrics").await.status, 200);
    let list = again.owner().get("/admin/keys").await.json();
    assert_eq!(list["keys"][0]["used_requests"], 2, "use is remembered: {list}");
}

#[tokio::test]
async fn budgets_and_rates_end_with_429_and_say_when_to_come_back() {
    let daemon = Daemon::start().await;
    let make = |wish: Value| {
        let owner = daemon.owner();
        async move {
            let reply = owner.post_json("/admin/keys", &wish).await;
            reply.json()["secret"].as_str().unwrap().to_owned()
        }
    };
    let few = make(json!({"scopes": ["metrics"], "max_requests": 2})).await;
    let client = daemon.tcp().key(&few);
    for _ in 0..2 {
        assert_eq!(client.get("/metrics").await.status, 200);
    }
    let over = client.get("/metrics").await;
    assert_eq!((over.status.as_u16(), over.code()), (429, "insufficient_quota".into()));

    let slow = make(json!({"scopes": ["metrics"], "per_minute": 2})).await;
    let client = daemon.tcp().key(&slow);
    for _ in 0..2 {
        assert_eq!(client.get("/metrics").await.status, 200);
    }
    let over = client.get("/metrics").await;
    assert_eq!((over.status.as_u16(), over.code()), (429, "rate_limit_exceeded".into()));
    let wait: u64 = over.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");

    let mute = make(json!({"scopes": ["metrics"], "max_tokens": 0})).await;
    let over = daemon.tcp().key(&mute).get("/metrics").await;
    assert_eq!((over.status.as_u16(), over.code()), (429, "insufficient_quota".into()));
}

#[tokio::test]
async fn a_key_ends_when_its_time_is_over() {
    let daemon = Daemon::start().await;
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(1_500);
    let wish = json!({"scopes": ["metrics"], "expires": soon.to_string()});
    let created = daemon.owner().post_json("/admin/keys", &wish).await.json();
    let client = daemon.tcp().key(created["secret"].as_str().unwrap());
    assert_eq!(client.get("/metrics").await.status, 200);
    tokio::time::sleep(std::time::Duration::from_millis(1_600)).await;
    assert_eq!(client.get("/metrics").await.status, 401);
    let list = daemon.owner().get("/admin/keys").await.json();
    assert_eq!(list["keys"][0]["state"], "expired");
}

#[tokio::test]
async fn a_rotated_key_lives_beside_its_successor_for_a_while() {
    let daemon = Daemon::start().await;
    let (id, old) = new_key(&daemon, &["metrics"]).await;
    let rotated = daemon.hauski(&["keys", "rotate", &id, "--overlap", "1h", "--json"]).await.json();
    let new = rotated["secret"].as_str().unwrap();
    for key in [&old[..], new] {
        assert_eq!(daemon.tcp().key(key).get("/metrics").await.status, 200);
    }
    let list = daemon.owner().get("/admin/keys").await.json();
    assert_eq!(list["keys"][0]["replaced_by"], rotated["key"]["id"]);
    let at_once = daemon.hauski(&["keys", "rotate", new, "--overlap", "0s"]).await;
    assert_eq!(at_once.code, 0, "{}", at_once.stderr);
    assert_eq!(daemon.tcp().key(new).get("/metrics").await.status, 401);
    assert_eq!(daemon.tcp().key(at_once.stdout.trim()).get("/metrics").await.status, 200);
}

#[tokio::test]
async fn a_change_of_another_process_counts_within_seconds() {
    let daemon = Daemon::start().await;
    let (id, key) = new_key(&daemon, &["metrics"]).await;
    let options = sqlx::sqlite::SqliteConnectOptions::new();
    let options = options.filename(daemon.home.path().join("daemon.sqlite"));
    let mut database = sqlx::ConnectOptions::connect(&options).await.unwrap();
    let revoke = sqlx::query("UPDATE keys SET revoked_ms = 1 WHERE id = ?").bind(&id);
    revoke.execute(&mut database).await.unwrap();
    daemon.logged("another process has changed").await;
    assert_eq!(daemon.tcp().key(&key).get("/metrics").await.status, 401);
}

#[tokio::test]
async fn the_command_line_changes_nothing_that_it_cannot_record() {
    let daemon = Daemon::start().await;
    let (id, key) = new_key(&daemon, &["metrics"]).await;
    let socket = daemon.home.path().join("run/hauski.sock");
    fs::rename(&socket, socket.with_extension("hidden")).unwrap();
    let revoked = daemon.hauski(&["keys", "revoke", &id]).await;
    assert_eq!(revoked.code, 78);
    assert!(revoked.stderr.contains("another process writes the audit log"), "{}", revoked.stderr);
    assert_eq!(daemon.tcp().key(&key).get("/metrics").await.status, 200);
}

#[tokio::test]
async fn wishes_that_make_no_sense_name_their_field() {
    let daemon = Daemon::start().await;
    for (wish, param) in [
        (json!({}), "null"),
        (json!({"scopes": []}), "scopes"),
        (json!({"scopes": ["everything"]}), "scopes"),
        (json!({"scopes": ["plugin:"]}), "scopes"),
        (json!({"scopes": [" admin"]}), "scopes"),
        (json!({"scopes": (0..33).map(|n| format!("plugin:p{n}")).collect::<Vec<_>>()}), "scopes"),
        (json!({"scopes": ["plugin:A b"]}), "scopes"),
        (json!({"scopes": ["chat"], "expires": "soon"}), "expires"),
        (json!({"scopes": ["chat"], "expires": "2001-01-01T00:00:00Z"}), "expires"),
        (json!({"scopes": ["chat"], "max_requests": -1}), "null"),
        (json!({"scopes": ["chat"], "max_tokens": u64::MAX}), "max_tokens"),
        (json!({"scopes": ["chat"], "per_minute": 0}), "per_minute"),
        (json!({"scopes": ["chat"], "name": "x".repeat(101)}), "name"),
        (json!({"scopes": ["chat"], "unknown": 1}), "null"),
        (json!(["chat"]), "null"),
    ] {
        let reply = daemon.owner().post_json("/admin/keys", &wish).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (400, "invalid_value".into()), "{wish}");
        let at = reply.json()["error"]["param"].as_str().unwrap_or("null").to_owned();
        assert_eq!(at, param, "{wish}: {}", reply.text());
    }
    for (method, path) in [("DELETE", "/admin/keys/xxxxxxxx"), ("POST", "/admin/keys/'--/rotate")] {
        let reply = daemon.owner().request(method, path).send().await;
        assert_eq!(reply.status, 404, "{}", reply.text());
    }
}

#[tokio::test]
async fn without_its_pepper_the_daemon_says_that_no_key_can_be_checked() {
    let daemon = Daemon::start().await;
    new_key(&daemon, &["metrics"]).await;
    let ended = daemon.stop().await;
    fs::remove_file(ended.home().join("pepper")).unwrap();
    let (code, stderr) = ended.refused().await;
    assert_eq!(code, 78);
    assert!(stderr.contains("pepper is gone") && stderr.contains("hint: "), "{stderr}");
}
