//! The pepper: 32 random bytes in a file of their own. Without it the stored hashes say nothing.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The secret under which keys are hashed.
#[derive(Clone)]
pub(crate) struct Pepper([u8; 32]);

impl Pepper {
    /// Reads `<home>/pepper`; `None` when there is none.
    pub(crate) fn read(home: &Path) -> io::Result<Option<Self>> {
        match fs::read(home.join("pepper")) {
            Ok(bytes) => bytes.try_into().map(|bytes| Some(Self(bytes))).map_err(|_| {
                io::Error::new(io::ErrorKind::InvalidData, "the file pepper is not 32 bytes long")
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes `<home>/pepper`. When another process was faster, its pepper counts.
    pub(crate) fn make(home: &Path) -> io::Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let mut file = tempfile::Builder::new().prefix(".pepper").tempfile_in(home)?;
        file.write_all(&bytes)?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(home.join("pepper")) {
            Ok(_) => fs::File::open(home)?.sync_all().map(|()| Self(bytes)),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                Self::read(home)?.ok_or(error.error)
            }
            Err(error) => Err(error.error),
        }
    }

    /// The hash of a secret text.
    pub(crate) fn mac(&self, text: &str) -> [u8; 32] {
        self.keyed().chain_update(text).finalize().into_bytes().into()
    }

    /// Whether a text has this hash; takes the same time whatever differs.
    pub(crate) fn verify(&self, text: &str, mac: &[u8; 32]) -> bool {
        self.mac(text).ct_eq(mac).into()
    }

    fn keyed(&self) -> Hmac<Sha256> {
        // HMAC pads a short key with zeros; done here, nothing can fail.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&self.0);
        Hmac::new(&block.into())
    }
}
