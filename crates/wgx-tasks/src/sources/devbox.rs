//! devbox: the scripts of `devbox.json` (`shell.scripts`). `init_hook` is no task.

use super::{Place, Scan};
use crate::document::{Node, Value};
use crate::task::Program;

pub(super) fn discover(scan: &mut Scan<'_>) {
    let Some(file) = scan.first_of(&["devbox.json"]) else {
        return;
    };
    let Some(config) = scan.jsonc(&file) else {
        return;
    };
    for include in config.get("include").map(Node::strings).unwrap_or_default() {
        // Plugins may add scripts of their own; those of the built-in ones add none.
        if !include.starts_with("plugin:") {
            let reason = format!("the plugin `{include}` is not read; it may add scripts");
            scan.dynamic(&file, config.entry("include").map(|entry| entry.line), &reason);
        }
    }
    let Some(scripts) = config.path(&["shell", "scripts"]) else {
        return;
    };
    for script in scripts.entries() {
        if !matches!(script.value.value, Value::String(_) | Value::Sequence(_)) {
            let reason = format!("the script `{}` is {}", script.key, script.value.kind());
            scan.broken(&file, Some(script.line), &reason, "make it a string or a list");
            continue;
        }
        let program = Program::Argv {
            argv: ["devbox", "run", &script.key].map(str::to_owned).to_vec(),
            separator: None,
        };
        let mut found = scan.declare(&script.key, Place::new(&file, script.line), program);
        found.commands = script.value.strings().into_iter().map(str::to_owned).collect();
        scan.push(found);
    }
}
