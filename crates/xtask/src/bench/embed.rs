//! The encoder: own kernels beside the library candle, with the real model where it was fetched.

use std::path::PathBuf;

use anyhow::{Context, bail};

use super::Bench;
use super::machine::build_program;
use super::measure::Probe;
use super::table::{Row, Table};

/// Microseconds of a token that the ONNX Runtime took on the same machine (5,500 tokens a second of CPU).
const TOKEN_US: f64 = 1e6 / 5_500.0;
/// Milliseconds that a question of 16 tokens may take.
const QUESTION_MS: f64 = 5.0;
const NAME: &str = "all-minilm-l6-v2";

pub(super) fn measure(bench: &Bench, table: &mut Table) -> anyhow::Result<()> {
    let model = model()?;
    let model = model.to_str().context("the path of the model is not UTF-8")?;
    let program = build_program("hauski-embed", "hauski-embed")?;
    let folder = bench.fixtures.folder("embed")?;
    let figures = |way: &str| -> anyhow::Result<serde_json::Value> {
        let text = Probe::new(&program, &["measure", model, way], &folder).output()?;
        Ok(serde_json::from_str(&text)?)
    };
    let (own, bytes, candle) = (figures("f32")?, figures("int8")?, figures("candle")?);
    let us = |report: &serde_json::Value, at: usize| -> anyhow::Result<(u64, f64)> {
        let pair = &report["tokens_per_s"][at];
        let length = pair[0].as_u64().context("no length")?;
        Ok((length, 1e6 / pair[1].as_f64().context("no figure")?))
    };
    for at in 0..3 {
        let (length, ours) = us(&own, at)?;
        let what = format!("a token in texts of {length}");
        table.add(Row::alone(&what, "us, one thread", ours).limit(TOKEN_US));
        table.add(Row::ratio(&what, "us, one thread", ours, ("candle", us(&candle, at)?.1)));
        let what = format!("a token in texts of {length}, as bytes");
        table.add(Row::ratio(
            &what,
            "us, one thread",
            us(&bytes, at)?.1,
            ("candle", us(&candle, at)?.1),
        ));
    }
    let question = |report: &serde_json::Value| report["question_ms"].as_f64().context("no time");
    let what = "a question of 16 tokens, p50";
    table.add(Row::alone(what, "ms, one thread", question(&own)?).limit(QUESTION_MS));
    table.add(Row::ratio(what, "ms, one thread", question(&own)?, ("candle", question(&candle)?)));
    let load = own["load_ms"].as_f64().context("no load_ms")?;
    table.add(Row::alone("loading the model", "ms, one thread", load));
    Ok(())
}

/// Where the model lies: in the home of the daemon.
#[expect(clippy::disallowed_methods, reason = "a chore finds the home as the daemon does")]
fn model() -> anyhow::Result<PathBuf> {
    let variable =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = || {
        let own = variable("XDG_DATA_HOME");
        own.or_else(|| Some(variable("HOME")?.join(".local/share"))).map(|data| data.join("hauski"))
    };
    let home = variable("HAUSKI_HOME").or_else(data).context("there is no home folder")?;
    let model = home.join("models").join(NAME);
    if !model.is_dir() {
        bail!("there is no model; `cargo hauski models add {NAME}` gets it");
    }
    Ok(model)
}
