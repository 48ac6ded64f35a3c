//! Vectors in few bytes: one byte a number with the exact error known, and one sign a number around a mean.

use super::kernel::BLOCK;

/// Bytes of a row of codes: the dimensions rounded up so that rows start where loads are cheap.
pub(super) fn stride(dims: usize) -> usize {
    dims.next_multiple_of(32)
}

/// Words of the signs of a row.
pub(super) fn words(dims: usize) -> usize {
    dims.div_ceil(64)
}

/// A vector of length one in one byte a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Coded {
    /// What one unit of a code is worth.
    pub(super) scale: f32,
    /// Length of the difference between the vector and what its codes say: no cosine is further off than this.
    pub(super) error: f32,
}

/// Appends the codes of a vector of length one, padded with zeros.
pub(super) fn encode(unit: &[f32], codes: &mut Vec<i8>) -> Coded {
    let most = unit.iter().fold(0f32, |most, value| most.max(value.abs()));
    let scale = most / 127.0;
    let from = codes.len();
    let mut error = 0f64;
    for &value in unit {
        let code = (value / scale).round().clamp(-127.0, 127.0);
        error += (f64::from(value) - f64::from(code) * f64::from(scale)).powi(2);
        codes.push(code as i8);
    }
    codes.resize(from + stride(unit.len()), 0);
    Coded { scale, error: (error.sqrt() * 1.000_001) as f32 }
}

/// A query in forms that the kernels take.
pub(super) struct Query {
    /// At full precision, of length one.
    pub(super) unit: Vec<f32>,
    /// In two bytes a number, padded with zeros like rows of codes.
    pub(super) codes: Vec<i16>,
    /// What one unit of them is worth.
    pub(super) scale: f32,
    /// Length of the difference.
    pub(super) error: f32,
}

impl Query {
    /// Scaled so that no product with a row leaves 32 bits.
    pub(super) fn new(unit: Vec<f32>) -> Self {
        let most = unit.iter().fold(0f64, |most, value| most.max(f64::from(value.abs())));
        let sum: f64 = unit.iter().map(|value| f64::from(value.abs())).sum();
        let room = f64::from(i32::MAX) / 128.0 - unit.len() as f64;
        let scale = (most / 32_767.0).max(sum / room);
        let mut error = 0f64;
        let mut codes = Vec::with_capacity(stride(unit.len()));
        for &value in &unit {
            let code = (f64::from(value) / scale).round().clamp(-32_767.0, 32_767.0);
            error += (f64::from(value) - code * scale).powi(2);
            codes.push(code as i16);
        }
        codes.resize(stride(unit.len()), 0);
        Self { unit, codes, scale: scale as f32, error: (error.sqrt() * 1.000_001 + 1e-6) as f32 }
    }

    /// The cosine that a product of codes stands for.
    pub(super) fn cosine(&self, product: i32, row_scale: f32) -> f32 {
        (f64::from(product) * f64::from(self.scale) * f64::from(row_scale)) as f32
    }
}

/// The query seen from a mean, in four bits a number.
pub(super) struct Planes {
    /// See [`super::kernel::Scan`].
    pub(super) planes: Vec<[u64; 4]>,
    pub(super) sum: i32,
    pub(super) base: f32,
    /// What one unit of the four bits is worth.
    pub(super) step: f32,
}

impl Planes {
    /// The step is the one of a few with the least squared error: a single large number must not cost all others
    /// their bits.
    pub(super) fn new(unit: &[f32], mean: &[f32]) -> Self {
        let from_mean: Vec<f32> = unit.iter().zip(mean).map(|(a, b)| a - b).collect();
        let most = from_mean.iter().fold(0f32, |most, value| most.max(value.abs()));
        // Rounded without a call: this runs for every segment of every search.
        let code = |value: f32, step: f32| (value / step + 8.5).clamp(0.0, 15.0) as i32 - 8;
        let loss = |step: f32| -> f64 {
            let off = |&value: &f32| f64::from(value - code(value, step) as f32 * step).powi(2);
            from_mean.iter().map(off).sum()
        };
        let steps = [0.4, 0.55, 0.7, 0.85, 1.0].map(|share| most / 7.0 * share).into_iter();
        let step = steps.min_by(|a, b| loss(*a).total_cmp(&loss(*b))).unwrap_or(most);
        let step = if step > 0.0 { step } else { 1.0 };
        let mut planes = vec![[0u64; 4]; words(unit.len())];
        let mut sum = 0;
        for (at, &value) in from_mean.iter().enumerate() {
            let code = code(value, step);
            sum += code;
            for (bit, plane) in planes[at / 64].iter_mut().enumerate() {
                *plane |= u64::from(code as u32 >> bit & 1) << (at % 64);
            }
        }
        let base: f64 = unit.iter().zip(mean).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
        Self { planes, sum, base: base as f32, step }
    }
}

/// The signs of many rows around their mean, in blocks.
pub(super) struct Signs {
    /// As in [`super::kernel::Scan`].
    pub(super) words: Vec<u64>,
    pub(super) stretch: Vec<u16>,
    pub(super) offset: Vec<i16>,
    pub(super) stretch_step: f32,
    pub(super) offset_step: f32,
    /// The mean of the rows.
    pub(super) mean: Vec<f32>,
}

impl Signs {
    /// Of rows in codes.
    pub(super) fn new(dims: usize, codes: &[i8], scales: &[f32]) -> Self {
        let stride = stride(dims);
        let mut sums = vec![0f64; dims];
        for (row, &scale) in codes.chunks_exact(stride).zip(scales) {
            for (sum, &code) in sums.iter_mut().zip(row) {
                *sum += f64::from(scale) * f64::from(code);
            }
        }
        let count = scales.len().max(1) as f64;
        let mean: Vec<f32> = sums.iter().map(|sum| (sum / count) as f32).collect();

        let width = words(dims);
        let padded = scales.len().next_multiple_of(BLOCK);
        let mut signs = vec![0u64; padded * width];
        let mut factors = Vec::with_capacity(padded);
        for (at, (row, &scale)) in codes.chunks_exact(stride).zip(scales).enumerate() {
            let block = &mut signs[at / BLOCK * BLOCK * width..];
            let (mut square, mut sum, mut offset) = (0f64, 0f64, 0f64);
            for (dim, (&code, &mean)) in row.iter().zip(&mean).enumerate() {
                let way = f64::from(scale) * f64::from(code) - f64::from(mean);
                if way > 0.0 {
                    block[dim / 64 * BLOCK + at % BLOCK] |= 1 << (dim % 64);
                }
                square += way * way;
                sum += way.abs();
                offset += way * f64::from(mean);
            }
            factors.push((if sum > 0.0 { square / sum } else { 0.0 }, offset));
        }
        let largest = factors
            .iter()
            .fold((0f64, 0f64), |most, factor| (most.0.max(factor.0), most.1.max(factor.1.abs())));
        let step = |most: f64, units: f64| if most > 0.0 { most / units } else { 1.0 };
        let (stretch_step, offset_step) = (step(largest.0, 65_535.0), step(largest.1, 32_767.0));
        factors.resize(padded, (0.0, 0.0));
        Self {
            words: signs,
            stretch: factors
                .iter()
                .map(|factor| (factor.0 / stretch_step).round() as u16)
                .collect(),
            offset: factors.iter().map(|factor| (factor.1 / offset_step).round() as i16).collect(),
            stretch_step: stretch_step as f32,
            offset_step: offset_step as f32,
            mean,
        }
    }
}
