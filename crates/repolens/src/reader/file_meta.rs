//! The line of JSON that a file block may carry.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `<!-- file_meta: {…} -->`. Every fact is optional; what is there must be true.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileMeta {
    /// `full` or `truncated`.
    pub included: String,
    /// Bytes on disk.
    pub size: u64,
    /// Bytes of the file that stand here; only when truncated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<u64>,
    /// MD5 of the file on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
    /// SHA-256 of the file on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// SHA-256 of the content as it stands here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256_emitted: Option<String>,
    /// Bytes of the content as it stands here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emitted_bytes: Option<u64>,
    /// Lines of the content as it stands here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<u64>,
    /// Tokens of the content as it stands here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Masked secrets: rule → count.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub redacted: BTreeMap<String, u64>,
    /// Encoding on disk, when it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
}
