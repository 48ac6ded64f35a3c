//! Which values a plugin's entry may have.

use std::ops::RangeInclusive;

use contracts::hauski::plugin::{Kind, Plugin};

use super::settings;

/// What is wrong, under which key.
pub(super) struct Fault {
    pub(super) key: &'static str,
    pub(super) what: String,
    pub(super) hint: Option<String>,
}

/// Environment variables through which a program is made to run something else.
const FORBIDDEN_ENV: [&str; 3] = ["LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH"];

/// Checks one entry for itself.
pub(super) fn plugin(plugin: &Plugin) -> Result<(), Fault> {
    names(plugin)?;
    command(plugin)?;
    let Plugin { health, restart, stop, limits, .. } = plugin;
    range("interval_ms", health.interval_ms, 10..=3_600_000)?;
    range("timeout_ms", health.timeout_ms, 10..=600_000)?;
    range("failures", health.failures.into(), 1..=1_000)?;
    range("start_ms", health.start_ms, 10..=3_600_000)?;
    range("backoff_min_ms", restart.backoff_min_ms, 1..=3_600_000)?;
    range("backoff_max_ms", restart.backoff_max_ms, restart.backoff_min_ms..=86_400_000)?;
    range("max", restart.max.into(), 0..=1_000_000)?;
    range("window_s", restart.window_s, 1..=86_400)?;
    if !(0.0..=1.0).contains(&restart.jitter) {
        return Err(fault("jitter", format!("jitter is {}, it goes from 0 to 1", restart.jitter)));
    }
    range("grace_ms", stop.grace_ms, 0..=600_000)?;
    range("memory_bytes", limits.memory_bytes, 1 << 20..=1 << 44)?;
    range("cpu_percent", limits.cpu_percent.into(), 0..=100_000)?;
    range("tasks", limits.tasks.into(), 1..=1_000_000)?;
    range("files", limits.files.into(), 16..=1_000_000)?;
    range("queue", limits.queue.into(), 0..=100_000)?;
    range("inflight", limits.inflight.into(), 1..=10_000)?;
    range("message_bytes", limits.message_bytes.into(), 1_024..=8 << 20)?;
    range("log_lines_per_s", limits.log_lines_per_s.into(), 1..=1_000_000)?;
    match &plugin.config_schema {
        Some(schema) => {
            settings::check(schema, &plugin.config).map_err(|what| fault("config", what))
        }
        None => Ok(()),
    }
}

fn names(plugin: &Plugin) -> Result<(), Fault> {
    if !is_name(&plugin.name) {
        let what = "a name begins with a letter and has at most 32 of a-z, 0-9 and -".to_owned();
        return Err(fault("name", what));
    }
    for capability in plugin.capabilities.iter().chain(&plugin.calls) {
        if !is_dotted(capability, false) {
            let what =
                format!("{capability:?} is not a capability: words of a-z, 0-9, _ and - with dots");
            let key = if plugin.calls.contains(capability) { "calls" } else { "capabilities" };
            return Err(fault(key, what));
        }
    }
    for topic in plugin.events.publish.iter().chain(&plugin.events.subscribe) {
        if !is_dotted(topic, true) {
            let what = format!("{topic:?} is not a topic: words with dots, * only as the last one");
            return Err(fault("events", what));
        }
    }
    for route in &plugin.routes {
        let path = &route.path;
        let plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "/-_.".contains(c));
        if !path.starts_with('/') || !path.ends_with('/') || path.contains("//") || !plain {
            let what = format!(
                "{path:?} is not a route: it begins and ends with / and has plain words between"
            );
            return Err(fault("path", what));
        }
        if path.split('/').any(|part| part == "..") {
            return Err(fault("path", format!("{path:?} leaves the plugin's own routes")));
        }
    }
    if plugin.kind == Kind::Mcp && !plugin.routes.is_empty() {
        return Err(fault("routes", "a server of kind mcp has no routes".to_owned()));
    }
    Ok(())
}

fn command(plugin: &Plugin) -> Result<(), Fault> {
    let Some(program) = plugin.command.first().filter(|program| !program.is_empty()) else {
        return Err(fault("command", "command names no program".to_owned()));
    };
    let texts = plugin.command.iter().chain(plugin.env.values()).chain(plugin.env.keys());
    if texts.into_iter().any(|text| text.contains('\0')) {
        return Err(fault("command", "command and env hold no zero bytes".to_owned()));
    }
    if program.split('/').any(|part| part == "..") {
        return Err(fault("command", format!("{program:?} leaves the folder of plugins.json")));
    }
    if let Some(name) = plugin.env.keys().find(|name| name.is_empty() || name.contains('=')) {
        return Err(fault("env", format!("{name:?} is not the name of a variable")));
    }
    if let Some(name) = plugin.env.keys().find(|name| FORBIDDEN_ENV.contains(&name.as_str())) {
        return Err(fault("env", format!("{name} would load foreign code into the plugin")));
    }
    if let Some(hash) = &plugin.sha256
        && (hash.len() != 64 || !hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
    {
        let mut fault = fault("sha256", "sha256 is not 64 hexadecimal digits".to_owned());
        fault.hint = Some("sha256sum prints it, in lower case".to_owned());
        return Err(fault);
    }
    Ok(())
}

fn range(key: &'static str, value: u64, allowed: RangeInclusive<u64>) -> Result<(), Fault> {
    if allowed.contains(&value) {
        return Ok(());
    }
    let (from, to) = allowed.into_inner();
    Err(fault(key, format!("{key} is {value}, it goes from {from} to {to}")))
}

fn fault(key: &'static str, what: String) -> Fault {
    Fault { key, what, hint: None }
}

fn is_name(name: &str) -> bool {
    let plain = name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    plain && name.len() <= 32 && name.starts_with(|c: char| c.is_ascii_lowercase())
}

fn is_dotted(text: &str, star: bool) -> bool {
    let word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    };
    let (last, front) = match text.rsplit_once('.') {
        Some((front, last)) => (last, Some(front)),
        None => (text, None),
    };
    let last_fits = word(last) || star && last == "*";
    text.len() <= 128 && last_fits && front.is_none_or(|front| front.split('.').all(word))
}
