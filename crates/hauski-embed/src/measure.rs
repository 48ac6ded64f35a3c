//! How fast a model is on this machine, and vectors for programs that judge them: the two verbs beside the plugin.

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::engine::Arithmetic;
use crate::model::Model;

/// Lengths of the measured texts in tokens: questions, sentences, and chunks of the index.
const LENGTHS: [usize; 3] = [16, 64, 220];
/// Time for one figure.
const ENOUGH: Duration = Duration::from_millis(1_500);
/// Tokens of one batch, as the worker takes them.
const BATCH: usize = 384;

/// Figures of one way of computing, on one thread.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// The way of computing.
    pub arithmetic: &'static str,
    /// Milliseconds until the model was loaded.
    pub load_ms: f64,
    /// Bytes of weights in memory.
    pub memory_bytes: usize,
    /// Milliseconds for one question of 16 tokens, the median.
    pub question_ms: f64,
    /// Tokens a second, for texts of so many tokens.
    pub tokens_per_s: Vec<(usize, f64)>,
}

/// Measures a model folder. One thread computes; its wall time is CPU time where the machine is idle, and the best of
/// several rounds is taken.
///
/// # Errors
///
/// When the model cannot be loaded.
pub fn measure(folder: &Path, arithmetic: Arithmetic) -> anyhow::Result<Figures> {
    let began = Instant::now();
    let model = Model::load(folder, arithmetic)?;
    let load_ms = began.elapsed().as_secs_f64() * 1e3;
    let vocabulary = model.folder.config.vocab_size;
    // The words do not matter for the time, only that they are not all the same.
    let text = |length: usize, salt: usize| -> Vec<u32> {
        (0..length).map(|at| ((at * 7_919 + salt * 104_729) % vocabulary) as u32).collect()
    };
    let mut tokens_per_s = Vec::new();
    for length in LENGTHS {
        let length = length.min(model.folder.max_tokens);
        let texts: Vec<_> = (0..(BATCH / length).max(1)).map(|salt| text(length, salt)).collect();
        let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        let tokens = (texts.len() * length) as f64;
        tokens_per_s.push((length, tokens / best(|| model.encode(&texts).map(drop))?.0));
    }
    let question = text(LENGTHS[0].min(model.folder.max_tokens), 1);
    let (_, median) = best(|| model.encode(&[&question]).map(drop))?;
    Ok(Figures {
        arithmetic: match arithmetic {
            Arithmetic::Candle => "candle",
            other => other.name(),
        },
        load_ms,
        memory_bytes: model.bytes(),
        question_ms: median * 1e3,
        tokens_per_s,
    })
}

/// The best and the median time in seconds.
fn best<E>(mut work: impl FnMut() -> Result<(), E>) -> Result<(f64, f64), E> {
    work()?;
    let (began, mut times) = (Instant::now(), Vec::new());
    while times.len() < 5 || began.elapsed() < ENOUGH {
        let round = Instant::now();
        work()?;
        times.push(round.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok((times[0], times[times.len() / 2]))
}

/// Reads one JSON string a line and writes the vector of each as base64 of little-endian 32-bit floats, in order. Texts
/// that are too long are cut, and how many is said at the end.
///
/// # Errors
///
/// When a line is no JSON string, or the model fails.
pub fn encode(
    folder: &Path,
    arithmetic: Arithmetic,
    input: impl BufRead,
    mut output: impl Write,
) -> anyhow::Result<usize> {
    let model = Model::load(folder, arithmetic)?;
    let (mut batch, mut tokens, mut cut) = (Vec::new(), 0, 0);
    let mut flush = |batch: &mut Vec<Vec<u32>>| -> anyhow::Result<()> {
        let texts: Vec<&[u32]> = batch.iter().map(Vec::as_slice).collect();
        for vector in model.encode(&texts)? {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            writeln!(output, "{}", STANDARD.encode(bytes))?;
        }
        batch.clear();
        Ok(())
    };
    for (number, line) in (1..).zip(input.lines()) {
        let line = line?;
        let text: String = serde_json::from_str(&line)
            .with_context(|| format!("line {number} is no JSON string"))?;
        let encoded = model.tokens(&text).map_err(|what| anyhow!("line {number}: {what}"))?;
        cut += usize::from(encoded.is_cut());
        tokens += encoded.ids.len();
        batch.push(encoded.ids);
        if tokens >= BATCH {
            flush(&mut batch)?;
            tokens = 0;
        }
    }
    flush(&mut batch)?;
    Ok(cut)
}
