//! A host in an empty home, with scripted plugins.

use std::time::{Duration, Instant};

use contracts::hauski::plugin_status::{PluginState, PluginStatus};
use hauski_plugins::sandbox::{Init, Paths};
use hauski_plugins::{CallError, CallOptions, Host, HostOptions, Manifest, Target};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The scripted plugin.
pub(crate) const FIXTURE: &str = env!("CARGO_BIN_EXE_plugin-fixture");

/// A host in an empty home.
pub(crate) struct Desk {
    pub(crate) host: Host,
    /// Holds `plugins`, the folder of the manifest, and `home`.
    pub(crate) folder: TempDir,
}

/// An entry of plugins.json that runs a script of the fixture.
pub(crate) fn plugin(name: &str, script: &str, more: &Value) -> Value {
    let mut entry = json!({
        "name": name,
        "kind": "stdio",
        "command": [FIXTURE, script],
        "health": { "interval_ms": 200, "timeout_ms": 1_500 },
        "restart": { "backoff_min_ms": 20, "backoff_max_ms": 100 },
        "stop": { "grace_ms": 3_000 },
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        entry[key] = value.clone();
    }
    entry
}

/// The text of a plugins.json.
pub(crate) fn manifest_text(plugins: &[Value]) -> String {
    json!({ "schema": 1, "plugins": plugins }).to_string()
}

impl Desk {
    /// Starts the host; does not wait for the plugins.
    pub(crate) fn start(plugins: &[Value]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let plugins_folder = folder.path().join("plugins");
        std::fs::create_dir(&plugins_folder).expect("a folder for plugins");
        Self::start_in(folder, plugins)
    }

    /// Starts the host in a folder that has `plugins` with what they need.
    pub(crate) fn start_in(folder: TempDir, plugins: &[Value]) -> Self {
        let text = manifest_text(plugins);
        let own = folder.path().join("plugins");
        let file = own.join("plugins.json");
        let manifest = Manifest::parse(&file, &own, &text).expect("a sound manifest");
        let host = Host::start(HostOptions {
            manifest,
            paths: Paths { home: folder.path().join("home"), ..Paths::default() },
            init: Init { program: FIXTURE.into(), role: vec!["sandbox-init".to_owned()] },
            redactor: redact::Redactor::for_merges(),
        });
        Self { host: host.expect("a host"), folder }
    }

    /// Starts the host and waits until all plugins run.
    pub(crate) async fn running(plugins: &[Value]) -> Self {
        Self::start(plugins).all_running().await
    }

    /// Waits until all plugins run.
    pub(crate) async fn all_running(self) -> Self {
        let desk = self;
        for status in desk.host.plugins() {
            desk.until(&status.name, PluginState::Running).await;
        }
        desk
    }

    /// Waits until a plugin is in a state.
    pub(crate) async fn until(&self, name: &str, state: PluginState) -> PluginStatus {
        let fits = |status: &PluginStatus| status.state == state;
        self.until_that(name, &format!("it is {state:?}"), fits).await
    }

    /// Waits until something holds of a plugin.
    pub(crate) async fn until_that(
        &self,
        name: &str,
        what: &str,
        fits: impl Fn(&PluginStatus) -> bool,
    ) -> PluginStatus {
        let began = Instant::now();
        loop {
            let status = self.host.plugin(name).expect("the plugin");
            if fits(&status) {
                return status;
            }
            let log = self.host.logs(name).expect("a log").tail(30);
            let log: Vec<_> = log.iter().map(|line| line.message.as_str()).collect();
            assert!(began.elapsed() < Duration::from_secs(30), "{what}: {status:?}\n{log:#?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Asks whoever has a capability, for at most 10 s.
    pub(crate) async fn ask(&self, capability: &str, params: Value) -> Result<Value, CallError> {
        self.ask_within(capability, params, Duration::from_secs(10)).await
    }

    /// Asks whoever has a capability.
    pub(crate) async fn ask_within(
        &self,
        capability: &str,
        params: Value,
        deadline: Duration,
    ) -> Result<Value, CallError> {
        let options = CallOptions { deadline, ..CallOptions::default() };
        self.host.call(&Target::capability(capability), params, options).result().await
    }

    /// Waits until a line of a plugin's log holds a text.
    pub(crate) async fn until_logged(&self, name: &str, text: &str) {
        let began = Instant::now();
        let log = self.host.logs(name).expect("a log");
        while !log.tail(10_000).iter().any(|line| line.message.contains(text)) {
            assert!(began.elapsed() < Duration::from_secs(20), "no line with {text:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Processes of this machine whose command line holds a text.
pub(crate) fn processes_with(text: &str) -> usize {
    let all = std::fs::read_dir("/proc").expect("the processes").flatten();
    let lines = all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(text)).count()
}
