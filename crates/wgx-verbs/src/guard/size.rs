//! Files that are too large for a repository.

use contracts::wgx::FixKind;

use super::tree::Kind;
use super::{Check, Context, Found, Rule};

pub(super) struct FileSize;

static RULE: Rule = Rule {
    id: "file-size",
    finds: "files above the size limit (1 MiB unless told otherwise); lock files and generated or \
            vendored files aside",
    why: "every clone carries every version of it for ever",
    fix: "keep it outside the repository or in Git LFS, or raise the limit",
    kind: FixKind::Manual,
};

impl Check for FileSize {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn tree(&self, context: &Context<'_>) -> Vec<Found> {
        let huge = context.tree.all().filter(|file| file.wanted && file.kind == Kind::Huge);
        let unlocked = huge.filter(|file| !super::lockfile::is_lockfile(file.name()));
        let message = |bytes: u64| {
            let limit = context.request.max_file_bytes;
            format!("{} are more than {}", mebibytes(bytes), mebibytes(limit))
        };
        unlocked.map(|file| Found::new(&file.path, None, message(file.size))).collect()
    }
}

/// `1.5 MiB`, `300 bytes`.
fn mebibytes(bytes: u64) -> String {
    if bytes < 100 * 1024 {
        return format!("{bytes} bytes");
    }
    format!("{:.1} MiB", bytes as f64 / f64::from(1024 * 1024))
}
