//! The kernels with the wide registers of x86-64. A function here is called only behind the check of its features.
#![expect(
    unsafe_code,
    reason = "functions with wide registers may be called only where the processor has them; loads go through arrays of exactly one register"
)]

use super::Level;

/// The levels of this processor, the widest last.
pub(super) fn levels() -> Vec<Level> {
    let mut levels = Vec::new();
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        levels.push(Level::Avx2);
        let wide = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
        if wide && is_x86_feature_detected!("avx512vl") && is_x86_feature_detected!("avx512dq") {
            levels.push(Level::Avx512);
            if is_x86_feature_detected!("avx512vnni") {
                levels.push(Level::Vnni);
            }
        }
    }
    levels
}

/// Makes functions of the module `body` wide.
macro_rules! widened {
    ($features:literal: $($name:ident($($argument:ident: $kind:ty),*);)*) => {$(
        pub(in crate::kernels) fn $name($($argument: $kind),*) {
            #[target_feature(enable = $features)]
            fn wide($($argument: $kind),*) {
                body::$name::<true>($($argument),*);
            }
            // SAFETY: `Kernels` has this level only where `levels` has found the features.
            unsafe { wide($($argument),*) }
        }
    )*};
}

pub(super) mod avx2 {
    //! 256 bits.

    use crate::kernels::body;
    use crate::kernels::pack::{Floats, Left, LeftBytes};

    widened! { "avx2,fma":
        product(left: &Left, right: &Floats, bias: &[f32], out: &mut [f32], stride: usize);
        pack_bytes(into: &mut LeftBytes, rows: &[f32], depth: usize);
        gelu(numbers: &mut [f32]);
        softmax(rows: &mut [f32], width: usize, used: usize);
        add_and_norm(numbers: &mut [f32], added: &[f32], weight: &[f32], bias: &[f32], eps: f32);
    }
}

pub(super) mod avx512 {
    //! 512 bits.

    use std::arch::x86_64::{
        __m512, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps,
        _mm512_storeu_ps,
    };

    use crate::kernels::body;
    use crate::kernels::pack::{COLUMNS, Floats, Left, LeftBytes};

    widened! { "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma":
        pack_bytes(into: &mut LeftBytes, rows: &[f32], depth: usize);
        gelu(numbers: &mut [f32]);
        softmax(rows: &mut [f32], width: usize, used: usize);
        add_and_norm(numbers: &mut [f32], added: &[f32], weight: &[f32], bias: &[f32], eps: f32);
    }

    pub(in crate::kernels) fn product(
        left: &Left,
        right: &Floats,
        bias: &[f32],
        out: &mut [f32],
        stride: usize,
    ) {
        // SAFETY: `Kernels` has this level only where `levels` has found the features.
        unsafe { wide(left, right, bias, out, stride) }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")]
    fn wide(left: &Left, right: &Floats, bias: &[f32], out: &mut [f32], stride: usize) {
        let depth = left.depth;
        let mut lines = [[0.0; COLUMNS]; 12];
        body::each_tile(left.rows, right.columns.div_ceil(COLUMNS), |row, height, panel| {
            let numbers = left.numbers.get(row * depth..(row + height) * depth).unwrap_or_default();
            let panels = right.panels.get(panel * depth..(panel + 1) * depth).unwrap_or_default();
            match height {
                12 => tile::<12>(numbers, panels, &mut lines),
                8 => tile::<8>(numbers, panels, &mut lines),
                _ => tile::<4>(numbers, panels, &mut lines),
            }
            let from = panel * COLUMNS;
            let columns = (right.columns - from).min(COLUMNS);
            let bias = bias.get(from..from + columns).unwrap_or_default();
            for (at, line) in lines.iter().enumerate().take(height.min(left.rows - row)) {
                let from = (row + at) * stride + from;
                body::store(line, bias, out.get_mut(from..from + columns).unwrap_or_default());
            }
        });
    }

    #[target_feature(enable = "avx512f")]
    fn load(numbers: &[f32; 16]) -> __m512 {
        // SAFETY: the array is as long as the register.
        unsafe { _mm512_loadu_ps(numbers.as_ptr()) }
    }

    #[target_feature(enable = "avx512f")]
    fn save(numbers: &mut [f32; 16], register: __m512) {
        // SAFETY: the array is as long as the register.
        unsafe { _mm512_storeu_ps(numbers.as_mut_ptr(), register) }
    }

    /// `HEIGHT` rows by 32 columns, held in registers from the first step to the last.
    #[target_feature(enable = "avx512f")]
    fn tile<const HEIGHT: usize>(
        numbers: &[f32],
        panel: &[[f32; COLUMNS]],
        out: &mut [[f32; COLUMNS]; 12],
    ) {
        let mut sums = [[_mm512_setzero_ps(); 2]; HEIGHT];
        for (numbers, line) in numbers.as_chunks::<HEIGHT>().0.iter().zip(panel) {
            let (halves, _) = line.as_chunks::<16>();
            let (low, high) = (load(&halves[0]), load(&halves[1]));
            for at in 0..HEIGHT {
                let number = _mm512_set1_ps(numbers[at]);
                sums[at][0] = _mm512_fmadd_ps(number, low, sums[at][0]);
                sums[at][1] = _mm512_fmadd_ps(number, high, sums[at][1]);
            }
        }
        for at in 0..HEIGHT {
            let (halves, _) = out[at].as_chunks_mut::<16>();
            save(&mut halves[0], sums[at][0]);
            save(&mut halves[1], sums[at][1]);
        }
    }
}

pub(super) mod vnni {
    //! 512 bits with dot products of bytes.

    use std::arch::x86_64::{
        __m512i, _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_setzero_si512,
        _mm512_storeu_si512,
    };

    use crate::kernels::body;
    use crate::kernels::pack::{Bytes, COLUMNS, LeftBytes, STEP};

    pub(in crate::kernels) fn product_bytes(
        left: &LeftBytes,
        right: &Bytes,
        bias: &[f32],
        out: &mut [f32],
        stride: usize,
    ) {
        // SAFETY: `Kernels` has this level only where `levels` has found the features.
        unsafe { wide(left, right, bias, out, stride) }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma")]
    fn wide(left: &LeftBytes, right: &Bytes, bias: &[f32], out: &mut [f32], stride: usize) {
        let steps = left.depth.div_ceil(STEP);
        let mut sums = [[0; COLUMNS]; 12];
        body::each_tile(left.rows, right.scales.len(), |row, height, panel| {
            let bytes = left.steps.get(row * steps..(row + height) * steps).unwrap_or_default();
            let panels = right.panels.get(panel * steps..(panel + 1) * steps).unwrap_or_default();
            match height {
                12 => tile::<12>(bytes, panels, &mut sums),
                8 => tile::<8>(bytes, panels, &mut sums),
                _ => tile::<4>(bytes, panels, &mut sums),
            }
            body::finish_bytes(left, right, &sums, (row, height, panel), bias, out, stride);
        });
    }

    #[target_feature(enable = "avx512f")]
    fn load(bytes: &[i8; 64]) -> __m512i {
        // SAFETY: the array is as long as the register.
        unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx512f")]
    fn save(numbers: &mut [i32; 16], register: __m512i) {
        // SAFETY: the array is as long as the register.
        unsafe { _mm512_storeu_si512(numbers.as_mut_ptr().cast(), register) }
    }

    #[target_feature(enable = "avx512f,avx512vnni")]
    fn tile<const HEIGHT: usize>(
        bytes: &[[u8; STEP]],
        panel: &[[i8; COLUMNS * STEP]],
        out: &mut [[i32; COLUMNS]; 12],
    ) {
        let mut sums = [[_mm512_setzero_si512(); 2]; HEIGHT];
        for (bytes, line) in bytes.as_chunks::<HEIGHT>().0.iter().zip(panel) {
            let (halves, _) = line.as_chunks::<64>();
            let (low, high) = (load(&halves[0]), load(&halves[1]));
            for at in 0..HEIGHT {
                let four = _mm512_set1_epi32(i32::from_le_bytes(bytes[at]));
                sums[at][0] = _mm512_dpbusd_epi32(sums[at][0], four, low);
                sums[at][1] = _mm512_dpbusd_epi32(sums[at][1], four, high);
            }
        }
        for at in 0..HEIGHT {
            let (halves, _) = out[at].as_chunks_mut::<16>();
            save(&mut halves[0], sums[at][0]);
            save(&mut halves[1], sums[at][1]);
        }
    }
}
