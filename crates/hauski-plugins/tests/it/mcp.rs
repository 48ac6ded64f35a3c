//! Servers of the Model Context Protocol as plugins.

use std::path::Path;

use contracts::hauski::plugin_status::PluginState;
use futures_util::StreamExt;
use hauski_plugins::{CallErrorKind, CallEvent, CallOptions, Target};
use serde_json::json;

use crate::desk::Desk;

#[tokio::test]
async fn tools_of_a_server_become_capabilities_and_stay_while_it_starts_again() {
    if !testkit::has_program("python3") {
        return testkit::not_run("a server of the Model Context Protocol", "there is no python3");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let plugins = folder.path().join("plugins");
    std::fs::create_dir(&plugins).expect("a folder");
    let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mcp_server.py");
    std::fs::copy(server, plugins.join("server.py")).expect("a copy");
    let entry = json!({
        "name": "calc",
        "kind": "mcp",
        "command": ["python3", "server.py"],
        "health": { "start_ms": 20_000 },
        "restart": { "backoff_min_ms": 2_000 },
    });
    let desk = Desk::start_in(folder, &[entry]).all_running().await;
    let tools = || desk.host.tools().iter().map(|tool| tool.capability.clone()).collect::<Vec<_>>();
    assert_eq!(tools(), ["calc.add"]);
    let params = json!({ "a": 2, "b": 3 });
    let mut call = desk.host.call(&Target::capability("calc.add"), params, CallOptions::default());
    let mut progress = 0;
    while let Some(event) = call.next().await {
        match event {
            CallEvent::Progress(_) => progress += 1,
            CallEvent::Done(result) => {
                assert_eq!(result, Ok(json!({ "content": [{ "type": "text", "text": "5" }] })));
            }
            CallEvent::Chunk(_) => {}
        }
    }
    assert_eq!(progress, 1);
    let both =
        |status: &contracts::hauski::plugin_status::PluginStatus| status.capabilities.len() == 2;
    desk.until_that("calc", "its tools have changed", both).await;
    assert_eq!(tools(), ["calc.add", "calc.die"]);
    let error = desk.ask("calc.die", json!({})).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Crashed);
    desk.until("calc", PluginState::Backoff).await;
    assert_eq!(tools(), ["calc.add", "calc.die"], "the last good list");
    let error = desk.ask("calc.add", json!({ "a": 1, "b": 1 })).await.unwrap_err();
    assert!(
        matches!(error.kind, CallErrorKind::Unavailable { retry_after_ms: Some(_) }),
        "{error:?}"
    );
}
