//! The owner's browser: a link that works once, a cookie that pages of others cannot use.

use serde_json::json;

use crate::daemon::{Client, Daemon};

/// A browser that has opened the link of `hauski login`: its client, and the answer's cookie line.
async fn logged_in(daemon: &Daemon) -> (Client, String) {
    let login = daemon.hauski(&["login", "--json"]).await.json();
    let link = login["link"].as_str().unwrap().to_owned();
    let path = link.strip_prefix(&format!("http://{}", daemon.address)).unwrap();
    let reply = daemon.get(path).await;
    assert_eq!(reply.status, 303, "{}", reply.text());
    let cookie = reply.headers["set-cookie"].to_str().unwrap().to_owned();
    let again = daemon.get(path).await;
    assert_eq!((again.status.as_u16(), again.code()), (401, "invalid_api_key".into()));
    let pair = cookie.split(';').next().unwrap();
    (daemon.tcp().header("cookie", &format!("theme=dark; {pair}")), cookie)
}

#[tokio::test]
async fn a_link_logs_in_once_and_its_cookie_stays_with_the_browser() {
    let daemon = Daemon::start().await;
    let (browser, cookie) = logged_in(&daemon).await;
    assert!(cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
    assert_eq!(browser.get("/admin/keys").await.status, 200);
    let ended = daemon.stop().await.start().await;
    let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
    let old = ended.tcp().header("cookie", &format!("{name}={value}"));
    assert_eq!(old.get("/admin/keys").await.status, 401, "sessions end with the daemon");
}

#[tokio::test]
async fn changes_need_the_token_that_only_own_pages_can_read() {
    let daemon = Daemon::start().await;
    let (browser, _) = logged_in(&daemon).await;
    let about = browser.get("/session").await.json();
    let token = about["csrf"].as_str().unwrap().to_owned();
    let wish = json!({"scopes": ["chat"]});
    for wrong in [None, Some(""), Some("x"), Some(&token[1..])] {
        let client = match wrong {
            Some(wrong) => browser.clone().header("x-csrf-token", wrong),
            None => browser.clone(),
        };
        let reply = client.post_json("/admin/keys", &wish).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (403, "csrf_token_missing".into()));
    }
    let right = browser.clone().header("x-csrf-token", &token);
    assert_eq!(right.post_json("/admin/keys", &wish).await.status, 201);
    assert_eq!(right.request("POST", "/logout").send().await.status, 204);
    assert_eq!(browser.get("/admin/keys").await.status, 401);
}
