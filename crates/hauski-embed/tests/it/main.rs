//! The encoder against a library, against another implementation, and against damaged folders.

mod accuracy;
mod folders;
