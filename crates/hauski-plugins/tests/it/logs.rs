//! Logs of plugins.

use std::time::{Duration, Instant};

use contracts::hauski::plugin_status::LogStream;
use contracts::hauski::protocol::Level;
use hauski_plugins::LogQuery;
use serde_json::json;

use crate::desk::{Desk, plugin};

async fn printing_desk() -> Desk {
    Desk::running(&[plugin("a", "good", &json!({ "capabilities": ["print"] }))]).await
}

#[tokio::test]
async fn streams_and_messages_have_their_levels() {
    let desk = printing_desk().await;
    desk.until_logged("a", "hello on standard error").await;
    desk.until_logged("a", "hello in the log").await;
    let lines = desk.host.logs("a").expect("a log").tail(100);
    let of = |text: &str| lines.iter().find(|l| l.message.contains(text)).expect("the line");
    assert_eq!(of("hello on standard error").stream, LogStream::Stderr);
    assert_eq!(of("hello on standard error").level, Level::Warn);
    assert_eq!(of("hello in the log").stream, LogStream::Log);
    assert_eq!(of("running: it answers").stream, LogStream::Host);
}

#[tokio::test]
async fn controls_are_visible_secrets_are_masked_and_json_is_understood() {
    let desk = printing_desk().await;
    let secret = ["hunter", "2", "zQ9xKw7Lp3"].concat();
    for text in [
        "\u{1b}[31mred".to_owned(),
        format!("password = \"{secret}\""),
        r#"{"level":"error","message":"it broke","code":7}"#.to_owned(),
    ] {
        desk.ask("print", json!({ "text": text })).await.expect("printed");
    }
    desk.until_logged("a", "it broke").await;
    let lines = desk.host.logs("a").expect("a log").tail(100);
    assert!(lines.iter().any(|line| line.message.contains("\\u{1b}[31mred")));
    assert!(lines.iter().all(|line| !line.message.contains(&secret)), "{lines:#?}");
    assert!(lines.iter().any(|line| line.message.starts_with("password = ")));
    let broken = lines.iter().find(|line| line.message == "it broke").expect("the line");
    assert_eq!((broken.level, broken.fields.get("code")), (Level::Error, Some(&json!(7))));
}

#[tokio::test]
async fn lines_are_found_over_all_plugins_by_text_pattern_and_level() {
    let desk = Desk::running(&[
        plugin("a", "good", &json!({ "capabilities": ["print"] })),
        plugin("b", "good", &json!({})),
    ])
    .await;
    for n in 0..20 {
        let text = format!("ERROR needle number {n}");
        desk.ask("print", json!({ "text": text })).await.expect("printed");
    }
    desk.until_logged("a", "number 19").await;
    desk.until_logged("b", "standard error").await;
    let found =
        desk.host.search_logs(&LogQuery { text: Some("NEEDLE".into()), ..LogQuery::default() });
    assert_eq!(found.len(), 20);
    let query = LogQuery { limit: 3, ..LogQuery::default() }.with_pattern(r"number 1\d$");
    let found = desk.host.search_logs(&query.expect("a pattern"));
    let found: Vec<_> = found.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(
        found,
        ["ERROR needle number 17", "ERROR needle number 18", "ERROR needle number 19"]
    );
    let loud = LogQuery { min_level: Some(Level::Warn), ..LogQuery::default() };
    let plugins: std::collections::BTreeSet<_> =
        desk.host.search_logs(&loud).iter().map(|line| line.plugin.clone()).collect();
    assert!(plugins.contains("a") && plugins.contains("b"), "{plugins:?}");
    assert!(LogQuery::default().with_pattern("(").is_err());
}

#[tokio::test]
async fn a_follower_that_does_not_look_loses_lines_and_is_told_how_many() {
    let entry = plugin("a", "flood", &json!({ "limits": { "log_lines_per_s": 100_000 } }));
    let desk = Desk::running(&[entry]).await;
    let log = desk.host.logs("a").expect("a log");
    let mut follower = log.subscribe();
    let from = log.next_seq();
    let began = Instant::now();
    while log.next_seq() < from + 6_000 {
        assert!(began.elapsed() < Duration::from_secs(20), "{}", log.next_seq());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (lines, dropped) = follower.next().await;
    assert!(lines.len() <= 4_096 && dropped > 0, "{} {dropped}", lines.len());
    let first = lines.first().expect("a line").seq;
    assert!(first >= from + dropped, "{first} {from} {dropped}");
}

#[tokio::test]
async fn lines_reach_the_file_of_the_plugin() {
    let desk = printing_desk().await;
    desk.ask("print", json!({ "text": "for the record" })).await.expect("printed");
    let file = desk.folder.path().join("home/logs/a.log");
    let began = Instant::now();
    while !std::fs::read_to_string(&file).unwrap_or_default().contains("for the record") {
        assert!(began.elapsed() < Duration::from_secs(10), "it never came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(desk.host.log_lines_not_written(), 0);
}

#[tokio::test]
async fn what_an_earlier_daemon_wrote_is_found() {
    let desk = printing_desk().await;
    desk.ask("print", json!({ "text": "a needle of old" })).await.expect("printed");
    let file = desk.folder.path().join("home/logs/a.log");
    let began = Instant::now();
    while !std::fs::read_to_string(&file).unwrap_or_default().contains("a needle of old") {
        assert!(began.elapsed() < Duration::from_secs(10), "it never came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    desk.host.shutdown().await;
    let Desk { host, folder } = desk;
    drop(host);
    std::fs::write(file.with_extension("log.1"), b"not a line\n").expect("an older part");
    let entry = plugin("a", "good", &json!({ "autostart": false }));
    let desk = Desk::start_in(folder, &[entry]);
    let query = LogQuery { text: Some("needle".into()), ..LogQuery::default() };
    assert!(desk.host.search_logs(&query).is_empty());
    assert_eq!(desk.host.search_log_history(&query).len(), 1);
}

#[tokio::test]
async fn a_huge_message_is_cut_and_says_by_how_much() {
    let desk = Desk::running(&[plugin("a", "good", &json!({ "capabilities": ["log"] }))]).await;
    desk.ask("log", json!({ "text": "x".repeat(20_000) })).await.expect("logged");
    desk.until_logged("a", "x … 3616 bytes more").await;
}
