//! What a plugin's process will be and see, worked out and checked before anything is started.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use contracts::hauski::plugin::{
    Events, Health, Kind, Network, Plugin, PluginLimits, Restart, Sandbox, Stop,
};
use serde::{Deserialize, Serialize};

use super::folders;
use super::layer::{Layer, Waivers};
use super::view;

/// Bytes of a plugin's private `/tmp`, and again of its `/dev/shm`, unless its memory is smaller.
const SCRATCH_BYTES: u64 = 256 << 20;
/// Where a plugin with `network: broker` finds the broker.
pub(crate) const BROKER_INSIDE: &str = "/run/hauski/egress.sock";

/// Where a plugin with routes finds the small folder for its HTTP socket.
pub(crate) const HTTP_INSIDE: &str = "/run/hauski/http";
/// Name of the socket there.
pub(crate) const HTTP_SOCKET: &str = "http.sock";

/// Why a plugin is not started: the layer that is missing or the entry that is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct Refusal {
    /// Name of a [`Layer`], or of the field of `plugins.json`.
    pub what: String,
    /// What is the matter, in one clause.
    pub reason: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Refusal {
    pub(crate) fn new(what: impl fmt::Display, reason: impl Into<String>) -> Self {
        Self { what: what.to_string(), reason: reason.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.reason)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, " ({hint})"))
    }
}

/// Where things of the daemon are.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    /// `HAUSKI_HOME`: keys, audit log, sockets; no plugin sees it, its `plugins` and `models` excepted.
    pub home: PathBuf,
    /// The folder of `plugins.json`.
    pub plugins: PathBuf,
    /// The person's home folder, which no plugin gets as a whole.
    pub person: Option<PathBuf>,
    /// Files that no plugin reads, whatever folder is shown to it: `plugins.json` with the environment of all others.
    pub hidden: Vec<PathBuf>,
    /// Folder of the egress brokers' sockets, `NAME.sock` for each plugin with `network: broker`.
    pub brokers: Option<PathBuf>,
    /// Layers given up by the person.
    pub waivers: Waivers,
}

/// The program that has [`super::init::main`] as a role, and the arguments that lead to it.
#[derive(Clone, Debug)]
pub struct Init {
    /// Usually this very program.
    pub program: PathBuf,
    /// For example `["sandbox-init"]`.
    pub role: Vec<String>,
}

/// Whether a folder can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Read and run.
    Read,
    /// Change too.
    Write,
}

/// A folder, file or socket of the host in the plugin's view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// Absolute, without symbolic links.
    pub host: PathBuf,
    /// Where the plugin finds it; absolute.
    pub inside: PathBuf,
    /// Whether it can be changed.
    pub access: Access,
}

/// All that the init role needs; it travels as JSON over a descriptor, never over the command line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) plugin: String,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) folder: PathBuf,
    pub(super) sha256: Option<String>,
    pub(super) binds: Vec<Bind>,
    /// Symbolic links of the system's top folder: `/bin` to `usr/bin`.
    pub(super) links: Vec<(PathBuf, PathBuf)>,
    pub(super) scratch_bytes: u64,
    pub(super) layers: BTreeSet<Layer>,
    pub(super) limits: PluginLimits,
    /// Control groups to join, made by the daemon.
    pub(super) groups: Vec<PathBuf>,
    /// Which limits no control group holds, so that the process's own bounds must.
    pub(super) own_bounds: crate::limits::OwnBounds,
    pub(super) socket: bool,
    pub(super) stdin: bool,
    /// Whether it gets a folder for its HTTP socket.
    pub(super) http: bool,
}

/// A checked plan of one plugin's process.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) order: Order,
    stdio: bool,
}

impl Plan {
    /// The plan for `plugin`.
    ///
    /// # Errors
    ///
    /// A refusal that names the field or layer: a program that is not there, a declared folder that does not exist, is or
    /// goes through a symbolic link, or holds the daemon's or the person's home.
    pub fn new(plugin: &Plugin, paths: &Paths) -> Result<Self, Refusal> {
        let base = folders::real(&paths.plugins, "plugins.json")?;
        let keep_out = folders::KeepOut::new(paths);
        let waived = paths.waivers.of(&plugin.name);
        let mut layers: BTreeSet<Layer> = Layer::ALL.into_iter().collect();
        layers.retain(|layer| !waived.contains(layer));

        let (program, arguments) = command(plugin, &base)?;
        let mut binds = view::system();
        let folder = match &plugin.cwd {
            Some(own) => Some(folders::declared(&base, own, "cwd", &keep_out)?),
            None => keep_out.check(&base, "cwd").is_ok().then(|| base.clone()),
        };
        binds.extend(folder.as_ref().map(|folder| Bind::same(folder, Access::Read)));
        for (names, field, access) in [
            (&plugin.sandbox.read, "sandbox.read", Access::Read),
            (&plugin.sandbox.write, "sandbox.write", Access::Write),
        ] {
            for name in names {
                let folder = folders::declared(&base, name, field, &keep_out)?;
                binds.retain(|bind| bind.inside != folder);
                binds.push(Bind::same(&folder, access));
            }
        }
        for file in &paths.hidden {
            let Ok(file) = folders::real(file, "plugins.json") else { continue };
            if binds.iter().any(|bind| file.starts_with(&bind.inside)) {
                // An empty device in its place, which the view makes unreadable.
                let host = PathBuf::from("/dev/null");
                binds.push(Bind { host, inside: file, access: Access::Read });
            }
        }
        let shown = |program: &Path| binds.iter().any(|bind| program.starts_with(&bind.inside));
        let mut program = program;
        if !view::is_of_system(&program) && !shown(&program) {
            program = folders::real(&program, "command")?;
            if !shown(&program) {
                binds.push(Bind::same(&program, Access::Read));
            }
        }
        let mut plan = Self {
            order: Order {
                plugin: plugin.name.clone(),
                program,
                arguments,
                environment: environment(plugin)?,
                folder: folder.unwrap_or_else(|| PathBuf::from("/tmp")),
                sha256: plugin.sha256.clone(),
                binds,
                links: view::links(),
                scratch_bytes: SCRATCH_BYTES.min(plugin.limits.memory_bytes),
                layers,
                limits: plugin.limits.clone(),
                groups: Vec::new(),
                own_bounds: crate::limits::OwnBounds::default(),
                socket: false,
                stdin: false,
                http: false,
            },
            stdio: plugin.kind != Kind::Rpc,
        };
        plan.order.http = !plugin.routes.is_empty() && plan.order.layers.contains(&Layer::Files);
        if plugin.sandbox.network == Network::Broker {
            let socket = |folder: &PathBuf| folder.join(format!("{}.sock", plugin.name));
            let broker = paths.brokers.as_ref().map(socket).filter(|socket| socket.exists());
            let broker = broker.ok_or_else(|| {
                Refusal::new("sandbox.network", "there is no broker for it")
                    .hint("the daemon opens one at its start for plugins that ask for it then")
            })?;
            plan.share(&broker, Path::new(BROKER_INSIDE), Access::Read)?;
            plan.set("HAUSKI_EGRESS_SOCKET", BROKER_INSIDE);
        }
        Ok(plan)
    }

    /// The plan for a part of this program that runs like a plugin without any folder, without the layers in `without`.
    pub(super) fn of_role(
        init: &Init,
        arguments: &[&str],
        without: &BTreeSet<Layer>,
    ) -> Result<Self, Refusal> {
        let plugin = Plugin {
            name: "self-test".to_owned(),
            version: None,
            description: None,
            kind: Kind::Rpc,
            command: init
                .program
                .to_str()
                .into_iter()
                .map(str::to_owned)
                .chain(init.role.iter().cloned())
                .chain(arguments.iter().map(|&word| word.to_owned()))
                .collect(),
            cwd: None,
            env: BTreeMap::new(),
            sha256: None,
            autostart: false,
            enabled: true,
            after: Vec::new(),
            capabilities: Vec::new(),
            calls: Vec::new(),
            grants: Vec::new(),
            events: Events::default(),
            routes: Vec::new(),
            health: Health::default(),
            restart: Restart::default(),
            stop: Stop::default(),
            limits: PluginLimits::default(),
            sandbox: Sandbox::default(),
            config: serde_json::Map::new(),
            config_schema: None,
        };
        // Its folder would hold the home, so that it works in its private one.
        let mut paths = Paths { home: "/".into(), plugins: "/".into(), ..Paths::default() };
        without.iter().for_each(|layer| paths.waivers.waive(&plugin.name, *layer));
        Self::new(&plugin, &paths)
    }

    /// Puts a file, folder or socket of the daemon's choice into the view, at the absolute path `inside`.
    ///
    /// # Errors
    ///
    /// When it does not exist, or a path is not absolute.
    pub fn share(&mut self, host: &Path, inside: &Path, access: Access) -> Result<(), Refusal> {
        let host = folders::real(host, "shared")?;
        if !inside.is_absolute() {
            return Err(Refusal::new("shared", format!("{} is not absolute", inside.display())));
        }
        self.order.binds.push(Bind { host, inside: inside.to_owned(), access });
        Ok(())
    }

    /// Sets a variable of the plugin's environment.
    pub fn set(&mut self, name: &str, value: &str) {
        self.order.environment.insert(name.to_owned(), value.to_owned());
    }

    /// Whether the plugin gets a folder for its HTTP socket: it has routes and a view of files of its own.
    pub fn serves_http(&self) -> bool {
        self.order.http
    }

    /// Whether the plugin speaks over standard input and output, so that a channel for its input is needed.
    pub fn is_stdio(&self) -> bool {
        self.stdio
    }

    /// Layers that a person gave up for this plugin; empty in the usual case. To be shown, loudly.
    pub fn waived(&self) -> Vec<Layer> {
        Layer::ALL.into_iter().filter(|layer| !self.order.layers.contains(layer)).collect()
    }

    /// What of the host the plugin sees.
    pub fn binds(&self) -> &[Bind] {
        &self.order.binds
    }
}

impl Bind {
    pub(super) fn same(path: &Path, access: Access) -> Self {
        Self { host: path.to_owned(), inside: path.to_owned(), access }
    }
}

/// The program, absolute, and its arguments.
fn command(plugin: &Plugin, base: &Path) -> Result<(PathBuf, Vec<String>), Refusal> {
    let refuse = |reason: String| Refusal::new("command", reason);
    let (name, arguments) =
        plugin.command.split_first().ok_or_else(|| refuse("is empty".to_owned()))?;
    if plugin.command.iter().any(|part| part.contains('\0')) {
        return Err(refuse("holds a NUL byte".to_owned()));
    }
    let own = base.join(name);
    let mut places = vec![own.clone()];
    if !name.contains('/') {
        places.extend(view::PROGRAM_FOLDERS.iter().map(|folder| Path::new(folder).join(name)));
    }
    let found = places.into_iter().find(|path| path.is_file()).ok_or_else(|| {
        refuse(format!("{} is not a file", own.display()))
            .hint("a relative program lies below the folder of plugins.json")
    })?;
    if view::is_of_system(&found) {
        return Ok((found, arguments.to_vec()));
    }
    // The file itself may be a link, as python3 of an environment is; the folders on the way are taken as they are.
    let parent = folders::real(found.parent().unwrap_or(Path::new("/")), "command")?;
    let program = parent.join(found.file_name().unwrap_or_default());
    Ok((program, arguments.to_vec()))
}

fn environment(plugin: &Plugin) -> Result<BTreeMap<String, String>, Refusal> {
    let mut all = BTreeMap::from([
        ("PATH".to_owned(), view::PROGRAM_FOLDERS.join(":")),
        ("HOME".to_owned(), "/tmp".to_owned()),
        ("TMPDIR".to_owned(), "/tmp".to_owned()),
        ("LANG".to_owned(), "C.UTF-8".to_owned()),
    ]);
    for (name, value) in &plugin.env {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return Err(Refusal::new("env", format!("{name:?} cannot be a variable")));
        }
        all.insert(name.clone(), value.clone());
    }
    all.insert("HAUSKI_PLUGIN_NAME".to_owned(), plugin.name.clone());
    Ok(all)
}
