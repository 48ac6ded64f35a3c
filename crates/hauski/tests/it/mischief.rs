//! Plugins that try what their manifest does not give them, against the whole daemon.

use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::access::new_key;
use crate::daemon::{Daemon, PATIENCE};
use crate::interrupted::recorded;

/// A plugin that does what it is asked to do: calls, files, links, floods.
const IMP: &str = r#"
import json, os, socket, socketserver, sys, threading
from http.server import BaseHTTPRequestHandler

class Handler(BaseHTTPRequestHandler):
    def address_string(self):
        return "host"
    def do_GET(self):
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

host = socket.socket(fileno=3).makefile("rwb")
door = None
waiting = {}
lock = threading.Lock()
def say(message):
    with lock:
        host.write(json.dumps(dict(message, jsonrpc="2.0")).encode() + b"\n")
        host.flush()
def fill(path):
    written = 0
    try:
        for n in range(64):
            with open(os.path.join(path, f"part{n}"), "wb") as out:
                for _ in range(64):
                    written += out.write(b"x" * 65536)
                    out.flush()
    except OSError as error:
        return {"written": written, "error": str(error)}
    return {"written": written}
def flood():
    line = "password=hunter2 and other words " * 460 + "\n"
    def pour(out):
        while True:
            out.write(line)
    for out in (sys.stdout, sys.stderr):
        threading.Thread(target=pour, args=(out,), daemon=True).start()
    def messages():
        while True:
            say({"method": "log", "params": {"level": "info", "message": line}})
    threading.Thread(target=messages, daemon=True).start()
def act(order):
    do = order["do"]
    if do == "swap":
        os.unlink(door)
        os.symlink(order["to"], door)
    elif do == "fill":
        return fill(os.path.dirname(door))
    elif do == "read":
        try:
            return {"text": open(order["path"]).read()}
        except OSError as error:
            return {"error": str(error)}
    elif do == "flood":
        flood()
    elif do == "zeros":
        return {"x": [0] * order["count"]}
    return {}
for line in host:
    m = json.loads(line)
    if m.get("method") == "initialize":
        door = m["params"].get("http_socket")
        if door:
            server = Server(door, Handler)
            threading.Thread(target=server.serve_forever, daemon=True).start()
        say({"id": m["id"], "result": {"version": "1.0", "capabilities": ["canvas.suggest"], "models": []}})
    elif m.get("method") == "canvas.suggest":
        order = m["params"]
        if order["do"] == "call":
            number = len(waiting) + 1
            waiting[number] = m["id"]
            say({"id": number, "method": "call", "params": order["call"]})
        else:
            say({"id": m["id"], "result": act(order)})
    elif m.get("method"):
        if "id" in m:
            say({"id": m["id"], "result": {}})
        if m["method"] == "shutdown":
            break
    elif m.get("id") in waiting:
        answer = {"result": m["result"]} if "result" in m else {"error": m["error"]}
        say({"id": waiting[m["id"]], "result": answer})
"#;

const ORDER: &str = "/obsidian/canvas/suggest";

/// A daemon whose plugin `imp` has these further members in its entry.
async fn with_imp(more: Value) -> Option<Daemon> {
    if !testkit::has_program("python3") {
        testkit::not_run("a plugin in Python", "there is no python3");
        return None;
    }
    let mut entry = json!({
        "name": "imp", "command": ["/usr/bin/python3", "-c", IMP],
        "capabilities": ["canvas.suggest"], "routes": [{"path": "/"}],
        "health": {"start_ms": 20_000},
    });
    for (name, value) in more.as_object().unwrap() {
        entry[name] = value.clone();
    }
    let other = json!({
        "name": "other", "command": ["/bin/sleep", "1000"], "autostart": false,
        "env": {"UPSTREAM_WORD": "a-word-of-another-plugin"},
    });
    let manifest = json!({"schema": 1, "plugins": [entry, other]}).to_string();
    let daemon = Daemon::with().file("plugins/plugins.json", &manifest).start().await;
    order(&daemon, &json!({"do": "nothing"})).await;
    Some(daemon)
}

/// Tells the imp what to do, once it runs.
async fn order(daemon: &Daemon, order: &Value) -> Value {
    let began = Instant::now();
    loop {
        let reply = daemon.owner().post_json(ORDER, order).await;
        if reply.status != 503 || began.elapsed() > PATIENCE {
            assert_eq!(reply.status, 200, "{}\n{}", reply.text(), daemon.log());
            return reply.json();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn call(daemon: &Daemon, capability: &str, params: Value, deadline_ms: u64) -> Value {
    let call = json!({"capability": capability, "params": params, "deadline_ms": deadline_ms});
    order(daemon, &json!({"do": "call", "call": call})).await
}

#[tokio::test]
async fn a_plugin_hands_on_only_what_it_holds_and_ends_only_what_it_made() {
    let more = json!({"calls": ["auth.create", "auth.revoke"], "grants": ["embed"]});
    let Some(daemon) = with_imp(more).await else { return };
    for scopes in [
        json!(["admin"]),
        json!([" admin"]),
        json!(["admin\u{a0}"]),
        json!(["\tadmin"]),
        json!([" tasks"]),
        json!(["tasks"]),
        json!(["chat"]),
        json!(["cloud"]),
        json!(["mcp"]),
        json!(["plugin:other"]),
        json!(["embed", "admin"]),
        json!(["embed,admin"]),
    ] {
        let made = call(&daemon, "auth.create", json!({"scopes": scopes}), 30_000).await;
        assert!(made.get("error").is_some(), "{scopes}: {made}");
    }
    let scopes = json!({"scopes": ["embed", "plugin:imp"]});
    let made = call(&daemon, "auth.create", scopes, 30_000).await;
    let id = made["result"]["key"]["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    let (owners, key) = new_key(&daemon, &["metrics"]).await;
    let refused = call(&daemon, "auth.revoke", json!({"id": owners}), 30_000).await;
    assert!(refused.get("error").is_some(), "{refused}");
    assert_eq!(daemon.tcp().key(&key).get("/metrics").await.status, 200);
    let ended = call(&daemon, "auth.revoke", json!({"id": id}), 30_000).await;
    assert_eq!(ended["result"]["key"]["state"], "revoked", "{ended}");
    let keys = daemon.owner().get("/admin/keys").await.json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2, "{keys}");
}

#[tokio::test]
async fn a_deadline_of_the_plugin_takes_the_answer_away_and_not_the_record() {
    let more = json!({"calls": ["auth.create", "auth.revoke"], "grants": ["metrics"]});
    let Some(daemon) = with_imp(more).await else { return };
    let mut keys = Vec::new();
    for _ in 0..8 {
        let made = call(&daemon, "auth.create", json!({"scopes": ["metrics"]}), 30_000).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        keys.push((text(&made["result"]["key"]["id"]), text(&made["result"]["secret"])));
    }
    for (n, (id, _)) in (1..).zip(&keys) {
        call(&daemon, "auth.revoke", json!({"id": id}), n % 4).await;
    }
    let began = Instant::now();
    loop {
        let lines = recorded(&daemon, "key.revoke").await;
        let mut ended = 0;
        for (_, key) in &keys {
            ended += usize::from(daemon.tcp().key(key).get("/metrics").await.status == 401);
        }
        if (lines.len(), ended) == (8, 8) {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{} lines, {ended} keys ended", lines.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_link_in_the_place_of_its_socket_leads_the_daemon_nowhere() {
    let Some(daemon) = with_imp(json!({})).await else { return };
    let (_, key) = new_key(&daemon, &["plugin:imp"]).await;
    let client = daemon.tcp().key(&key);
    let before = client.get("/plugins/imp/v1/x").await;
    assert_eq!((before.status.as_u16(), before.text()), (200, "/v1/x"));
    let folder = tempfile::tempdir().unwrap();
    let victim = folder.path().join("victim.sock");
    let listener = UnixListener::bind(&victim).unwrap();
    listener.set_nonblocking(true).unwrap();
    order(&daemon, &json!({"do": "swap", "to": victim})).await;
    let after = client.get("/plugins/imp/v1/x").await;
    assert_eq!(after.status, 502, "{}", after.text());
    let reached = listener.accept();
    assert!(reached.is_err(), "the daemon has followed the link of a plugin");
}

#[tokio::test]
async fn the_folder_for_a_socket_holds_a_socket_and_no_gigabytes() {
    let Some(daemon) = with_imp(json!({})).await else { return };
    let filled = order(&daemon, &json!({"do": "fill"})).await;
    assert!(filled["written"].as_u64().unwrap() <= 128 << 10, "{filled}");
    assert!(filled["error"].is_string(), "{filled}");
}

#[tokio::test]
async fn a_plugin_does_not_read_the_environment_of_the_others() {
    for more in [json!({}), json!({"sandbox": {"read": ["."]}})] {
        let Some(daemon) = with_imp(more).await else { return };
        let file = daemon.home.path().join("plugins/plugins.json").canonicalize().unwrap();
        assert!(std::fs::read_to_string(&file).unwrap().contains("a-word-of-another-plugin"));
        let read = order(&daemon, &json!({"do": "read", "path": file})).await;
        assert!(!read.to_string().contains("a-word-of-another-plugin"), "{read}");
    }
}

#[tokio::test]
async fn a_plugin_that_floods_its_logs_with_long_lines_holds_up_nobody() {
    let Some(daemon) = with_imp(json!({})).await else { return };
    order(&daemon, &json!({"do": "flood"})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let began = Instant::now();
    for _ in 0..20 {
        let asked = Instant::now();
        assert_eq!(daemon.get("/health").await.status, 200);
        assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    let logs = daemon.owner().get("/admin/plugins/imp/logs?limit=10000").await;
    assert!(logs.text().contains("lines dropped"), "what is left out is said");
    assert!(!logs.text().contains("hunter2"), "a secret stands in the log");
    daemon.stop().await;
}

#[tokio::test]
async fn many_small_values_are_refused_before_they_fill_the_memory() {
    let Some(daemon) = with_imp(json!({})).await else { return };
    let few = order(&daemon, &json!({"do": "zeros", "count": 100_000})).await;
    assert_eq!(few["x"].as_array().unwrap().len(), 100_000);
    let many = json!({"do": "zeros", "count": 2_700_000});
    let reply = daemon.owner().post_json(ORDER, &many).await;
    assert!([502, 503].contains(&reply.status.as_u16()), "{}", reply.status);
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 200 << 10, "{peak} KiB");
}

#[tokio::test]
async fn what_the_sandbox_refuses_is_on_record_with_its_reason() {
    let entry = json!({
        "name": "changed", "command": ["/bin/sleep", "1000"], "sha256": "0".repeat(64),
        "restart": {"policy": "never"},
    });
    let manifest = json!({"schema": 1, "plugins": [entry]}).to_string();
    let daemon = Daemon::with().file("plugins/plugins.json", &manifest).start().await;
    let began = Instant::now();
    loop {
        let lines = recorded(&daemon, "plugin.refuse").await;
        if let Some(line) = lines.first() {
            assert_eq!(
                (&line["target"], &line["outcome"]),
                (&json!("plugin:changed"), &json!("denied"))
            );
            assert!(line["data"]["cause"].as_str().unwrap().contains("sha256"), "{line}");
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{}", daemon.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
