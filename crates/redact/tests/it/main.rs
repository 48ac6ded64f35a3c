//! Recall, precision and properties of the redactor, on secrets and clean text made at test time.

mod generate;
mod logs;
mod merges;
mod precision;
mod properties;
mod recall;
