//! Tests of repolens as a library.

mod pools;
mod scanning;
mod selecting;
mod tree;
