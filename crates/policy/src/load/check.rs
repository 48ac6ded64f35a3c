//! What the four files may say: the range of every number, the form of every name, and what must fit together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::Path;

use contracts::hauski::policy::{Layer, Limits, Memory, Models, Routing, Upstream};
use url::Url;

use super::{PolicyError, Positions, child, element};
use crate::egress::{Decision, EgressPolicy, Entry};

/// Longest time that a request or a budget may name, in seconds and milliseconds: a day, ten minutes.
const MAX_SECONDS: u32 = 86_400;
const MAX_LATENCY_MS: u32 = 600_000;
/// A hundred years.
const MAX_TTL_SEC: u64 = 3_155_760_000;
/// Most items of a layer, and most uses before a promotion, that a policy may name.
const MAX_ITEMS: u64 = 10_000_000;
const MAX_USES: u32 = 1_000_000;

/// Collects what is wrong in one file, each with its line.
pub(super) struct Checker<'a> {
    file: &'a Path,
    positions: &'a Positions,
    problems: &'a mut Vec<PolicyError>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(
        file: &'a Path,
        positions: &'a Positions,
        problems: &'a mut Vec<PolicyError>,
    ) -> Self {
        Self { file, positions, problems }
    }

    fn problem(&mut self, path: &str, what: impl Into<String>, hint: impl Into<String>) {
        let at = self.positions.nearest(path);
        self.problems.push(PolicyError {
            file: self.file.to_owned(),
            line: at.map(|at| at.line),
            column: at.map(|at| at.column),
            what: what.into(),
            hint: Some(hint.into()),
        });
    }

    /// `unit` follows the bounds, for example ` ms`. A NaN lies in no range.
    fn range<N: PartialOrd + Display + Copy>(
        &mut self,
        path: &str,
        value: N,
        bounds: (N, N),
        unit: &str,
    ) {
        let (low, high) = bounds;
        if !(value >= low && value <= high) {
            self.problem(
                path,
                format!("{path} is {value}, out of range"),
                format!("from {low} to {high}{unit}"),
            );
        }
    }
}

pub(super) fn limits(limits: &Limits, checker: &mut Checker<'_>) {
    let latency = &limits.latency;
    let budget = (1, MAX_LATENCY_MS);
    checker.range("latency.llm_p95_ms", latency.llm_p95_ms, budget, " ms");
    checker.range("latency.index_topk20_ms", latency.index_topk20_ms, budget, " ms");
    for (route, value) in &latency.routes {
        let path = child("latency.routes", route);
        if !is_route(route) && !is_dotted(route) {
            checker.problem(
                &path,
                "a budget is named by a route or a capability",
                "for example `GET /health` or `chat`",
            );
        }
        checker.range(&path, *value, budget, " ms");
    }
    let request = &limits.request;
    checker.range("request.max_body_bytes", request.max_body_bytes, (1 << 10, 4 << 30), " bytes");
    checker.range(
        "request.max_output_tokens",
        request.max_output_tokens,
        (1, 10_000_000),
        " tokens",
    );
    checker.range("request.max_seconds", request.max_seconds, (1, MAX_SECONDS), " s");
    checker.range("request.max_concurrent", request.max_concurrent, (1, 65_536), "");
    checker.range("thermal.gpu_max_c", limits.thermal.gpu_max_c, (30, 120), " degrees Celsius");
    checker.range("thermal.dgpu_power_w", limits.thermal.dgpu_power_w, (1, 2_000), " W");
    checker.range("asr.wer_max_pct", limits.asr.wer_max_pct, (0.0, 100.0), " percent");
}

pub(super) fn memory(memory: &Memory, checker: &mut Checker<'_>) {
    if let Some(seconds) = memory.default_ttl_sec {
        checker.range("default_ttl_sec", seconds, (1, MAX_TTL_SEC), " s");
    }
    layers(&memory.layers, "layers", checker);
    for (name, namespace) in &memory.namespaces {
        let path = child("namespaces", name);
        if name.is_empty() || name.len() > 128 || name.chars().any(char::is_control) {
            checker.problem(&path, "not a name of a namespace", "1 to 128 visible characters");
        }
        layers(&namespace.layers, &child(&path, "layers"), checker);
    }
    for (index, key) in memory.pin_allowlist.iter().enumerate() {
        let stem = key.strip_suffix('*').unwrap_or(key);
        if stem.is_empty() || stem.contains('*') || stem.chars().any(char::is_control) {
            checker.problem(
                &element("pin_allowlist", index),
                "not a key or the beginning of keys",
                "for example `profile.name` or `profile.*`; a * stands at the end only, after something",
            );
        }
    }
}

fn layers(layers: &BTreeMap<String, Layer>, path: &str, checker: &mut Checker<'_>) {
    for (name, layer) in layers {
        let path = child(path, name);
        if !matches!(name.as_str(), "short" | "working" | "long") {
            checker.problem(&path, "no such layer", "short, working or long");
        }
        if let Some(seconds) = layer.ttl_sec {
            checker.range(&child(&path, "ttl_sec"), seconds, (1, MAX_TTL_SEC), " s");
            if layer.pinned {
                checker.problem(
                    &path,
                    "a layer is either pinned or has a ttl_sec",
                    "remove one of the two",
                );
            }
        }
        if let Some(seconds) = layer.half_life_sec {
            checker.range(&child(&path, "half_life_sec"), seconds, (1, MAX_TTL_SEC), " s");
        }
        if let Some(items) = layer.max_items {
            checker.range(&child(&path, "max_items"), items, (1, MAX_ITEMS), "");
        }
        if let Some(uses) = layer.promote_after_uses {
            checker.range(&child(&path, "promote_after_uses"), uses, (0, MAX_USES), "");
            if name == "long" && uses > 0 {
                checker.problem(
                    &child(&path, "promote_after_uses"),
                    "there is no layer after long",
                    "remove it",
                );
            }
        }
    }
}

pub(super) fn models(models: &Models, checker: &mut Checker<'_>) {
    let mut seen = BTreeSet::new();
    for (index, model) in models.models.iter().enumerate() {
        let path = element("models", index);
        if !is_model(&model.id) {
            checker.problem(
                &child(&path, "id"),
                "not an id of a model",
                "1 to 128 visible characters without spaces",
            );
        } else if !seen.insert(&model.id) {
            checker.problem(
                &child(&path, "id"),
                format!("the model {} stands here twice", model.id),
                "give each model its own id",
            );
        }
        if model.path.is_empty() || model.path.contains('\0') {
            checker.problem(
                &child(&path, "path"),
                "a model needs its file",
                "path: /where/it/lies.gguf",
            );
        }
        if let Some(size) = model.vram_min_gb {
            checker.range(&child(&path, "vram_min_gb"), size, (0.0, 4_096.0), " GB");
        }
    }
}

pub(super) fn routing(routing: &Routing, checker: &mut Checker<'_>) {
    let mut seen = BTreeSet::new();
    for (index, entry) in routing.egress.allow.iter().enumerate() {
        let path = element("egress.allow", index);
        match Entry::parse(entry) {
            Ok(parsed) => {
                if !seen.insert(parsed.to_string()) {
                    checker.problem(
                        &path,
                        format!("{parsed} stands here twice"),
                        "keep one of the two",
                    );
                }
            }
            Err(fault) => checker.problem(&path, fault.what, fault.hint),
        }
    }
    let fallback = &routing.routing.cloud_fallback;
    for (index, capability) in fallback.only_if.iter().enumerate() {
        if !is_dotted(capability) {
            checker.problem(
                &element("routing.cloud_fallback.only_if", index),
                "not a capability",
                "dotted words such as `chat` or `repo.read`",
            );
        }
    }
    let egress = EgressPolicy::new(routing).ok();
    let mut names = BTreeSet::new();
    for (index, one) in fallback.upstreams.iter().enumerate() {
        let path = element("routing.cloud_fallback.upstreams", index);
        if names.insert(&one.name) {
            upstream(one, &path, egress.as_ref(), checker);
        } else {
            checker.problem(
                &child(&path, "name"),
                "an upstream of this name stands above",
                "give each upstream its own name",
            );
        }
    }
}

fn upstream(one: &Upstream, path: &str, egress: Option<&EgressPolicy>, checker: &mut Checker<'_>) {
    if !is_name(&one.name) {
        checker.problem(
            &child(path, "name"),
            "not a name of an upstream",
            "small letters, digits, - and _, a letter first, at most 64",
        );
    }
    let base = child(path, "base_url");
    match Url::parse(&one.base_url) {
        Ok(url) if url.query().is_none() && url.fragment().is_none() => {
            if let Some(Decision::Denied(denied)) =
                egress.map(|egress| egress.decide(&one.base_url))
            {
                checker.problem(&base, format!("base_url: {}", denied.message), denied.hint);
            }
        }
        Ok(_) | Err(_) => checker.problem(
            &base,
            "base_url is not a plain address",
            "for example https://api.example.org/v1, without ? and #",
        ),
    }
    if one.key.as_deref().is_some_and(|key| !is_secret_reference(key)) {
        checker.problem(
            &child(path, "key"),
            "key is not a reference to a secret",
            "for example secret://env/NAME; the key itself never stands in a file of policies",
        );
    }
    for (here, there) in &one.models {
        if !is_model(here) || !is_model(there) {
            checker.problem(
                &child(&child(path, "models"), here),
                "not a name of a model here and one there",
                "1 to 128 visible characters without spaces",
            );
        }
    }
}

/// `secret://PROVIDER/NAME` with a provider of the house.
fn is_secret_reference(text: &str) -> bool {
    let Some((provider, name)) =
        text.strip_prefix("secret://").and_then(|rest| rest.split_once('/'))
    else {
        return false;
    };
    let known = ["age", "env", "gh", "op", "sops", "systemd"].contains(&provider);
    known && !name.is_empty() && name.chars().all(|one| one.is_ascii_graphic())
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && text.len() <= 64
        && bytes
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
}

/// Dotted words, the names of capabilities.
pub(crate) fn is_dotted(text: &str) -> bool {
    text.len() <= 128 && text.split('.').all(is_name)
}

fn is_model(text: &str) -> bool {
    let visible = |one: char| !one.is_whitespace() && !one.is_control();
    (1..=128).contains(&text.chars().count()) && text.chars().all(visible)
}

fn is_route(text: &str) -> bool {
    text.split_once(' ').is_some_and(|(method, path)| {
        !method.is_empty()
            && method.bytes().all(|byte| byte.is_ascii_uppercase())
            && path.starts_with('/')
            && path.chars().all(|one| one.is_ascii_graphic())
    })
}
