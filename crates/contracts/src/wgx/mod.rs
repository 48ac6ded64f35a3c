//! Reports of the `wgx` verbs, one module a verb.

pub mod doctor;
pub mod error;
pub mod fleet;
pub mod guard;
pub mod init;
pub mod list;
pub mod memory;
pub mod profile;
pub mod recall;
pub mod run;
pub mod runs;
pub mod secrets;
pub mod seeds;
pub mod smoke;
pub mod suggest;
pub mod trust;
pub mod up;
pub mod validate;

pub use doctor::DoctorReport;
pub use error::ErrorReport;
pub use fleet::{FleetReport, FleetRepository, GitState};
pub use guard::{
    FixKind, GuardCheck, GuardCounts, GuardFinding, GuardFix, GuardReport, GuardStatus,
    SkippedFiles,
};
pub use init::InitReport;
pub use list::{ListReport, Note, Task, TaskArg, TaskSource};
pub use run::{Candidate, Decision, EnvironmentChanges, RunReport, RunStep};
pub use runs::{RunRow, RunsReport};
pub use trust::TrustReport;
pub use up::UpReport;
pub use validate::ValidateReport;

use crate::PublishedSchema;

/// The published schemas of all verbs.
pub fn schemas() -> Vec<PublishedSchema> {
    vec![
        PublishedSchema { id: doctor::SCHEMA, generate: || schemars::schema_for!(DoctorReport) },
        PublishedSchema { id: error::SCHEMA, generate: || schemars::schema_for!(ErrorReport) },
        PublishedSchema { id: fleet::SCHEMA, generate: || schemars::schema_for!(FleetReport) },
        PublishedSchema { id: guard::SCHEMA, generate: || schemars::schema_for!(GuardReport) },
        PublishedSchema { id: init::SCHEMA, generate: || schemars::schema_for!(InitReport) },
        PublishedSchema { id: list::SCHEMA, generate: || schemars::schema_for!(ListReport) },
        PublishedSchema { id: run::SCHEMA, generate: || schemars::schema_for!(RunReport) },
        PublishedSchema {
            id: profile::SCHEMA,
            generate: || schemars::schema_for!(profile::ProfileReport),
        },
        PublishedSchema {
            id: smoke::SCHEMA,
            generate: || schemars::schema_for!(smoke::SmokeReport),
        },
        PublishedSchema {
            id: suggest::SCHEMA,
            generate: || schemars::schema_for!(suggest::SuggestReport),
        },
        PublishedSchema {
            id: secrets::SCHEMA,
            generate: || schemars::schema_for!(secrets::SecretsReport),
        },
        PublishedSchema {
            id: seeds::SCHEMA,
            generate: || schemars::schema_for!(seeds::SeedsReport),
        },
        PublishedSchema {
            id: seeds::APPLY_SCHEMA,
            generate: || schemars::schema_for!(seeds::SeedApplyReport),
        },
        PublishedSchema {
            id: recall::SCHEMA,
            generate: || schemars::schema_for!(recall::RecallReport),
        },
        PublishedSchema {
            id: recall::REMEMBER_SCHEMA,
            generate: || schemars::schema_for!(recall::RememberReport),
        },
        PublishedSchema { id: trust::SCHEMA, generate: || schemars::schema_for!(TrustReport) },
        PublishedSchema {
            id: memory::STATS_SCHEMA,
            generate: || schemars::schema_for!(memory::StatsReport),
        },
        PublishedSchema {
            id: memory::CHECK_SCHEMA,
            generate: || schemars::schema_for!(memory::CheckReport),
        },
        PublishedSchema {
            id: memory::RETENTION_SCHEMA,
            generate: || schemars::schema_for!(memory::RetentionReport),
        },
        PublishedSchema {
            id: memory::FORGET_SCHEMA,
            generate: || schemars::schema_for!(memory::ForgetReport),
        },
        PublishedSchema {
            id: memory::EXPORT_SCHEMA,
            generate: || schemars::schema_for!(memory::ExportReport),
        },
        PublishedSchema {
            id: memory::IMPORT_SCHEMA,
            generate: || schemars::schema_for!(memory::ImportReport),
        },
        PublishedSchema { id: runs::SCHEMA, generate: || schemars::schema_for!(RunsReport) },
        PublishedSchema { id: up::SCHEMA, generate: || schemars::schema_for!(UpReport) },
        PublishedSchema {
            id: runs::SHOW_SCHEMA,
            generate: || schemars::schema_for!(runs::RunDetailReport),
        },
        PublishedSchema {
            id: runs::LOG_SCHEMA,
            generate: || schemars::schema_for!(runs::LogReport),
        },
        PublishedSchema {
            id: runs::SEARCH_SCHEMA,
            generate: || schemars::schema_for!(runs::SearchReport),
        },
        PublishedSchema {
            id: runs::COMPARE_SCHEMA,
            generate: || schemars::schema_for!(runs::CompareReport),
        },
        PublishedSchema {
            id: validate::SCHEMA,
            generate: || schemars::schema_for!(ValidateReport),
        },
    ]
}
