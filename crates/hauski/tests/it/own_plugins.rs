//! The plugins that the daemon brings along, in their sandbox, as clients and other plugins meet them.

use serde_json::{Value, json};
use testkit::TestRepo;

use crate::daemon::{Daemon, HAUSKI};

/// A plugin that has the capability of a canvas and asks the house whether a key is good.
const GATEKEEPER: &str = r#"
import json, sys
def say(message): print(json.dumps(dict(message, jsonrpc="2.0")), flush=True)
waiting = {}
for line in sys.stdin:
    m = json.loads(line)
    if m.get("method") == "initialize":
        say({"id": m["id"], "result": {"version": "1.0", "capabilities": ["canvas.suggest"], "models": []}})
    elif m.get("method") == "canvas.suggest":
        waiting[1] = m["id"]
        call = {"capability": "auth.validate", "params": m["params"]}
        say({"id": 1, "method": "call", "params": call})
    elif m.get("method") in ("ping", "shutdown"):
        say({"id": m["id"], "result": {}})
        if m["method"] == "shutdown": sys.exit(0)
    elif m.get("id") in waiting:
        answer = {"id": waiting.pop(m["id"])}
        answer.update({"result": m["result"]} if "result" in m else {"error": m["error"]})
        say(answer)
"#;

/// A plugin that asks the broker for a destination and tells the first line of the answer.
const TRAVELLER: &str = r#"
import json, os, socket, sys
def say(message): print(json.dumps(dict(message, jsonrpc="2.0")), flush=True)
for line in sys.stdin:
    m = json.loads(line)
    if m.get("method") == "initialize":
        say({"id": m["id"], "result": {"version": "1.0", "capabilities": ["canvas.suggest"], "models": []}})
    elif m.get("method") == "canvas.suggest":
        door = socket.socket(socket.AF_UNIX)
        door.connect(os.environ["HAUSKI_EGRESS_SOCKET"])
        host = m["params"]["host"]
        door.sendall(f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        head = door.makefile("rb").readline().decode().strip()
        say({"id": m["id"], "result": {"head": head}})
    elif "id" in m and "method" in m:
        say({"id": m["id"], "result": {}})
        if m["method"] == "shutdown": sys.exit(0)
"#;

fn manifest(plugins: &[Value]) -> String {
    json!({"schema": 1, "plugins": plugins}).to_string()
}

/// Asks until the plugin behind the route runs.
async fn when_it_runs(daemon: &Daemon, path: &str, body: &Value) -> Value {
    let began = std::time::Instant::now();
    loop {
        let reply = daemon.owner().post_json(path, body).await;
        if reply.status != 503 || began.elapsed() > crate::daemon::PATIENCE {
            assert_eq!(reply.status, 200, "{}\n{}", reply.text(), daemon.log());
            return reply.json();
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_draft_of_a_pull_request_comes_from_the_repository_and_the_memory() {
    let repo = TestRepo::new().file("a.txt", "one\n").git().open_for_all();
    repo.run_git(&["checkout", "-q", "-b", "feature/second-line"]);
    repo.write("a.txt", "one\ntwo\n");
    repo.run_git(&["commit", "-q", "-a", "-m", "Add a second line"]);
    let program = std::path::Path::new(HAUSKI);
    let entry = json!({
        "name": "repoagent", "kind": "stdio",
        "command": [program, "plugin", "repoagent", "--stdio"],
        "env": {"PATH": "/usr/local/bin:/usr/bin:/bin"},
        "capabilities": ["repo.analyze", "repo.tree", "repo.read", "repo.search", "repo.patch",
                         "repo.revert", "repo.command", "repo.commit", "pr.draft"],
        "sandbox": {"read": [repo.path(), program.parent()]},
        "config": {"roots": [repo.path()]},
    });
    let start = Daemon::with().file("plugins/plugins.json", &manifest(&[entry]));
    let daemon = start.start().await;
    let draft = when_it_runs(&daemon, "/code/pr/draft", &json!({"repo": repo.path()})).await;
    assert_eq!(draft["title"], "Add a second line", "{draft}");
    let body = draft["body"].as_str().unwrap();
    assert!(body.contains("1 files, +1 −0") && body.contains("no run of a task"), "{body}");
    let elsewhere = daemon.owner().post_json("/code/pr/draft", &json!({"repo": "/etc"})).await;
    assert_eq!(elsewhere.status, 403, "{}", elsewhere.text());
}

#[tokio::test]
async fn a_plugin_asks_the_house_whether_a_key_is_good() {
    if !testkit::has_program("python3") {
        return testkit::not_run("a plugin in Python", "there is no python3");
    }
    let entry = json!({
        "name": "gatekeeper", "kind": "stdio", "command": ["/usr/bin/python3", "-c", GATEKEEPER],
        "capabilities": ["canvas.suggest"], "calls": ["auth.validate"],
    });
    let start = Daemon::with().file("plugins/plugins.json", &manifest(&[entry]));
    let daemon = start.start().await;
    let key = daemon.hauski(&["keys", "create", "--scope", "embed", "--json"]).await.json();
    let secret = key["secret"].as_str().unwrap();
    let path = "/obsidian/canvas/suggest";
    let good = when_it_runs(&daemon, path, &json!({"key": secret, "scope": "embed"})).await;
    assert_eq!((&good["valid"], &good["scopes"]), (&json!(true), &json!(["embed"])), "{good}");
    for wrong in [json!({"key": secret, "scope": "chat"}), json!({"key": "hk_live_guess"})] {
        assert_eq!(when_it_runs(&daemon, path, &wrong).await, json!({"valid": false}));
    }
    assert!(!daemon.log().contains(secret), "the key stands in the log");
}

#[tokio::test]
async fn a_plugin_asks_the_broker_and_every_answer_is_in_the_audit_log() {
    if !testkit::has_program("python3") {
        return testkit::not_run("a plugin in Python", "there is no python3");
    }
    let near = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = near.local_addr().unwrap();
    let entry = json!({
        "name": "traveller", "kind": "stdio", "command": ["/usr/bin/python3", "-c", TRAVELLER],
        "capabilities": ["canvas.suggest"], "sandbox": {"network": "broker"},
    });
    let routing = format!("egress: {{default: deny, allow: ['http://{near}']}}\n");
    let start = Daemon::with()
        .file("plugins/plugins.json", &manifest(&[entry]))
        .file("policies/routing.yaml", &routing);
    let folder = start.home().join("policies").to_str().unwrap().to_owned();
    let daemon = start.args(&["--policies", &folder]).start().await;
    let path = "/obsidian/canvas/suggest";
    let allowed = when_it_runs(&daemon, path, &json!({"host": near.to_string()})).await;
    assert!(allowed["head"].as_str().unwrap().contains(" 200 "), "{allowed}");
    let denied = when_it_runs(&daemon, path, &json!({"host": "evil.example:443"})).await;
    assert!(denied["head"].as_str().unwrap().contains(" 403 "), "{denied}");
    let lines = daemon.owner().get("/admin/audit").await.json();
    let decided = |outcome: &str| {
        lines["lines"].as_array().unwrap().iter().any(|line| {
            line["action"] == "egress.decide"
                && line["actor"] == "plugin:traveller"
                && line["outcome"] == outcome
        })
    };
    assert!(decided("ok") && decided("denied"), "{lines}");
}

#[tokio::test]
async fn checkpoints_are_copied_to_the_anchors_of_the_person() {
    let anchors = tempfile::tempdir().unwrap();
    let folder = anchors.path().to_str().unwrap();
    let daemon = Daemon::with().env("HAUSKI_AUDIT_ANCHORS", folder).start().await;
    let stopped = daemon.stop().await;
    assert!(std::fs::read_dir(anchors.path()).unwrap().count() > 0, "nothing was copied");
    drop(stopped);
}
