//! The OpenAPI document against the real daemon: it is served, and schemathesis sends what it allows and what it does
//! not, and holds every answer to it.

use serde_json::Value;

use crate::access::new_key;
use crate::clients::{CASES, command, not_run, python, wanted};
use crate::daemon::Daemon;
use crate::gateway::with_fake;

const DOCUMENT: &str = "/api-docs/openapi.json";

#[tokio::test]
async fn the_document_is_served_to_admins_and_where_configuration_is_exposed_to_every_key() {
    let daemon = Daemon::start().await;
    let (_, chat) = new_key(&daemon, &["chat"]).await;
    let (_, admin) = new_key(&daemon, &["admin"]).await;
    let refused = daemon.tcp().key(&chat).get(DOCUMENT).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (403, "insufficient_scope"));
    let served = daemon.tcp().key(&admin).get(DOCUMENT).await;
    assert_eq!(served.status, 200);
    assert_eq!(served.headers["content-type"], "application/json");
    let printed: Value = daemon.hauski(&["openapi"]).await.json();
    assert_eq!(served.json(), printed);

    let daemon = Daemon::with().env("HAUSKI_EXPOSE_CONFIG", "true").start().await;
    let (_, chat) = new_key(&daemon, &["chat"]).await;
    assert_eq!(daemon.tcp().key(&chat).get(DOCUMENT).await.status, 200);
    assert_eq!(daemon.tcp().get(DOCUMENT).await.status, 401);
}

#[tokio::test]
async fn schemathesis_finds_no_server_error_and_no_answer_beside_the_document() {
    let python = if wanted() { python("schemathesis").await } else { None };
    let Some(python) = python else { return not_run("schemathesis") };
    let start = Daemon::with().env("HAUSKI_EXPOSE_CONFIG", "true");
    let daemon = with_fake(start).await;
    let scopes =
        ["admin", "chat", "embed", "audio", "code", "metrics", "memory", "index", "mcp", "tasks"];
    let (_, key) = new_key(&daemon, &scopes).await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://{}{DOCUMENT}", daemon.address);
    let header = format!("Authorization: Bearer {key}");
    let args = [
        "run",
        &url,
        "--header",
        &header,
        // What one field demands of another no schema says, so not all that it allows is taken.
        // A 503 that the document has is no fault: a check of hooks.py stands for the first.
        "--exclude-checks",
        "not_a_server_error,positive_data_acceptance",
        // Tools for agents speak a protocol of their own, which rmcp and tests/it/agents.rs hold.
        "--exclude-path",
        "/mcp",
        "--max-examples",
        "40",
        "--seed",
        "4",
        "--no-shrink",
        "--continue-on-failure",
        "--request-timeout",
        "20",
    ];
    let program = python.with_file_name("schemathesis");
    let mut run = command(&program, &args, folder.path());
    let output = run
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("HAUSKI_KEY", &key)
        .env("PYTHONPATH", format!("{CASES}/schemathesis"))
        .env("NO_COLOR", "1")
        .env("COLUMNS", "120")
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let log = daemon.log();
    let errors: Vec<_> = log.lines().filter(|line| line.contains("\"ERROR\"")).take(5).collect();
    assert!(output.status.success(), "{text}\n{errors:#?}");
    let summary = text.split("Test Phases:").last().unwrap_or_default();
    eprintln!("{summary}");
}
