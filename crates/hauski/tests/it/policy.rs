//! `hauski policy` and the broker as a program.

use std::path::Path;

use insta::assert_snapshot;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::daemon::{HAUSKI, PATIENCE, hauski};

const ROUTING: &str = "egress:
  allow:
    - https://api.example.org
    - {origin: 'https://*.mirror.example', purpose: packages}
";

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("policies")).unwrap();
    std::fs::write(home.path().join("policies/routing.yaml"), ROUTING).unwrap();
    home
}

/// Exit code and output of a call, without the name of the folder.
async fn said(home: &Path, args: &[&str]) -> String {
    let ran = hauski(home, &[], args).await;
    let text = format!("exit {}\n{}{}", ran.code, ran.stdout, ran.stderr);
    text.replace(&home.display().to_string(), "[home]")
}

#[tokio::test]
async fn an_answer_tells_its_rule_and_its_checks() {
    let home = home();
    let answer =
        said(home.path(), &["policy", "explain", "https://a.mirror.example/x?token=1"]).await;
    assert_snapshot!(answer, @r"
exit 0
allowed  https://a.mirror.example:443
  a wildcard of egress.allow covers this origin (listed_by_wildcard)
  rule: [home]/policies/routing.yaml:4  egress.allow[1] = https://*.mirror.example  (packages)
  yes           is an address of at most 8192 bytes
  yes           scheme is https, wss or http
  yes           no user and no password in it
  yes           host and port can exist
  yes           plain http only to one's own machine
  yes           egress.allow names the host
  yes           egress.allow names it under this scheme
  yes           egress.allow names it with this port
  yes           every program reads the same host in it
  when dialled  every address of the host is globally reachable
");
    let answer = said(home.path(), &["policy", "explain", "https://evil.example/x?token=1"]).await;
    assert_snapshot!(answer, @r"
exit 1
denied  https://evil.example:443
  no entry of egress.allow names this host (host_not_listed)
  hint: if it is meant, add its origin to egress.allow in routing.yaml
  yes           is an address of at most 8192 bytes
  yes           scheme is https, wss or http
  yes           no user and no password in it
  yes           host and port can exist
  yes           plain http only to one's own machine
  no            egress.allow names the host
");
    let answer = said(home.path(), &["policy", "explain", "chat", "cloud"]).await;
    assert_snapshot!(answer, @r"
exit 1
denied  chat cloud
  work stays in the house (cloud_off)
  hint: set routing.cloud_fallback.enabled to true in routing.yaml if it may leave it
  rule: [home]/policies/routing.yaml  routing.cloud_fallback.enabled = false
  no            routing.cloud_fallback is enabled
");
    let answer = said(home.path(), &["policy", "explain", "what", "now"]).await;
    assert_snapshot!(answer, @r"
exit 2
error: not a question that the policies answer
hint: ask one of: https://host/path, CAPABILITY cloud, CAPABILITY local, memory pin KEY, plugin:NAME call CAPABILITY, plugin:NAME publish TOPIC, plugin:NAME subscribe TOPIC, plugin:NAME egress URL
");
}

#[tokio::test]
async fn an_answer_is_a_report() {
    let home = home();
    let ran =
        hauski(home.path(), &[], &["policy", "explain", "--json", "https://evil.example/"]).await;
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(answer["schema"], "hauski.policy.explain/1");
    assert_eq!(
        (&answer["verdict"], &answer["reason"]),
        (&"denied".into(), &"host_not_listed".into())
    );
}

#[tokio::test]
async fn a_file_is_checked_wherever_it_lies() {
    let home = home();
    let file = home.path().join("limits.yaml");
    let file = file.to_str().unwrap();
    std::fs::write(file, "latency:\n  llm_p95_ms: 0\nrequests:\n  max_seconds: 5\n").unwrap();
    assert_snapshot!(said(home.path(), &["policy", "check", file]).await, @r"
exit 1
[home]/limits.yaml:3:1: unknown key requests
  hint: did you mean request? Known here: latency, request, thermal, asr
");
    std::fs::write(file, "latency:\n  llm_p95_ms: 300\n").unwrap();
    assert_snapshot!(said(home.path(), &["policy", "check", file]).await, @r"
exit 0
[home]/limits.yaml: sound
");
    assert_snapshot!(said(home.path(), &["policy", "check", "other.yaml"]).await, @r"
exit 2
error: other.yaml is no policy file by its name
hint: known: routing.yaml, limits.yaml, memory.yaml, models.yml
");
}

#[tokio::test]
async fn the_broker_refuses_what_is_not_listed_and_says_so_on_its_output() {
    let home = home();
    let socket = home.path().join("broker.sock");
    let policies = home.path().join("policies");
    let mut broker = tokio::process::Command::new(HAUSKI)
        .env_clear()
        .env("HAUSKI_HOME", home.path())
        .arg("--policies")
        .arg(&policies)
        .args(["egressd", "--plugin", "agent", "--socket"])
        .arg(&socket)
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let connect = async {
        loop {
            match UnixStream::connect(&socket).await {
                Ok(stream) => return stream,
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
            }
        }
    };
    let mut stream = tokio::time::timeout(PATIENCE, connect).await.unwrap();
    stream.write_all(b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("host_not_listed"), "{answer}");
    let mut line = vec![0; 4096];
    let read = broker.stdout.as_mut().unwrap().read(&mut line).await.unwrap();
    let line: Value = serde_json::from_slice(&line[..read]).unwrap();
    assert_eq!((&line["actor"], &line["allowed"]), (&"plugin:agent".into(), &false.into()));
    assert_eq!(line["target"], "https://evil.example:443");
}
