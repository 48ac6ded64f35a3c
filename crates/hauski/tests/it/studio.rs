//! The Studio as a browser sees it: who gets in, what pages hold, what forms do, and that nothing foreign becomes markup.

use std::time::Duration;

use testkit::TestRepo;

use crate::daemon::{Client, Daemon, Reply};

const FORM: &str = "application/x-www-form-urlencoded";
/// What must never stand in a page as it is.
const HOSTILE: &str = "<img src=x onerror=alert(1)>";

/// A browser that has opened the link of `hauski login`.
struct Browser {
    client: Client,
    csrf: String,
}

impl Browser {
    async fn open(daemon: &Daemon) -> Self {
        let login = daemon.hauski(&["login", "--json"]).await.json();
        let link = login["link"].as_str().unwrap().to_owned();
        let path = link.strip_prefix(&format!("http://{}", daemon.address)).unwrap();
        let reply = daemon.get(path).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.headers["location"]),
            (303, &"/studio".parse().unwrap())
        );
        let cookie = reply.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap();
        let client = daemon.tcp().header("cookie", cookie);
        let csrf = client.get("/session").await.json()["csrf"].as_str().unwrap().to_owned();
        Self { client, csrf }
    }

    /// A page, with what holds for all of them.
    async fn page(&self, path: &str) -> String {
        let reply = self.client.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        is_a_page(path, &reply);
        reply.text().to_owned()
    }

    async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("csrf", &self.csrf).extend_pairs(fields);
        let ask = self.client.request("POST", path).header("content-type", FORM);
        ask.body(form.finish()).send().await
    }

    /// Sends a form that leads to another page; that one's path.
    async fn go(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let reply = self.send(path, fields).await;
        assert_eq!(reply.status, 303, "{path}: {}", reply.text());
        reply.headers["location"].to_str().unwrap().to_owned()
    }

    /// Puts a repository on the list; its page's path.
    async fn add(&self, repo: &TestRepo) -> String {
        let root = repo.path().canonicalize().unwrap();
        let reply = self.send("/studio/fleet/add", &[("folder", root.to_str().unwrap())]).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        link(reply.text(), "/studio/repos/")
    }

    /// Starts a task and waits for its end; the page of its run.
    async fn run(&self, repository: &str, fields: &[(&str, &str)]) -> String {
        let job = self.go(&format!("{repository}/run"), fields).await;
        for _ in 0..600 {
            let page = self.page(&job).await;
            if page.contains("exit code") {
                return link(&page, "/studio/runs/");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the task never ends: {}", self.page(&job).await);
    }
}

/// The first link of a page that begins so.
fn link(page: &str, beginning: &str) -> String {
    let start =
        page.find(&format!("href=\"{beginning}")).unwrap_or_else(|| panic!("{beginning}: {page}"));
    let rest = &page[start + 6..];
    rest[..rest.find(['"', '?', '#']).unwrap()].to_owned()
}

fn is_a_page(path: &str, reply: &Reply) {
    let text = reply.text();
    assert_eq!(reply.headers["content-type"], "text/html; charset=utf-8", "{path}");
    let policy = reply.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(reply.headers["cache-control"], "no-store", "{path}");
    // With `no-referrer` a browser's forms would come from the origin `null`.
    assert_eq!(reply.headers["referrer-policy"], "same-origin", "{path}");
    for inline in ["style=\"", "onclick", "javascript:", "=\"http://", "=\"https://", "=\"//"] {
        assert!(!text.contains(inline), "{path} holds {inline}: {text}");
    }
    assert!(!text.contains(HOSTILE), "{path}: {text}");
}

fn a_repository() -> TestRepo {
    TestRepo::new()
        .profile(
            "wgx:\n  apiVersion: v1.1\n  tasks:\n    hello:\n      desc: Say hello\n      \
             cmd: [printf, '\\033[32mhello %s\\033[0m\\n']\n    red:\n      desc: Fail\n      \
             cmd: 'echo \"error: <img src=x onerror=alert(1)> & more\" >&2; exit 3'\n    publish:\n      \
             desc: Publish <img src=x onerror=alert(1)>\n      cmd: echo out\n    forever:\n      \
             cmd: echo begun; sleep 600\n",
        )
        .git()
}

#[tokio::test]
async fn who_is_not_known_is_told_how_to_get_in() {
    let daemon = Daemon::start().await;
    for path in
        ["/", "/studio", "/studio/fleet", "/studio/runs/x", "/studio/admin", "/studio/jobs/x"]
    {
        let reply = daemon.get(path).await;
        assert_eq!(reply.status, 401, "{path}");
        is_a_page(path, &reply);
        assert!(reply.text().contains("hauski login"), "{}", reply.text());
    }
    let german = daemon.tcp().header("accept-language", "de-DE,de;q=0.9").get("/studio").await;
    assert!(german.text().contains("Wer bist du?"), "{}", german.text());
}

#[tokio::test]
async fn every_view_opens_in_both_languages_and_its_files_may_be_kept() {
    let daemon = Daemon::start().await;
    let browser = Browser::open(&daemon).await;
    let views = [
        "",
        "/fleet",
        "/runs",
        "/ask",
        "/memory",
        "/plugins",
        "/admin",
        "/admin?verify=yes",
        "/actions",
    ];
    for view in views {
        let page = browser.page(&format!("/studio{view}")).await;
        assert!(page.contains("<html lang=\"en\"") && page.contains("All actions"), "{page}");
    }
    let location =
        browser.send("/studio/language", &[("lang", "de"), ("back", "//evil.example/")]).await;
    assert_eq!(location.headers["location"], "/studio", "another server is no page of ours");
    let chosen = location.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(chosen.starts_with("hauski_lang=de;"), "{chosen}");
    let german = daemon.tcp().header("cookie", "hauski_lang=de").get("/studio").await;
    assert!(german.text().contains("<html lang=\"de\""), "{}", german.text());
    let style = link(&browser.page("/studio").await, "/studio/assets/studio.css");
    let kept = daemon.get(&style).await;
    assert_eq!(
        (kept.status.as_u16(), &kept.headers["content-type"]),
        (200, &"text/css; charset=utf-8".parse().unwrap())
    );
    assert!(kept.headers["cache-control"].to_str().unwrap().contains("immutable"));
    assert_eq!(daemon.get("/studio/assets/..%2fmain.rs").await.status, 404);
    let palette = browser.client.get("/studio/actions.json").await.json();
    assert!(
        palette.as_array().unwrap().iter().any(|it| it["path"] == "/studio/fleet"),
        "{palette}"
    );
}

#[tokio::test]
async fn a_form_of_another_page_changes_nothing() {
    let daemon = Daemon::start().await;
    let browser = Browser::open(&daemon).await;
    let key = "/studio/admin/keys";
    for token in ["", "wrong", &browser.csrf[1..]] {
        let ask = browser.client.request("POST", key).header("content-type", FORM);
        let reply = ask.body(format!("csrf={token}&name=x&scope.chat=yes")).send().await;
        assert_eq!(reply.status, 403, "{token}");
        is_a_page(key, &reply);
    }
    let foreign = browser.client.clone().header("origin", "https://evil.example");
    let form = format!("csrf={}&name=x&scope.chat=yes", browser.csrf);
    let reply = foreign.request("POST", key).header("content-type", FORM).body(form).send().await;
    assert_eq!(reply.status, 403);
    let json =
        browser.client.request("POST", key).header("content-type", "application/json").body("{}");
    assert_eq!(json.send().await.status, 415);
    assert_eq!(browser.client.get("/admin/keys").await.json()["keys"], serde_json::json!([]));

    let made = browser.send(key, &[("name", "mine"), ("scope.chat", "yes")]).await;
    assert!(made.status == 200 && made.text().contains("hk_"), "{}", made.text());
    let again = browser.page("/studio/admin").await;
    let id = browser.client.get("/admin/keys").await.json()["keys"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(again.contains("mine") && !again.contains("Copy it now"), "{again}");
    assert_eq!(browser.go("/studio/admin/keys/revoke", &[("id", &id)]).await, "/studio/admin#keys");
    assert_eq!(browser.go("/studio/logout", &[]).await, "/studio");
    assert_eq!(browser.client.get("/studio").await.status, 401);
}

#[tokio::test]
async fn a_person_finds_a_repository_runs_a_task_and_sees_why_it_failed() {
    let daemon = Daemon::start().await;
    let browser = Browser::open(&daemon).await;
    let home = browser.page("/studio").await;
    assert!(home.contains("No repository is on the list yet"), "{home}");
    let repo = a_repository();
    let path = browser.add(&repo).await;
    let page = browser.page(&path).await;
    assert!(page.contains("Say hello") && page.contains("clean"), "{page}");

    let first = browser.run(&path, &[("task", "profile:hello"), ("args", "'wide world'")]).await;
    let run = browser.page(&first).await;
    assert!(run.contains("<span class=\"c2\">hello wide world</span>"), "{run}");
    assert!(run.contains("passed"), "{run}");

    let red = browser.run(&path, &[("task", "profile:red")]).await;
    let run = browser.page(&red).await;
    assert!(
        run.contains("failed 3") && run.contains("&lt;img src=x onerror=alert(1)&gt; &amp; more"),
        "{run}"
    );
    let home = browser.page("/studio").await;
    assert!(home.contains(&red) && home.contains("Red"), "{home}");
    let found = browser.page("/studio/runs?q=onerror").await;
    assert!(found.contains(&red), "{found}");
    let filtered = browser.page(&format!("{red}?find=nowhere")).await;
    assert!(filtered.contains("0 of"), "{filtered}");

    let second = browser.run(&path, &[("task", "profile:hello")]).await;
    let page = browser.page(&second).await;
    let compare = link(&page, &format!("{first}/compare/"));
    assert!(browser.page(&compare).await.contains("What became different"));

    let removed = repo.path().canonicalize().unwrap();
    browser.go("/studio/fleet/remove", &[("root", removed.to_str().unwrap())]).await;
    assert_eq!(browser.client.get(&path).await.status, 404);
}

#[tokio::test]
async fn what_may_destroy_needs_a_yes_and_what_never_ends_can_be_stopped() {
    let daemon = Daemon::start().await;
    let browser = Browser::open(&daemon).await;
    let repo = a_repository();
    let path = browser.add(&repo).await;
    let page = browser.page(&path).await;
    assert!(page.contains("careful") && page.contains("&lt;img src=x"), "{page}");
    let run = format!("{path}/run");
    let refused = browser.send(&run, &[("task", "profile:publish")]).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert_eq!(browser.send(&run, &[("task", "profile:nothing")]).await.status, 404);
    assert_eq!(
        browser.send(&run, &[("task", "profile:hello"), ("args", "'open")]).await.status,
        400
    );
    let published = browser.run(&path, &[("task", "profile:publish"), ("confirm", "yes")]).await;
    assert!(browser.page(&published).await.contains("passed"));

    let job = browser.go(&run, &[("task", "profile:forever")]).await;
    while !browser.page(&job).await.contains("begun") {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut events = browser.client.request("GET", &format!("{job}/events")).open().await;
    let mut seen = String::new();
    while !seen.contains("begun") {
        seen.push_str(&String::from_utf8_lossy(&events.chunk().await.unwrap()));
    }
    assert!(seen.contains("event: begin") && seen.contains("event: lines"), "{seen}");
    browser.go(&format!("{job}/stop"), &[]).await;
    while !seen.contains("event: end") {
        seen.push_str(&String::from_utf8_lossy(&events.chunk().await.expect("the end is told")));
    }
    assert!(browser.page(&job).await.contains("cancelled"));
}
