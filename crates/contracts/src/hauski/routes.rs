//! The report of `hauski routes`: the route table of the daemon.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of the schema.
pub const SCHEMA: &str = "hauski.routes/1";

/// The report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// Every route, in the order of the table.
    pub routes: Vec<Route>,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Route {
    /// `GET`, `POST` …
    pub method: String,
    /// Pattern with `{name}` for what varies.
    pub path: String,
    /// Scope that a caller needs, or `open`.
    pub access: String,
    /// `probe`, `read`, `write`, `upload` or `live`: which bounds it gets.
    pub class: String,
    /// What it is for.
    pub summary: String,
}
