//! Whether something may be done, step by step.

use contracts::hauski::explain::{Explain, Kind, Rule};
use contracts::hauski::plugin::{Network, Plugin, Plugins};

use super::{Answer, url};
use crate::load::{Loaded, Policies, element, is_dotted};

/// A question without its answer yet.
fn ask<'a>(subject: &'a str, sha256: Option<&'a str>) -> Answer<'a> {
    Answer { kind: Kind::Action, subject, steps: Vec::new(), sha256 }
}

/// A rule of a policy file, with its line where the file says it.
fn rule<T>(file: &Loaded<T>, key: &str, value: &dyn ToString) -> Option<Rule> {
    Some(Rule {
        file: file.path().display().to_string(),
        line: file.position(key).map(|at| at.line),
        key: key.to_owned(),
        value: value.to_string(),
        purpose: None,
    })
}

/// `CAPABILITY cloud`
pub(super) fn cloud(capability: &str, policies: &Policies) -> Option<Explain> {
    is_dotted(capability).then_some(())?;
    let subject = format!("{capability} cloud");
    let mut answer = ask(&subject, policies.routing.sha256());
    let fallback = &policies.routing.routing.cloud_fallback;
    let key = |name: &str| format!("routing.cloud_fallback.{name}");
    if !answer.step("routing.cloud_fallback is enabled", fallback.enabled) {
        return Some(answer.denied(
            "cloud_off",
            "work stays in the house",
            "set routing.cloud_fallback.enabled to true in routing.yaml if it may leave it",
            rule(&policies.routing, &key("enabled"), &false),
        ));
    }
    let place = fallback.only_if.iter().position(|one| one == capability);
    let meant = fallback.only_if.is_empty() || place.is_some();
    if !answer.step("only_if is empty or names the capability", meant) {
        return Some(answer.denied(
            "cloud_capability_not_listed",
            "routing.cloud_fallback.only_if names other capabilities",
            "add the capability there if its work may leave the house",
            rule(&policies.routing, &key("only_if"), &fallback.only_if.join(", ")),
        ));
    }
    // Loading has checked that egress.allow names every upstream.
    let names: Vec<&str> = fallback.upstreams.iter().map(|one| one.name.as_str()).collect();
    if !answer.step("there is an upstream", !names.is_empty()) {
        return Some(answer.denied(
            "cloud_without_upstream",
            "no provider outside the house is named",
            "name one in routing.cloud_fallback.upstreams",
            rule(&policies.routing, &key("upstreams"), &"[]"),
        ));
    }
    let allowing = match place {
        Some(index) => rule(&policies.routing, &element(&key("only_if"), index), &capability),
        None => rule(&policies.routing, &key("enabled"), &true),
    };
    let when = if policies.routing.routing.prefer_local {
        "when no local provider can answer"
    } else {
        "before a local provider"
    };
    let message = format!("{} may answer {when}; each use is audited", names.join(", "));
    Some(answer.allowed("cloud_on", &message, allowing))
}

/// `CAPABILITY local`
pub(super) fn local(capability: &str, policies: &Policies) -> Option<Explain> {
    is_dotted(capability).then_some(())?;
    let subject = format!("{capability} local");
    let mut answer = ask(&subject, policies.routing.sha256());
    let first = policies.routing.routing.prefer_local;
    answer.step("local providers may always answer", true);
    let (reason, message) = if first {
        ("local_first", "a local provider is asked first")
    } else {
        ("local_second", "a local provider is asked when none outside the house may or can answer")
    };
    Some(answer.allowed(reason, message, rule(&policies.routing, "routing.prefer_local", &first)))
}

/// `memory pin KEY`
pub(super) fn pin(key: &str, policies: &Policies) -> Explain {
    let subject = format!("memory pin {key}");
    let mut answer = ask(&subject, policies.memory.sha256());
    let covers = |entry: &String| match entry.strip_suffix('*') {
        Some(stem) => key.starts_with(stem),
        None => key == entry,
    };
    let place = policies.memory.pin_allowlist.iter().position(covers);
    answer.step("pin_allowlist names the key or its beginning", place.is_some());
    match place {
        Some(index) => {
            let value = &policies.memory.pin_allowlist[index];
            let rule = rule(&policies.memory, &element("pin_allowlist", index), &value);
            answer.allowed("pin_listed", "the key may be kept for good", rule)
        }
        None => answer.denied(
            "pin_not_listed",
            "the key lives only as long as its layer says",
            "add it to pin_allowlist in memory.yaml if it is to stay",
            None,
        ),
    }
}

/// `plugin:NAME call|publish|subscribe|egress OBJECT`
pub(super) fn plugin(
    name: &str,
    verb: &str,
    object: &str,
    policies: &Policies,
    plugins: Option<&Plugins>,
) -> Option<Explain> {
    if !matches!(verb, "call" | "publish" | "subscribe" | "egress") {
        return None;
    }
    // An address may hold what is nobody's business; only its origin is repeated.
    let shown =
        if verb == "egress" { url::explain(object, policies).subject } else { object.to_owned() };
    let subject = format!("plugin:{name} {verb} {shown}");
    let mut answer = ask(&subject, None);
    let known = plugins.and_then(|file| file.plugins.iter().find(|plugin| plugin.name == name));
    answer.step("plugins.json names the plugin", known.is_some());
    let Some(plugin) = known else {
        return Some(answer.denied(
            "plugin_unknown",
            "there is no plugin of this name",
            "`hauski plugins` lists them",
            None,
        ));
    };
    if !answer.step("the plugin is enabled", plugin.enabled) {
        return Some(answer.denied(
            "plugin_disabled",
            "the plugin may not run at all",
            "set its `enabled` to true in plugins.json",
            manifest(plugin, "enabled", "false"),
        ));
    }
    Some(match verb {
        "call" => listed(answer, plugin, "calls", &plugin.calls, object),
        "publish" => listed(answer, plugin, "events.publish", &plugin.events.publish, object),
        "subscribe" => listed(answer, plugin, "events.subscribe", &plugin.events.subscribe, object),
        _ => through_broker(answer, plugin, object, policies),
    })
}

fn manifest(plugin: &Plugin, key: &str, value: &str) -> Option<Rule> {
    Some(Rule {
        file: "plugins.json".to_owned(),
        line: None,
        key: format!("{}.{key}", plugin.name),
        value: value.to_owned(),
        purpose: None,
    })
}

fn listed(
    mut answer: Answer<'_>,
    plugin: &Plugin,
    key: &str,
    list: &[String],
    object: &str,
) -> Explain {
    // Topics may end in `*`, which stands for one word; capabilities are named in full.
    let covers = |entry: &&String| match entry.strip_suffix('*') {
        Some(stem) if key != "calls" => {
            object.strip_prefix(stem).is_some_and(|word| !word.is_empty() && !word.contains('.'))
        }
        _ => entry.as_str() == object,
    };
    let found = list.iter().find(covers);
    answer.step(&format!("its `{key}` names it"), found.is_some());
    match found {
        Some(entry) => {
            answer.allowed("manifest_listed", "its manifest names it", manifest(plugin, key, entry))
        }
        None => answer.denied(
            "manifest_not_listed",
            "its manifest does not name it",
            &format!("add it to its `{key}` in plugins.json if it is meant"),
            manifest(plugin, key, &list.join(", ")),
        ),
    }
}

fn through_broker(
    mut answer: Answer<'_>,
    plugin: &Plugin,
    address: &str,
    policies: &Policies,
) -> Explain {
    let granted = plugin.sandbox.network == Network::Broker;
    if !answer.step("its `sandbox.network` is `broker`", granted) {
        return answer.denied(
            "plugin_without_network",
            "the plugin has no network at all",
            "set its `sandbox.network` to `broker` in plugins.json if it may reach what routing.yaml allows",
            manifest(plugin, "sandbox.network", "deny"),
        );
    }
    let mut report = url::explain(address, policies);
    report.steps.splice(0..0, answer.steps);
    Explain { subject: answer.subject.to_owned(), kind: Kind::Action, ..report }
}
