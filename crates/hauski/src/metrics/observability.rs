//! Alert rules for Prometheus, a dashboard for Grafana and `docs/metrics.md`, made from what the registry holds and
//! from the default budgets. They are committed; a test compares.

use std::fmt::Write as _;

use contracts::hauski::policy::Latency;
use serde_json::{Value, json};

/// A metric of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Family<'t> {
    name: &'t str,
    kind: &'t str,
    help: &'t str,
    /// What its samples are told apart by.
    labels: Vec<&'t str>,
}

/// The files by their path in the repository, from a page of metrics on which every family holds something.
pub(crate) fn files(page: &str) -> [(&'static str, String); 3] {
    let families = families(page);
    [
        ("docs/metrics.md", table(&families)),
        ("observability/grafana-dashboard.json", dashboard(&families)),
        ("observability/prometheus-rules.yml", rules(&families)),
    ]
}

/// One table of all metrics.
fn table(families: &[Family<'_>]) -> String {
    let mut text = String::from(
        "<!-- Made by `cargo xtask observability` from the registry of metrics; a test compares. -->\n# Metrics\n\n\
         `GET /metrics` gives them in the text format of OpenMetrics, to keys with the scope `metrics`. Labels hold patterns of \
         routes, names of plugins and words of closed lists, never what a client wrote. Counters carry the suffix `_total` on \
         the page, histograms `_bucket`, `_sum` and `_count`. `observability/` holds alert rules for Prometheus and a dashboard \
         for Grafana.\n\n| metric | kind | labels | what it counts |\n| --- | --- | --- | --- |\n",
    );
    for family in families {
        let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind, help) = (family.name, family.kind, family.help);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| `{name}` | {kind} | {} | {help} |", labels.join(", "));
    }
    text
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
            let labels = labels(page, name);
            Family { name, kind, help: help.trim_end_matches('.'), labels }
        })
        .collect()
}

/// The labels of the first sample of a family, but for the bounds of histograms.
fn labels<'t>(page: &'t str, name: &str) -> Vec<&'t str> {
    let samples = page.lines().filter_map(|line| line.split_once('{'));
    let mut own = samples.filter(|(sample, _)| {
        let rest = sample.strip_prefix(name);
        rest.is_some_and(|rest| matches!(rest, "" | "_total" | "_bucket" | "_info"))
    });
    let parts = own.next().map_or("", |(_, labels)| labels).split("=\"");
    let names = parts.filter_map(|part| part.rsplit(['"', ',', '{']).next());
    let is_name = |name: &&str| !name.is_empty() && !name.contains(['}', ' ']) && *name != "le";
    names.filter(is_name).collect()
}

/// The query that shows a family best.
fn query(family: &Family<'_>) -> String {
    let name = family.name;
    let by = family.labels.join(", ");
    match family.kind {
        "histogram" => {
            let by = [&["le"], family.labels.as_slice()].concat().join(", ");
            format!("histogram_quantile(0.95, sum by ({by}) (rate({name}_bucket[5m])))")
        }
        "counter" if by.is_empty() => format!("rate({name}_total[5m])"),
        "counter" => format!("sum by ({by}) (rate({name}_total[5m]))"),
        "info" => format!("{name}_info"),
        _ => name.to_owned(),
    }
}

fn dashboard(families: &[Family<'_>]) -> String {
    let panels: Vec<Value> = families
        .iter()
        .enumerate()
        .map(|(at, family)| {
            let unit = match family.kind {
                "histogram" => "s",
                _ if family.name.ends_with("_bytes") => "bytes",
                _ => "short",
            };
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

/// Alerts on what must not be, whatever the budgets say.
const STATES: [(&str, &str, &str, &str); 3] = [
    (
        "HauskiPluginFailed",
        "plugin_state{state=\"failed\"} == 1",
        "1m",
        "a plugin failed too often and stays down",
    ),
    (
        "HauskiPluginOverloaded",
        "rate(plugin_calls_refused_total[5m]) > 0",
        "5m",
        "a plugin refuses calls",
    ),
    (
        "HauskiAuditFails",
        "increase(audit_failures_total[5m]) > 0",
        "0m",
        "the audit log cannot be written",
    ),
];

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
    for (alert, expr, wait, summary) in STATES {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "      - alert: {alert}\n        expr: {expr}\n        for: {wait}\n        annotations:\n          \
             summary: \"{summary}\"\n"
        );
    }
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
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        for (name, text) in files(&Metrics::with_examples().render().unwrap()) {
            let committed = std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
            assert_eq!(committed, text, "{name} is stale; run `cargo xtask observability`");
        }
    }

    #[test]
    fn every_family_of_the_registry_stands_in_the_table_with_its_labels() {
        let page = Metrics::with_examples().render().unwrap();
        let families = families(&page);
        let table = table(&families);
        assert!(families.len() > 25, "{page}");
        for Family { name, kind, help, .. } in &families {
            assert!(
                table.contains(&format!("| `{name}` | {kind} |")) && !help.is_empty(),
                "{name}"
            );
            // An example in every family, else nobody knows its labels.
            let sample = page.lines().any(|line| !line.starts_with('#') && line.starts_with(name));
            assert!(sample, "{name} holds nothing; see Metrics::with_examples");
        }
        let of = |name: &str| families.iter().find(|it| it.name == name).unwrap().labels.clone();
        assert_eq!(of("http_requests"), ["method", "path", "status"]);
        assert_eq!(of("plugin_state"), ["plugin", "state"]);
        assert_eq!(of("plugin_call_duration_seconds"), ["plugin"]);
        assert_eq!(of("http_connections"), Vec::<&str>::new());
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
