//! The official clients against the real daemon. They come from their registries, so they are fetched only
//! where CI says so (`CI`, `HAUSKI_TEST_CLIENTS`); otherwise the tests say that they did not run.

#![expect(clippy::print_stderr, reason = "what did not run, and why, must be said")]

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::access::new_key;
use crate::daemon::Daemon;
use crate::embeddings::{TINY, put_tiny, worker};
use crate::gateway::with_fake;

pub(crate) const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

#[expect(clippy::disallowed_methods, reason = "CI says so by its own variable")]
pub(crate) fn wanted() -> bool {
    ["CI", "HAUSKI_TEST_CLIENTS"].iter().any(|name| std::env::var_os(name).is_some())
}

#[expect(clippy::disallowed_methods, reason = "the tests start real clients")]
pub(crate) fn command(program: &Path, args: &[&str], folder: &Path) -> Command {
    let mut command = std::process::Command::new(program);
    command.args(args).current_dir(folder).stdin(Stdio::null());
    let mut command = Command::from(command);
    command.kill_on_drop(true);
    command
}

/// Runs a program; nothing when it is not there or fails, with the reason on standard error.
async fn run(program: &str, args: &[&str], folder: &Path) -> Option<String> {
    let output = command(Path::new(program), args, folder).output().await;
    match output {
        Ok(output) if output.status.success() => {
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(output) => {
            eprintln!("{program}: {}", String::from_utf8_lossy(&output.stderr));
            None
        }
        Err(error) => {
            eprintln!("{program}: {error}");
            None
        }
    }
}

/// A folder that outlives the test, so that clients are fetched once for each change of their list.
fn folder(kind: &str, list: &str) -> PathBuf {
    use sha2::Digest;
    let text = std::fs::read_to_string(Path::new(CASES).join(kind).join(list)).unwrap();
    let digest = sha2::Sha256::digest(text.as_bytes());
    let name: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{kind}-{name}"));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Held while clients are fetched: two tests that want the same ones fetch them once.
static FETCHING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A Python with the packages that the list of `kind` pins.
pub(crate) async fn python(kind: &str) -> Option<PathBuf> {
    let _alone = FETCHING.lock().await;
    let folder = folder(kind, "requirements.txt");
    let python = folder.join("venv/bin/python");
    let mark = folder.join("complete");
    if !mark.exists() {
        run("python3", &["-m", "venv", "venv"], &folder).await?;
        let list = format!("{CASES}/{kind}/requirements.txt");
        run(python.to_str()?, &["-m", "pip", "install", "--quiet", "-r", &list], &folder).await?;
        std::fs::write(mark, "").unwrap();
    }
    Some(python)
}

async fn node() -> Option<PathBuf> {
    let _alone = FETCHING.lock().await;
    let folder = folder("node", "package-lock.json");
    let mark = folder.join("complete");
    for name in ["package.json", "package-lock.json", "cases.mjs"] {
        std::fs::copy(format!("{CASES}/node/{name}"), folder.join(name)).unwrap();
    }
    if !mark.exists() {
        run("npm", &["ci", "--ignore-scripts", "--no-audit", "--no-fund"], &folder).await?;
        std::fs::write(mark, "").unwrap();
    }
    Some(folder)
}

struct Served {
    daemon: Daemon,
    base: String,
    key: String,
}

async fn served() -> Served {
    let start = Daemon::with();
    if worker().is_some() {
        put_tiny(start.home(), TINY, 1);
    }
    let daemon = with_fake(start).await;
    let (_, key) = new_key(&daemon, &["chat", "embed", "audio"]).await;
    let base = format!("http://{}/v1", daemon.address);
    Served { daemon, base, key }
}

/// The model of the real worker, or a word that says there is none.
fn real() -> &'static str {
    if worker().is_some() { TINY } else { "-" }
}

/// Whether clients run here; says so when they do not.
pub(crate) fn not_run(client: &str) {
    eprintln!("not run: {client} (set HAUSKI_TEST_CLIENTS=1 to fetch and run it)");
}

#[tokio::test]
async fn the_official_python_client() {
    let python = if wanted() { python("python").await } else { None };
    let Some(python) = python else { return not_run("the openai client for Python") };
    let served = served().await;
    let (_, other) = new_key(&served.daemon, &["embed"]).await;
    let cases = format!("{CASES}/python/cases.py");
    let args = [cases.as_str(), &served.base, &served.key, &other, real()];
    let output = command(&python, &args, Path::new(CASES)).output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    eprintln!("{}", text.lines().last().unwrap_or_default());
}

#[tokio::test]
async fn the_official_node_client() {
    let folder = if wanted() { node().await } else { None };
    let Some(folder) = folder else { return not_run("the openai client for Node") };
    let served = served().await;
    let args = ["cases.mjs", &served.base, &served.key, real()];
    let output = command(Path::new("node"), &args, &folder).output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    eprintln!("{}", text.lines().last().unwrap_or_default());
}

#[tokio::test]
async fn compatcanary_finds_nothing_missing() {
    let folder = if wanted() { node().await } else { None };
    let Some(folder) = folder else { return not_run("compatcanary") };
    let served = served().await;
    let program = "node_modules/compatcanary/src/cli.js";
    let args =
        [program, "scan", "--base-url", &served.base, "--model", "fake-echo", "--format", "json"];
    let mut command = command(Path::new("node"), &args, &folder);
    let output = command.env("OPENAI_API_KEY", &served.key).output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("\"score\": 100"), "{text}");
}
