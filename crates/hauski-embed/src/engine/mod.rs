//! The encoder: tokens to one vector a text. `own` is the one that serves; `candle` computes the same with a library
//! and is what the other is compared with.

mod candle;
mod own;

use crate::folder::Folder;
use crate::kernels::Level;
use crate::weights::WeightsError;

/// How the large products are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arithmetic {
    /// 32-bit floats, own kernels.
    #[default]
    F32,
    /// Weights and activations as bytes with a scale for each row, sums of 32 bits; own kernels.
    Int8,
    /// 32-bit floats, by the library candle.
    Candle,
}

impl Arithmetic {
    /// Its name in settings. Part of a revision: vectors of two ways of computing differ.
    pub fn name(self) -> &'static str {
        match self {
            // Both compute the same numbers but for the last digits.
            Self::F32 | Self::Candle => "f32",
            Self::Int8 => "int8",
        }
    }
}

impl Arithmetic {
    /// Bytes of one weight.
    pub fn number(self) -> usize {
        if self == Self::Int8 { 1 } else { 4 }
    }
}

/// Why an encoder has no vectors.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The weights cannot be used.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The library says no.
    #[error("candle: {0}")]
    Candle(#[from] candle_core::Error),
    /// The weights make numbers that are none.
    #[error("the model gives vectors that are none; its weights are damaged")]
    NotANumber,
}

/// An encoder with its weights. Several threads may use it at once.
pub trait Engine: Send + Sync {
    /// One vector of unit length for each list of tokens, none of which is empty.
    ///
    /// # Errors
    ///
    /// When the weights cannot be read, or give no numbers.
    fn encode(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, EngineError>;

    /// Bytes of memory that it keeps.
    fn bytes(&self) -> usize;
}

/// Reads the weights of a folder.
///
/// # Errors
///
/// When the file is missing or does not fit to `config.json`.
pub(crate) fn load(
    folder: &Folder,
    arithmetic: Arithmetic,
    level: Level,
) -> Result<Box<dyn Engine>, EngineError> {
    Ok(match arithmetic {
        Arithmetic::Candle => Box::new(candle::Candle::load(folder)?),
        Arithmetic::F32 => Box::new(own::Own::load(folder, level, false)?),
        Arithmetic::Int8 => Box::new(own::Own::load(folder, level, true)?),
    })
}

/// Makes a vector as long as one.
fn normalise(vector: &mut [f32]) -> Result<(), EngineError> {
    let length = vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    if !length.is_finite() {
        return Err(EngineError::NotANumber);
    }
    // A vector of zeros has no direction; it stays as it is and is near to nothing.
    let factor = if length > 0.0 { 1.0 / length } else { 0.0 };
    for number in vector {
        *number = (f64::from(*number) * factor) as f32;
    }
    Ok(())
}
