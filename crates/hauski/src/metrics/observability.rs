//! Alert rules for Prometheus and a dashboard for Grafana, made from what the registry holds and from the default
//! budgets. They are committed under `observability/`; a test compares.

use std::fmt::Write as _;

use contracts::hauski::policy::Latency;
use serde_json::{Value, json};

/// A metric of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Family<'t> {
    name: &'t str,
    kind: &'t str,
    help: &'t str,
}

/// The files by name, from a page of metrics.
pub(crate) fn files(page: &str) -> [(&'static str, String); 2] {
    let families = families(page);
    [("grafana-dashboard.json", dashboard(&families)), ("prometheus-rules.yml", rules(&families))]
}

/// What a page of metrics says of its families, in their order.
fn families(page: &str) -> Vec<Family<'_>> {
    let named = |line: &'static str| {
        let lines = page.lines().filter_map(move |text| text.strip_prefix(line));
        lines.filter_map(|text| text.split_once(' '))
    };
    let helps: Vec<_> = named("# HELP ").collect();
    let kinds = named("# TYPE ");
    kinds
        .map(|(name, kind)| {
            let help = helps.iter().find(|(other, _)| *other == name).map_or("", |(_, help)| help);
            Family { name, kind, help: help.trim_end_matches('.') }
        })
        .collect()
}

/// The query that shows a family best.
fn query(family: &Family<'_>) -> String {
    let name = family.name;
    match family.kind {
        "histogram" => {
            let by = labels(name);
            format!("histogram_quantile(0.95, sum by ({by}) (rate({name}_bucket[5m])))")
        }
        "counter" => format!("sum by ({}) (rate({name}_total[5m]))", labels(name)),
        "info" => format!("{name}_info"),
        _ => name.to_owned(),
    }
}

/// What a family is told apart by; `le` is what a histogram needs.
fn labels(name: &str) -> &'static str {
    match name {
        "http_requests" => "method, path, status",
        "http_request_duration_seconds" => "le, method, path",
        "engine_tokens" => "capability, kind",
        _ if name.ends_with("_seconds") => "le, capability",
        _ => "plugin",
    }
}

fn dashboard(families: &[Family<'_>]) -> String {
    let panels: Vec<Value> = families
        .iter()
        .enumerate()
        .map(|(at, family)| {
            let unit = if family.kind == "histogram" { "s" } else { "short" };
            let help = family.help;
            let title =
                if family.kind == "histogram" { format!("{help} (p95)") } else { help.to_owned() };
            json!({
                "id": at + 1,
                "type": "timeseries",
                "title": title,
                "description": family.name,
                "datasource": {"type": "prometheus", "uid": "${datasource}"},
                "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
                "gridPos": {"h": 8, "w": 12, "x": at % 2 * 12, "y": at / 2 * 8},
                "targets": [{"refId": "A", "expr": query(family)}],
            })
        })
        .collect();
    let source = json!({"name": "datasource", "type": "datasource", "query": "prometheus"});
    let dashboard = json!({
        "uid": "hauski",
        "title": "hauski",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [source]},
        "panels": panels,
    });
    format!("{dashboard:#}\n")
}

/// One alert for each default budget whose histogram the registry holds, and one for a daemon that is gone.
fn rules(families: &[Family<'_>]) -> String {
    let budgets = Latency::default();
    let alerts = [
        (
            "HauskiChatSlow",
            "engine_first_chunk_seconds",
            "{capability=\"chat\"}",
            budgets.llm_p95_ms,
        ),
        (
            "HauskiSearchSlow",
            "engine_duration_seconds",
            "{capability=\"search\"}",
            budgets.index_topk20_ms,
        ),
        ("HauskiRequestsSlow", "http_request_duration_seconds", "", budgets.llm_p95_ms),
    ];
    let mut text = String::from(
        "# Made by `cargo xtask observability` from the registry of metrics and the default budgets.\n\
         groups:\n  - name: hauski\n    rules:\n      - alert: HauskiDown\n        expr: absent(build_info)\n        \
         for: 2m\n        annotations:\n          summary: the daemon gives no metrics\n",
    );
    for (alert, name, wanted, limit_ms) in alerts {
        let Some(family) = families.iter().find(|family| family.name == name) else { continue };
        let seconds = f64::from(limit_ms) / 1e3;
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "      - alert: {alert}\n        expr: >-\n          histogram_quantile(0.95, sum by (le) \
             (rate({name}_bucket{wanted}[5m]))) > {seconds}\n        for: 10m\n        annotations:\n          \
             summary: \"p95 above {limit_ms} ms: {help}\"\n",
            help = family.help
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn the_committed_files_are_those_of_the_registry() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../observability");
        for (name, text) in files(&Metrics::with_examples().render().unwrap()) {
            let committed = std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
            assert_eq!(committed, text, "{name} is stale; run `cargo xtask observability`");
        }
    }

    #[test]
    fn every_family_of_the_registry_has_a_panel() {
        let page = Metrics::with_examples().render().unwrap();
        let dashboard: Value = serde_json::from_str(&dashboard(&families(&page))).unwrap();
        let kinds = page.lines().filter(|line| line.starts_with("# TYPE ")).count();
        assert!(kinds >= 5, "{page}");
        assert_eq!(dashboard["panels"].as_array().unwrap().len(), kinds);
    }
}
