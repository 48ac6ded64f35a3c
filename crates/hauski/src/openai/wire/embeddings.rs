//! `/v1/embeddings`: its request and its answer.

use contracts::hauski::engine::Embed;
use schemars::JsonSchema;
use serde::Serialize;

use super::fields::Fields;
use super::usage::PromptUsage;
use super::{Invalid, completions, sampling};

/// Most inputs of one request.
pub const MAX_INPUTS: usize = 2048;

/// A request that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What an engine is asked for.
    pub embed: Embed,
    /// How vectors are written down.
    pub encoding: Encoding,
}

/// How vectors are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As lists of numbers.
    Float,
    /// As little-endian 32-bit floats in base64.
    Base64,
}

impl Request {
    /// Reads a body.
    pub fn read(bytes: &[u8]) -> Result<Self, Invalid> {
        let mut body = Fields::body(bytes)?;
        let embed = Embed {
            model: super::model(&mut body)?,
            inputs: completions::inputs(body.require("input")?, MAX_INPUTS, false)?,
            dimensions: body.count("dimensions", 1..=65_536)?,
            purpose: None,
            truncate: false,
        };
        let encoding = match body.word("encoding_format", &["float", "base64"])? {
            Some("base64") => Encoding::Base64,
            _ => Encoding::Float,
        };
        body.ignore(&["user"]);
        body.refuse(sampling::OF_OTHER_SERVERS)?;
        body.finish()?;
        Ok(Self { embed, encoding })
    }
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Embeddings {
    /// Always `list`.
    pub object: &'static str,
    /// In the order of the inputs.
    pub data: Vec<Embedding>,
    /// The model that was asked for.
    pub model: String,
    /// What was counted.
    pub usage: PromptUsage,
}

/// One vector.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Embedding {
    /// Always `embedding`.
    pub object: &'static str,
    /// Which input.
    pub index: u32,
    /// The vector.
    pub embedding: Numbers,
}

/// A vector as it is written down.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Numbers {
    /// A list.
    Float(Vec<f32>),
    /// Base64.
    Base64(String),
}
