//! Who gets in: every route of the table against everybody who should stay out.

use serde_json::{Value, json};

use crate::daemon::{Client, Daemon, Reply};

/// One line of the route table, with names in the places that vary.
#[derive(Clone, Debug)]
struct Route {
    method: String,
    path: String,
    access: String,
}

async fn table(daemon: &Daemon) -> Vec<Route> {
    let report = daemon.hauski(&["routes", "--json"]).await.json();
    let routes = report["routes"].as_array().unwrap().iter().map(|route| {
        let text = |name: &str| route[name].as_str().unwrap().to_owned();
        let path = text("path").replace("{*", "{").replace(['{', '}'], "");
        Route { method: text("method"), path, access: text("access") }
    });
    let routes: Vec<_> = routes.collect();
    assert!(routes.len() > 10, "{routes:?}");
    routes
}

impl Route {
    fn is_open(&self) -> bool {
        self.access == "open"
    }

    async fn ask(&self, client: &Client) -> Reply {
        let ask = client.request(&self.method, &self.path);
        match self.method.as_str() {
            "POST" | "PUT" | "PATCH" => ask.json(&json!({})).send().await,
            _ => ask.send().await,
        }
    }
}

/// A new key with these scopes: its id and the whole of it.
pub(crate) async fn new_key(daemon: &Daemon, scopes: &[&str]) -> (String, String) {
    let reply = daemon.owner().post_json("/admin/keys", &json!({"scopes": scopes})).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let created = reply.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&created["key"]["id"]), text(&created["secret"]))
}

async fn denied(daemon: &Daemon, client: &Client, expected: (u16, &str), who: &str) {
    for route in table(daemon).await {
        if route.is_open() || (expected.0 == 403 && route.access == "any key") {
            continue;
        }
        // A route that wants a ticket looks at nothing else.
        let expected = if route.access == "ticket" { None } else { Some(expected) };
        let reply = route.ask(client).await;
        let got = (reply.status.as_u16(), reply.code());
        match expected {
            Some((status, code)) => assert_eq!(got, (status, code.to_owned()), "{who}: {route:?}"),
            None => assert!(got.0 == 400 || got.0 == 401, "{who}: {route:?}: {got:?}"),
        }
    }
}

#[tokio::test]
async fn without_a_key_only_probes_answer() {
    let daemon = Daemon::start().await;
    denied(&daemon, &daemon.tcp(), (401, "invalid_api_key"), "no key").await;
    for route in table(&daemon).await.iter().filter(|route| route.is_open()) {
        // No file of a page has this name.
        let wanted = if route.path.starts_with("/studio/assets/") { 404 } else { 200 };
        assert_eq!(route.ask(&daemon.tcp()).await.status, wanted, "{route:?}");
    }
    for (method, path) in [("GET", "/nothing-here"), ("DELETE", "/health"), ("TRACE", "/metrics")] {
        let reply = daemon.tcp().request(method, path).send().await;
        assert_eq!(reply.status, 401, "{method} {path}");
    }
}

#[tokio::test]
async fn a_key_without_the_scope_is_refused_everywhere() {
    let daemon = Daemon::start().await;
    let (_, key) = new_key(&daemon, &["plugin:none-of-these"]).await;
    denied(&daemon, &daemon.tcp().key(&key), (403, "insufficient_scope"), "wrong scope").await;
}

#[tokio::test]
async fn a_revoked_key_is_refused_everywhere() {
    let daemon = Daemon::start().await;
    let (id, key) = new_key(&daemon, &["admin"]).await;
    let client = daemon.tcp().key(&key);
    assert_eq!(client.get("/admin/keys").await.status, 200);
    let reply = daemon.owner().request("DELETE", &format!("/admin/keys/{id}")).send().await;
    assert_eq!(
        (reply.status.as_u16(), reply.json()["key"]["state"].as_str()),
        (200, Some("revoked"))
    );
    denied(&daemon, &client, (401, "invalid_api_key"), "revoked key").await;
}

#[tokio::test]
async fn keys_that_do_not_exist_are_refused_alike() {
    let daemon = Daemon::start().await;
    let (_, key) = new_key(&daemon, &["admin"]).await;
    let mut typo = key.clone();
    typo.replace_range(20..21, if &key[20..21] == "x" { "y" } else { "x" });
    let said = |reply: Reply| (reply.status.as_u16(), reply.text().to_owned());
    let unknown = said(daemon.tcp().key("hk_live_x").get("/metrics").await);
    assert_eq!(unknown.0, 401);
    for wrong in [typo.as_str(), "", "hk_", "sk-abc", &key[..key.len() - 1], &format!("{key}x")] {
        assert_eq!(said(daemon.tcp().key(wrong).get("/metrics").await), unknown, "{wrong}");
    }
    let basic = daemon.tcp().header("authorization", &format!("Basic {key}"));
    assert_eq!(basic.get("/metrics").await.status, 401);
    assert_eq!(daemon.tcp().get(&format!("/metrics?api_key={key}")).await.status, 401);
}

#[tokio::test]
async fn a_foreign_host_is_misdirected_on_every_route() {
    let daemon = Daemon::start().await;
    let (_, key) = new_key(&daemon, &["admin"]).await;
    let port = daemon.address.rsplit(':').next().unwrap().to_owned();
    for host in ["evil.example", &format!("evil.example:{port}"), "0.0.0.0", "192.168.0.1"] {
        for client in [daemon.tcp(), daemon.tcp().key(&key), daemon.owner()] {
            for route in table(&daemon).await {
                let reply = route.ask(&client.clone().header("host", host)).await;
                assert_eq!(reply.status, 421, "{host}: {route:?}");
                assert_eq!(reply.code(), "host_not_allowed");
            }
        }
    }
}

#[tokio::test]
async fn a_foreign_origin_is_refused_on_every_route() {
    let daemon = Daemon::start().await;
    let (_, key) = new_key(&daemon, &["admin"]).await;
    for origin in ["https://evil.example", "null", "http://localhost:1"] {
        for client in [daemon.tcp(), daemon.tcp().key(&key), daemon.owner()] {
            for route in table(&daemon).await {
                let reply = route.ask(&client.clone().header("origin", origin)).await;
                assert_eq!(reply.status, 403, "{origin}: {route:?}");
                assert_eq!(reply.code(), "origin_not_allowed");
                assert!(!reply.headers.contains_key("access-control-allow-origin"));
            }
        }
    }
    let image = daemon.owner().header("sec-fetch-site", "cross-site").get("/health").await;
    assert_eq!(image.status, 403);
}

#[tokio::test]
async fn an_allowed_origin_gets_exactly_itself() {
    let allowed = "https://studio.example";
    let daemon = Daemon::with().env("HAUSKI_ALLOWED_ORIGIN", allowed).start().await;
    let (_, key) = new_key(&daemon, &["metrics"]).await;
    let page = daemon.tcp().header("origin", allowed);
    let reply = page.clone().key(&key).get("/metrics").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["access-control-allow-origin"], allowed);
    assert_eq!(page.get("/metrics").await.status, 401, "an origin is no key");

    let asks = page.request("OPTIONS", "/metrics").header("access-control-request-method", "GET");
    let reply = asks.send().await;
    assert_eq!(reply.status, 204);
    assert_eq!(reply.headers["access-control-allow-origin"], allowed);
    assert!(!reply.headers.contains_key("access-control-allow-credentials"));
    let asks = page.request("OPTIONS", "/metrics").header("access-control-request-method", "GET");
    let reply = asks.header("access-control-request-private-network", "true").send().await;
    assert_eq!(reply.status, 403);
}

#[tokio::test]
async fn the_table_is_all_there_is() {
    let daemon = Daemon::start().await;
    let routes = table(&daemon).await;
    let open: Vec<_> = routes.iter().filter(|r| r.is_open()).map(|r| r.path.as_str()).collect();
    // Beside the probes: the constant files that the Studio's pages load.
    let known = ["/health", "/healthz", "/ready", "/studio/assets/name"];
    assert_eq!(open, known, "nothing else may ever be open");
}
