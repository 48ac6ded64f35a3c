//! The encoder with own kernels. Texts of a batch stand behind each other without filling up: no token is computed
//! that nobody asked for, and the vectors of a text do not depend on its neighbours.

use std::sync::{Mutex, PoisonError};

use super::{Engine, EngineError, normalise};
use crate::folder::{Config, Folder, Pooling};
use crate::kernels::pack::{Bytes, Floats, Left, LeftBytes};
use crate::kernels::{Kernels, Level};
use crate::weights::{Table, WORDS, Weights, WeightsError};

/// A linear layer.
struct Linear {
    weights: Packed,
    bias: Vec<f32>,
}

enum Packed {
    Floats(Floats),
    Bytes(Bytes),
}

/// A shift and scale behind a normalisation.
struct Norm {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

struct Layer {
    /// Queries, keys and values beside each other; queries are scaled for the softmax.
    attention: Linear,
    out: Linear,
    out_norm: Norm,
    up: Linear,
    down: Linear,
    down_norm: Norm,
}

/// The encoder.
pub(super) struct Own {
    config: Config,
    pooling: Pooling,
    kernels: Kernels,
    words: Table,
    /// Positions, with the vector of the first kind of token added: there is no other kind.
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
    /// Memory of batches that are done.
    spare: Mutex<Vec<Scratch>>,
}

/// Memory of one batch.
#[derive(Default)]
struct Scratch {
    hidden: Vec<f32>,
    attention: Vec<f32>,
    mixed: Vec<f32>,
    out: Vec<f32>,
    wide: Vec<f32>,
    scores: Vec<f32>,
    packed: LeftSide,
    right: Floats,
}

/// The left side of a product, for whichever numbers it has.
#[derive(Default)]
struct LeftSide {
    floats: Left,
    bytes: LeftBytes,
}

impl Own {
    /// Reads and packs the weights.
    pub(super) fn load(folder: &Folder, level: Level, bytes: bool) -> Result<Self, EngineError> {
        let config = folder.config.clone();
        let weights = Weights::open(&folder.weights())?;
        let (hidden, wide) = (config.hidden_size, config.intermediate_size);
        let rows = config.max_position_embeddings;
        let mut positions =
            weights.read("embeddings.position_embeddings.weight", &[rows, hidden])?;
        let kinds = &[config.type_vocab_size, hidden];
        let kinds = weights.read("embeddings.token_type_embeddings.weight", kinds)?;
        for position in positions.chunks_exact_mut(hidden) {
            position.iter_mut().zip(&kinds).for_each(|(into, kind)| *into += kind);
        }
        let linear = |names: &[String], columns: usize, depth: usize, scale: f32| {
            let (mut numbers, mut bias) = (Vec::new(), Vec::new());
            for (at, name) in names.iter().enumerate() {
                let factor = if at == 0 { scale } else { 1.0 };
                let scaled = |from: Vec<f32>| from.into_iter().map(move |number| number * factor);
                numbers.extend(scaled(weights.read(&format!("{name}.weight"), &[columns, depth])?));
                bias.extend(scaled(weights.read(&format!("{name}.bias"), &[columns])?));
            }
            let columns = columns * names.len();
            let weights = match bytes {
                true => Packed::Bytes(Bytes::pack(&numbers, columns, depth)),
                false => Packed::Floats(Floats::pack(&numbers, columns, depth)),
            };
            Ok::<_, WeightsError>(Linear { weights, bias })
        };
        let norm = |name: &str| {
            let read = |part: &str| weights.read(&format!("{name}.{part}"), &[hidden]);
            Ok::<_, WeightsError>(Norm { weight: read("weight")?, bias: read("bias")? })
        };
        let scale = 1.0 / (config.head() as f32).sqrt();
        let layer = |at: usize| {
            let name = |part: &str| format!("encoder.layer.{at}.{part}");
            let own = ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
            Ok::<_, WeightsError>(Layer {
                attention: linear(&own, hidden, hidden, scale)?,
                out: linear(&[name("attention.output.dense")], hidden, hidden, 1.0)?,
                out_norm: norm(&name("attention.output.LayerNorm"))?,
                up: linear(&[name("intermediate.dense")], wide, hidden, 1.0)?,
                down: linear(&[name("output.dense")], hidden, wide, 1.0)?,
                down_norm: norm(&name("output.LayerNorm"))?,
            })
        };
        let layers = (0..config.num_hidden_layers).map(layer).collect::<Result<_, _>>()?;
        Ok(Self {
            pooling: folder.pooling,
            kernels: Kernels::new(level),
            positions,
            norm: norm("embeddings.LayerNorm")?,
            layers,
            words: weights.table(WORDS, config.vocab_size, hidden)?,
            spare: Mutex::default(),
            config,
        })
    }

    fn run(&self, texts: &[&[u32]], s: &mut Scratch) -> Result<Vec<Vec<f32>>, EngineError> {
        let hidden = self.config.hidden_size;
        let tokens: usize = texts.iter().map(|text| text.len()).sum();
        self.embed(texts, &mut s.hidden, &mut s.out)?;
        for layer in &self.layers {
            self.linear(&layer.attention, &s.hidden, &mut s.attention, &mut s.packed);
            s.mixed.resize(tokens * hidden, 0.0);
            self.attend(texts, s);
            self.linear(&layer.out, &s.mixed, &mut s.out, &mut s.packed);
            self.norm(&mut s.hidden, &s.out, &layer.out_norm);
            self.linear(&layer.up, &s.hidden, &mut s.wide, &mut s.packed);
            self.kernels.gelu(&mut s.wide);
            self.linear(&layer.down, &s.wide, &mut s.out, &mut s.packed);
            self.norm(&mut s.hidden, &s.out, &layer.down_norm);
        }
        let mut rows = s.hidden.chunks_exact(hidden);
        texts.iter().map(|text| self.pool(rows.by_ref().take(text.len()))).collect()
    }

    /// Words and positions.
    fn embed(
        &self,
        texts: &[&[u32]],
        into: &mut Vec<f32>,
        zeros: &mut Vec<f32>,
    ) -> Result<(), EngineError> {
        let hidden = self.config.hidden_size;
        let tokens: usize = texts.iter().map(|text| text.len()).sum();
        into.clear();
        into.resize(tokens * hidden, 0.0);
        zeros.clear();
        zeros.resize(tokens * hidden, 0.0);
        let first = self.config.first_position();
        let places = texts.iter().flat_map(|text| text.iter().zip(first..));
        for ((id, position), row) in places.zip(into.chunks_exact_mut(hidden)) {
            // Ids and lengths were checked where the text came in; others would leave zeros here.
            self.words.row(*id, row).transpose()?;
            let from = self.positions.get(position * hidden..).unwrap_or_default();
            row.iter_mut().zip(from).for_each(|(into, number)| *into += number);
        }
        self.norm(into, zeros, &self.norm);
        Ok(())
    }

    fn linear(&self, by: &Linear, from: &[f32], into: &mut Vec<f32>, packed: &mut LeftSide) {
        match &by.weights {
            Packed::Floats(right) => {
                let rows = from.len() / right.depth.max(1);
                into.resize(rows * right.columns, 0.0);
                packed.floats.pack(from, right.depth, rows, right.depth);
                self.kernels.product(&packed.floats, right, &by.bias, into, right.columns);
            }
            Packed::Bytes(right) => {
                into.resize(from.len() / right.depth.max(1) * right.columns, 0.0);
                self.kernels.pack_bytes(&mut packed.bytes, from, right.depth);
                self.kernels.product_bytes(&packed.bytes, right, &by.bias, into, right.columns);
            }
        }
    }

    fn norm(&self, numbers: &mut [f32], added: &[f32], norm: &Norm) {
        let eps = self.config.layer_norm_eps as f32;
        self.kernels.add_and_norm(numbers, added, &norm.weight, &norm.bias, eps);
    }

    /// Each text attends to itself alone.
    fn attend(&self, texts: &[&[u32]], s: &mut Scratch) {
        let (hidden, head) = (self.config.hidden_size, self.config.head());
        let mut first = 0;
        for length in texts.iter().map(|text| text.len()) {
            let rows = s.attention.get(first * 3 * hidden..).unwrap_or_default();
            let mixed = s.mixed.get_mut(first * hidden..).unwrap_or_default();
            s.scores.resize(length * length, 0.0);
            let none = vec![0.0; length.max(head)];
            for from in (0..hidden).step_by(head) {
                let part = |at: usize| rows.get(at * hidden + from..).unwrap_or_default();
                s.packed.floats.pack(part(0), 3 * hidden, length, head);
                s.right.set_columns(part(1), 3 * hidden, length, head);
                self.kernels.product(&s.packed.floats, &s.right, &none, &mut s.scores, length);
                self.kernels.softmax(&mut s.scores, length, length);
                s.packed.floats.pack(&s.scores, length, length, length);
                s.right.set_rows(part(2), 3 * hidden, head, length);
                let mixed = mixed.get_mut(from..).unwrap_or_default();
                self.kernels.product(&s.packed.floats, &s.right, &none, mixed, hidden);
            }
            first += length;
        }
    }

    fn pool<'a>(&self, mut rows: impl Iterator<Item = &'a [f32]>) -> Result<Vec<f32>, EngineError> {
        let mut vector = rows.next().unwrap_or_default().to_vec();
        if self.pooling == Pooling::Mean {
            for row in rows {
                vector.iter_mut().zip(row).for_each(|(into, number)| *into += number);
            }
        } else {
            rows.for_each(drop);
        }
        normalise(&mut vector)?;
        Ok(vector)
    }
}

impl Engine for Own {
    fn encode(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, EngineError> {
        let spare = || self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = spare().pop().unwrap_or_default();
        let done = self.run(texts, &mut scratch);
        spare().push(scratch);
        done
    }

    fn bytes(&self) -> usize {
        let linear = |linear: &Linear| match &linear.weights {
            Packed::Floats(floats) => floats.bytes(),
            Packed::Bytes(bytes) => bytes.bytes(),
        };
        let layer = |layer: &Layer| {
            [&layer.attention, &layer.out, &layer.up, &layer.down]
                .into_iter()
                .map(linear)
                .sum::<usize>()
        };
        self.layers.iter().map(layer).sum::<usize>() + self.positions.len() * size_of::<f32>()
    }
}
