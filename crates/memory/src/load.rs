//! A long history in a moment: for benchmarks and for tests that ask what history costs.

use crate::store::{Store, StoreError};

impl Store {
    /// Adds `runs` runs, one a minute up to now, over 20 repositories and 200 tasks; every tenth failed.
    /// They are like real ones in every table, but have no log in the content-addressed store.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn add_synthetic_runs(&mut self, runs: u32) -> Result<(), StoreError> {
        let device_id = self.device_id.clone();
        let now_ms = crate::store::Stamp::now().at_ms;
        self.write(async |conn| {
            sqlx::query!(
                r#"INSERT INTO env (id, device_id, recorded_at_ms, body)
                 VALUES ('5e1f', ?1, ?2,
                         '{"os":"synthetic","arch":"","tools":{},"lockfiles":{},"commit":null,'
                         || '"dirty":null,"flags":{}}')
                 ON CONFLICT (id) DO NOTHING"#,
                device_id,
                now_ms
            )
            .execute(&mut *conn)
            .await?;
            sqlx::query!(
                r#"WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?3)
                 INSERT INTO run_started
                 SELECT substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-7000-8000-'
                            || printf('%012x', n),
                        ?1, t, printf('%064x', n % 20), 'just:task' || (n % 200), 'just',
                        '["--flag","value"]', '5e1f', '', 'named', NULL
                 FROM (SELECT n, ?2 - (?3 - n) * 60000 AS t,
                              printf('%012x', ?2 - (?3 - n) * 60000) AS h FROM n)"#,
                device_id,
                now_ms,
                runs
            )
            .execute(&mut *conn)
            .await?;
            finish_synthetic(conn, &device_id).await
        })
        .await
    }
}

async fn finish_synthetic(
    conn: &mut sqlx::SqliteConnection,
    device_id: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO run_finished
         SELECT id, device_id, recorded_at_ms + 900, CASE WHEN place % 10 = 0 THEN 1 ELSE 0 END,
                NULL, 900 + place % 100, NULL, 0,
                CASE WHEN place % 10 = 0 THEN printf('%064x', place % 50) END, '[]'
         FROM (SELECT *, row_number() OVER (ORDER BY id) AS place FROM run_started
               WHERE env_id = '5e1f' AND id NOT IN (SELECT id FROM run_finished))"
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "INSERT INTO evidence_pack (id, device_id, recorded_at_ms, repo_key, run_id, summary)
         SELECT substr(id, 1, 14) || '7001' || substr(id, 19), device_id, recorded_at_ms + 900,
                repo_key, id, '{}'
         FROM run_started WHERE env_id = '5e1f'
               AND id NOT IN (SELECT run_id FROM evidence_pack WHERE run_id IS NOT NULL)"
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "INSERT INTO repo (id, device_id, recorded_at_ms, repo_key, key_kind, name)
         SELECT DISTINCT '00000000-0000-7000-8000-' || substr(repo_key, 53), ?1, 0, repo_key,
                'origin', 'synthetic-' || substr(repo_key, 63)
         FROM run_started WHERE env_id = '5e1f'
         ON CONFLICT (id) DO NOTHING",
        device_id
    )
    .execute(conn)
    .await?;
    Ok(())
}
