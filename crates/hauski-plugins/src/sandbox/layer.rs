//! The layers of the sandbox by name, and the loud setting that leaves one out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One layer. Each stops something that no other stops alone; `docs/sandbox.md` has the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// Every descriptor but 0, 1, 2 and 3 is closed.
    Descriptors,
    /// Nothing of the daemon's environment is passed on.
    Environment,
    /// The whole tree ends when the daemon ends.
    Parent,
    /// No new privileges, no capabilities.
    Privileges,
    /// A user namespace of its own, in which no further one can be made.
    User,
    /// A network namespace without any network; its loopback stays down.
    Network,
    /// A process namespace: nothing outside is seen or signalled, and all inside ends with its first process.
    Process,
    /// No shared memory or queues of System V and POSIX with the outside.
    Ipc,
    /// A host name of its own.
    Hostname,
    /// The names of the host's control groups are not seen.
    ControlGroups,
    /// A view of the file system with the system's programs and the declared folders.
    Files,
    /// The filter of system calls.
    SystemCalls,
    /// Memory, processes, processor time, open files.
    Limits,
}

impl Layer {
    /// All of them, in the order in which they are set up.
    pub const ALL: [Self; 13] = [
        Self::Descriptors,
        Self::Environment,
        Self::Parent,
        Self::Limits,
        Self::User,
        Self::Network,
        Self::Process,
        Self::Ipc,
        Self::Hostname,
        Self::ControlGroups,
        Self::Files,
        Self::Privileges,
        Self::SystemCalls,
    ];

    /// Its name in settings, reports and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Descriptors => "descriptors",
            Self::Environment => "environment",
            Self::Parent => "parent",
            Self::Privileges => "privileges",
            Self::User => "user",
            Self::Network => "network",
            Self::Process => "process",
            Self::Ipc => "ipc",
            Self::Hostname => "hostname",
            Self::ControlGroups => "control-groups",
            Self::Files => "files",
            Self::SystemCalls => "system-calls",
            Self::Limits => "limits",
        }
    }

    /// What it is for, in one clause.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Descriptors => "no open file or socket of the daemon",
            Self::Environment => "no variable of the daemon",
            Self::Parent => "ends with the daemon",
            Self::Privileges => "no capability, none to be gained",
            Self::User => "no rights over anything outside, no further namespace",
            Self::Network => "no network device and no route",
            Self::Process => "no process outside seen, signalled or left over",
            Self::Ipc => "no shared memory or queue with the outside",
            Self::Hostname => "a host name of its own",
            Self::ControlGroups => "no view of the host's control groups",
            Self::Files => "the system's programs and the declared folders only",
            Self::SystemCalls => "no socket but Unix, none of the calls that lead out",
            Self::Limits => "memory, processes, processor time, files",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Layer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|layer| layer.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|layer| layer.name()).collect();
            format!("no layer is called {text:?}; there are: {} and all", names.join(", "))
        })
    }
}

/// Layers that a person has given up for single plugins: `HAUSKI_SANDBOX_WAIVE=name:layer,name:all`.
///
/// It is a setting of the daemon and never of `plugins.json`: a plugin must not decide its own trust. The daemon warns on
/// each start of such a plugin and shows it in the plugin's status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waivers(BTreeMap<String, BTreeSet<Layer>>);

impl Waivers {
    /// The layers given up for `plugin`.
    pub fn of(&self, plugin: &str) -> BTreeSet<Layer> {
        self.0.get(plugin).cloned().unwrap_or_default()
    }

    /// Gives up `layer` for `plugin`.
    pub fn waive(&mut self, plugin: &str, layer: Layer) {
        self.0.entry(plugin.to_owned()).or_default().insert(layer);
    }

    /// The plugins that lack a layer.
    pub fn plugins(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl FromStr for Waivers {
    type Err = String;

    /// `name:layer`, several with commas; `all` gives up every layer.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut waivers = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (plugin, layer) = part
                .split_once(':')
                .filter(|(plugin, _)| !plugin.is_empty())
                .ok_or_else(|| format!("{part:?} is not of the form name:layer"))?;
            if layer == "all" {
                Layer::ALL.into_iter().for_each(|layer| waivers.waive(plugin, layer));
            } else {
                waivers.waive(plugin, layer.parse()?);
            }
        }
        Ok(waivers)
    }
}
