//! What history says about tasks: how often, how long, what comes next, and what made a failure go.

use crate::env::{EnvironmentChange, read_environment};
use crate::run::{Run, RunFilter};
use crate::store::{Store, StoreError};

/// Statistics look at this many newest runs of a repository, so that they cost the same for ever.
pub const WINDOW_RUNS: i64 = 2000;

/// Two runs further apart than this are two sittings: the second does not follow the first.
pub const SITTING_MS: i64 = 30 * 60 * 1000;

/// A task of a repository, from its runs among the newest [`WINDOW_RUNS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskStats {
    /// Id of the task.
    pub task: String,
    /// Its source.
    pub source: String,
    /// How many runs.
    pub runs: u64,
    /// How many of them failed.
    pub failures: u64,
    /// Start of the last one, in milliseconds since 1970.
    pub last_started_at_ms: i64,
    /// Exit code of the last one; none while it runs and when it was cut off.
    pub last_exit_code: Option<i64>,
    /// Half of the passed runs took no longer; none without a passed run.
    pub median_ms: Option<u64>,
    /// Nine of ten passed runs took no longer.
    pub p90_ms: Option<u64>,
}

/// How often a task came right after another one, in one sitting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Successor {
    /// The task that came first.
    pub task: String,
    /// Whether that run had passed.
    pub passed: bool,
    /// The task that came next.
    pub next: String,
    /// How often.
    pub times: u64,
}

/// An earlier run that failed in the same way, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Precedent {
    /// The earlier run.
    pub failed: Run,
    /// The first run of the same task after it that passed.
    pub fixed_by: Option<Run>,
    /// What the environment of that run had different.
    pub changes: Vec<EnvironmentChange>,
}

impl Store {
    /// The tasks that were run in a repository, most often first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn task_stats(&mut self, repo_key: &str) -> Result<Vec<TaskStats>, StoreError> {
        let rows = sqlx::query!(
            r#"WITH newest AS (
                   SELECT s.id, s.task, s.source, s.recorded_at_ms, f.exit_code, f.duration_ms
                   FROM run_started s LEFT JOIN run_finished f ON f.id = s.id
                   WHERE s.repo_key = ?1 ORDER BY s.id DESC LIMIT ?2),
               passed AS (
                   SELECT task, duration_ms,
                          row_number() OVER (PARTITION BY task ORDER BY duration_ms) AS place,
                          count(*) OVER (PARTITION BY task) AS number
                   FROM newest WHERE exit_code = 0)
               SELECT n.task AS "task!: String", n.source AS "source!: String",
                      count(*) AS "runs!: i64",
                      sum(n.exit_code IS NOT NULL AND n.exit_code <> 0) AS "failures!: i64",
                      max(n.recorded_at_ms) AS "last_started_at_ms!: i64",
                      (SELECT l.exit_code FROM newest l WHERE l.task = n.task
                       ORDER BY l.id DESC LIMIT 1) AS "last_exit_code?: i64",
                      (SELECT p.duration_ms FROM passed p
                       WHERE p.task = n.task AND p.place = (p.number + 1) / 2) AS "median_ms?: i64",
                      (SELECT p.duration_ms FROM passed p
                       WHERE p.task = n.task AND p.place = (p.number * 9 + 9) / 10) AS "p90_ms?: i64"
               FROM newest n GROUP BY n.task ORDER BY count(*) DESC, n.task"#,
            repo_key,
            WINDOW_RUNS
        )
        .fetch_all(&mut self.conn)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| TaskStats {
                task: row.task,
                source: row.source,
                runs: row.runs.unsigned_abs(),
                failures: row.failures.unsigned_abs(),
                last_started_at_ms: row.last_started_at_ms,
                last_exit_code: row.last_exit_code,
                median_ms: row.median_ms.map(i64::unsigned_abs),
                p90_ms: row.p90_ms.map(i64::unsigned_abs),
            })
            .collect())
    }

    /// Which task followed which in a repository, most often first. Runs that are parts of other runs
    /// are left out: nobody chose them.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn successors(&mut self, repo_key: &str) -> Result<Vec<Successor>, StoreError> {
        let rows = sqlx::query!(
            r#"WITH newest AS (
                   SELECT s.id, s.device_id, s.task, s.recorded_at_ms, f.exit_code
                   FROM run_started s LEFT JOIN run_finished f ON f.id = s.id
                   WHERE s.repo_key = ?1 AND s.parent_run IS NULL
                   ORDER BY s.id DESC LIMIT ?2),
               pairs AS (
                   SELECT task, exit_code, recorded_at_ms,
                          lead(task) OVER sitting AS next,
                          lead(recorded_at_ms) OVER sitting AS next_at_ms
                   FROM newest WINDOW sitting AS (PARTITION BY device_id ORDER BY id))
               SELECT task AS "task!: String", coalesce(exit_code = 0, 0) AS "passed!: bool",
                      next AS "next!: String", count(*) AS "times!: i64"
               FROM pairs WHERE next IS NOT NULL AND next_at_ms - recorded_at_ms <= ?3
               GROUP BY 1, 2, 3 ORDER BY count(*) DESC, 1, 2, 3"#,
            repo_key,
            WINDOW_RUNS,
            SITTING_MS
        )
        .fetch_all(&mut self.conn)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| Successor {
                task: row.task,
                passed: row.passed,
                next: row.next,
                times: row.times.unsigned_abs(),
            })
            .collect())
    }

    /// The newest earlier run of the repository that failed like this one, by preference one that a
    /// later run of the same task made good. None for a run that did not fail or fails for the first
    /// time.
    ///
    /// # Errors
    /// There is no such run, or the database cannot be read.
    pub async fn precedent(&mut self, run_id: &str) -> Result<Option<Precedent>, StoreError> {
        let run = self.run(run_id).await?.run;
        let Some(signature) = &run.signature else {
            return Ok(None);
        };
        let found = sqlx::query!(
            r#"SELECT s.id AS "failed!: String",
                      (SELECT g.id FROM run_started g JOIN run_finished h ON h.id = g.id
                       WHERE g.repo_key = s.repo_key AND g.task = s.task AND g.id > s.id
                             AND g.id < ?3 AND h.exit_code = 0
                       ORDER BY g.id LIMIT 1) AS "fixed_by?: String"
               FROM run_finished f JOIN run_started s ON s.id = f.id
               WHERE f.signature = ?1 AND s.repo_key = ?2 AND f.id < ?3
               ORDER BY 2 IS NULL, f.id DESC LIMIT 1"#,
            signature,
            run.repo_key,
            run.id
        )
        .fetch_optional(&mut self.conn)
        .await?;
        let Some(found) = found else { return Ok(None) };
        let failed = self.run(&found.failed).await?.run;
        let Some(fixed_by) = found.fixed_by else {
            return Ok(Some(Precedent { failed, fixed_by: None, changes: Vec::new() }));
        };
        let fixed_by = self.run(&fixed_by).await?.run;
        let changes = self.changes(&failed.env_id, &fixed_by.env_id).await?;
        Ok(Some(Precedent { failed, fixed_by: Some(fixed_by), changes }))
    }

    /// The last run of a task that passed.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn last_passed(
        &mut self,
        repo_key: &str,
        task: &str,
    ) -> Result<Option<Run>, StoreError> {
        let filter = RunFilter {
            repo_key: Some(repo_key.to_owned()),
            tasks: vec![task.to_owned()],
            outcome: Some(crate::run::Outcome::Passed),
            limit: Some(1),
            ..RunFilter::default()
        };
        Ok(self.runs(&filter).await?.pop())
    }

    async fn changes(
        &mut self,
        before: &str,
        after: &str,
    ) -> Result<Vec<EnvironmentChange>, StoreError> {
        let bodies = sqlx::query!("SELECT id, body FROM env WHERE id IN (?1, ?2)", before, after)
            .fetch_all(&mut self.conn)
            .await?;
        let body = |id: &str| bodies.iter().find(|row| row.id == id);
        let (Some(before), Some(after)) = (body(before), body(after)) else {
            return Ok(Vec::new());
        };
        Ok(read_environment(&before.body)?.changes_to(&read_environment(&after.body)?))
    }
}
