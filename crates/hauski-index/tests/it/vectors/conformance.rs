//! Runs every case over every engine, once as it is and once with the store opened anew after each change.

use super::bed::{Bed, KINDS, Kind};
use super::{cases, filters, refusals};

/// What a store must do: a name, the dimensions, and how it is tried.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) dims: usize,
    pub(crate) run: Box<dyn Fn(&mut Bed)>,
}

impl Case {
    pub(crate) fn new(name: &str, dims: usize, run: impl Fn(&mut Bed) + 'static) -> Self {
        Self { name: name.to_owned(), dims, run: Box::new(run) }
    }
}

fn all() -> Vec<Case> {
    let mut all = cases::all();
    all.extend(filters::all());
    all.extend(refusals::all());
    all
}

#[expect(clippy::print_stderr, reason = "names the case that failed")]
fn conforms(kind: Kind) {
    for case in all() {
        for restless in [false, true] {
            let run = std::panic::AssertUnwindSafe(|| {
                let mut bed = Bed::new(kind, case.dims, restless);
                (case.run)(&mut bed);
                bed.reopen();
            });
            if let Err(panic) = std::panic::catch_unwind(run) {
                eprintln!("case: {} ({}, restless: {restless})", case.name, kind.name);
                std::panic::resume_unwind(panic);
            }
        }
    }
}

#[test]
fn the_suite_has_at_least_150_cases_of_different_names() {
    let mut names: Vec<String> = all().into_iter().map(|case| case.name).collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(count >= 150, "{count}");
}

#[test]
fn a_log_conforms() {
    conforms(KINDS[0]);
}

#[test]
fn segments_conform() {
    conforms(KINDS[1]);
}

#[test]
fn bytes_alone_conform() {
    conforms(KINDS[2]);
}

#[test]
fn graphs_conform() {
    conforms(KINDS[3]);
}
