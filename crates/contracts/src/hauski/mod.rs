//! What crosses the borders of the daemon: policy files, plugin manifests, the plugin protocol, audit
//! lines and the reports of `hauski`.

pub mod audit;
pub mod budget;
pub mod config;
pub mod daemon;
pub mod doctor;
pub mod egress;
pub mod engine;
pub mod explain;
pub mod index;
pub mod init;
pub mod keys;
pub mod memory;
pub mod models;
pub mod plugin;
pub mod plugin_status;
pub mod policy;
pub mod protocol;
pub mod routes;
pub mod status;

use crate::PublishedSchema;

/// The published schemas of the daemon.
pub(crate) fn schemas() -> Vec<PublishedSchema> {
    vec![
        PublishedSchema { id: plugin::SCHEMA, generate: || schemars::schema_for!(plugin::Plugins) },
        PublishedSchema {
            id: plugin_status::SCHEMA,
            generate: || schemars::schema_for!(plugin_status::PluginReport),
        },
        PublishedSchema {
            id: policy::ROUTING,
            generate: || schemars::schema_for!(policy::Routing),
        },
        PublishedSchema { id: policy::LIMITS, generate: || schemars::schema_for!(policy::Limits) },
        PublishedSchema { id: policy::MEMORY, generate: || schemars::schema_for!(policy::Memory) },
        PublishedSchema {
            id: memory::ITEMS_SCHEMA,
            generate: || schemars::schema_for!(memory::ItemsReport),
        },
        PublishedSchema {
            id: memory::FORGET_SCHEMA,
            generate: || schemars::schema_for!(memory::ForgetReport),
        },
        PublishedSchema { id: policy::MODELS, generate: || schemars::schema_for!(policy::Models) },
        PublishedSchema { id: egress::SCHEMA, generate: || schemars::schema_for!(egress::Report) },
        PublishedSchema { id: explain::CHECK, generate: || schemars::schema_for!(explain::Check) },
        PublishedSchema {
            id: explain::SCHEMA,
            generate: || schemars::schema_for!(explain::Explain),
        },
        PublishedSchema { id: audit::SCHEMA, generate: || schemars::schema_for!(audit::Line) },
        PublishedSchema {
            id: audit::VERIFY,
            generate: || schemars::schema_for!(audit::VerifyReport),
        },
        PublishedSchema {
            id: index::SEARCH,
            generate: || schemars::schema_for!(index::SearchReport),
        },
        PublishedSchema { id: index::STATS, generate: || schemars::schema_for!(index::Stats) },
        PublishedSchema { id: index::FORGET, generate: || schemars::schema_for!(index::Forgot) },
        PublishedSchema { id: index::VERIFY, generate: || schemars::schema_for!(index::Verified) },
        PublishedSchema { id: index::SOURCES, generate: || schemars::schema_for!(index::Sources) },
        PublishedSchema { id: index::STATUS, generate: || schemars::schema_for!(index::Status) },
        PublishedSchema { id: index::ASK, generate: || schemars::schema_for!(index::Answer) },
        PublishedSchema { id: audit::PROOF, generate: || schemars::schema_for!(audit::Proof) },
        PublishedSchema { id: budget::SCHEMA, generate: || schemars::schema_for!(budget::Report) },
        PublishedSchema {
            id: daemon::RUNNING,
            generate: || schemars::schema_for!(daemon::Running),
        },
        PublishedSchema { id: daemon::LOGIN, generate: || schemars::schema_for!(daemon::Login) },
        PublishedSchema { id: config::SCHEMA, generate: || schemars::schema_for!(config::Report) },
        PublishedSchema {
            id: config::VALIDATION,
            generate: || schemars::schema_for!(config::Validation),
        },
        PublishedSchema { id: init::SCHEMA, generate: || schemars::schema_for!(init::Report) },
        PublishedSchema { id: models::SCHEMA, generate: || schemars::schema_for!(models::Report) },
        PublishedSchema { id: models::ADDED, generate: || schemars::schema_for!(models::Added) },
        PublishedSchema { id: models::RECORD, generate: || schemars::schema_for!(models::Record) },
        PublishedSchema { id: status::SCHEMA, generate: || schemars::schema_for!(status::Report) },
        PublishedSchema { id: keys::LIST, generate: || schemars::schema_for!(keys::List) },
        PublishedSchema { id: keys::CREATED, generate: || schemars::schema_for!(keys::Created) },
        PublishedSchema { id: keys::KEY, generate: || schemars::schema_for!(keys::Changed) },
        PublishedSchema { id: doctor::SCHEMA, generate: || schemars::schema_for!(doctor::Report) },
        PublishedSchema { id: routes::SCHEMA, generate: || schemars::schema_for!(routes::Report) },
    ]
}
