//! Tests of the verbs through their public functions.

mod phrases;
mod phrases_corpus;
