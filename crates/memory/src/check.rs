//! Looking for damage: in the database, in the content-addressed store, and between the two.

use sqlx::SqliteConnection;

use crate::cas::CasError;
use crate::store::{Store, StoreError, known_version};
use crate::tombstone::referenced_objects;

/// What a check found. `problems` is empty when all is well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Version of the database.
    pub version: i64,
    /// Damage, each as a sentence with what and where.
    pub problems: Vec<String>,
    /// Things that are no damage: logs that retention dropped, drafts of killed writers.
    pub notes: Vec<String>,
    /// Objects whose content was compared with their name.
    pub objects: u64,
    /// Their size.
    pub object_bytes: u64,
}

impl Store {
    /// Checks everything. Reads the whole store.
    ///
    /// # Errors
    /// The database or a folder cannot be read at all.
    pub async fn check(&mut self) -> Result<Checked, StoreError> {
        let mut checked = Checked { version: known_version(), ..Checked::default() };
        check_database(&mut self.conn, &mut checked.problems).await?;
        check_references(&mut self.conn, &mut checked).await?;
        self.check_objects(&mut checked).await?;
        Ok(checked)
    }

    /// Looks for damage of the database only, without comparing indexes with tables: the quick look.
    /// Returns what is wrong; nothing when all is well.
    ///
    /// # Errors
    /// The database cannot be read at all.
    pub async fn quick_check(&mut self) -> Result<Vec<String>, StoreError> {
        let lines: Vec<String> =
            sqlx::query_scalar("PRAGMA quick_check").fetch_all(&mut self.conn).await?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }

    async fn check_objects(&mut self, checked: &mut Checked) -> Result<(), StoreError> {
        for object in self.cas.objects()? {
            match self.cas.verify(&object.digest) {
                Ok(bytes) => checked.object_bytes += bytes,
                // Collected while this was looking.
                Err(CasError::Missing { .. }) => continue,
                Err(error) => checked.problems.push(error.to_string()),
            }
            checked.objects += 1;
        }
        let referenced = referenced_objects(&mut self.conn).await?;
        let missing = referenced.iter().filter(|digest| !self.cas.contains(digest)).count();
        if missing > 0 {
            checked.notes.push(format!("{missing} objects that facts name are not in the store"));
        }
        let drafts = self.cas.drafts_left()?;
        if drafts > 0 {
            checked.notes.push(format!("{drafts} drafts in the store; `gc` removes old ones"));
        }
        Ok(())
    }
}

async fn check_database(
    conn: &mut SqliteConnection,
    problems: &mut Vec<String>,
) -> Result<(), StoreError> {
    let lines: Vec<String> =
        sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&mut *conn).await?;
    problems.extend(
        lines.into_iter().filter(|line| line != "ok").map(|line| format!("database: {line}")),
    );
    let violations = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut *conn).await?;
    if !violations.is_empty() {
        problems.push(format!("{} facts name a run that is not there", violations.len()));
    }
    let index = sqlx::raw_sql("INSERT INTO log_text (log_text) VALUES ('integrity-check')");
    if let Err(error) = index.execute(conn).await
        && let StoreError::Damaged(error) = StoreError::from(error)
    {
        problems.push(format!("index of log texts: {error}; `rebuild` makes it anew"));
    }
    Ok(())
}

async fn check_references(
    conn: &mut SqliteConnection,
    checked: &mut Checked,
) -> Result<(), StoreError> {
    let counts = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM run_started
                   WHERE env_id NOT IN (SELECT id FROM env)) AS "without_env!: i64",
                  (SELECT count(*) FROM run_finished f WHERE NOT EXISTS (
                      SELECT 1 FROM evidence_pack e WHERE e.run_id = f.id)) AS "without_evidence!: i64",
                  (SELECT count(*) FROM run_started s WHERE NOT EXISTS (
                      SELECT 1 FROM repo r WHERE r.repo_key = s.repo_key)) AS "without_repo!: i64",
                  (SELECT count(DISTINCT log_sha256) FROM run_finished WHERE log_sha256 IS NOT NULL
                      AND log_sha256 NOT IN (SELECT log_sha256 FROM log_index)) AS "unsearchable!: i64",
                  (SELECT count(*) FROM permit) AS "permits!: i64""#
    )
    .fetch_one(conn)
    .await?;
    let mut problem = |count: i64, what: &str| {
        if count > 0 {
            checked.problems.push(format!("{count} {what}"));
        }
    };
    problem(counts.without_env, "runs name an environment that is not there");
    problem(counts.without_evidence, "finished runs have no evidence pack");
    problem(counts.permits, "permits to delete facts were left behind");
    let mut note = |count: i64, what: &str| {
        if count > 0 {
            checked.notes.push(format!("{count} {what}"));
        }
    };
    note(counts.without_repo, "runs are of a repository whose name was forgotten");
    note(counts.unsearchable, "logs are not searchable; rebuilding the index adds them");
    Ok(())
}
