//! Shapes of `/v1/models`.

use schemars::JsonSchema;
use serde::Serialize;

/// A model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Model {
    /// How requests name it.
    pub id: String,
    /// Always `model`.
    pub object: &'static str,
    /// Seconds since 1970; when this daemon started, as local models have no other date.
    pub created: i64,
    /// The plugin or upstream that answers.
    pub owned_by: String,
}

/// `GET /v1/models`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Models {
    /// Always `list`.
    pub object: &'static str,
    /// By name.
    pub data: Vec<Model>,
}
