//! Sealed files as slices of numbers.
#![expect(unsafe_code, reason = "maps files that are never changed, and reads numbers in place")]

use std::fs::File;
use std::io;
use std::ops::Range;

// The files are little-endian and read in place.
const _: () =
    assert!(cfg!(target_endian = "little"), "vector segments need a little-endian machine");

/// The beginning of a file, read-only.
pub(super) struct Map(memmap2::Mmap);

mod sealed {
    pub(in crate::vectors::flat) trait Plain: Copy {}
    impl Plain for i8 {}
    impl Plain for u8 {}
    impl Plain for i16 {}
    impl Plain for u16 {}
    impl Plain for f32 {}
    impl Plain for i64 {}
    impl Plain for u64 {}
}

use sealed::Plain;

impl Map {
    /// Maps the first `len` bytes of a sealed file. The caller has checked that it is so long.
    pub(super) fn new(file: &File, len: usize) -> io::Result<Self> {
        // SAFETY: sealed files are written once, under another name, and never changed or shortened after that; the folder is
        // this process's own (a lock says so). Whoever overwrites them from outside can end the process, not fool its memory: every
        // bit pattern is a valid number.
        Ok(Self(unsafe { memmap2::MmapOptions::new().len(len).map(file)? }))
    }

    /// Numbers in place. `None` when the range is outside, crooked, or no multiple of their size.
    pub(super) fn slice<T: Plain>(&self, range: Range<usize>) -> Option<&[T]> {
        let bytes = self.0.get(range)?;
        // SAFETY: `Plain` is implemented only for numbers, for which every bit pattern is valid.
        let (before, numbers, after) = unsafe { bytes.align_to::<T>() };
        (before.is_empty() && after.is_empty()).then_some(numbers)
    }
}

/// The bytes of numbers, as they stand in files.
pub(super) fn bytes<T: Plain>(numbers: &[T]) -> &[u8] {
    // SAFETY: numbers have no padding, and bytes no alignment.
    unsafe { std::slice::from_raw_parts(numbers.as_ptr().cast(), size_of_val(numbers)) }
}
