//! Checks vectors that come in and scales them to length one.

use super::VectorError;

/// The vector scaled to length one. `what` names it in errors.
pub(super) fn unit(
    vector: &[f32],
    dims: usize,
    what: impl Fn() -> String,
) -> Result<Vec<f32>, VectorError> {
    if vector.len() != dims {
        return Err(VectorError::Dims { what: what(), got: vector.len(), expected: dims });
    }
    if let Some(at) = vector.iter().position(|value| !value.is_finite()) {
        return Err(VectorError::NotFinite { what: what(), at });
    }
    let norm = vector.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    if norm == 0.0 {
        return Err(VectorError::Zero { what: what() });
    }
    Ok(vector.iter().map(|&value| (f64::from(value) / norm) as f32).collect())
}

/// The cosine of two vectors of length one. The order of the additions is fixed, so every machine gets the same bits.
pub(super) fn cosine(left: &[f32], right: &[f32]) -> f32 {
    let mut lanes = [0f64; 8];
    let mut pairs = left.chunks_exact(8).zip(right.chunks_exact(8));
    for (left, right) in &mut pairs {
        for lane in 0..8 {
            lanes[lane] += f64::from(left[lane]) * f64::from(right[lane]);
        }
    }
    let rest = left.len() / 8 * 8;
    let tail: f64 =
        left[rest..].iter().zip(&right[rest..]).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
    let sum = lanes.iter().sum::<f64>() + tail;
    sum.clamp(-1.0, 1.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_vectors_are_named() {
        let what = || "record 7".to_owned();
        let text = |vector: &[f32]| unit(vector, 3, what).unwrap_err().to_string();
        assert!(text(&[1.0]).starts_with("record 7 has 1 numbers and the store 3"));
        assert!(text(&[1.0, f32::NAN, 0.0]).contains("not finite at position 1"));
        assert!(text(&[0.0, -0.0, 0.0]).starts_with("record 7 is zero"));
    }

    #[test]
    fn the_smallest_and_largest_numbers_have_a_direction() {
        for scale in [f32::MIN_POSITIVE, 1e-44, 1.0, f32::MAX] {
            let found = unit(&[scale, 0.0, scale], 3, String::new).unwrap();
            let expected = std::f32::consts::FRAC_1_SQRT_2;
            assert!((found[0] - expected).abs() < 1e-6 && found[1] == 0.0, "{scale}: {found:?}");
        }
    }

    #[test]
    fn a_cosine_is_exact_for_itself_and_opposite() {
        let vector =
            unit(&(1..=13).map(|n| n as f32).collect::<Vec<_>>(), 13, String::new).unwrap();
        let opposite: Vec<f32> = vector.iter().map(|value| -value).collect();
        assert!((cosine(&vector, &vector) - 1.0).abs() < 1e-6);
        assert!((cosine(&vector, &opposite) + 1.0).abs() < 1e-6);
    }
}
