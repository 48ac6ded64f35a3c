//! Reads one file beneath its root, tells what it is, and turns it into the UTF-8 of a merge.

use std::fs;
use std::io::{self, Read as _};
use std::time::UNIX_EPOCH;

use md5::Md5;
use rustix::fs::{FileType, Stat, fstat};
use sha2::{Digest as _, Sha256};

use crate::facts::{Cache, Known, Seen};
use crate::model::{Encoding, File, Inclusion, Kind, Reason};
use crate::render::view::Hashes;
use crate::scan::beneath::Root;
use crate::scan::stamp;

/// Text files above this are named, not shown, unless `max_file_bytes` cuts them: their content would
/// have to be held in memory as a whole. In bytes.
pub const TEXT_MAX: u64 = 512 << 20;

/// How often a file that changes while it is read is tried.
const TRIES: usize = 3;

/// A git LFS pointer is a small text that begins so.
const LFS_BEGIN: &[u8] = b"version https://git-lfs.github.com/spec/v1";
const LFS_MAX: usize = 1024;

/// What a file turned out to be.
pub(super) struct Taken {
    pub(super) kind: Kind,
    pub(super) inclusion: Inclusion,
    /// Bytes on disk.
    pub(super) size: u64,
    pub(super) hashes: Option<Hashes>,
    /// What an earlier run found out about these very bytes.
    pub(super) known: Option<Known>,
    /// The state that these bytes were read in, when it was not known before.
    pub(super) seen: Option<Seen>,
}

impl Taken {
    /// Nothing was read.
    pub(super) fn unread(file: &File, kind: Kind, inclusion: Inclusion) -> Self {
        Self { kind, inclusion, size: file.size, hashes: None, known: None, seen: None }
    }
}

/// What is known of the files of one repository.
#[derive(Clone, Copy)]
pub(super) struct Memory<'a> {
    pub(super) cache: &'a Cache,
    /// The repository's number in the cache.
    pub(super) root: Option<usize>,
}

impl Memory<'_> {
    fn by_state(&self, file: &File) -> Option<Known> {
        let known = self.cache.by_state(self.root?, &file.raw_path(), file.size, file.stamp);
        known.cloned()
    }
}

/// Reads a file into `bytes`; its content stays there when it is to stand in the merge. What is known
/// of a file in its present state is not found out again.
pub(super) fn take(root: &Root, file: &File, memory: Memory<'_>, bytes: &mut Vec<u8>) -> Taken {
    bytes.clear();
    let unread = |kind, inclusion| Taken::unread(file, kind, inclusion);
    if file.inclusion == Inclusion::MetaOnly(Reason::SecretFile) || file.kind != Kind::Unread {
        // A hash of a short secret would tell the secret.
        return unread(file.kind.clone(), file.inclusion.clone());
    }
    let known = memory.by_state(file);
    if let Some(known) = &known {
        let inclusion = inclusion(&known.kind, file, file.size);
        // Of a text that is not shown it must be known whether its hash may be.
        let open = known.clean.is_none() && hides_text(&inclusion, &known.kind);
        if matches!(inclusion, Inclusion::MetaOnly(_)) && !open {
            let hashes = Some(Hashes { md5: known.md5, sha256: known.sha256 });
            let kind = known.kind.clone();
            return Taken { hashes, known: Some(known.clone()), ..unread(kind, inclusion) };
        }
    }
    for _ in 0..TRIES {
        match attempt(root, file, (memory, known.as_ref()), bytes) {
            Ok(Some(taken)) => return taken,
            Ok(None) => {}
            Err(error) => {
                bytes.clear();
                let reason = crate::scan::reason(&error);
                return unread(
                    Kind::Unreadable { reason },
                    Inclusion::MetaOnly(Reason::Unreadable),
                );
            }
        }
    }
    bytes.clear();
    unread(Kind::Unread, Inclusion::MetaOnly(Reason::Changed))
}

/// One reading; nothing when the file changed meanwhile.
fn attempt(
    root: &Root,
    file: &File,
    (memory, by_state): (Memory<'_>, Option<&Known>),
    bytes: &mut Vec<u8>,
) -> io::Result<Option<Taken>> {
    bytes.clear();
    let read_ns = UNIX_EPOCH.elapsed().map_or(0, |now| now.as_nanos() as i64);
    let mut opened = fs::File::from(root.file(&file.raw_path())?);
    let before = fstat(&opened)?;
    if FileType::from_raw_mode(before.st_mode) != FileType::RegularFile {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file any more"));
    }
    let size = u64::try_from(before.st_size).unwrap_or(0);
    if size > TEXT_MAX {
        return large(&mut opened, file, size, &before, bytes);
    }
    bytes.reserve(usize::try_from(size).unwrap_or(0) + 1);
    opened.read_to_end(bytes)?;
    if changed(&before, &fstat(&opened)?) || bytes.len() as u64 != size {
        return Ok(None);
    }
    let now = stamp(&before);
    let (known, seen) = match by_state.filter(|_| now == file.stamp && size == file.size) {
        Some(known) => (Some(known.clone()), None),
        None => {
            let sha256 = Sha256::digest(&bytes).into();
            let seen = Seen::new(&file.raw_path(), size, now, sha256, read_ns);
            (memory.cache.by_content(&sha256).cloned(), Some(seen))
        }
    };
    let (hashes, kind) = match (&known, &seen) {
        (Some(known), _) => (Hashes { md5: known.md5, sha256: known.sha256 }, known.kind.clone()),
        (None, Some(seen)) => {
            (Hashes { md5: Md5::digest(&bytes).into(), sha256: seen.sha256() }, sniff(bytes))
        }
        (None, None) => return Ok(None),
    };
    let inclusion = inclusion(&kind, file, size);
    if matches!(inclusion, Inclusion::MetaOnly(_)) && !hides_text(&inclusion, &kind) {
        bytes.clear();
    }
    Ok(Some(Taken { kind, inclusion, size, hashes: Some(hashes), known, seen }))
}

/// A file that is not held as a whole: hashed in portions, of its content only the beginning.
fn large(
    opened: &mut fs::File,
    file: &File,
    size: u64,
    before: &Stat,
    bytes: &mut Vec<u8>,
) -> io::Result<Option<Taken>> {
    let (mut md5, mut sha256) = (Md5::new(), Sha256::new());
    let keep = match file.inclusion {
        Inclusion::Truncated { kept } => kept.min(TEXT_MAX) + MASK_MARGIN,
        _ => 64 * 1024,
    };
    let mut portion = vec![0; 256 * 1024];
    loop {
        let count = opened.read(&mut portion)?;
        if count == 0 {
            break;
        }
        md5.update(&portion[..count]);
        sha256.update(&portion[..count]);
        let room = usize::try_from(keep).unwrap_or(usize::MAX).saturating_sub(bytes.len());
        bytes.extend_from_slice(&portion[..count.min(room)]);
    }
    if changed(before, &fstat(&*opened)?) {
        return Ok(None);
    }
    // The beginning may end inside a character.
    let end = bytes.len() - bytes.len().min(4);
    let whole =
        bytes[end..].iter().rposition(|byte| byte & 0xC0 != 0x80).map_or(end, |at| end + at);
    bytes.truncate(whole);
    let kind = sniff(bytes);
    let mut inclusion = inclusion(&kind, file, size);
    if inclusion == Inclusion::Full {
        inclusion = Inclusion::MetaOnly(Reason::TooLarge);
    }
    if matches!(inclusion, Inclusion::MetaOnly(_)) {
        bytes.clear();
    }
    let hashes = Hashes { md5: md5.finalize().into(), sha256: sha256.finalize().into() };
    Ok(Some(Taken { size, hashes: Some(hashes), ..Taken::unread(file, kind, inclusion) }))
}

/// What is looked at beyond a cut, so that a secret across it is seen whole. In bytes.
pub(super) const MASK_MARGIN: u64 = 64 * 1024;

fn changed(before: &Stat, after: &Stat) -> bool {
    let state = |stat: &Stat| (stat.st_size, stamp(stat));
    state(before) != state(after)
}

/// Whether a text is left out by the profile alone.
fn hides_text(inclusion: &Inclusion, kind: &Kind) -> bool {
    *inclusion == Inclusion::MetaOnly(Reason::Profile)
        && matches!(kind, Kind::Text | Kind::Encoded(_))
}

fn inclusion(kind: &Kind, file: &File, size: u64) -> Inclusion {
    match (kind, &file.inclusion) {
        (Kind::Binary, _) => Inclusion::MetaOnly(Reason::Binary),
        (Kind::LfsPointer, _) => Inclusion::MetaOnly(Reason::LfsPointer),
        // It shrank since the scan.
        (_, Inclusion::Truncated { kept }) if *kept >= size => Inclusion::Full,
        (_, inclusion) => inclusion.clone(),
    }
}

/// What the bytes of a file are.
pub fn sniff(bytes: &[u8]) -> Kind {
    if bytes.len() <= LFS_MAX && bytes.starts_with(LFS_BEGIN) {
        return Kind::LfsPointer;
    }
    match bytes {
        [0xFF, 0xFE, rest @ ..] if is_utf16(rest, u16::from_le_bytes) => {
            return Kind::Encoded(Encoding::Utf16Le);
        }
        [0xFE, 0xFF, rest @ ..] if is_utf16(rest, u16::from_be_bytes) => {
            return Kind::Encoded(Encoding::Utf16Be);
        }
        _ => {}
    }
    if memchr::memchr(0, bytes).is_some() {
        return Kind::Binary;
    }
    if str::from_utf8(bytes).is_ok() {
        return Kind::Text;
    }
    // Bytes that are controls in ISO 8859-1 do not stand in texts of that encoding.
    let is_control =
        |byte: &u8| matches!(byte, 0..=8 | 0x0B | 0x0E..=0x1A | 0x1C..=0x1F | 0x7F..=0x9F);
    if bytes.iter().any(is_control) { Kind::Binary } else { Kind::Encoded(Encoding::Latin1) }
}

fn is_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> bool {
    let (pairs, []) = bytes.as_chunks::<2>() else { return false };
    let mut units = pairs.iter().map(|pair| unit(*pair));
    char::decode_utf16(&mut units).all(|c| c.is_ok_and(|c| c != '\0'))
}

/// The bytes of a file in UTF-8; nothing when they are not what the kind says.
pub fn decode(kind: &Kind, bytes: Vec<u8>) -> Option<String> {
    match kind {
        Kind::Encoded(Encoding::Latin1) => Some(bytes.iter().copied().map(char::from).collect()),
        Kind::Encoded(Encoding::Utf16Le) => utf16(&bytes, u16::from_le_bytes),
        Kind::Encoded(Encoding::Utf16Be) => utf16(&bytes, u16::from_be_bytes),
        _ => String::from_utf8(bytes).ok(),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, _) = bytes.as_chunks::<2>();
    char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect::<Result<_, _>>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_tell_what_they_are() {
        assert_eq!(sniff(b""), Kind::Text);
        assert_eq!(sniff("\u{feff}grün\r\n".as_bytes()), Kind::Text);
        assert_eq!(sniff(b"gr\xFCn\n"), Kind::Encoded(Encoding::Latin1));
        assert_eq!(sniff(b"\xFF\xFEa\0\n\0"), Kind::Encoded(Encoding::Utf16Le));
        assert_eq!(sniff(b"\xFE\xFF\0a"), Kind::Encoded(Encoding::Utf16Be));
        assert_eq!(sniff(b"\xFF\xFE\x00\xD8"), Kind::Binary);
        assert_eq!(sniff(b"a\0b"), Kind::Binary);
        assert_eq!(sniff(b"\x89PNG\x0D\x0A\x1A\x0A"), Kind::Binary);
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
        assert_eq!(sniff(pointer), Kind::LfsPointer);
    }

    #[test]
    fn encodings_come_back() {
        let decoded = decode(&Kind::Encoded(Encoding::Utf16Le), b"\xFF\xFEa\0\n\0".to_vec());
        assert_eq!(decoded.unwrap(), "\u{feff}a\n");
        let decoded = decode(&Kind::Encoded(Encoding::Latin1), b"gr\xFCn".to_vec());
        assert_eq!(decoded.unwrap(), "grün");
    }
}
