//! `/memory/*` and `hauski memory`.

use serde_json::json;

use crate::access::new_key;
use crate::daemon::Daemon;

#[tokio::test]
async fn keys_are_set_read_listed_and_forgotten_with_a_receipt() {
    let daemon = Daemon::start().await;
    let (_, key) = new_key(&daemon, &["memory"]).await;
    let client = daemon.tcp().key(&key);
    let missing = client.post_json("/memory/get", &json!({"key": "editor"})).await.json();
    assert!(missing["value"].is_null(), "{missing}");
    let both = json!({"key": "editor", "value": "x", "ttl_sec": 5, "clear_ttl": true});
    assert_eq!(client.post_json("/memory/set", &both).await.status, 400);
    for value in ["vim", "helix"] {
        let set = client.post_json("/memory/set", &json!({"key": "editor", "value": value})).await;
        assert_eq!(set.status, 200, "{}", set.text());
    }
    let got = client.post_json("/memory/get", &json!({"key": "editor"})).await.json();
    assert_eq!(
        (got["value"].as_str(), got["item"]["layer"].as_str()),
        (Some("helix"), Some("short"))
    );
    let pinned = json!({"key": "editor", "value": "helix", "pinned": true});
    assert_eq!(client.post_json("/memory/set", &pinned).await.status, 400, "only what is listed");
    let page = client.get("/memory/items?limit=1").await.json();
    assert_eq!((page["total"].as_u64(), page["next"].is_null()), (Some(1), true), "{page}");
    let history = client.get("/memory/items?history=true").await.json();
    assert_eq!(history["total"], 2);
    let shown = daemon.hauski(&["memory", "get", "editor"]).await;
    assert_eq!(shown.stdout, "helix\n", "{}", shown.stderr);
    let filter = json!({"filter": {"key": "editor", "namespace": "default"}, "dry_run": true});
    let dry = client.post_json("/memory/forget", &filter).await.json();
    assert_eq!((dry["dry_run"].as_bool(), dry["forgotten_count"].as_u64()), (Some(true), Some(2)));
    let sure = json!({"filter": {"key": "editor", "namespace": "default"}, "confirm": true});
    let gone = client.post_json("/memory/forget", &sure).await.json();
    assert!(gone["receipt_sha256"].is_string() && gone["audit_seq"].is_u64(), "{gone}");
    assert_eq!(client.get("/memory/items?history=true").await.json()["total"], 0);
    let (_, other) = new_key(&daemon, &["chat"]).await;
    let refused = daemon.tcp().key(&other).get("/memory/items").await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn the_daemon_of_the_memory_serves_nothing_else() {
    let daemon = Daemon::with().args(&["--only", "memory"]).start().await;
    assert_eq!(daemon.owner().get("/memory/items").await.status, 200);
    assert_eq!(daemon.owner().get("/health").await.status, 200);
    assert_eq!(daemon.owner().get("/v1/models").await.status, 404);
}
