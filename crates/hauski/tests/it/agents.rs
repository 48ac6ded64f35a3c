//! `hauski mcp` as a client of an agent starts it: JSON-RPC lines over standard input and output.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use testkit::TestRepo;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::daemon::{Client, Daemon, HAUSKI, PATIENCE};

/// A client with its server, past the handshake.
struct Session {
    child: Child,
    to: ChildStdin,
    from: Lines<BufReader<ChildStdout>>,
    next: u64,
}

impl Session {
    async fn start(home: &Path, repo: &Path) -> Self {
        let mut child = Command::new(HAUSKI)
            .arg("mcp")
            .current_dir(repo)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", home)
            .env("HAUSKI_HOME", home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let to = child.stdin.take().unwrap();
        let from = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut session = Self { child, to, from, next: 0 };
        let hello = json!({
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        });
        let about = session.ask("initialize", hello).await;
        assert_eq!(about["result"]["serverInfo"]["name"], "hauski", "{about}");
        session.send(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        session
    }

    async fn send(&mut self, message: Value) {
        self.to.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    /// Sends a request and gives its number.
    async fn begin(&mut self, method: &str, params: Value) -> u64 {
        self.next += 1;
        let id = self.next;
        self.send(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        id
    }

    /// The answer of that number; what comes before it is given along.
    async fn answer(&mut self, id: u64) -> (Value, Vec<Value>) {
        let mut before = Vec::new();
        loop {
            let line = tokio::time::timeout(PATIENCE, self.from.next_line()).await;
            let line = line.expect("the server is silent").unwrap().expect("the server has gone");
            let message: Value = serde_json::from_str(&line).unwrap();
            if message["id"] == id {
                return (message, before);
            }
            before.push(message);
        }
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params).await;
        self.answer(id).await.0
    }

    /// Calls a tool: whether it failed, and its structured answer.
    async fn call(&mut self, tool: &str, arguments: Value) -> (bool, Value) {
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": arguments})).await;
        let result = &answer["result"];
        assert!(result.is_object(), "{answer}");
        (result["isError"] == true, result["structuredContent"].clone())
    }

    async fn good(&mut self, tool: &str, arguments: Value) -> Value {
        let (failed, answer) = self.call(tool, arguments).await;
        assert!(!failed, "{tool}: {answer}");
        answer
    }

    async fn refused(&mut self, tool: &str, arguments: Value) -> String {
        let (failed, answer) = self.call(tool, arguments).await;
        assert!(failed, "{tool} was not refused: {answer}");
        answer.to_string()
    }
}

/// A repository with tasks.
fn repo() -> TestRepo {
    TestRepo::new()
        .justfile(
            "# Say it\nhello *words:\n    @echo said {{words}}\n\n\
             # Delete everything\nclean:\n    @rm -rf build\n",
        )
        .git()
}

async fn trust(home: &Path, repo: &Path) {
    // The trust of wgx; the store is the same.
    let store = home.to_owned();
    let folder = repo.to_owned();
    tokio::task::spawn_blocking(move || {
        let context = wgx_verbs::context::Context {
            cwd: folder.clone(),
            root: wgx_tasks::root::find_root(&folder).unwrap(),
            environment: wgx_tasks::process::clean_environment(Vec::new(), "wgx"),
            user_home: store.clone(),
            home: store,
            use_memory: wgx_verbs::context::UseMemory::Auto,
            terminal: wgx_verbs::context::Terminal::default(),
            ci: false,
        };
        wgx_verbs::trust::trust(&context, wgx_verbs::trust::TrustRequest::Grant).unwrap();
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn an_agent_lists_tasks_runs_one_and_reads_its_log() {
    let repo = TestRepo::new()
        .profile(
            "wgx:\n  apiVersion: v1.1\n  tasks:\n    hello:\n      desc: Say it\n      sh: ['echo said \"$@\"']\n    \
             fail:\n      sh: ['echo E: connection refused >&2; exit 3']\n",
        )
        .git();
    let home = testkit::public_tempdir();
    let mut session = Session::start(home.path(), repo.path()).await;

    let tools = session.ask("tools/list", json!({})).await;
    let tools = tools["result"]["tools"].as_array().unwrap().clone();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    for name in
        ["task_list", "task_run", "run_history", "logs_tail", "memory_search", "plugin_status"]
    {
        assert!(names.contains(&name), "{name} is missing: {names:?}");
    }
    let reads = |name: &str| {
        let tool = tools.iter().find(|tool| tool["name"] == name).unwrap();
        tool["annotations"]["readOnlyHint"].clone()
    };
    assert_eq!((reads("task_list"), reads("task_run")), (json!(true), json!(false)));

    let listed = session.good("task_list", json!({"filter": "SAY"})).await;
    assert_eq!((&listed["total"], &listed["tasks"][0]["name"]), (&json!(1), &json!("hello")));

    // Without trust an agent starts nothing, and is told who can change that.
    let refused = session.refused("task_run", json!({"task": "hello"})).await;
    assert!(refused.contains("trust"), "{refused}");
    trust(home.path(), repo.path()).await;

    let failed = session.good("task_run", json!({"task": "fail"})).await;
    assert_eq!(
        (&failed["exit_code"], &failed["log_tail"][0]),
        (&json!(3), &json!("E: connection refused"))
    );
    let history = session.good("run_history", json!({"ended": "failed"})).await;
    assert_eq!(history["runs"][0]["id"], failed["run"]);
    let log = session.good("logs_tail", json!({"filter": "REFUSED"})).await;
    assert_eq!(log["lines"], json!([[1, "E: connection refused"]]));
    let found = session.good("memory_search", json!({"query": "connection refused"})).await;
    assert_eq!(found["hits"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn wrong_calls_are_answers_that_say_what_fits() {
    let repo = repo();
    let home = testkit::public_tempdir();
    let mut session = Session::start(home.path(), repo.path()).await;
    for (tool, arguments, told) in [
        ("task_list", json!({"limit": 0}), "between 1 and 500"),
        ("task_list", json!({"limit": -1}), "do not fit"),
        ("task_list", json!({"repo": "/no/such/folder"}), "not a folder"),
        ("task_list", json!({"unknown": 1}), "unknown"),
        ("task_run", json!({"task": "nothing-like-it"}), "task_list"),
        ("task_run", json!({"task": "hello", "timeout_s": 100_000}), "between 1 and 3600"),
        ("logs_tail", json!({}), "task_run"),
        ("memory_search", json!({"query": ""}), "1 to 400"),
        ("plugin_status", json!({}), "hauski serve"),
    ] {
        let answer = session.refused(tool, arguments.clone()).await;
        assert!(answer.contains(told), "{tool} {arguments}: {answer}");
    }
    let unknown = session.ask("tools/call", json!({"name": "rm_rf", "arguments": {}})).await;
    assert_eq!(unknown["error"]["code"], -32_602);
    let plan = session.good("task_run", json!({"task": "clean", "dry_run": true})).await;
    assert!(plan["steps"].to_string().contains("just"), "{plan}");
    trust(home.path(), repo.path()).await;
    let refused = session.refused("task_run", json!({"task": "clean"})).await;
    assert!(refused.contains("confirm"), "{refused}");
}

#[tokio::test]
async fn a_session_outlives_the_daemon_and_finds_the_next_one() {
    let repo = repo();
    let daemon = Daemon::start().await;
    let home = daemon.home.path().to_owned();
    let mut session = Session::start(&home, repo.path()).await;
    session.good("task_list", json!({})).await;
    let stopped = daemon.stop().await;
    let away = session.refused("plugin_status", json!({})).await;
    assert!(away.contains("not running"), "{away}");
    session.good("task_list", json!({})).await;
    let _daemon = stopped.start().await;
    session.good("task_list", json!({})).await;
    let back = session.good("plugin_status", json!({})).await;
    assert!(back["plugins"].is_array(), "{back}");
}

#[tokio::test]
async fn a_call_that_is_cancelled_ends_its_task_and_records_it() {
    let repo = TestRepo::new()
        .profile("wgx:\n  apiVersion: v1.1\n  tasks:\n    wait:\n      sh: ['touch started; sleep 300']\n")
        .git();
    let home = testkit::public_tempdir();
    let mut session = Session::start(home.path(), repo.path()).await;
    trust(home.path(), repo.path()).await;
    let call =
        json!({"name": "task_run", "arguments": {"task": "wait"}, "_meta": {"progressToken": "p"}});
    let id = session.begin("tools/call", call).await;
    let started = repo.path().join("started");
    for _ in 0..3_000 {
        if started.exists() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(started.exists(), "the task never started");
    let why = json!({"requestId": id, "reason": "enough"});
    session
        .send(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": why}))
        .await;
    // A cancelled call has no answer; the next one shows that its task has ended.
    for _ in 0..300 {
        let history = session.good("run_history", json!({})).await;
        let code = &history["runs"][0]["exit_code"];
        if code.is_number() {
            assert_ne!(*code, 0, "{history}");
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the run was never recorded as ended");
}

#[tokio::test]
async fn the_server_ends_with_its_client() {
    let repo = repo();
    let home = testkit::public_tempdir();
    let Session { mut child, to, .. } = Session::start(home.path(), repo.path()).await;
    drop(to);
    let ended = tokio::time::timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
    assert!(ended.success(), "{ended}");
}

#[tokio::test]
async fn the_page_about_tools_names_every_tool_and_no_other() {
    let repo = repo();
    let home = testkit::public_tempdir();
    let mut session = Session::start(home.path(), repo.path()).await;
    let tools = session.ask("tools/list", json!({})).await;
    let page = include_str!("../../../../docs/mcp.md");
    let rows: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let tools = tools["result"]["tools"].as_array().unwrap();
    for tool in tools {
        let name = tool["name"].as_str().unwrap();
        assert!(rows.contains(&name), "docs/mcp.md does not tell of {name}");
    }
    // `repo_pack` is offered only where repolens is installed.
    let missing = rows.len() - tools.len();
    assert!(missing <= 1, "docs/mcp.md tells of {rows:?}");
}

/// One JSON-RPC message to `/mcp`: the status, the session that it names, and the message in the answer.
async fn post(client: &Client, session: Option<&str>, message: &Value) -> (u16, String, Value) {
    let mut client = client.clone().header("accept", "application/json, text/event-stream");
    if let Some(session) = session {
        client = client.header("mcp-session-id", session);
    }
    let reply = client.post_json("/mcp", message).await;
    let begun = reply.headers.get("mcp-session-id").and_then(|id| id.to_str().ok());
    let begun = begun.unwrap_or_default().to_owned();
    let text = reply.text().to_owned();
    // Each event of the stream has one line of data; the last one answers.
    let data = text.lines().rev().find_map(|line| line.strip_prefix("data: {"));
    let answer = data.map_or_else(|| text.clone(), |rest| format!("{{{rest}"));
    (reply.status.as_u16(), begun, serde_json::from_str(&answer).unwrap_or(Value::Null))
}

async fn key(daemon: &Daemon, scopes: &str) -> String {
    let made = daemon.hauski(&["keys", "create", "--scope", scopes, "--json"]).await;
    let made: Value = serde_json::from_str(&made.stdout).unwrap();
    made["secret"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
}

#[tokio::test]
async fn over_http_only_trusted_repositories_and_ones_own_sessions_are_there() {
    let repo = TestRepo::new()
        .profile("wgx:\n  apiVersion: v1.1\n  tasks:\n    hello:\n      sh: ['echo said it']\n")
        .git();
    let daemon = Daemon::with().env("PATH", "/usr/local/bin:/usr/bin:/bin").start().await;
    let runs = daemon.tcp().key(&key(&daemon, "mcp,tasks").await);
    let reads = daemon.tcp().key(&key(&daemon, "mcp").await);
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }});
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let call = |tool: &str, arguments: Value| {
        let params = json!({"name": tool, "arguments": arguments});
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params})
    };
    let (status, session, about) = post(&runs, None, &hello).await;
    assert_eq!(
        (status, &about["result"]["serverInfo"]["name"]),
        (200, &json!("hauski")),
        "{about}"
    );
    post(&runs, Some(&session), &initialized).await;

    let here = json!({"repo": repo.path()});
    let (_, _, untrusted) = post(&runs, Some(&session), &call("task_list", here.clone())).await;
    assert!(untrusted.to_string().contains("trust"), "{untrusted}");
    let (_, _, relative) = post(&runs, Some(&session), &call("task_list", json!({}))).await;
    assert!(relative.to_string().contains("absolute path"), "{relative}");
    trust(daemon.home.path(), repo.path()).await;
    let (_, _, listed) = post(&runs, Some(&session), &call("task_list", here.clone())).await;
    assert_eq!(listed["result"]["structuredContent"]["total"], 1, "{listed}");
    let run = json!({"repo": repo.path(), "task": "hello"});
    let (_, _, ran) = post(&runs, Some(&session), &call("task_run", run.clone())).await;
    assert_eq!(ran["result"]["structuredContent"]["log_tail"], json!(["said it"]), "{ran}");

    // Another key sees nothing of that session, and without the scope nothing starts.
    let (status, _, _) = post(&reads, Some(&session), &call("task_list", here.clone())).await;
    assert_eq!(status, 404);
    let (_, own, _) = post(&reads, None, &hello).await;
    post(&reads, Some(&own), &initialized).await;
    let (_, _, refused) = post(&reads, Some(&own), &call("task_run", run)).await;
    assert!(refused.to_string().contains("may not start tasks"), "{refused}");
    let (_, _, explained) = post(
        &reads,
        Some(&own),
        &call("policy_explain", json!({"subject": "https://example.org"})),
    )
    .await;
    assert!(explained.to_string().contains("host_not_listed"), "{explained}");
}

/// A task of a profile that says a word.
fn saying(word: &str) -> String {
    format!("wgx:\n  apiVersion: v1.1\n  tasks:\n    hello:\n      sh: ['echo {word}']\n")
}

#[tokio::test]
async fn over_http_a_run_is_seen_from_its_own_repository_alone() {
    let near = TestRepo::new().profile(&saying("near")).git();
    let far = TestRepo::new().profile(&saying("far")).git();
    let daemon = Daemon::with().env("PATH", "/usr/local/bin:/usr/bin:/bin").start().await;
    let client = daemon.tcp().key(&key(&daemon, "mcp,tasks").await);
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }});
    let (_, session, _) = post(&client, None, &hello).await;
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    post(&client, Some(&session), &initialized).await;
    let call = async |tool: &str, arguments: Value| {
        let params = json!({"name": tool, "arguments": arguments});
        let call = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params});
        post(&client, Some(&session), &call).await.2["result"].clone()
    };
    let mut runs = Vec::new();
    for repo in [&near, &far] {
        trust(daemon.home.path(), repo.path()).await;
        let ran = call("task_run", json!({"repo": repo.path(), "task": "hello"})).await;
        runs.push(ran["structuredContent"]["run"].as_str().unwrap().to_owned());
    }
    let lines = daemon.owner().get("/admin/audit?limit=1000").await.text().to_owned();
    assert_eq!(lines.matches("task.run").count(), 2, "{lines}");
    // What changed is not trusted any more.
    far.write(".wgx/profile.yml", saying("other"));
    for run in [&runs[1], &runs[1][..24]] {
        for tool in ["logs_tail", "run_history"] {
            let told = call(tool, json!({"repo": near.path(), "run": run})).await;
            assert_eq!(told["isError"], true, "{tool}: {told}");
            assert!(!told.to_string().contains("far"), "{tool}: {told}");
        }
    }
    let own = call("logs_tail", json!({"repo": near.path(), "run": runs[0]})).await;
    assert!(own.to_string().contains("near"), "{own}");
    // No folder, a file, and a repository that is not trusted look alike.
    let shape = async |repo: &str| {
        let told = call("task_list", json!({"repo": repo})).await;
        assert_eq!(told["isError"], true, "{told}");
        told.to_string().replace(repo, "REPO")
    };
    let untrusted = shape(far.path().to_str().unwrap()).await;
    assert_eq!(shape("/nowhere/at/all").await, untrusted);
    assert_eq!(shape("/etc/passwd").await, untrusted);
}

#[tokio::test]
async fn a_session_whose_owner_is_forgotten_is_there_for_nobody() {
    let daemon = Daemon::start().await;
    let one = daemon.tcp().key(&key(&daemon, "mcp").await);
    let other = daemon.tcp().key(&key(&daemon, "mcp").await);
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }});
    let mut sessions = Vec::new();
    for _ in 0..20 {
        sessions.push(post(&one, None, &hello).await.1);
    }
    let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}});
    let newest = sessions.last().unwrap();
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    post(&one, Some(newest), &initialized).await;
    assert_eq!(post(&one, Some(newest), &list).await.0, 200);
    for session in [sessions[0].as_str(), newest.as_str(), "made-up"] {
        assert_eq!(post(&other, Some(session), &list).await.0, 404, "{session}");
    }
    assert_eq!(post(&one, Some(&sessions[0]), &list).await.0, 404, "its oldest has ended");
}
