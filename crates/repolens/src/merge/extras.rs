//! Texts of extras that need more than a look at the list of files.

use std::cell::Cell;

use redact::Redactor;

use crate::model::Snapshot;
use crate::render::extras::augment::SIZE_MAX;
use crate::render::extras::organism::Organism;
use crate::render::view::{ExtraTexts, Settings};
use crate::scan::beneath::Root;
use crate::secrets;

pub(super) fn texts(snapshot: &Snapshot, settings: &Settings, redactor: &Redactor) -> ExtraTexts {
    let count = Cell::new(0);
    let masked = |text: &str| match secrets::hidden(redactor, text) {
        Some((masked, secrets)) => {
            count.set(count.get() + secrets);
            masked
        }
        None => text.to_owned(),
    };
    let speaks = !settings.meta_none && !settings.plan_only;
    let mut texts = ExtraTexts::default();
    for repo in &snapshot.repos {
        texts.purposes.push(repo.purpose().map(masked));
        let Ok(root) = Root::open(&repo.root) else { continue };
        if speaks && settings.extras.augment_sidecar {
            let name = format!("{}_augment.yml", repo.name);
            // What the filters leave out is not shown by another way.
            let text =
                { repo.lists(&name) }.then(|| crate::scan::read_text(&root, &name, SIZE_MAX));
            texts.augment.extend(text.flatten().map(|text| (name, masked(&text))));
        }
        if speaks && settings.extras.organism_index {
            texts.organism.push(Organism::read(&root, repo, &masked));
        }
    }
    texts.masked = count.get();
    texts
}
