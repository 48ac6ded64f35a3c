//! The surface of the OpenAI API: requests are read and checked, answers take its shapes.

pub mod render;
pub mod schema;
pub mod sse;
pub mod track;
pub mod upstream;
pub mod wire;
