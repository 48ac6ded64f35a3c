//! The surface of the OpenAI API, and the scripted engine that stands in for real ones in tests.
//!
//! The surface is pure, so that tests and fuzz targets reach it; the daemon itself is the program beside it.

pub mod fake;
pub mod openai;
