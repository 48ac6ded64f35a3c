//! Compiles the loops for the instructions that a machine may have, and chooses once.
#![expect(
    unsafe_code,
    reason = "calls functions that were compiled for instructions found at run time"
)]

use super::{Best, Scan, pair_product, row_products, scan_rows};

/// A set of instructions that this machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::vectors) struct Level(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// The quickest one here.
    pub(in crate::vectors) fn best() -> Self {
        static BEST: std::sync::OnceLock<Level> = std::sync::OnceLock::new();
        *BEST.get_or_init(|| Self::all().pop().unwrap_or(Self(Kind::Scalar)))
    }

    /// All that run here, the quickest last. Nothing else makes a level, so what a level names is there.
    pub(in crate::vectors) fn all() -> Vec<Self> {
        #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut, reason = "one set elsewhere"))]
        let mut all = vec![Self(Kind::Scalar)];
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            if has!("avx2") && has!("popcnt") && has!("bmi1") {
                all.push(Self(Kind::Avx2));
                if has!("avx512f")
                    && has!("avx512bw")
                    && has!("avx512dq")
                    && has!("avx512vl")
                    && has!("avx512vnni")
                    && has!("avx512vpopcntdq")
                {
                    all.push(Self(Kind::Avx512));
                }
            }
        }
        all
    }

    /// For people: `avx512`, `avx2`, `scalar`.
    pub(in crate::vectors) fn name(self) -> &'static str {
        match self.0 {
            Kind::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
        }
    }

    /// See [`scan_rows`].
    pub(in crate::vectors) fn scan(self, job: &Scan<'_>, best: &mut Best) {
        match self.0 {
            Kind::Scalar => scan_rows(job, best),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a level exists only where its instructions were found.
            Kind::Avx2 => unsafe { scan_avx2(job, best) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Kind::Avx512 => unsafe { scan_avx512(job, best) },
        }
    }

    /// See [`pair_product`].
    pub(in crate::vectors) fn product(self, left: &[i8], right: &[i8]) -> i32 {
        match self.0 {
            Kind::Scalar => pair_product(left, right),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a level exists only where its instructions were found.
            Kind::Avx2 => unsafe { product_avx2(left, right) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Kind::Avx512 => unsafe { product_avx512(left, right) },
        }
    }

    /// See [`row_products`].
    pub(in crate::vectors) fn products(
        self,
        codes: &[i8],
        query: &[i16],
        rows: &[u32],
        products: &mut Vec<i32>,
    ) {
        match self.0 {
            Kind::Scalar => row_products(codes, query, rows, products),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a level exists only where its instructions were found.
            Kind::Avx2 => unsafe { products_avx2(codes, query, rows, products) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Kind::Avx512 => unsafe { products_avx512(codes, query, rows, products) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt,bmi1")]
fn product_avx2(left: &[i8], right: &[i8]) -> i32 {
    pair_product(left, right)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512vpopcntdq,popcnt,bmi1"
)]
fn product_avx512(left: &[i8], right: &[i8]) -> i32 {
    pair_product(left, right)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt,bmi1")]
fn scan_avx2(job: &Scan<'_>, best: &mut Best) {
    scan_rows(job, best);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512vpopcntdq,popcnt,bmi1"
)]
fn scan_avx512(job: &Scan<'_>, best: &mut Best) {
    scan_rows(job, best);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt,bmi1")]
fn products_avx2(codes: &[i8], query: &[i16], rows: &[u32], products: &mut Vec<i32>) {
    row_products(codes, query, rows, products);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512vpopcntdq,popcnt,bmi1"
)]
fn products_avx512(codes: &[i8], query: &[i16], rows: &[u32], products: &mut Vec<i32>) {
    row_products(codes, query, rows, products);
}
