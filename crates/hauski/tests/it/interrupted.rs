//! Clients that go away in the middle: what was begun is whole, recorded and paid for.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::{ConnectOptions, Row};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixStream};

use crate::access::new_key;
use crate::daemon::{Daemon, PATIENCE};
use crate::gateway::with_fake;

/// Sends a request as the owner and goes away after a while.
async fn send_and_go(daemon: &Daemon, head: &str, after: Duration) {
    let socket = daemon.home.path().join("run/hauski.sock");
    let mut stream = UnixStream::connect(socket).await.unwrap();
    stream.write_all(format!("{head}\r\nHost: localhost\r\n\r\n").as_bytes()).await.unwrap();
    tokio::time::sleep(after).await;
}

/// Ids of the keys that the database calls revoked.
async fn revoked(home: &Path) -> Vec<String> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(home.join("daemon.sqlite"));
    let mut database = options.read_only(true).connect().await.unwrap();
    let rows = sqlx::query("SELECT id FROM keys WHERE revoked_ms IS NOT NULL");
    let rows = rows.fetch_all(&mut database).await.unwrap();
    rows.iter().map(|row| row.get("id")).collect()
}

/// Lines of the audit log with this action.
pub(crate) async fn recorded(daemon: &Daemon, action: &str) -> Vec<Value> {
    let lines = daemon.owner().get("/admin/audit?limit=1000").await.json();
    let lines = lines["lines"].as_array().unwrap().iter();
    lines.filter(|line| line["action"] == action).cloned().collect()
}

#[tokio::test]
async fn a_revocation_is_whole_or_not_begun_also_when_its_client_goes_away() {
    let daemon = Daemon::start().await;
    let mut keys = Vec::new();
    for _ in 0..24 {
        keys.push(new_key(&daemon, &["metrics"]).await);
    }
    for (n, (id, _)) in keys.iter().enumerate() {
        let after = Duration::from_micros(500 * n as u64);
        send_and_go(&daemon, &format!("DELETE /admin/keys/{id} HTTP/1.1"), after).await;
    }
    // A change needs no client, but a moment.
    let began = Instant::now();
    let mut gone = revoked(daemon.home.path()).await;
    while began.elapsed() < Duration::from_secs(2) || gone.is_empty() {
        assert!(began.elapsed() < PATIENCE, "no request was understood");
        tokio::time::sleep(Duration::from_millis(100)).await;
        gone = revoked(daemon.home.path()).await;
    }
    let lines = recorded(&daemon, "key.revoke").await;
    for (id, key) in &keys {
        let works = daemon.tcp().key(key).get("/metrics").await.status == 200;
        let is_gone = gone.contains(id);
        assert_eq!(works, !is_gone, "the database and the daemon disagree about {id}");
        let said = lines.iter().any(|line| line["target"] == format!("key:{id}"));
        assert!(said || !is_gone, "no line tells of {id}");
    }
}

#[tokio::test]
async fn a_change_that_cannot_be_recorded_is_not_made() {
    let daemon = Daemon::start().await;
    let (id, key) = new_key(&daemon, &["metrics"]).await;
    std::fs::remove_file(daemon.home.path().join("audit/segment-00000001.jsonl")).unwrap();
    let owner = daemon.owner();
    let created = owner.post_json("/admin/keys", &json!({"scopes": ["chat"]})).await;
    assert_eq!(created.status, 500, "{}", created.text());
    let ended = owner.request("DELETE", &format!("/admin/keys/{id}")).send().await;
    assert_eq!(ended.status, 500, "{}", ended.text());
    let setting =
        owner.request("PUT", "/admin/config/expose_config").json(&json!({"value": "true"}));
    assert_eq!(setting.send().await.status, 500);
    let keys = owner.get("/admin/keys").await.json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1, "{keys}");
    assert_eq!(daemon.tcp().key(&key).get("/metrics").await.status, 200);
    let settings = owner.get("/admin/config").await.text().to_owned();
    assert!(!settings.contains(r#""source":"stored""#), "{settings}");
    let status = owner.get("/admin/status").await.json();
    assert!(status["daemon"]["audit_failure"].as_str().unwrap().contains("moved"), "{status}");
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the tests speak with the daemon under test")]
async fn an_answer_that_nobody_waits_for_is_recorded_counted_and_paid() {
    let daemon = with_fake(Daemon::with()).await;
    let (id, key) = new_key(&daemon, &["chat"]).await;
    let prompt = format!("{}; wait 20000", "say a word; ".repeat(200));
    let body = json!({
        "model": "fake-script",
        "messages": [{"role": "user", "content": prompt}],
    });
    let body = body.to_string();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(&daemon.address).await.unwrap();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            daemon.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let began = Instant::now();
    loop {
        let lines = recorded(&daemon, "request.finish").await;
        let is_gone = |line: &&Value| {
            line["actor"] == format!("key:{id}") && line["data"]["code"] == "client_gone"
        };
        let gone = lines.iter().filter(is_gone).count();
        let keys = daemon.owner().get("/admin/keys").await.json();
        let used = keys["keys"][0]["used_tokens"].as_u64().unwrap();
        let metrics = daemon.owner().get("/metrics").await;
        let counted = metrics.text().lines().any(|line| line.contains(r#"status="499""#));
        if gone == 3 && used >= 3 * 600 && counted {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{gone} lines, {used} tokens, counted: {counted}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_budget_of_tokens_holds_for_many_prompts_and_many_requests_at_once() {
    let daemon = with_fake(Daemon::with()).await;
    let make = async |tokens: u64| {
        let wish = json!({"scopes": ["chat"], "max_tokens": tokens});
        let made = daemon.owner().post_json("/admin/keys", &wish).await.json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&made["key"]["id"]), text(&made["secret"]))
    };
    let used = async |id: &str| {
        let keys = daemon.owner().get("/admin/keys").await.json();
        let keys = keys["keys"].as_array().unwrap().clone();
        let key = keys.into_iter().find(|key| key["id"] == id).unwrap();
        key["used_tokens"].as_u64().unwrap()
    };
    let (id, key) = make(60).await;
    let body = json!({"model": "fake-words", "prompt": vec!["go on"; 64], "max_tokens": 50});
    let refused = daemon.tcp().key(&key).post_json("/v1/completions", &body).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (429, "insufficient_quota".into()));
    assert_eq!(used(&id).await, 0);

    let (id, key) = make(300).await;
    let chat = json!({
        "model": "fake-words", "max_tokens": 90,
        "messages": [{"role": "user", "content": "go on"}],
    });
    let client = daemon.tcp().key(&key);
    let all = (0..20).map(|_| client.post_json("/v1/chat/completions", &chat));
    let all = futures_util::future::join_all(all).await;
    let good = all.iter().filter(|reply| reply.status == 200).count();
    assert!(good >= 1 && all.iter().all(|reply| [200, 429].contains(&reply.status.as_u16())));
    // The length of a prompt is known exactly only afterwards: a few tokens for each answer that was given.
    let used = used(&id).await;
    assert!(used <= 300 + 20 * good as u64, "{used} tokens in {good} answers");
}
