//! The one table: a row a figure, with its peer, its limit and whether it is kept.

use std::fmt;

use serde::Serialize;

use super::Bench;
use super::machine::Machine;

/// All figures of one run.
#[derive(Debug, Serialize)]
pub(super) struct Table {
    schema: &'static str,
    machine: Machine,
    rounds: usize,
    rows: Vec<Row>,
    not_measured: Vec<NotMeasured>,
}

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    /// What was done.
    pub(super) what: String,
    /// Unit of `ours` and `peer`.
    pub(super) unit: &'static str,
    /// What wgx needed.
    pub(super) ours: f64,
    /// Who else was measured in the same run.
    pub(super) peer_name: Option<String>,
    /// What it needed.
    pub(super) peer: Option<f64>,
    /// The figure that the limit is about.
    pub(super) figure: Figure,
    /// What the figure should not exceed.
    pub(super) limit: Option<f64>,
    /// Whether it does not.
    pub(super) kept: Option<bool>,
}

/// How ours and the peer are compared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Figure {
    /// Ours divided by the peer's.
    Ratio(f64),
    /// Ours less the peer's, in the unit.
    Added(f64),
    /// Ours alone, in the unit.
    Alone(f64),
}

/// A row that could not be, and what it takes.
#[derive(Debug, Serialize)]
struct NotMeasured {
    what: String,
    reason: String,
}

impl Row {
    /// Ours divided by the peer's.
    pub(super) fn ratio(what: &str, unit: &'static str, ours: f64, peer: (&str, f64)) -> Self {
        Self::new(what, unit, (ours, Some(peer)), Figure::Ratio(ours / peer.1.max(1e-9)))
    }

    /// Ours less the peer's.
    pub(super) fn added(what: &str, unit: &'static str, ours: f64, peer: (&str, f64)) -> Self {
        Self::new(what, unit, (ours, Some(peer)), Figure::Added(ours - peer.1))
    }

    /// Ours against nothing but a limit.
    pub(super) fn alone(what: &str, unit: &'static str, ours: f64) -> Self {
        Self::new(what, unit, (ours, None), Figure::Alone(ours))
    }

    fn new(
        what: &str,
        unit: &'static str,
        both: (f64, Option<(&str, f64)>),
        figure: Figure,
    ) -> Self {
        let (ours, peer) = both;
        Self {
            what: what.to_owned(),
            unit,
            ours,
            peer_name: peer.map(|(name, _)| name.to_owned()),
            peer: peer.map(|(_, value)| value),
            figure,
            limit: None,
            kept: None,
        }
    }

    /// With what the figure should not exceed.
    pub(super) fn limit(mut self, limit: f64) -> Self {
        self.limit = Some(limit);
        self.kept = Some(self.figure.value() <= limit);
        self
    }
}

impl Figure {
    fn value(self) -> f64 {
        match self {
            Self::Ratio(value) | Self::Added(value) | Self::Alone(value) => value,
        }
    }

    fn show(self, value: f64, unit: &str) -> String {
        match self {
            Self::Ratio(_) => format!("{value:.2} x"),
            Self::Added(_) => format!("{value:+.2} {unit}"),
            Self::Alone(_) => format!("{value:.2} {unit}"),
        }
    }
}

impl Table {
    pub(super) fn new(bench: &Bench) -> anyhow::Result<Self> {
        Ok(Self {
            schema: "xtask.bench/1",
            machine: Machine::look(&bench.wgx)?,
            rounds: bench.rounds,
            rows: Vec::new(),
            not_measured: Vec::new(),
        })
    }

    pub(super) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Names what is missing from the table, and what it takes.
    pub(super) fn not_measured(&mut self, what: &str, reason: &str) {
        self.not_measured.push(NotMeasured { what: what.to_owned(), reason: reason.to_owned() });
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { processor, processors, kernel, load, program_bytes } = &self.machine;
        writeln!(f, "{processor}, {processors} processors, Linux {kernel}, load {load}")?;
        let megabytes = *program_bytes as f64 / 1e6;
        writeln!(
            f,
            "wgx {megabytes:.1} MB, medians of {} rounds in turn; cpu: user + system of the process and all it waited for",
            self.rounds
        )?;
        writeln!(f)?;
        let cells: Vec<[String; 5]> = self.rows.iter().map(Row::cells).collect();
        let head = ["what", "wgx", "peer", "figure", "limit"].map(str::to_owned);
        let all: Vec<&[String; 5]> = std::iter::once(&head).chain(&cells).collect();
        let widths: [usize; 5] = std::array::from_fn(|column| {
            all.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
        });
        for row in all {
            let line: Vec<String> =
                row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            writeln!(f, "{}", line.join("  ").trim_end())?;
        }
        for NotMeasured { what, reason } in &self.not_measured {
            writeln!(f, "not measured: {what}: {reason}")?;
        }
        Ok(())
    }
}

impl Row {
    fn cells(&self) -> [String; 5] {
        let unit = self.unit;
        let peer = match (&self.peer_name, self.peer) {
            (Some(name), Some(value)) => format!("{value:.2} {unit}  {name}"),
            _ => String::new(),
        };
        let limit = self.limit.map_or_else(String::new, |limit| {
            let verdict = if self.kept == Some(true) { "kept" } else { "EXCEEDED" };
            format!("≤ {}  {verdict}", self.figure.show(limit, unit).trim_start_matches('+'))
        });
        let figure = self.figure.show(self.figure.value(), unit);
        [self.what.clone(), format!("{:.2} {unit}", self.ours), peer, figure, limit]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_whether_its_limit_is_kept() {
        let kept = Row::ratio("list", "ms cpu", 3.0, ("just", 2.0)).limit(2.0);
        let broken = Row::added("run", "ms cpu", 9.0, ("true", 1.0)).limit(5.0);
        assert_eq!((kept.figure, kept.kept), (Figure::Ratio(1.5), Some(true)));
        assert_eq!((broken.figure, broken.kept), (Figure::Added(8.0), Some(false)));
        assert_eq!(broken.cells()[4], "≤ 5.00 ms cpu  EXCEEDED");
        assert_eq!(Row::alone("x", "ms", 1.0).kept, None);
    }
}
