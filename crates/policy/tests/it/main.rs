//! Policy files as people write them, and the decisions that follow.

mod addresses;
mod cases;
mod docs;
mod explain;
mod files;
mod policies;
mod properties;
