//! Words of our own ("lint", "run the tests") to tasks: by what a repository says alone, not by what its
//! profile or its history make of words.

use std::collections::{BTreeMap, HashMap};

use wgx_tasks::task::FoundTask;

use crate::phrase::{self, PhraseContext, PhraseOutcome, Signals};

/// The tasks that the words mean by names, descriptions and commands.
pub(crate) fn resolve(words: &str, tasks: &[FoundTask]) -> PhraseOutcome {
    let (nothing, history) = (BTreeMap::new(), HashMap::new());
    let context = PhraseContext {
        tasks,
        synonyms: &nothing,
        semantics: &nothing,
        learned: &nothing,
        history: &history,
        signals: Signals::default(),
    };
    phrase::resolve(words, &context)
}
