//! The encoder by the library candle: filled up to the longest text of a batch, with a mask. It computes what `own`
//! computes, in another way; tests and benchmarks compare the two.

use candle_core::{DType, Device, Tensor};
use candle_nn::{Embedding, LayerNorm, Linear, Module, VarBuilder, embedding, layer_norm, linear};

use super::{Engine, EngineError, normalise};
use crate::folder::{Config, Folder, Pooling};
use crate::weights::WeightsError;

struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
    out_norm: LayerNorm,
    up: Linear,
    down: Linear,
    down_norm: LayerNorm,
}

/// The encoder.
pub(super) struct Candle {
    config: Config,
    pooling: Pooling,
    words: Embedding,
    positions: Embedding,
    kinds: Embedding,
    norm: LayerNorm,
    layers: Vec<Layer>,
    bytes: usize,
}

impl Candle {
    /// Reads the weights.
    pub(super) fn load(folder: &Folder) -> Result<Self, EngineError> {
        let path = folder.weights();
        let data = std::fs::read(&path).map_err(|source| WeightsError::Read { path, source })?;
        let bytes = data.len();
        let vars = VarBuilder::from_buffered_safetensors(data, DType::F32, &Device::Cpu)?;
        let prefixes = ["bert", "roberta", "model"];
        let prefix =
            prefixes.iter().find(|prefix| vars.pp(prefix).contains_tensor(crate::weights::WORDS));
        let vars = prefix.map_or_else(|| vars.clone(), |prefix| vars.pp(prefix));
        let config = folder.config.clone();
        let (hidden, wide, eps) =
            (config.hidden_size, config.intermediate_size, config.layer_norm_eps);
        let table = vars.pp("embeddings");
        let layer = |at: usize| {
            let vars = vars.pp(format!("encoder.layer.{at}"));
            let attention = vars.pp("attention.self");
            Ok::<_, candle_core::Error>(Layer {
                query: linear(hidden, hidden, attention.pp("query"))?,
                key: linear(hidden, hidden, attention.pp("key"))?,
                value: linear(hidden, hidden, attention.pp("value"))?,
                out: linear(hidden, hidden, vars.pp("attention.output.dense"))?,
                out_norm: layer_norm(hidden, eps, vars.pp("attention.output.LayerNorm"))?,
                up: linear(hidden, wide, vars.pp("intermediate.dense"))?,
                down: linear(wide, hidden, vars.pp("output.dense"))?,
                down_norm: layer_norm(hidden, eps, vars.pp("output.LayerNorm"))?,
            })
        };
        Ok(Self {
            pooling: folder.pooling,
            words: embedding(config.vocab_size, hidden, table.pp("word_embeddings"))?,
            positions: embedding(
                config.max_position_embeddings,
                hidden,
                table.pp("position_embeddings"),
            )?,
            kinds: embedding(config.type_vocab_size, hidden, table.pp("token_type_embeddings"))?,
            norm: layer_norm(hidden, eps, table.pp("LayerNorm"))?,
            layers: (0..config.num_hidden_layers).map(layer).collect::<Result<_, _>>()?,
            config,
            bytes,
        })
    }

    fn run(&self, texts: &[&[u32]]) -> candle_core::Result<Vec<Vec<f32>>> {
        let device = &Device::Cpu;
        let length = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        let (count, head) = (texts.len(), self.config.head());
        let mut ids = vec![0_u32; count * length];
        let mut mask = vec![0.0_f32; count * length];
        for (at, text) in texts.iter().enumerate() {
            ids[at * length..][..text.len()].copy_from_slice(text);
            mask[at * length..][..text.len()].fill(1.0);
        }
        let ids = Tensor::from_vec(ids, (count, length), device)?;
        let mask = Tensor::from_vec(mask, (count, length), device)?;
        // What is filled up counts nothing in a softmax.
        let hidden_by = ((mask.ones_like()? - &mask)? * -1e9)?.reshape((count, 1, 1, length))?;
        let first = u32::try_from(self.config.first_position()).unwrap_or(0);
        let places = Tensor::arange(first, first + u32::try_from(length).unwrap_or(0), device)?;
        let kinds = self.kinds.forward(&ids.zeros_like()?)?;
        let all = (self.words.forward(&ids)? + kinds)?
            .broadcast_add(&self.positions.forward(&places)?)?;
        let mut states = self.norm.forward(&all)?;
        for layer in &self.layers {
            let heads = |linear: &Linear| {
                let all = linear.forward(&states)?;
                all.reshape((count, length, (), head))?.transpose(1, 2)?.contiguous()
            };
            let (query, key, value) =
                (heads(&layer.query)?, heads(&layer.key)?, heads(&layer.value)?);
            let scores = (query.matmul(&key.t()?)? / (head as f64).sqrt())?;
            let scores = candle_nn::ops::softmax_last_dim(&scores.broadcast_add(&hidden_by)?)?;
            let mixed = scores.matmul(&value)?.transpose(1, 2)?.flatten_from(2)?.contiguous()?;
            states = layer.out_norm.forward(&(layer.out.forward(&mixed)? + &states)?)?;
            let wide = layer.up.forward(&states)?.gelu_erf()?;
            states = layer.down_norm.forward(&(layer.down.forward(&wide)? + &states)?)?;
        }
        let pooled = match self.pooling {
            Pooling::Mean => states.broadcast_mul(&mask.unsqueeze(2)?)?.sum(1)?,
            Pooling::First => states.narrow(1, 0, 1)?.squeeze(1)?,
        };
        pooled.to_vec2()
    }
}

impl Engine for Candle {
    fn encode(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, EngineError> {
        let mut vectors = self.run(texts)?;
        vectors.iter_mut().try_for_each(|vector| normalise(vector))?;
        Ok(vectors)
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}
