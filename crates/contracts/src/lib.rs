//! Every type that crosses a process or file boundary, with its version.
//!
//! Plain data: serde and JSON Schema, no behaviour beyond conversions, no IO. Fields may be added to a
//! report, never renamed or removed; `schemas/` holds what [`schemas`] generates.

pub mod git;
pub mod hauski;
pub mod memory;
pub mod repolens;
pub mod wgx;

/// One published JSON Schema: the identifier that reports carry in `schema`, and how to generate it.
pub struct PublishedSchema {
    /// For example `wgx.list/1`.
    pub id: &'static str,
    /// Builds the schema.
    pub generate: fn() -> schemars::Schema,
}

/// All published schemas, in the order of their identifiers' verbs.
pub fn schemas() -> Vec<PublishedSchema> {
    let packs = PublishedSchema {
        id: memory::PACK_SCHEMA,
        generate: || schemars::schema_for!(memory::PackManifest),
    };
    std::iter::once(packs)
        .chain(hauski::schemas())
        .chain(repolens::schemas())
        .chain(wgx::schemas())
        .collect()
}
