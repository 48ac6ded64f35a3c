//! Turns references to secrets into secrets; nothing else does, and nothing keeps them.

/// Why a reference gives no secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    /// Not of the form `secret://env/NAME`.
    #[error("a key is named as secret://env/NAME; other places of secrets are not known here")]
    Unknown,
    /// The variable is not set, or no header can carry it.
    #[error("the variable of the key is not set or not usable")]
    Missing,
}

/// The secret that `secret://env/NAME` names, looked up by `read`.
pub(crate) fn reveal(
    reference: &str,
    read: impl Fn(&str) -> Option<String>,
) -> Result<String, SecretError> {
    let name = reference.strip_prefix("secret://env/").ok_or(SecretError::Unknown)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(SecretError::Unknown);
    }
    let secret = read(name).filter(|secret| !secret.is_empty());
    secret.filter(|secret| secret.bytes().all(|b| b.is_ascii_graphic())).ok_or(SecretError::Missing)
}
