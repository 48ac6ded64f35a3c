//! The arithmetic of the encoder: products of matrices and the functions between them, in the widest form that the
//! processor has. `body` says what is computed; `x86` computes it with wide registers.

pub(crate) mod body;
pub(crate) mod pack;
#[cfg(target_arch = "x86_64")]
mod x86;

use pack::{Bytes, Floats, Left, LeftBytes};

/// Which registers are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// What every processor of this kind has.
    Portable,
    /// 256 bits with fused multiplication and addition.
    Avx2,
    /// 512 bits.
    Avx512,
    /// 512 bits with dot products of bytes.
    Vnni,
}

impl Level {
    /// All that this processor has, the widest last.
    pub fn all() -> Vec<Self> {
        let mut all = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        all.extend(x86::levels());
        all
    }

    /// The widest that this processor has.
    pub fn best() -> Self {
        Self::all().pop().unwrap_or(Self::Portable)
    }
}

/// Arithmetic on one level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kernels {
    level: Level,
}

/// Chooses the form of an operation.
macro_rules! dispatch {
    ($kernels:expr, $name:ident ( $($argument:expr),* )) => {{
        #[cfg(target_arch = "x86_64")]
        match $kernels.level {
            Level::Portable => body::$name::<false>($($argument),*),
            Level::Avx2 => x86::avx2::$name($($argument),*),
            Level::Avx512 | Level::Vnni => x86::avx512::$name($($argument),*),
        }
        #[cfg(not(target_arch = "x86_64"))]
        // Other processors of 64 bits fuse by themselves.
        body::$name::<{ cfg!(target_arch = "aarch64") }>($($argument),*)
    }};
}

impl Kernels {
    /// On this level, or on the widest below it that the processor has.
    pub(crate) fn new(level: Level) -> Self {
        let level = if Level::all().contains(&level) { level } else { Level::Portable };
        Self { level }
    }

    /// `out = left × right + bias`, row by row; rows of `out` begin every `stride` numbers.
    pub(crate) fn product(
        self,
        left: &Left,
        right: &Floats,
        bias: &[f32],
        out: &mut [f32],
        stride: usize,
    ) {
        debug_assert_eq!(left.depth, right.depth);
        dispatch!(self, product(left, right, bias, out, stride));
    }

    /// As [`Kernels::product`] with bytes, scaled back to floats.
    pub(crate) fn product_bytes(
        self,
        left: &LeftBytes,
        right: &Bytes,
        bias: &[f32],
        out: &mut [f32],
        stride: usize,
    ) {
        debug_assert_eq!(left.depth, right.depth);
        #[cfg(target_arch = "x86_64")]
        if self.level == Level::Vnni {
            return x86::vnni::product_bytes(left, right, bias, out, stride);
        }
        body::product_bytes(left, right, bias, out, stride);
    }

    /// Packs rows for [`Kernels::product_bytes`].
    pub(crate) fn pack_bytes(self, into: &mut LeftBytes, rows: &[f32], depth: usize) {
        dispatch!(self, pack_bytes(into, rows, depth));
    }

    /// `x = x/2 · (1 + erf(x/√2))`.
    pub(crate) fn gelu(self, numbers: &mut [f32]) {
        dispatch!(self, gelu(numbers));
    }

    /// Makes each row of `width` numbers, of which the first `used` count, add up to one; the rest becomes zero.
    pub(crate) fn softmax(self, rows: &mut [f32], width: usize, used: usize) {
        dispatch!(self, softmax(rows, width, used));
    }

    /// `x = norm(x + added) · weight + bias` for each row of the length of `weight`.
    pub(crate) fn add_and_norm(
        self,
        numbers: &mut [f32],
        added: &[f32],
        weight: &[f32],
        bias: &[f32],
        eps: f32,
    ) {
        dispatch!(self, add_and_norm(numbers, added, weight, bias, eps));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random and are the same every time.
    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed.wrapping_mul(2_654_435_761) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            f64::from(state) / f64::from(u32::MAX) * 2.0 - 1.0
        };
        (0..count).map(|_| next() as f32).collect()
    }

    /// Rows, depth and columns around every edge of a tile.
    const SHAPES: [(usize, usize, usize); 8] = [
        (1, 4, 1),
        (3, 8, 32),
        (4, 12, 33),
        (5, 32, 31),
        (12, 40, 64),
        (13, 64, 96),
        (25, 16, 70),
        (97, 384, 65),
    ];

    #[test]
    fn products_are_those_of_the_schoolbook_on_every_level() {
        for (rows, depth, columns) in SHAPES {
            let (a, w) = (numbers(rows * depth, 1), numbers(columns * depth, 2));
            let bias = numbers(columns, 3);
            let right = Floats::pack(&w, columns, depth);
            for level in Level::all() {
                let mut left = Left::default();
                left.pack(&a, depth, rows, depth);
                let stride = columns + 3;
                let mut out = vec![7.0; rows * stride];
                Kernels::new(level).product(&left, &right, &bias, &mut out, stride);
                for row in 0..rows {
                    for column in 0..columns {
                        let exact: f64 = (0..depth)
                            .map(|k| {
                                f64::from(a[row * depth + k]) * f64::from(w[column * depth + k])
                            })
                            .sum::<f64>()
                            + f64::from(bias[column]);
                        let got = f64::from(out[row * stride + column]);
                        assert!(
                            (exact - got).abs() < 1e-4,
                            "{level:?} {rows}x{depth}x{columns}: {exact} {got}"
                        );
                    }
                    assert_eq!(
                        out[row * stride + columns..(row + 1) * stride],
                        [7.0; 3],
                        "{level:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn products_of_bytes_are_equal_to_the_last_bit_on_every_level() {
        for (rows, depth, columns) in SHAPES {
            let (a, w) = (numbers(rows * depth, 4), numbers(columns * depth, 5));
            let bias = numbers(columns, 6);
            let right = Bytes::pack(&w, columns, depth);
            let outs = Level::all().into_iter().map(|level| {
                let kernels = Kernels::new(level);
                let mut left = LeftBytes::default();
                kernels.pack_bytes(&mut left, &a, depth);
                let mut out = vec![0.0; rows * columns];
                kernels.product_bytes(&left, &right, &bias, &mut out, columns);
                out
            });
            let outs: Vec<Vec<f32>> = outs.collect();
            assert!(outs.iter().all(|out| *out == outs[0]), "{rows}x{depth}x{columns}");
            for row in 0..rows {
                for column in 0..columns {
                    let exact: f32 =
                        (0..depth).map(|k| a[row * depth + k] * w[column * depth + k]).sum::<f32>()
                            + bias[column];
                    let got = outs[0][row * columns + column];
                    assert!((exact - got).abs() < 0.02 * (depth as f32).sqrt(), "{exact} {got}");
                }
            }
        }
    }

    #[test]
    fn functions_agree_with_their_definitions() {
        // erf of 0, 0.5, 1, 2 and 3 from a table.
        let table = [
            (0.0, 0.0),
            (0.5, 0.520_499_9),
            (1.0, 0.842_700_8),
            (2.0, 0.995_322_3),
            (3.0, 0.999_977_9),
        ];
        for level in Level::all() {
            let kernels = Kernels::new(level);
            for (x, erf) in table {
                for sign in [1.0, -1.0] {
                    let y = sign * x * std::f32::consts::SQRT_2;
                    let mut got = vec![y; 19];
                    kernels.gelu(&mut got);
                    let exact = y / 2.0 * (1.0 + sign * erf);
                    assert!(
                        got.iter().all(|g| (g - exact).abs() < 2e-6),
                        "{level:?} {y}: {exact} {got:?}"
                    );
                }
            }
            let mut rows = vec![1.0, 2.0, 3.0, -50.0, 9.0, 0.0, 0.0, 0.0, 0.0, 9.0];
            kernels.softmax(&mut rows, 5, 4);
            let sum: f32 = rows[..5].iter().sum();
            assert!((sum - 1.0).abs() < 1e-6 && (rows[2] - 0.665_240_9).abs() < 1e-6, "{rows:?}");
            assert_eq!(rows[4], 0.0);
            assert!(rows[5..9].iter().all(|p| (p - 0.25).abs() < 1e-6) && rows[9] == 0.0);
            let mut numbers = vec![1.0, 2.0, 3.0, 4.0];
            kernels.add_and_norm(&mut numbers, &[1.0, 1.0, 1.0, 1.0], &[2.0; 4], &[1.0; 4], 0.0);
            let exact = [-1.683_281_6, 0.105_572_8, 1.894_427_2, 3.683_281_6];
            assert!(numbers.iter().zip(exact).all(|(a, b)| (a - b).abs() < 1e-5), "{numbers:?}");
        }
    }
}
