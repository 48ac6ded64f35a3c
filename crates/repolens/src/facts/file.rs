//! Files of the cache: a fixed head, numbers in little endian, a SHA-256 over everything at the end.
//! A file that is damaged or of another build is as good as none.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

const MAGIC: &[u8; 16] = b"repolens facts 1";

/// Larger files are none of ours, in bytes.
const LENGTH_MAX: u64 = 256 << 20;

/// Collects a file.
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(super) fn new(build: &[u8; 32]) -> Self {
        Self { bytes: [&MAGIC[..], build].concat() }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn u32(&mut self, number: u32) {
        self.bytes(&number.to_le_bytes());
    }

    pub(super) fn u64(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    /// Writes it beside its place and renames it, so that nobody ever reads half a file.
    pub(super) fn save(mut self, path: &Path) -> io::Result<()> {
        let digest = Sha256::digest(&self.bytes);
        self.bytes(&digest);
        let folder = path.parent().unwrap_or(Path::new("."));
        // Its mode is 0600 from the beginning.
        let mut draft = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
        draft.write_all(&self.bytes)?;
        draft.persist(path).map(drop).map_err(|error| error.error)
    }
}

/// The bytes of a file of ours; nothing when there is none, or not one that only we can write.
pub(super) fn load(path: &Path) -> Option<Vec<u8>> {
    use std::os::unix::fs::MetadataExt as _;
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits().cast_signed();
    let mut open = fs::OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    let meta = open.metadata().ok()?;
    let private = meta.uid() == rustix::process::geteuid().as_raw() && meta.mode() & 0o022 == 0;
    if !meta.is_file() || !private || meta.len() > LENGTH_MAX {
        return None;
    }
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut open, &mut bytes).ok()?;
    Some(bytes)
}

/// Takes a file apart.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// The body of a whole file of this build.
    pub(super) fn new(bytes: &'a [u8], build: &[u8; 32]) -> Option<Self> {
        let (body, digest) = bytes.split_last_chunk::<32>()?;
        if Sha256::digest(body)[..] != digest[..] {
            return None;
        }
        let rest = body.strip_prefix(MAGIC)?.strip_prefix(build)?;
        Some(Self { rest })
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*first)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

/// The folder, for nobody else to enter.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Removes the files of a prefix that were written longest ago, but for `count`.
pub(super) fn keep_newest(folder: &Path, prefix: &str, count: usize) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            files.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    files.sort_unstable_by(|a, b| b.cmp(a));
    for (_, path) in files.into_iter().skip(count) {
        fs::remove_file(path)?;
    }
    Ok(())
}
