//! Tests of repolens, as a library and as a program.

mod caching;
mod counting;
mod coverage;
mod deltas;
mod extras;
mod hand;
mod hostile;
mod hubs;
mod merging;
mod mutants;
mod names;
mod packing;
mod pools;
mod prescans;
mod repeating;
mod scanning;
mod schemas;
mod secrets;
mod selecting;
mod tree;
mod unpacking;
mod validating;
mod watching;
