//! What the kernels compute, for compilers to make wide. `FUSED` says whether multiplication and addition are one
//! instruction; without it the call would be a slow one.

use super::pack::{Bytes, COLUMNS, Floats, Left, LeftBytes, ROWS, STEP, tiles};

#[inline(always)]
fn fma<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// Rows that are worked on before the next panel of the right side is read.
const BLOCK: usize = 96;

/// Calls `tile` for each tile of a product: its first row, its rows, its first number on the left, and its panel.
#[inline(always)]
pub(super) fn each_tile(rows: usize, panels: usize, mut tile: impl FnMut(usize, usize, usize)) {
    let all = rows.div_ceil(BLOCK);
    for block in 0..all {
        let first = block * BLOCK;
        let count = (rows - first).min(BLOCK);
        for panel in 0..panels {
            let mut row = first;
            for height in tiles(count) {
                tile(row, height, panel);
                row += height;
            }
        }
    }
}

/// Writes one row of a tile behind the product.
#[inline(always)]
pub(super) fn store(line: &[f32; COLUMNS], bias: &[f32], out: &mut [f32]) {
    for ((out, sum), bias) in out.iter_mut().zip(line).zip(bias) {
        *out = sum + bias;
    }
}

#[inline(always)]
pub(super) fn product<const FUSED: bool>(
    left: &Left,
    right: &Floats,
    bias: &[f32],
    out: &mut [f32],
    stride: usize,
) {
    let depth = left.depth;
    each_tile(left.rows, right.columns.div_ceil(COLUMNS), |row, height, panel| {
        let numbers = left.numbers.get(row * depth..(row + height) * depth).unwrap_or_default();
        let lines = right.panels.get(panel * depth..(panel + 1) * depth).unwrap_or_default();
        let mut sums = [[0.0_f32; COLUMNS]; ROWS];
        for (numbers, line) in numbers.chunks_exact(height).zip(lines) {
            for (sums, number) in sums.iter_mut().zip(numbers) {
                for (sum, weight) in sums.iter_mut().zip(line) {
                    *sum = fma::<FUSED>(*number, *weight, *sum);
                }
            }
        }
        let from = panel * COLUMNS;
        let columns = (right.columns - from).min(COLUMNS);
        let bias = bias.get(from..from + columns).unwrap_or_default();
        for (at, sums) in sums.iter().enumerate().take(height.min(left.rows - row)) {
            let from = (row + at) * stride + from;
            store(sums, bias, out.get_mut(from..from + columns).unwrap_or_default());
        }
    });
}

/// Turns sums of bytes into numbers.
#[inline(always)]
pub(super) fn scale(
    sums: &[i32; COLUMNS],
    offsets: &[i32; COLUMNS],
    scales: &[f32; COLUMNS],
    row: f32,
) -> [f32; COLUMNS] {
    std::array::from_fn(|at| (sums[at] - offsets[at]) as f32 * (scales[at] * row))
}

pub(super) fn product_bytes(
    left: &LeftBytes,
    right: &Bytes,
    bias: &[f32],
    out: &mut [f32],
    stride: usize,
) {
    let steps = left.depth.div_ceil(STEP);
    each_tile(left.rows, right.scales.len(), |row, height, panel| {
        let bytes = left.steps.get(row * steps..(row + height) * steps).unwrap_or_default();
        let lines = right.panels.get(panel * steps..(panel + 1) * steps).unwrap_or_default();
        let mut sums = [[0_i32; COLUMNS]; ROWS];
        for (bytes, line) in bytes.chunks_exact(height).zip(lines) {
            for (sums, four) in sums.iter_mut().zip(bytes) {
                for (sum, weights) in sums.iter_mut().zip(line.as_chunks::<STEP>().0) {
                    *sum +=
                        (0..STEP).map(|k| i32::from(four[k]) * i32::from(weights[k])).sum::<i32>();
                }
            }
        }
        finish_bytes(left, right, &sums, (row, height, panel), bias, out, stride);
    });
}

/// Writes a tile of sums of bytes.
#[inline(always)]
pub(super) fn finish_bytes(
    left: &LeftBytes,
    right: &Bytes,
    sums: &[[i32; COLUMNS]],
    (row, height, panel): (usize, usize, usize),
    bias: &[f32],
    out: &mut [f32],
    stride: usize,
) {
    let from = panel * COLUMNS;
    let columns = (right.columns - from).min(COLUMNS);
    let bias = bias.get(from..from + columns).unwrap_or_default();
    for (at, sums) in sums.iter().enumerate().take(height.min(left.rows - row)) {
        let line = scale(sums, &right.offsets[panel], &right.scales[panel], left.scales[row + at]);
        let from = (row + at) * stride + from;
        store(&line, bias, out.get_mut(from..from + columns).unwrap_or_default());
    }
}

/// Rounds each row to bytes; the largest number of a row becomes 127. Free of fused steps, so that every processor
/// makes the same bytes.
#[inline(always)]
pub(super) fn pack_bytes<const FUSED: bool>(into: &mut LeftBytes, rows: &[f32], depth: usize) {
    let count = rows.len() / depth.max(1);
    let steps = depth.div_ceil(STEP);
    let height: usize = tiles(count).sum();
    (into.rows, into.depth) = (count, depth);
    into.steps.clear();
    into.steps.resize(height * steps, [128; STEP]);
    into.scales.clear();
    into.scales.resize(height, 0.0);
    let mut rest = into.steps.as_mut_slice();
    let mut all = rows.chunks_exact(depth.max(1)).enumerate();
    for tile in tiles(count) {
        let (own, others) = std::mem::take(&mut rest).split_at_mut(tile * steps);
        rest = others;
        for (at, (index, row)) in all.by_ref().take(tile).enumerate() {
            let largest = row.iter().fold(0.0_f32, |most, number| most.max(number.abs()));
            let factor = if largest > 0.0 { 127.0 / largest } else { 0.0 };
            into.scales[index] = largest / 127.0;
            let (fours, last) = row.as_chunks::<STEP>();
            for (step, four) in own.chunks_exact_mut(tile).zip(fours) {
                step[at] = four.map(|number| byte(number * factor));
            }
            if let (Some(step), false) =
                (own.chunks_exact_mut(tile).nth(fours.len()), last.is_empty())
            {
                for (byte_at, number) in last.iter().enumerate() {
                    step[at][byte_at] = byte(number * factor);
                }
            }
        }
    }
}

/// A number from -127 to 127, rounded to even, 128 above itself. Adding the large number rounds, and the lowest
/// bits of the sum are the byte.
#[inline(always)]
fn byte(number: f32) -> u8 {
    const ROUND: f32 = 12_582_912.0;
    ((number + ROUND).to_bits() as u8).wrapping_add(128)
}

/// e to the power of a number that is at most 88; within 2 units of the last place.
#[inline(always)]
fn exp<const FUSED: bool>(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0;
    let x = x.max(-87.0);
    let shifted = fma::<FUSED>(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = fma::<FUSED>(n, -0.693_359_4, x);
    let r = fma::<FUSED>(n, 2.121_944_4e-4, r);
    let mut p = 1.987_569_1e-4;
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
        p = fma::<FUSED>(p, r, c);
    }
    let p = fma::<FUSED>(p, r * r, r) + 1.0;
    // The lowest bits of the shifted number are n; they become the exponent.
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    p * power
}

#[inline(always)]
pub(super) fn gelu<const FUSED: bool>(numbers: &mut [f32]) {
    for number in numbers {
        let x = *number;
        let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
        // Abramowitz and Stegun 7.1.26: within 1.5e-7 of the error function.
        let t = 1.0 / fma::<FUSED>(0.327_591_1, z, 1.0);
        let mut p = 1.061_405_4;
        for c in [-1.453_152, 1.421_413_8, -0.284_496_74, 0.254_829_6] {
            p = fma::<FUSED>(p, t, c);
        }
        // What is beyond the error function, 1 - erf(z).
        let beyond = p * t * exp::<FUSED>(-z * z);
        *number = x * if x < 0.0 { 0.5 * beyond } else { 1.0 - 0.5 * beyond };
    }
}

#[inline(always)]
pub(super) fn softmax<const FUSED: bool>(rows: &mut [f32], width: usize, used: usize) {
    for row in rows.chunks_exact_mut(width.max(1)) {
        let (row, rest) = row.split_at_mut(used.min(width));
        rest.fill(0.0);
        let largest = largest(row);
        for number in row.iter_mut() {
            *number = exp::<FUSED>(*number - largest);
        }
        let factor = 1.0 / sum(row);
        for number in row {
            *number *= factor;
        }
    }
}

/// Sixteen sums beside each other: the same order of additions on every level.
#[inline(always)]
fn sum(numbers: &[f32]) -> f32 {
    let (chunks, rest) = numbers.as_chunks::<16>();
    let mut sums = [0.0_f32; 16];
    for chunk in chunks {
        for (sum, number) in sums.iter_mut().zip(chunk) {
            *sum += number;
        }
    }
    sums.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

#[inline(always)]
fn largest(numbers: &[f32]) -> f32 {
    let (chunks, rest) = numbers.as_chunks::<16>();
    let mut most = [f32::NEG_INFINITY; 16];
    for chunk in chunks {
        for (most, number) in most.iter_mut().zip(chunk) {
            *most = if *number > *most { *number } else { *most };
        }
    }
    most.iter().chain(rest).fold(f32::NEG_INFINITY, |most, number| most.max(*number))
}

#[inline(always)]
pub(super) fn add_and_norm<const FUSED: bool>(
    numbers: &mut [f32],
    added: &[f32],
    weight: &[f32],
    bias: &[f32],
    eps: f32,
) {
    let width = weight.len().max(1);
    let bias = bias.get(..weight.len()).unwrap_or_default();
    for (row, added) in numbers.chunks_exact_mut(width).zip(added.chunks_exact(width)) {
        for (number, added) in row.iter_mut().zip(added) {
            *number += added;
        }
        let mean = sum(row) / width as f32;
        for number in row.iter_mut() {
            *number -= mean;
        }
        let (chunks, rest) = row.as_chunks::<16>();
        let mut squares = [0.0_f32; 16];
        for chunk in chunks {
            for (sum, number) in squares.iter_mut().zip(chunk) {
                *sum = fma::<FUSED>(*number, *number, *sum);
            }
        }
        let squares = squares.iter().sum::<f32>() + rest.iter().map(|n| n * n).sum::<f32>();
        let factor = 1.0 / (squares / width as f32 + eps).sqrt();
        for ((number, weight), bias) in row.iter_mut().zip(weight).zip(bias) {
            *number = fma::<FUSED>(*number * factor, *weight, *bias);
        }
    }
}
