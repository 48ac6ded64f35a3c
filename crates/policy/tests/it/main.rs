//! Policy files as people write them, and the decisions that follow.

mod explain;
mod files;
mod policies;
