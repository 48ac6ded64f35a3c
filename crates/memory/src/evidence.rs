//! Evidence packs: what proves a run or a pull request. Every finished run has one.

use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;

use crate::artefact::ArtefactGaps;
use crate::cas::Digest;
use crate::log::LogSummary;
use crate::run::{Artefact, RunFinish, StartedRun};
use crate::store::{Stamp, Store, StoreError};

/// Evidence to record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewEvidence {
    /// [`crate::repo_key`].
    pub repo_key: String,
    /// The run that it proves.
    pub run_id: Option<String>,
    /// What to know without opening anything.
    pub summary: EvidenceSummary,
    /// The last guard diff. Masked when stored.
    pub guard_diff: Option<String>,
    /// Files in the content-addressed store.
    pub files: Vec<Artefact>,
    /// The pull request that it belongs to.
    pub linked_pr: Option<String>,
}

/// What to know without opening anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceSummary {
    /// Of the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogSummary>,
    /// Artefacts of the run that are not here, or without their content.
    #[serde(default, skip_serializing_if = "ArtefactGaps::is_empty")]
    pub artefacts: ArtefactGaps,
    /// In words. Masked when stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Recorded evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// UUIDv7.
    pub id: String,
    /// The device that recorded it.
    pub device_id: String,
    /// Milliseconds since 1970.
    pub recorded_at_ms: i64,
    /// What was recorded.
    pub content: NewEvidence,
}

impl Store {
    /// Records evidence that does not come from the end of a run. Returns its id.
    ///
    /// # Errors
    /// A digest is invalid, or the database cannot be written.
    pub async fn record_evidence(&mut self, new: &NewEvidence) -> Result<String, StoreError> {
        let row = EvidenceRow::of(new, self)?;
        self.write(async |conn| row.insert(conn).await).await?;
        Ok(row.stamp.id)
    }

    /// The evidence of a run, newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn evidence_of_run(&mut self, run_id: &str) -> Result<Vec<Evidence>, StoreError> {
        let rows = sqlx::query!(
            "SELECT id, device_id, recorded_at_ms, repo_key, run_id, summary, guard_diff, files,
                    linked_pr
             FROM evidence_pack WHERE run_id = ?1 ORDER BY id DESC",
            run_id
        )
        .fetch_all(&mut self.conn)
        .await?;
        let unreadable = |source| StoreError::Unreadable { what: "evidence pack", source };
        rows.into_iter()
            .map(|row| {
                let content = NewEvidence {
                    repo_key: row.repo_key,
                    run_id: row.run_id,
                    summary: serde_json::from_str(&row.summary).map_err(unreadable)?,
                    guard_diff: row.guard_diff,
                    files: serde_json::from_str(&row.files).map_err(unreadable)?,
                    linked_pr: row.linked_pr,
                };
                Ok(Evidence {
                    id: row.id,
                    device_id: row.device_id,
                    recorded_at_ms: row.recorded_at_ms,
                    content,
                })
            })
            .collect()
    }
}

/// A row of `evidence_pack`, ready to be written.
pub(crate) struct EvidenceRow {
    pub(crate) stamp: Stamp,
    device_id: String,
    pub(crate) repo_key: String,
    pub(crate) run_id: Option<String>,
    pub(crate) summary: String,
    pub(crate) guard_diff: Option<String>,
    pub(crate) files: String,
    pub(crate) linked_pr: Option<String>,
}

impl EvidenceRow {
    fn of(new: &NewEvidence, store: &Store) -> Result<Self, StoreError> {
        let mut summary = new.summary.clone();
        summary.text = summary.text.map(|text| store.masked(&text));
        let mut files = new.files.clone();
        for file in &mut files {
            Digest::parse(&file.sha256)?;
            file.path = store.masked(&file.path);
        }
        let unreadable = |source| StoreError::Unreadable { what: "evidence pack", source };
        Ok(Self {
            stamp: Stamp::now(),
            device_id: store.device_id.clone(),
            repo_key: new.repo_key.clone(),
            run_id: new.run_id.clone(),
            summary: serde_json::to_string(&summary).map_err(unreadable)?,
            guard_diff: new.guard_diff.as_ref().map(|diff| store.masked(diff)),
            files: serde_json::to_string(&files).map_err(unreadable)?,
            linked_pr: new.linked_pr.clone(),
        })
    }

    /// The log's summary was made of masked text.
    pub(crate) fn of_run(
        run: &StartedRun,
        finish: &RunFinish,
        store: &Store,
    ) -> Result<Self, StoreError> {
        let log = finish.log.as_ref().map(|log| log.summary.clone());
        let new = NewEvidence {
            repo_key: run.repo_key.clone(),
            run_id: Some(run.id.clone()),
            summary: EvidenceSummary { log, artefacts: finish.artefact_gaps, text: None },
            guard_diff: finish.guard_diff.clone(),
            files: Vec::new(),
            linked_pr: None,
        };
        Self::of(&new, store)
    }

    async fn insert(&self, conn: &mut SqliteConnection) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO evidence_pack (id, device_id, recorded_at_ms, repo_key, run_id, summary,
                                        guard_diff, files, linked_pr)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            self.stamp.id,
            self.device_id,
            self.stamp.at_ms,
            self.repo_key,
            self.run_id,
            self.summary,
            self.guard_diff,
            self.files,
            self.linked_pr
        )
        .execute(conn)
        .await?;
        Ok(())
    }
}
