//! Composer: the scripts of `composer.json`, event scripts included, as `composer run-script --list`
//! shows them.

use super::{Place, Scan};
use crate::document::Node;
use crate::task::Program;

/// Events that Composer itself runs scripts for; they can be started by name as well.
const EVENTS: [&str; 25] = [
    "command",
    "init",
    "post-archive-cmd",
    "post-autoload-dump",
    "post-create-project-cmd",
    "post-file-download",
    "post-install-cmd",
    "post-package-install",
    "post-package-uninstall",
    "post-package-update",
    "post-root-package-install",
    "post-status-cmd",
    "post-update-cmd",
    "pre-archive-cmd",
    "pre-autoload-dump",
    "pre-command-run",
    "pre-file-download",
    "pre-install-cmd",
    "pre-operations-exec",
    "pre-package-install",
    "pre-package-uninstall",
    "pre-package-update",
    "pre-pool-create",
    "pre-status-cmd",
    "pre-update-cmd",
];

pub(super) fn discover(scan: &mut Scan<'_>) {
    let Some(file) = scan.first_of(&["composer.json"]) else {
        return;
    };
    let Some(manifest) = scan.json(&file) else {
        return;
    };
    let Some(scripts) = manifest.entry("scripts") else {
        return;
    };
    if !scripts.value.is_mapping() && !scripts.value.items().is_empty() {
        let reason = format!("`scripts` is {}, not a map", scripts.value.kind());
        scan.broken(&file, Some(scripts.line), &reason, "make it a map of name to command");
    }
    for script in scripts.value.entries() {
        let name = script.key.as_str();
        let place = Place::new(&file, script.line);
        let mut found = scan.declare(name, place, run(name));
        let described = manifest.path(&["scripts-descriptions", name]);
        found.task.description = described.and_then(Node::as_str).and_then(super::scan::first_line);
        found.task.group = EVENTS.contains(&name).then(|| "event".to_owned());
        let aliases = manifest.path(&["scripts-aliases", name]);
        found.task.aliases = owned(aliases);
        found.commands = owned(Some(&script.value));
        scan.push(found);
    }
}

fn run(name: &str) -> Program {
    Program::Argv {
        argv: ["composer", "run-script", name].map(str::to_owned).to_vec(),
        separator: Some("--"),
    }
}

fn owned(node: Option<&Node>) -> Vec<String> {
    let strings = node.map(Node::strings).unwrap_or_default();
    strings.into_iter().map(str::to_owned).collect()
}
