//! Keys: the verifier key that everybody may know, and the signing key in a file that only the owner reads.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, VerifyingKey};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// The first four bytes of the hash of a key's name, algorithm and public key.
pub(crate) type KeyId = [u8; 4];

/// The number of Ed25519 in the signed-note format.
const ED25519: u8 = 1;
const PRIVATE: &str = "PRIVATE+KEY+";

/// Who signs a log: name, id and public key, written `NAME+ID+BASE64` as the signed-note format does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    pub(crate) name: String,
    pub(crate) id: KeyId,
    pub(crate) public: VerifyingKey,
}

/// The text is no verifier key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not a verifier key of the form NAME+ID+BASE64 for Ed25519")]
pub struct KeyError;

impl VerifierKey {
    fn new(name: &str, public: VerifyingKey) -> Self {
        let hash: [u8; 32] = Sha256::new()
            .chain_update(name)
            .chain_update([b'\n', ED25519])
            .chain_update(public.as_bytes())
            .finalize()
            .into();
        let id = [hash[0], hash[1], hash[2], hash[3]];
        Self { name: name.to_owned(), id, public }
    }

    /// The name that the log's notes carry: `hauski/audit/` and the log's identity.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![ED25519];
        bytes.extend(self.public.as_bytes());
        write!(f, "{}+{}+{}", self.name, crate::merkle::hex(&self.id), STANDARD.encode(bytes))
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, rest) = text.split_once('+').ok_or(KeyError)?;
        let (id, encoded) = rest.split_once('+').ok_or(KeyError)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| KeyError)?;
        let (&[ED25519], public) = bytes.split_first_chunk().ok_or(KeyError)? else {
            return Err(KeyError);
        };
        let public = public.try_into().map_err(|_| KeyError)?;
        let key = Self::new(name, VerifyingKey::from_bytes(public).map_err(|_| KeyError)?);
        if name.is_empty()
            || name.contains(char::is_whitespace)
            || crate::merkle::hex(&key.id) != id
        {
            return Err(KeyError);
        }
        Ok(key)
    }
}

/// The key that signs. Its secret part is wiped from memory when it goes.
#[derive(Clone)]
pub(crate) struct SigningKey {
    verifier: VerifierKey,
    secret: ed25519_dalek::SigningKey,
}

impl SigningKey {
    pub(crate) fn generate(name: &str) -> io::Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        Ok(Self::from_seed(name, &seed))
    }

    fn from_seed(name: &str, seed: &[u8; 32]) -> Self {
        let secret = ed25519_dalek::SigningKey::from_bytes(seed);
        Self { verifier: VerifierKey::new(name, secret.verifying_key()), secret }
    }

    pub(crate) fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    pub(crate) fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.secret.sign(text).to_bytes()
    }

    /// Writes a key file that only its owner may read, and syncs it.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let mut bytes = vec![ED25519];
        bytes.extend(self.secret.as_bytes());
        let encoded = STANDARD.encode(bytes);
        let id = crate::merkle::hex(&self.verifier.id);
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        writeln!(file, "{PRIVATE}{}+{id}+{encoded}", self.verifier.name)?;
        file.sync_all()
    }

    /// Reads a key file; refuses one that others may read, or that is none.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = File::open(path)?.metadata()?.permissions().mode();
        if mode & 0o077 != 0 {
            let mode = mode & 0o777;
            return Err(io::Error::other(format!("others may read it (mode {mode:o}); chmod 600")));
        }
        let text = fs::read_to_string(path)?;
        Self::parse(text.trim_end_matches('\n'))
            .ok_or_else(|| io::Error::other("it holds no signing key"))
    }

    fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.strip_prefix(PRIVATE)?.split_once('+')?;
        let (id, encoded) = rest.split_once('+')?;
        let bytes = STANDARD.decode(encoded).ok()?;
        let (&[ED25519], seed) = bytes.split_first_chunk()? else { return None };
        let key = Self::from_seed(name, seed.try_into().ok()?);
        (crate::merkle::hex(&key.verifier.id) == id).then_some(key)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.verifier.name).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example key of the signed-note page.
    #[test]
    fn the_example_key_of_the_format_is_read_and_written() {
        let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let key: VerifierKey = text.parse().unwrap();
        assert_eq!(key.to_string(), text);
        assert_eq!(text.replace("c74f", "c74e").parse::<VerifierKey>(), Err(KeyError));
    }

    #[test]
    fn a_key_file_comes_back_and_others_may_not_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let key = SigningKey::generate("hauski/audit/x").unwrap();
        key.write(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(SigningKey::read(&path).unwrap().verifier(), key.verifier());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        insta::assert_snapshot!(SigningKey::read(&path).unwrap_err(), @"others may read it (mode 640); chmod 600");
    }
}
