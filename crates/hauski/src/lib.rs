//! The surface of the OpenAI API: what is read, what is answered and how streams are framed.
//!
//! Pure, so that tests and fuzz targets reach it; the daemon itself is the program beside it.

pub mod openai;
