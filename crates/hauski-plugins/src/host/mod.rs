//! The plugin host: asks plugins, passes their questions on, and shows how they are.

mod choose;
mod house;
pub(crate) mod mcp;
mod side;

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};
use std::time::Duration;

use contracts::hauski::plugin::Plugin;
use contracts::hauski::plugin_status::{HostEvent, LogLine, PluginStatus};
use contracts::hauski::protocol::{Event, Meta, PluginModel};
use jiff::Timestamp;
use redact::Redactor;
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc, oneshot};

pub use house::{House, HouseAnswer};
pub(crate) use side::HostSide;

use crate::logs::{FileWriter, LogBook, LogQuery, Ways, history};
use crate::manifest::Manifest;
use crate::protocol::{Call, instant_after};
use crate::sandbox::{Init, Paths};
use crate::supervisor::{CallDurations, HostCall, HttpFolder, Keeper, Order, Unit, UnitOptions};

/// Events that a slow listener may be behind.
const EVENTS: usize = 1_024;

/// What a host needs.
pub struct HostOptions {
    /// The plugins.
    pub manifest: Manifest,
    /// Where things of the daemon are; in its home, logs go to `logs/`. The folder
    /// of plugins is that of the manifest, whatever is said here.
    pub paths: Paths,
    /// The program that has [`crate::sandbox::init::main`] as a role; the daemon itself and `sandbox-init`.
    pub init: Init,
    /// Masks secrets in logs.
    pub redactor: Redactor,
}

/// Why the host could not start.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// A folder of the daemon cannot be used.
    #[error("failed to use {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no plugin of that name.
    #[error("there is no plugin {0:?}")]
    UnknownPlugin(String),
    /// What was wanted did not come about.
    #[error("plugin {plugin}: {cause}")]
    Failed {
        /// The plugin.
        plugin: String,
        /// Why, in one sentence.
        cause: String,
    },
}

/// Whom to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Whoever has the capability, and the model where one is named.
    Capability {
        /// For example `chat`.
        name: String,
        /// A model of the plugin.
        model: Option<String>,
    },
    /// One plugin.
    Plugin {
        /// Its name.
        name: String,
        /// What it is asked for.
        capability: String,
    },
}

impl Target {
    /// Whoever has the capability.
    pub fn capability(name: &str) -> Self {
        Self::Capability { name: name.to_owned(), model: None }
    }

    /// Whoever has the capability with a model.
    pub fn model(name: &str, model: &str) -> Self {
        Self::Capability { name: name.to_owned(), model: Some(model.to_owned()) }
    }

    /// One plugin.
    pub fn plugin(name: &str, capability: &str) -> Self {
        Self::Plugin { name: name.to_owned(), capability: capability.to_owned() }
    }
}

/// How to ask.
#[derive(Debug)]
pub struct CallOptions {
    /// Until the call is given up; default 30 s.
    pub deadline: Duration,
    /// File descriptors that travel with it, at most 16.
    pub fds: Vec<OwnedFd>,
}

impl Default for CallOptions {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(30), fds: Vec::new() }
    }
}

/// A model and the plugin that has it.
#[derive(Clone, Debug, PartialEq)]
pub struct HostModel {
    /// The plugin.
    pub plugin: String,
    /// The model.
    pub model: PluginModel,
}

/// A tool of a server of kind mcp.
#[derive(Clone, Debug, PartialEq)]
pub struct HostTool {
    /// The plugin.
    pub plugin: String,
    /// The capability by which it is called: `plugin.tool`.
    pub capability: String,
    /// Name, description and input schema as the server gave them.
    pub tool: Value,
}

/// The plugin host. Cheap to clone; the last clone that goes ends all plugins.
#[derive(Clone)]
pub struct Host {
    inner: Arc<HostInner>,
}

pub(crate) struct HostInner {
    units: RwLock<Vec<Arc<Unit>>>,
    events: broadcast::Sender<HostEvent>,
    files: FileWriter,
    options: Shared,
    house: OnceLock<Arc<dyn House>>,
}

struct Shared {
    logs: PathBuf,
    ways: Ways,
    paths: Paths,
    init: Init,
    redactor: Redactor,
}

impl Host {
    /// Makes the folders and starts the plugins that start with the daemon. It does not wait for them.
    ///
    /// # Errors
    ///
    /// When a folder cannot be used.
    pub fn start(options: HostOptions) -> Result<Self, HostError> {
        let logs = options.paths.home.join("logs");
        let files = FileWriter::start(&logs)
            .map_err(|source| HostError::Folder { path: logs.clone(), source })?;
        let run_folder = options.paths.home.join("run").join("plugins");
        // Sockets that an older daemon left there are nobody's.
        match std::fs::remove_dir_all(&run_folder) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(HostError::Folder { path: run_folder, source });
            }
            _ => {}
        }
        let ways =
            Ways::open().map_err(|source| HostError::Folder { path: logs.clone(), source })?;
        let inner = Arc::new(HostInner {
            units: RwLock::default(),
            events: broadcast::Sender::new(EVENTS),
            files,
            options: Shared {
                logs,
                ways,
                paths: Paths { plugins: options.manifest.folder, ..options.paths },
                init: options.init,
                redactor: options.redactor,
            },
            house: OnceLock::new(),
        });
        let mut keepers = Vec::new();
        for plugin in options.manifest.plugins {
            let (unit, keeper) = inner.new_unit(plugin);
            inner.units.write().unwrap_or_else(PoisonError::into_inner).push(unit);
            keepers.push(keeper);
        }
        // Only now can each find those it waits for.
        for keeper in keepers {
            tokio::spawn(keeper.run());
        }
        Ok(Self { inner })
    }

    /// Offers the daemon's own capabilities to the plugins, from now on. Only the first one counts.
    pub fn set_house(&self, house: Arc<dyn House>) {
        let _ = self.inner.house.set(house);
    }

    /// Asks. The call begins at once; its events are read from what is returned.
    pub fn call(&self, target: &Target, params: Value, options: CallOptions) -> Call {
        self.inner.call(target, params, options, Meta::default(), 0)
    }

    /// How the plugins are, in the order in which they are started.
    pub fn plugins(&self) -> Vec<PluginStatus> {
        self.inner.units().iter().map(|unit| unit.status()).collect()
    }

    /// How one plugin is.
    pub fn plugin(&self, name: &str) -> Option<PluginStatus> {
        self.inner.unit(name).map(|unit| unit.status())
    }

    /// How long the answered calls of a plugin took.
    pub fn durations(&self, name: &str) -> Option<CallDurations> {
        self.inner.unit(name).map(|unit| unit.durations())
    }

    /// Its entry in `plugins.json` as it is in force.
    pub fn entry(&self, name: &str) -> Option<Plugin> {
        self.inner.unit(name).map(|unit| (*unit.spec()).clone())
    }

    /// Models of the plugins that run.
    pub fn models(&self) -> Vec<HostModel> {
        let of_unit = |unit: &Arc<Unit>| {
            let models = unit.current().map_or_else(Vec::new, |instance| instance.models.clone());
            let plugin = unit.name.to_string();
            models.into_iter().map(move |model| HostModel { plugin: plugin.clone(), model })
        };
        self.inner.units().iter().flat_map(of_unit).collect()
    }

    /// Tools of servers of kind mcp; while one starts again, those it last had.
    pub fn tools(&self) -> Vec<HostTool> {
        let of_unit = |unit: &Arc<Unit>| {
            let plugin = unit.name.to_string();
            let tools = unit.last_offered().tools.into_iter();
            tools.map(move |tool| {
                let name = tool.get("name").and_then(Value::as_str).unwrap_or_default();
                let capability = format!("{plugin}.{name}");
                HostTool { plugin: plugin.clone(), capability, tool }
            })
        };
        self.inner.units().iter().flat_map(of_unit).collect()
    }

    /// Starts a plugin; returns when it answers.
    ///
    /// # Errors
    ///
    /// When there is none of that name, or it did not start.
    pub async fn start_plugin(&self, name: &str) -> Result<(), HostError> {
        self.order(name, Order::Start).await
    }

    /// Stops a plugin; returns when nothing of it is left.
    ///
    /// # Errors
    ///
    /// When there is none of that name.
    pub async fn stop_plugin(&self, name: &str) -> Result<(), HostError> {
        self.order(name, Order::Stop).await
    }

    /// Stops and starts a plugin; returns when it answers.
    ///
    /// # Errors
    ///
    /// When there is none of that name, or it did not start.
    pub async fn restart_plugin(&self, name: &str) -> Result<(), HostError> {
        self.order(name, Order::Restart).await
    }

    /// Puts a fresh process in the place of a running one without a failed call, and with another entry of the
    /// manifest where one is given. When the new one does not start, the old one stays.
    ///
    /// # Errors
    ///
    /// When there is none of that name, the entry does not hold, or the new process did not start.
    pub async fn reload_plugin(&self, name: &str, entry: Option<Plugin>) -> Result<(), HostError> {
        if let Some(entry) = &entry {
            let failed = |cause| HostError::Failed { plugin: name.to_owned(), cause };
            Manifest::check_entry(entry).map_err(failed)?;
            if entry.name != name {
                return Err(failed(format!("the entry is that of {:?}", entry.name)));
            }
        }
        self.order(name, |reply| Order::Reload(entry.map(Box::new), reply)).await
    }

    async fn order(
        &self,
        name: &str,
        order: impl FnOnce(oneshot::Sender<Result<(), String>>) -> Order,
    ) -> Result<(), HostError> {
        let unit = self.inner.unit(name);
        let unit = unit.ok_or_else(|| HostError::UnknownPlugin(name.to_owned()))?;
        unit.order(order)
            .await
            .map_err(|cause| HostError::Failed { plugin: name.to_owned(), cause })
    }

    /// Takes another manifest: plugins that are new start, those that are gone stop, those that changed are
    /// reloaded. Returns what could not be done, by plugin.
    pub async fn apply(&self, manifest: Manifest) -> BTreeMap<String, String> {
        let mut problems = BTreeMap::new();
        let known = self.inner.units();
        for unit in &known {
            if manifest.get(&unit.name).is_none() {
                let ended = unit.order(Order::End).await;
                if let Err(cause) = ended {
                    problems.insert(unit.name.to_string(), cause);
                }
            }
        }
        let mut keepers = Vec::new();
        let mut changed = Vec::new();
        let units = manifest.plugins.into_iter().map(|plugin| {
            match known.iter().find(|unit| *unit.name == plugin.name) {
                Some(unit) => {
                    if *unit.spec() != plugin {
                        changed.push((Arc::clone(unit), plugin));
                    }
                    Arc::clone(unit)
                }
                None => {
                    let (unit, keeper) = self.inner.new_unit(plugin);
                    keepers.push(keeper);
                    unit
                }
            }
        });
        let units: Vec<_> = units.collect();
        *self.inner.units.write().unwrap_or_else(PoisonError::into_inner) = units;
        for keeper in keepers {
            tokio::spawn(keeper.run());
        }
        for (unit, plugin) in changed {
            let order = |reply| Order::Reload(Some(Box::new(plugin)), reply);
            if let Err(cause) = unit.order(order).await {
                problems.insert(unit.name.to_string(), cause);
            }
        }
        problems
    }

    /// What happens from now on. A listener that is too slow is told how much it missed.
    pub fn events(&self) -> broadcast::Receiver<HostEvent> {
        self.inner.events.subscribe()
    }

    /// Tells the plugins that listen to a topic.
    pub fn publish(&self, topic: &str, data: &Value) {
        self.inner.publish(topic, data);
    }

    /// The log of a plugin.
    pub fn logs(&self, name: &str) -> Option<Arc<LogBook>> {
        self.inner.unit(name).map(|unit| Arc::clone(&unit.options.book))
    }

    /// The newest lines of all plugins that fit, oldest first.
    pub fn search_logs(&self, query: &LogQuery) -> Vec<Arc<LogLine>> {
        let units = self.inner.units();
        let mut found: Vec<_> =
            units.iter().flat_map(|unit| unit.options.book.search(query)).collect();
        found.sort_by(|a, b| a.at.cmp(&b.at));
        let skip = found.len().saturating_sub(query.limit);
        found.split_off(skip)
    }

    /// As [`Host::search_logs`], in the files of all plugins too, also those written before the daemon started.
    /// Reads up to 32 MiB for each plugin: call it where blocking is allowed.
    pub fn search_log_history(&self, query: &LogQuery) -> Vec<Arc<LogLine>> {
        let mut found = self.search_logs(query);
        for unit in self.inner.units() {
            let before = unit.options.book.oldest();
            found.extend(history(&self.inner.options.logs, &unit.name, query, before.as_deref()));
        }
        found.sort_by(|a, b| a.at.cmp(&b.at));
        let skip = found.len().saturating_sub(query.limit);
        found.split_off(skip)
    }

    /// Lines of log that did not reach the disk because it was slow, full or gone.
    pub fn log_lines_not_written(&self) -> u64 {
        self.inner.files.lost()
    }

    /// Where the running instance of a plugin serves HTTP, when it has routes.
    pub fn http(&self, name: &str) -> Option<Arc<HttpFolder>> {
        self.inner.unit(name)?.current()?.http.clone()
    }

    /// Stops all plugins, the last started first. Those that wait for none of the others stop together.
    pub async fn shutdown(&self) {
        let mut units = self.inner.units();
        while !units.is_empty() {
            let needed =
                |name: &str| units.iter().any(|u| u.spec().after.iter().any(|a| a == name));
            let (rest, free): (Vec<_>, Vec<_>) =
                units.iter().cloned().partition(|unit| needed(&unit.name));
            let stops = free.iter().map(|unit| unit.order(Order::End));
            // A plugin whose task has ended already is stopped.
            let _ = futures_util::future::join_all(stops).await;
            units = rest;
        }
    }
}

impl HostInner {
    fn new_unit(self: &Arc<Self>, plugin: Plugin) -> (Arc<Unit>, Keeper) {
        let (orders, receiver) = mpsc::unbounded_channel();
        let limit = plugin.limits.log_lines_per_s;
        let redactor = self.options.redactor.clone();
        let book = LogBook::new(
            &plugin.name,
            limit,
            redactor,
            Some(self.files.sink()),
            self.options.ways.clone(),
        );
        let options = UnitOptions {
            host: Arc::downgrade(self),
            paths: self.options.paths.clone(),
            init: self.options.init.clone(),
            events: self.events.clone(),
            book,
        };
        let unit = Unit::new(plugin, options, orders);
        let keeper = Keeper::new(&unit, receiver);
        (unit, keeper)
    }

    /// The daemon's own capability of that name, where it has one.
    pub(crate) fn house(&self, capability: &str) -> Option<Arc<dyn House>> {
        self.house.get().filter(|house| house.has(capability)).cloned()
    }

    pub(crate) fn units(&self) -> Vec<Arc<Unit>> {
        self.units.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn unit(&self, name: &str) -> Option<Arc<Unit>> {
        self.units().into_iter().find(|unit| &*unit.name == name)
    }

    /// Asks on behalf of the daemon or of a plugin.
    pub(crate) fn call(
        &self,
        target: &Target,
        params: Value,
        options: CallOptions,
        meta: Meta,
        depth: u32,
    ) -> Call {
        let deadline = instant_after(options.deadline);
        match choose::unit(&self.units(), target) {
            Err(error) => Call::failed(error),
            Ok(unit) => {
                let capability = match target {
                    Target::Capability { name, .. } => name.clone(),
                    Target::Plugin { capability, .. } => capability.clone(),
                };
                let call = HostCall { capability, params, meta, fds: options.fds, depth };
                unit.call(call, deadline)
            }
        }
    }

    /// Tells the plugins that listen. One that does not read loses events, which is counted.
    pub(crate) fn publish(&self, topic: &str, data: &Value) {
        /// Events wait for a plugin up to here; calls may still follow.
        const MAX_WAITING_BYTES: usize = 1 << 20;
        for unit in self.units() {
            let Some(instance) = unit.current().filter(|instance| instance.hears(topic)) else {
                continue;
            };
            let event = json!(Event { topic: topic.to_owned(), data: data.clone() });
            let full = instance.endpoint.outbox().queued_bytes() > MAX_WAITING_BYTES;
            if full || instance.endpoint.notify("event", event).is_err() {
                unit.events_dropped.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }

    /// A plugin has published something.
    pub(crate) fn published(&self, plugin: &str, event: Event) {
        self.publish(&event.topic, &event.data);
        // Nobody may be listening.
        let _ = self.events.send(HostEvent::Published {
            at: format!("{:.3}", Timestamp::now()),
            plugin: plugin.to_owned(),
            topic: event.topic,
            data: event.data,
        });
    }
}

impl Drop for HostInner {
    fn drop(&mut self) {
        for unit in self.units() {
            unit.end();
        }
    }
}

/// A handle that does not keep the host alive.
pub(crate) type WeakHost = Weak<HostInner>;
