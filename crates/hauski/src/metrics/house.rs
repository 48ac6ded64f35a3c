//! What is measured only when somebody asks: plugins, the audit log, decisions on destinations, the process itself.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use contracts::hauski::plugin_status::{PluginState, PluginStatus};
use hauski_plugins::CallDurations;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::state::Inner;

/// Every state with the word that stands for it.
const STATES: [(PluginState, &str); 8] = [
    (PluginState::Stopped, "stopped"),
    (PluginState::Starting, "starting"),
    (PluginState::Running, "running"),
    (PluginState::Unhealthy, "unhealthy"),
    (PluginState::Backoff, "backoff"),
    (PluginState::Failed, "failed"),
    (PluginState::Stopping, "stopping"),
    (PluginState::Disabled, "disabled"),
];

/// What a plugin shows.
#[derive(Clone, Debug)]
struct Plugin {
    name: String,
    state: PluginState,
    restarts: u64,
    queue: u32,
    at_work: u32,
    calls: u64,
    failures: u64,
    refused: u64,
    cpu_s: f64,
    memory_bytes: u64,
    log_lines_dropped: u64,
    events_dropped: u64,
    durations: CallDurations,
}

/// What the house shows.
#[derive(Clone, Debug, Default)]
struct Shown {
    plugins: Vec<Plugin>,
    audit_lines: u64,
    audit_waiting: u64,
    audit_failed: u64,
    decisions: BTreeMap<String, u64>,
    log_lines_not_written: u64,
    denials_coalesced: u64,
    spans_sent: u64,
    spans_dropped: u64,
    uptime_s: f64,
    cpu_s: f64,
    memory_bytes: u64,
}

/// Where the figures come from, once there is a house.
#[derive(Clone, Default)]
pub(super) struct House(Arc<OnceLock<Source>>);

enum Source {
    Daemon(Weak<Inner>),
    Example(Box<Shown>),
}

impl fmt::Debug for House {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("House")
    }
}

impl House {
    /// From now on the figures of this daemon are shown.
    pub(super) fn is(&self, daemon: Weak<Inner>) {
        // There is one daemon in a process.
        let _ = self.0.set(Source::Daemon(daemon));
    }

    /// A house in which every family holds something.
    pub(super) fn example(&self) {
        let _ = self.0.set(Source::Example(Box::new(Shown {
            plugins: vec![Plugin {
                name: "example".to_owned(),
                state: PluginState::Running,
                restarts: 0,
                queue: 0,
                at_work: 0,
                calls: 0,
                failures: 0,
                refused: 0,
                cpu_s: 0.0,
                memory_bytes: 0,
                log_lines_dropped: 0,
                events_dropped: 0,
                durations: CallDurations { buckets: vec![(f64::INFINITY, 0)], sum_s: 0.0 },
            }],
            decisions: BTreeMap::from([("listed".to_owned(), 0)]),
            ..Shown::default()
        })));
    }

    fn shown(&self) -> Option<Shown> {
        match self.0.get()? {
            Source::Daemon(daemon) => Some(of(&*daemon.upgrade()?)),
            Source::Example(shown) => Some((**shown).clone()),
        }
    }
}

fn of(daemon: &Inner) -> Shown {
    let audit = daemon.audit.status();
    let plugins = daemon.host.plugins().into_iter().map(|status| {
        let durations = daemon.host.durations(&status.name).unwrap_or_default();
        plugin(status, durations)
    });
    let decisions = daemon.egress.ledger().counts().into_iter();
    let (cpu_s, memory_bytes) = own_usage();
    Shown {
        plugins: plugins.collect(),
        audit_lines: audit.lines,
        audit_waiting: audit.queued as u64,
        audit_failed: audit.failed,
        decisions: decisions.map(|(reason, count)| (reason.to_owned(), count)).collect(),
        log_lines_not_written: daemon.host.log_lines_not_written(),
        denials_coalesced: daemon.denials.coalesced(),
        spans_sent: daemon.tracer.as_ref().map_or(0, |tracer| tracer.counts().sent()),
        spans_dropped: daemon.tracer.as_ref().map_or(0, |tracer| tracer.counts().dropped()),
        uptime_s: daemon.started.elapsed().as_secs_f64(),
        cpu_s,
        memory_bytes,
    }
}

fn plugin(status: PluginStatus, durations: CallDurations) -> Plugin {
    let cpu = std::time::Duration::from_millis(status.cpu_ms.unwrap_or_default());
    Plugin {
        name: status.name,
        state: status.state,
        restarts: status.restarts,
        queue: status.queue,
        at_work: status.inflight,
        calls: status.calls,
        failures: status.failures,
        refused: status.overloaded,
        cpu_s: cpu.as_secs_f64(),
        memory_bytes: status.memory_bytes.unwrap_or_default(),
        log_lines_dropped: status.log_lines_dropped,
        events_dropped: status.events_dropped,
        durations,
    }
}

/// CPU seconds and resident bytes of the daemon itself; 0 where the system does not say.
fn own_usage() -> (f64, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name stands in brackets and may hold anything; utime and stime are the 12th and 13th field after it.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    let cpu = std::time::Duration::from_millis(ticks.saturating_mul(1_000) / per_second);
    (cpu.as_secs_f64(), crate::routes::admin::config::memory_bytes())
}

impl Collector for House {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(shown) = self.shown() else { return Ok(()) };
        let mut page = Page(encoder);
        plugins(&mut page, &shown.plugins)?;
        page.count("audit_lines", "Lines of the audit log on the disk", shown.audit_lines)?;
        let waiting = shown.audit_waiting;
        page.level(
            "audit_lines_waiting",
            "Events that wait to be written to the audit log",
            waiting,
        )?;
        let failed = shown.audit_failed;
        page.count("audit_failures", "Events that could not be written to the audit log", failed)?;
        let coalesced = shown.denials_coalesced;
        page.count(
            "audit_denials_coalesced",
            "Refused requests that a line of the audit log counts together",
            coalesced,
        )?;
        let decisions =
            shown.decisions.iter().map(|(reason, count)| ([("reason", reason.clone())], *count));
        page.counts("egress_decisions", "Decisions on destinations, by their reason", decisions)?;
        let lost = shown.log_lines_not_written;
        page.count(
            "log_lines_not_written",
            "Lines of plugins' logs that did not reach the disk",
            lost,
        )?;
        page.count(
            "trace_spans_sent",
            "Spans that the collector of traces has taken",
            shown.spans_sent,
        )?;
        let lost = shown.spans_dropped;
        page.count(
            "trace_spans_dropped",
            "Spans that were lost on their way to the collector",
            lost,
        )?;
        page.seconds("process_cpu_seconds", "CPU time of the daemon", shown.cpu_s)?;
        page.level(
            "process_resident_memory_bytes",
            "Memory that the daemon holds",
            shown.memory_bytes,
        )?;
        page.figure("process_uptime_seconds", "Time since the daemon started", shown.uptime_s)
    }
}

fn plugins(page: &mut Page<'_>, plugins: &[Plugin]) -> fmt::Result {
    let states = plugins.iter().flat_map(|plugin| {
        let word = |(state, word): (PluginState, &str)| {
            let labels = [("plugin", plugin.name.clone()), ("state", word.to_owned())];
            (labels, u64::from(state == plugin.state))
        };
        STATES.map(word)
    });
    page.levels("plugin_state", "1 for the state that a plugin is in, 0 for all others", states)?;
    let of = |part: fn(&Plugin) -> u64| {
        plugins.iter().map(move |plugin| ([("plugin", plugin.name.clone())], part(plugin)))
    };
    page.counts("plugin_restarts", "Starts of a plugin after its first", of(|it| it.restarts))?;
    page.levels(
        "plugin_queue",
        "Calls of a plugin that wait for a place",
        of(|it| it.queue.into()),
    )?;
    page.levels("plugin_calls_in_flight", "Calls of a plugin at work", of(|it| it.at_work.into()))?;
    page.counts("plugin_calls", "Calls of a plugin", of(|it| it.calls))?;
    page.counts("plugin_call_failures", "Calls of a plugin that failed", of(|it| it.failures))?;
    let about = "Calls refused because the queue of a plugin was full";
    page.counts("plugin_calls_refused", about, of(|it| it.refused))?;
    let about = "Memory that the processes of a plugin hold";
    page.levels("plugin_memory_bytes", about, of(|it| it.memory_bytes))?;
    let about = "Lines of a plugin's log that were left out because there were too many";
    page.counts("plugin_log_lines_dropped", about, of(|it| it.log_lines_dropped))?;
    let about = "Events that a plugin did not get because it did not read";
    page.counts("plugin_events_dropped", about, of(|it| it.events_dropped))?;
    page.plugin_seconds(plugins)
}

/// Writes families with their samples.
struct Page<'a>(DescriptorEncoder<'a>);

type Labels<const N: usize> = [(&'static str, String); N];

impl Page<'_> {
    fn family<const N: usize, M: EncodeMetric>(
        &mut self,
        (name, about): (&str, &str),
        kind: MetricType,
        samples: impl Iterator<Item = (Labels<N>, M)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, about, None, kind)?;
        for (labels, value) in samples {
            value.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn counts<const N: usize>(
        &mut self,
        name: &str,
        about: &str,
        samples: impl Iterator<Item = (Labels<N>, u64)>,
    ) -> fmt::Result {
        let samples = samples.map(|(labels, count)| (labels, ConstCounter::new(count)));
        self.family((name, about), MetricType::Counter, samples)
    }

    fn levels<const N: usize>(
        &mut self,
        name: &str,
        about: &str,
        samples: impl Iterator<Item = (Labels<N>, u64)>,
    ) -> fmt::Result {
        let samples = samples.map(|(labels, level)| (labels, ConstGauge::new(level)));
        self.family((name, about), MetricType::Gauge, samples)
    }

    fn count(&mut self, name: &str, about: &str, count: u64) -> fmt::Result {
        let encoder = self.0.encode_descriptor(name, about, None, MetricType::Counter)?;
        ConstCounter::new(count).encode(encoder)
    }

    fn level(&mut self, name: &str, about: &str, level: u64) -> fmt::Result {
        let encoder = self.0.encode_descriptor(name, about, None, MetricType::Gauge)?;
        ConstGauge::new(level).encode(encoder)
    }

    fn figure(&mut self, name: &str, about: &str, figure: f64) -> fmt::Result {
        let encoder = self.0.encode_descriptor(name, about, None, MetricType::Gauge)?;
        ConstGauge::new(figure).encode(encoder)
    }

    fn seconds(&mut self, name: &str, about: &str, seconds: f64) -> fmt::Result {
        let encoder = self.0.encode_descriptor(name, about, None, MetricType::Counter)?;
        ConstCounter::new(seconds).encode(encoder)
    }

    fn plugin_seconds(&mut self, plugins: &[Plugin]) -> fmt::Result {
        let of = |plugin: &Plugin| [("plugin", plugin.name.clone())];
        let about = "CPU time of a plugin's processes since its last start";
        let times = plugins.iter().map(|plugin| (of(plugin), ConstCounter::new(plugin.cpu_s)));
        self.family(("plugin_cpu_seconds", about), MetricType::Counter, times)?;
        let about = "Time from a call of a plugin to its answer";
        let name = "plugin_call_duration_seconds";
        let mut family = self.0.encode_descriptor(name, about, None, MetricType::Histogram)?;
        for plugin in plugins {
            let CallDurations { buckets, sum_s } = &plugin.durations;
            let count = buckets.iter().map(|(_, count)| count).sum();
            let labels = of(plugin);
            let mut one = family.encode_family(&labels)?;
            one.encode_histogram::<NoLabelSet>(*sum_s, count, buckets, None)?;
        }
        Ok(())
    }
}
