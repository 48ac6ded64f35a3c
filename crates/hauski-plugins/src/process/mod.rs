//! Processes of plugins: started in their sandbox, signalled as a tree, and waited for.

mod launch;
mod tree;

pub(crate) use launch::{Exit, Launched, Process, ProcessWatch, launch};
pub(crate) use tree::descendants;
