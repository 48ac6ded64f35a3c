//! Tests of repolens as a library.

mod caching;
mod counting;
mod hubs;
mod pools;
mod scanning;
mod selecting;
mod tree;
