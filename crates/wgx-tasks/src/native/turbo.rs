//! Turborepo has no list of what its file declares: `turbo run` without a task proposes the scripts of
//! packages, and `turbo ls` lists packages.

use super::Question;
use crate::files::RepoFiles;

pub(super) fn questions(_files: &RepoFiles) -> Vec<Question> {
    Vec::new()
}
