//! Limits of plugin processes: control groups where they are allowed, the process's own bounds otherwise.

mod groups;
mod own;

use serde::{Deserialize, Serialize};

pub use groups::Groups;
pub(crate) use own::bound;

/// Which limits no control group holds here, so that each process must be bounded by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnBounds {
    /// Memory: writable data of each process, instead of all memory of the tree.
    pub memory: bool,
    /// Processes and threads: counted within the sandbox's user namespace.
    pub tasks: bool,
}

/// One limit and what holds it on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// `memory`, `tasks`, `cpu`, `files`.
    pub limit: &'static str,
    /// What holds it; none when nothing does.
    pub by: Option<String>,
    /// What is weaker than it should be, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What holds each limit here. Makes and removes a control group to find out.
pub fn held() -> Vec<Held> {
    let groups = Groups::find("doctor");
    let mut all = Vec::new();
    for (limit, by, own) in [
        ("memory", groups.by("memory"), "RLIMIT_DATA of each process"),
        ("tasks", groups.by("pids"), "RLIMIT_NPROC of the user namespace"),
        ("cpu", groups.by("cpu"), ""),
    ] {
        let none = own.is_empty() || (limit == "tasks" && own::tasks_unbounded().is_some());
        all.push(match by {
            Ok(folder) => Held { limit, by: Some(folder), note: None },
            Err(why) if none => Held { limit, by: None, note: Some(why) },
            Err(why) => Held { limit, by: Some(own.to_owned()), note: Some(why) },
        });
    }
    all.push(Held {
        limit: "files",
        by: Some("RLIMIT_NOFILE of each process".to_owned()),
        note: None,
    });
    all
}
