//! The surface of the OpenAI API by itself: what is read, what is refused, what is answered.

mod properties;
mod render;
mod requests;
mod sse;
mod upstream;
