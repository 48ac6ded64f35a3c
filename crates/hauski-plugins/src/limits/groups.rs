//! Control groups of version 2 and 1: one group for each plugin, made by the daemon below its own.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use contracts::hauski::plugin::PluginLimits;

use super::OwnBounds;
use super::own::{INIT_TASKS, tasks_unbounded};
use crate::sandbox::{Layer, Refusal};

/// Microseconds of the period in which processor time is counted.
const PERIOD_US: u64 = 100_000;
const PREFIX: &str = "hauski-plugin-";
/// The daemon's own leaf below a delegated group: processes and controllers do not share a group.
const LEAF: &str = "daemon";

/// Groups whose processes were still ending when their plugin's hold was dropped.
static LEFT: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
static COUNT: AtomicU32 = AtomicU32::new(0);

/// The groups of one plugin. Dropping ends what still runs in them and removes them.
#[derive(Debug, Default)]
pub struct Groups {
    /// Folder by controller; in version 2 one for all.
    folders: BTreeMap<&'static str, PathBuf>,
    /// Why a controller is not there.
    missing: BTreeMap<&'static str, String>,
    unified: bool,
    own: OwnBounds,
}

impl Groups {
    /// Makes the groups and writes the limits.
    ///
    /// # Errors
    ///
    /// When a limit is asked for that nothing here can hold.
    pub(crate) fn make(name: &str, limits: &PluginLimits) -> Result<Self, Refusal> {
        let mut groups = Self::find(name);
        let memory = limits.memory_bytes.to_string();
        let tasks = (u64::from(limits.tasks) + INIT_TASKS).to_string();
        let quota = u64::from(limits.cpu_percent) * PERIOD_US / 100;
        groups.own.memory = if groups.unified {
            !groups.write("memory", &[("memory.max", &memory), ("memory.oom.group", "1")])
        } else {
            !groups.write("memory", &[("memory.limit_in_bytes", &memory)])
        };
        // Without swap accounting there is no such file, and a plugin may be swapped out; that takes no memory from others.
        let swap = if groups.unified {
            ("memory.swap.max", "0")
        } else {
            ("memory.memsw.limit_in_bytes", &*memory)
        };
        groups.optional("memory", swap);
        groups.own.tasks = !groups.write("pids", &[("pids.max", &tasks)]);
        if groups.own.tasks
            && let Some(exempt) = tasks_unbounded()
        {
            return Err(Refusal::new(
                Layer::Limits,
                format!("nothing bounds the number of processes: {}; {exempt}", groups.why("pids")),
            )
            .hint("run the daemon as an ordinary user, or allow it control groups"));
        }
        if quota > 0 {
            let both = format!("{quota} {PERIOD_US}");
            let (quota, period) = (quota.to_string(), PERIOD_US.to_string());
            let bounded = if groups.unified {
                groups.write("cpu", &[("cpu.max", &both)])
            } else {
                groups.write("cpu", &[("cpu.cfs_period_us", &period), ("cpu.cfs_quota_us", &quota)])
            };
            if !bounded {
                return Err(Refusal::new(
                    Layer::Limits,
                    format!("nothing bounds processor time: {}", groups.why("cpu")),
                )
                .hint("leave cpu_percent out, or allow the daemon control groups (Delegate=yes)"));
            }
        }
        Ok(groups)
    }

    /// Makes groups in every hierarchy that allows it, without limits.
    pub(super) fn find(name: &str) -> Self {
        sweep();
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{name}-{}-{number}", std::process::id());
        let mut groups = Self::default();
        let hierarchies = match Hierarchies::read() {
            Ok(found) => found,
            Err(error) => {
                let why = format!("/proc/self/cgroup: {error}");
                groups.missing = ["memory", "pids", "cpu"].map(|each| (each, why.clone())).into();
                return groups;
            }
        };
        if let Some(own) = &hierarchies.unified {
            match delegated(own) {
                Ok((base, controllers))
                    if controllers.iter().any(|c| c == "memory" || c == "pids") =>
                {
                    let folder = base.join(&name);
                    if fs::create_dir(&folder).is_ok() {
                        groups.unified = true;
                        for controller in ["memory", "pids", "cpu"] {
                            if controllers.iter().any(|each| each == controller) {
                                groups.folders.insert(controller, folder.clone());
                            } else {
                                let why = format!("{} does not give {controller}", base.display());
                                groups.missing.insert(controller, why);
                            }
                        }
                        return groups;
                    }
                }
                Ok((base, _)) => {
                    groups.lack(&format!("{} gives no controllers", base.display()));
                }
                Err(why) => groups.lack(&why),
            }
        }
        for controller in ["memory", "pids", "cpu"] {
            let Some(own) = hierarchies.single.get(controller) else {
                let why = format!("there is no control group for {controller}");
                groups.missing.entry(controller).or_insert(why);
                continue;
            };
            let folder = own.join(&name);
            match fs::create_dir(&folder) {
                Ok(()) => drop(groups.folders.insert(controller, folder)),
                Err(error) => {
                    groups.missing.insert(controller, format!("{}: {error}", own.display()));
                }
            }
        }
        groups
    }

    /// The folders whose `cgroup.procs` the process writes itself into.
    pub(crate) fn joinable(&self) -> Vec<PathBuf> {
        let mut all: Vec<_> = self.folders.values().cloned().collect();
        all.dedup();
        all
    }

    pub(crate) fn own_bounds(&self) -> OwnBounds {
        self.own
    }

    /// What holds a controller's limit, or why nothing does.
    pub(super) fn by(&self, controller: &'static str) -> Result<String, String> {
        let version = if self.unified { 2 } else { 1 };
        match self.folders.get(controller).and_then(|folder| folder.parent()) {
            Some(base) => Ok(format!("control group v{version} below {}", base.display())),
            None => Err(self.why(controller)),
        }
    }

    /// Whether the kernel ended a process here because the memory was used up.
    pub(crate) fn out_of_memory(&self) -> bool {
        let file = if self.unified { "memory.events" } else { "memory.oom_control" };
        let Some(folder) = self.folders.get("memory") else { return false };
        let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
        text.lines()
            .any(|line| line.strip_prefix("oom_kill ").is_some_and(|count| count.trim() != "0"))
    }

    /// Ends every process in the group at once, where the kernel can (version 2, since 5.14).
    pub(crate) fn kill(&self) {
        if self.unified
            && let Some(folder) = self.folders.values().next()
        {
            let _ = fs::write(folder.join("cgroup.kill"), "1");
        }
    }

    fn why(&self, controller: &str) -> String {
        self.missing.get(controller).cloned().unwrap_or_else(|| "no control group".to_owned())
    }

    fn lack(&mut self, why: &str) {
        for controller in ["memory", "pids", "cpu"] {
            self.missing.insert(controller, why.to_owned());
        }
    }

    /// Whether all of `settings` were taken.
    fn write(&mut self, controller: &'static str, settings: &[(&str, &str)]) -> bool {
        let Some(folder) = self.folders.get(controller) else { return false };
        for (file, value) in settings {
            if let Err(error) = fs::write(folder.join(file), value) {
                let why = format!("{}: {error}", folder.join(file).display());
                self.missing.insert(controller, why);
                return false;
            }
        }
        true
    }

    fn optional(&self, controller: &str, (file, value): (&str, &str)) {
        if let Some(folder) = self.folders.get(controller) {
            let _ = fs::write(folder.join(file), value);
        }
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        self.kill();
        for folder in self.joinable() {
            if fs::remove_dir(&folder).is_err()
                && let Ok(mut left) = LEFT.lock()
            {
                left.push(folder);
            }
        }
    }
}

/// Removes groups whose processes have ended since, also those of a daemon that was killed.
fn sweep() {
    if let Ok(mut left) = LEFT.lock() {
        left.retain(|folder| folder.exists() && fs::remove_dir(folder).is_err());
    }
    let Ok(hierarchies) = Hierarchies::read() else { return };
    let bases = hierarchies.single.values().chain(&hierarchies.unified);
    for entry in bases.filter_map(|base| fs::read_dir(base).ok()).flatten().flatten() {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let owner = rest.rsplit('-').nth(1).unwrap_or_default();
        if !Path::new("/proc").join(owner).exists() {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// This process's own groups.
#[derive(Debug, Default, PartialEq, Eq)]
struct Hierarchies {
    unified: Option<PathBuf>,
    single: BTreeMap<String, PathBuf>,
}

impl Hierarchies {
    fn read() -> io::Result<Self> {
        let own = fs::read_to_string("/proc/self/cgroup")?;
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        Ok(Self::parse(&own, &mounts))
    }

    fn parse(own: &str, mounts: &str) -> Self {
        let mut all = Self::default();
        for line in mounts.lines() {
            let Some((before, after)) = line.split_once(" - ") else { continue };
            let mut fields = before.split(' ').skip(3);
            let (Some(root), Some(point)) = (fields.next(), fields.next()) else { continue };
            let mut fields = after.split(' ');
            let kind = fields.next().unwrap_or_default();
            let options = fields.nth(1).unwrap_or_default();
            let folder = |names: &str| {
                let path = own.lines().find_map(|line| {
                    let mut parts = line.splitn(3, ':').skip(1);
                    (parts.next()? == names).then(|| parts.next()).flatten()
                })?;
                // A mount shows the part of the tree below its root; outside of it, there is nothing to work with.
                let below = Path::new(path).strip_prefix(root).ok()?;
                Some(Path::new(point).join(below).components().collect())
            };
            match kind {
                "cgroup2" => all.unified = folder(""),
                "cgroup" => {
                    for controller in ["memory", "pids", "cpu"] {
                        if options.split(',').any(|option| option == controller) {
                            let names = own.lines().filter_map(|line| line.split(':').nth(1));
                            let names = names.filter(|n| n.split(',').any(|n| n == controller));
                            if let Some(folder) = names.filter_map(folder).next() {
                                all.single.insert(controller.to_owned(), folder);
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        all
    }
}

/// The group below which plugins' groups can be made, and the controllers that they get.
fn delegated(own: &Path) -> Result<(PathBuf, Vec<String>), String> {
    // systemd's DelegateSubgroup and ourselves put the daemon into a leaf of the delegated group.
    let is_leaf = own.file_name().is_some_and(|name| name == LEAF);
    let base = if is_leaf { own.parent().unwrap_or(own) } else { own };
    let read = |file: &str| {
        let path = base.join(file);
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let words = |text: String| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let offered = words(read("cgroup.controllers")?);
    let wanted = ["memory", "pids", "cpu"].into_iter().filter(|c| offered.iter().any(|o| o == c));
    for controller in wanted {
        let control = base.join("cgroup.subtree_control");
        if words(read("cgroup.subtree_control")?).iter().any(|each| each == controller) {
            continue;
        }
        let enable = || fs::write(&control, format!("+{controller}"));
        if enable().is_err() {
            // A group with processes of its own gives its children no controllers: step aside, if we are alone in it.
            let alone = read("cgroup.procs")?.trim() == std::process::id().to_string();
            if !alone || is_leaf {
                return Err(format!("{} is not given to the daemon", base.display()));
            }
            let leaf = base.join(LEAF);
            let fault = |error: io::Error| format!("{}: {error}", leaf.display());
            fs::create_dir_all(&leaf).map_err(fault)?;
            fs::write(leaf.join("cgroup.procs"), "0").map_err(fault)?;
            enable().map_err(|error| format!("{}: {error}", control.display()))?;
        }
    }
    Ok((base.to_owned(), words(read("cgroup.subtree_control")?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_groups_of_both_versions_are_found() {
        let mounts = "\
31 23 0:27 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
32 23 0:28 /box /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
33 23 0:29 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
34 23 0:30 /other /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
";
        let own =
            "5:pids:/elsewhere\n4:memory:/a/b\n3:cpu,cpuacct:/box/c\n0::/user.slice/x.scope\n";
        let found = Hierarchies::parse(own, mounts);
        assert_eq!(found.unified, Some("/sys/fs/cgroup/unified/user.slice/x.scope".into()));
        assert_eq!(
            found.single,
            BTreeMap::from([
                ("memory".to_owned(), "/sys/fs/cgroup/memory/a/b".into()),
                ("cpu".to_owned(), "/sys/fs/cgroup/cpu,cpuacct/c".into()),
            ]),
            "a group outside of what its mount shows is none to work with"
        );
    }
}
