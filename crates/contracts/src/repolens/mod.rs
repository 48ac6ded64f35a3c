//! What `repolens` writes for others: the head of a merge and its sidecar, and the reports of its verbs.

pub mod agent;
pub mod merge;
pub mod pack;
pub mod prescan;
pub mod report;

use crate::PublishedSchema;

/// All schemas of repoLens.
pub(crate) fn schemas() -> Vec<PublishedSchema> {
    vec![
        PublishedSchema {
            id: report::SCHEMA,
            generate: || schemars::schema_for!(report::ReportMeta),
        },
        PublishedSchema {
            id: merge::SCHEMA,
            generate: || schemars::schema_for!(merge::MergeReport),
        },
        PublishedSchema {
            id: prescan::SCHEMA,
            generate: || schemars::schema_for!(prescan::PrescanReport),
        },
        PublishedSchema {
            id: agent::SCHEMA,
            generate: || schemars::schema_for!(agent::AgentSidecar),
        },
        PublishedSchema { id: pack::SCHEMA, generate: || schemars::schema_for!(pack::PackReport) },
    ]
}
