//! hatch: scripts of environments, with what they inherit from their templates.

use std::collections::HashMap;

use crate::document::Node;
use crate::sources::Scan;
use crate::sources::scan::{Place, argv};

use super::{collect_commands, rest_of_arguments};

/// Environments that hatch keeps for its own commands; it lists them only on request.
const INTERNAL: [&str; 7] = [
    "hatch-build",
    "hatch-check-code",
    "hatch-check-fmt",
    "hatch-check-types",
    "hatch-static-analysis",
    "hatch-test",
    "hatch-uv",
];

pub(super) fn discover(scan: &mut Scan<'_>, tool: Option<&Node>) {
    let table = tool.and_then(|tool| tool.get("hatch"));
    let mut file = scan.path("pyproject.toml");
    let own = scan.path("hatch.toml");
    let own_table = if scan.has("hatch.toml") { scan.toml(&own) } else { None };
    let env = table.and_then(|table| table.get("env"));
    // A key of hatch.toml replaces the same key of [tool.hatch] as a whole.
    let env = own_table.as_ref().and_then(|own| own.get("env")).or(env);
    let mut envs = table.and_then(|table| table.get("envs"));
    if let Some(own_envs) = own_table.as_ref().and_then(|own_table| own_table.get("envs")) {
        envs = Some(own_envs);
        file = own;
    }
    if let Some(collectors) = env.and_then(|env| env.entry("collectors")) {
        let reason = "a hatch plugin may add environments (env.collectors)";
        scan.dynamic(&file, Some(collectors.line), reason);
    }
    if let Some(envs) = envs {
        list(scan, &file, envs);
    }
}

fn list(scan: &mut Scan<'_>, file: &str, envs: &Node) {
    let mut environments = Environments { envs, scripts: HashMap::new() };
    for env in envs.entries().iter().filter(|env| !INTERNAL.contains(&env.key.as_str())) {
        for script in environments.scripts_of(&env.key, &mut Vec::new()) {
            if !script.name.starts_with('_') {
                push(scan, file, &env.key, &script);
            }
        }
    }
}

#[derive(Clone)]
struct Script<'a> {
    name: &'a str,
    line: u32,
    commands: &'a Node,
}

struct Environments<'a> {
    envs: &'a Node,
    scripts: HashMap<&'a str, Vec<Script<'a>>>,
}

impl<'a> Environments<'a> {
    /// An environment's own scripts and those of its template (`default` unless detached).
    fn scripts_of(&mut self, name: &str, active: &mut Vec<&'a str>) -> Vec<Script<'a>> {
        let Some(entry) = self.envs.entry(name) else {
            return Vec::new();
        };
        if let Some(known) = self.scripts.get(entry.key.as_str()) {
            return known.clone();
        }
        if active.contains(&entry.key.as_str()) {
            return Vec::new();
        }
        let mut scripts = own_scripts(&entry.value);
        let detached = entry.value.get("detached").and_then(Node::as_bool) == Some(true);
        let template = entry.value.get("template").and_then(Node::as_str).unwrap_or("default");
        if !detached && template != name {
            active.push(&entry.key);
            for inherited in self.scripts_of(template, active) {
                if scripts.iter().all(|own| own.name != inherited.name) {
                    scripts.push(inherited);
                }
            }
            active.pop();
        }
        self.scripts.insert(&entry.key, scripts.clone());
        scripts
    }
}

/// `extra-scripts` give way to `scripts` and are not inherited, but both are offered.
fn own_scripts(env: &Node) -> Vec<Script<'_>> {
    let mut scripts: Vec<Script<'_>> = Vec::new();
    for field in ["scripts", "extra-scripts"] {
        for entry in env.get(field).map(Node::entries).unwrap_or_default() {
            if scripts.iter().all(|known| known.name != entry.key) {
                scripts.push(Script { name: &entry.key, line: entry.line, commands: &entry.value });
            }
        }
    }
    scripts
}

fn push(scan: &mut Scan<'_>, file: &str, env: &str, script: &Script<'_>) {
    let name = match env {
        "default" => script.name.to_owned(),
        env => format!("{env}:{}", script.name),
    };
    let program = argv(&["hatch", "run", &name]);
    let mut found = scan.declare(&name, Place::new(file, script.line), program);
    found.task.group = Some("hatch".into());
    collect_commands(script.commands, &mut found.commands);
    if found.commands.iter().any(|command| command.contains("{args")) {
        found.task.args.push(rest_of_arguments());
    }
    scan.push(found);
}
