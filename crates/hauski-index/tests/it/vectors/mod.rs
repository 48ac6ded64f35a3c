//! Stores of vectors: one table of cases over every engine, and what only the embedded store promises.

mod bed;
mod cases;
mod conformance;
mod files;
mod filters;
mod refusals;
