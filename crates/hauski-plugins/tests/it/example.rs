//! The example in Python, as docs/plugins.md shows it.

use std::path::Path;

use futures_util::StreamExt;
use hauski_plugins::{CallErrorKind, CallEvent, CallOptions, Target};
use serde_json::json;

use crate::desk::Desk;

#[tokio::test]
async fn the_example_in_python_answers_streams_and_ends() {
    if !testkit::has_program("python3") {
        return testkit::not_run("the example in Python", "there is no python3");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let plugins = folder.path().join("plugins");
    std::fs::create_dir(&plugins).expect("a folder");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/plugin.py");
    let text = std::fs::read_to_string(&example).expect("the example");
    assert!(text.lines().count() < 60);
    std::fs::write(plugins.join("plugin.py"), text).expect("a copy");
    let entry = json!({
        "name": "words",
        "command": ["python3", "plugin.py"],
        "capabilities": ["words.count", "words.stream"],
        "health": { "start_ms": 20_000 },
    });
    let desk = Desk::start_in(folder, &[entry]).all_running().await;
    assert_eq!(desk.ask("words.count", json!({ "text": "one two three" })).await, Ok(json!(3)));
    let error = desk.ask("words.count", json!({})).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Plugin(-32_602));
    let text = "word ".repeat(200);
    let target = Target::capability("words.stream");
    let mut call = desk.host.call(&target, json!({ "text": text }), CallOptions::default());
    let mut chunks = 0;
    while let Some(event) = call.next().await {
        match event {
            CallEvent::Chunk(chunk) => {
                assert_eq!(chunk, "word");
                chunks += 1;
            }
            CallEvent::Done(result) => assert_eq!(result, Ok(json!(200))),
            CallEvent::Progress(_) => {}
        }
    }
    assert_eq!(chunks, 200);
    desk.until_logged("words", "hello from words").await;
    desk.host.stop_plugin("words").await.expect("it stops");
    let last = desk.host.plugin("words").expect("the plugin");
    assert_eq!(last.cause, "somebody stopped it");
}
