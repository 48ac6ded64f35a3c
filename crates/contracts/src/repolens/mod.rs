//! What `repolens` writes for others: the head of a merge and its sidecar, and the reports of its verbs.

pub mod agent;
pub mod diff;
pub mod merge;
pub mod pack;
pub mod prescan;
pub mod report;
pub mod stats;
pub mod unpack;
pub mod validate;

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
        PublishedSchema {
            id: diff::DELTA_SCHEMA,
            generate: || schemars::schema_for!(diff::DeltaReport),
        },
        PublishedSchema { id: diff::SCHEMA, generate: || schemars::schema_for!(diff::DiffReport) },
        PublishedSchema {
            id: stats::SCHEMA,
            generate: || schemars::schema_for!(stats::StatsReport),
        },
        PublishedSchema {
            id: unpack::SCHEMA,
            generate: || schemars::schema_for!(unpack::UnpackReport),
        },
        PublishedSchema {
            id: validate::SCHEMA,
            generate: || schemars::schema_for!(validate::ValidateReport),
        },
    ]
}
