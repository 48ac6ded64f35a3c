-- Facts: written once, never changed. A run is two facts; every other row stands alone.
-- Ids are UUIDv7 unless said otherwise; times are milliseconds since 1970-01-01 UTC.

-- What a repository was called and where it came from, as a device saw it. Newest row of a key wins.
CREATE TABLE repo (
    id             TEXT PRIMARY KEY NOT NULL,
    device_id      TEXT NOT NULL,
    recorded_at_ms INTEGER NOT NULL,
    repo_key       TEXT NOT NULL,
    key_kind       TEXT NOT NULL,
    name           TEXT NOT NULL,
    origin_url     TEXT,
    tags           TEXT NOT NULL DEFAULT '[]',
    default_tasks  TEXT NOT NULL DEFAULT '[]'
) STRICT;

-- An environment. Its id is the SHA-256 of device and body, so equal environments are one row.
CREATE TABLE env (
    id             TEXT PRIMARY KEY NOT NULL,
    device_id      TEXT NOT NULL,
    recorded_at_ms INTEGER NOT NULL,
    body           TEXT NOT NULL
) STRICT;

-- First half of a run, committed before the child starts. Its id is the run's id, its time the start.
CREATE TABLE run_started (
    id             TEXT PRIMARY KEY NOT NULL,
    device_id      TEXT NOT NULL,
    recorded_at_ms INTEGER NOT NULL,
    repo_key       TEXT NOT NULL,
    task           TEXT NOT NULL,
    source         TEXT NOT NULL,
    args           TEXT NOT NULL,
    env_id         TEXT NOT NULL,
    cwd            TEXT NOT NULL,
    reason         TEXT NOT NULL,
    parent_run     TEXT
) STRICT, WITHOUT ROWID;

-- Second half of a run. Its id is the run's id. `log` is null without one; `signature` where it failed.
CREATE TABLE run_finished (
    id             TEXT PRIMARY KEY NOT NULL,
    device_id      TEXT NOT NULL,
    recorded_at_ms INTEGER NOT NULL,
    exit_code      INTEGER,
    signal         INTEGER,
    duration_ms    INTEGER NOT NULL,
    log_sha256     TEXT,
    log_bytes      INTEGER NOT NULL,
    signature      TEXT,
    artefacts      TEXT NOT NULL DEFAULT '[]',
    FOREIGN KEY (id) REFERENCES run_started (id)
) STRICT, WITHOUT ROWID;

-- What a rule said about a repository.
CREATE TABLE policy_event (
    id             TEXT PRIMARY KEY NOT NULL,
    device_id      TEXT NOT NULL,
    recorded_at_ms INTEGER NOT NULL,
    repo_key       TEXT NOT NULL,
    run_id         TEXT REFERENCES run_started (id),
    rule           TEXT NOT NULL,
    outcome        TEXT NOT NULL,
    place          TEXT,
    message        TEXT NOT NULL,
    fix_link       TEXT,
    auto_fixable   INTEGER NOT NULL
) STRICT;

-- What proves a run: the summary of its log, the last guard diff, files in the store.
CREATE TABLE evidence_pack (
    id             TEXT PRIMARY KEY NOT NULL,
    device_id      TEXT NOT NULL,
    recorded_at_ms INTEGER NOT NULL,
    repo_key       TEXT NOT NULL,
    run_id         TEXT REFERENCES run_started (id),
    summary        TEXT NOT NULL,
    guard_diff     TEXT,
    files          TEXT NOT NULL DEFAULT '[]',
    linked_pr      TEXT
) STRICT;

-- A small data state that tests can start from.
CREATE TABLE seed_snapshot (
    id             TEXT PRIMARY KEY NOT NULL,
    device_id      TEXT NOT NULL,
    recorded_at_ms INTEGER NOT NULL,
    repo_key       TEXT NOT NULL,
    name           TEXT NOT NULL,
    schema_version TEXT NOT NULL,
    export_cmd     TEXT NOT NULL,
    checksum       TEXT NOT NULL
) STRICT;

-- Where a secret is kept. Never the secret.
CREATE TABLE secret_ref (
    id             TEXT PRIMARY KEY NOT NULL,
    device_id      TEXT NOT NULL,
    recorded_at_ms INTEGER NOT NULL,
    repo_key       TEXT,
    name           TEXT NOT NULL,
    provider       TEXT NOT NULL,
    scope          TEXT NOT NULL
) STRICT;

-- A setting; the newest row of (repo_key, key) wins, a null value removes it.
CREATE TABLE preference (
    id             TEXT PRIMARY KEY NOT NULL,
    device_id      TEXT NOT NULL,
    recorded_at_ms INTEGER NOT NULL,
    repo_key       TEXT,
    key            TEXT NOT NULL,
    value          TEXT
) STRICT;

-- What a phrase means in a repository: ordered steps; no steps unlearns it. Newest row wins.
CREATE TABLE meaning (
    id             TEXT PRIMARY KEY NOT NULL,
    device_id      TEXT NOT NULL,
    recorded_at_ms INTEGER NOT NULL,
    repo_key       TEXT NOT NULL,
    phrase         TEXT NOT NULL,
    steps          TEXT NOT NULL
) STRICT;

-- A grant or (granted = 0) its revocation; without a content hash it revokes all of the repository.
CREATE TABLE trust (
    id             TEXT PRIMARY KEY NOT NULL,
    device_id      TEXT NOT NULL,
    recorded_at_ms INTEGER NOT NULL,
    repo_key       TEXT NOT NULL,
    content_hash   TEXT,
    granted        INTEGER NOT NULL
) STRICT;

-- A deletion. It wins over the fact it names, here and in every pack, and stays.
CREATE TABLE tombstone (
    id             TEXT PRIMARY KEY NOT NULL,
    device_id      TEXT NOT NULL,
    recorded_at_ms INTEGER NOT NULL,
    kind           TEXT NOT NULL,
    fact_id        TEXT NOT NULL,
    reason         TEXT NOT NULL
) STRICT;

CREATE INDEX repo_by_key ON repo (repo_key, recorded_at_ms, id);
CREATE INDEX run_by_task ON run_started (repo_key, task);
CREATE INDEX run_by_repo ON run_started (repo_key);
CREATE INDEX run_failed ON run_finished (id) WHERE exit_code <> 0;
CREATE INDEX run_by_signature ON run_finished (signature, id) WHERE signature IS NOT NULL;
CREATE INDEX run_by_log ON run_finished (log_sha256) WHERE log_sha256 IS NOT NULL;
CREATE INDEX policy_event_by_rule ON policy_event (repo_key, rule, recorded_at_ms);
CREATE INDEX policy_event_by_run ON policy_event (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX evidence_pack_by_run ON evidence_pack (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX seed_snapshot_by_name ON seed_snapshot (repo_key, name);
CREATE INDEX preference_by_key ON preference (key, repo_key, recorded_at_ms, id);
CREATE INDEX meaning_by_phrase ON meaning (repo_key, phrase, recorded_at_ms, id);
CREATE INDEX trust_by_repo ON trust (repo_key, recorded_at_ms, id);
CREATE INDEX tombstone_by_fact ON tombstone (fact_id);

-- The only way to delete a fact: name it here, delete it, take the name out, in one transaction that
-- also leaves a tombstone. Empty outside such a transaction.
CREATE TABLE permit (fact_id TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID;

-- Both halves of a run. `finished` is 0 while it runs and when it was cut off.
CREATE VIEW run AS
SELECT s.id, s.device_id, s.recorded_at_ms AS started_at_ms, s.repo_key, s.task, s.source, s.args,
       s.env_id, s.cwd, s.reason, s.parent_run, f.id IS NOT NULL AS finished, f.exit_code,
       f.signal, f.duration_ms, f.log_sha256, f.log_bytes, f.signature, f.artefacts
FROM run_started s LEFT JOIN run_finished f ON f.id = s.id;

-- Every opening of the store reads all of these: their bodies are as short as they can be.
CREATE TRIGGER repo_is_never_changed BEFORE UPDATE ON repo
BEGIN SELECT RAISE(ABORT, 'a fact is never changed'); END;
CREATE TRIGGER repo_is_never_deleted BEFORE DELETE ON repo
WHEN OLD.id NOT IN permit
BEGIN SELECT RAISE(ABORT, 'a fact is only deleted by leaving a tombstone'); END;
CREATE TRIGGER env_is_never_changed BEFORE UPDATE ON env
BEGIN SELECT RAISE(ABORT, 'a fact is never changed'); END;
CREATE TRIGGER env_is_never_deleted BEFORE DELETE ON env
WHEN OLD.id NOT IN permit
BEGIN SELECT RAISE(ABORT, 'a fact is only deleted by leaving a tombstone'); END;
CREATE TRIGGER run_started_is_never_changed BEFORE UPDATE ON run_started
BEGIN SELECT RAISE(ABORT, 'a fact is never changed'); END;
CREATE TRIGGER run_started_is_never_deleted BEFORE DELETE ON run_started
WHEN OLD.id NOT IN permit
BEGIN SELECT RAISE(ABORT, 'a fact is only deleted by leaving a tombstone'); END;
CREATE TRIGGER run_finished_is_never_changed BEFORE UPDATE ON run_finished
BEGIN SELECT RAISE(ABORT, 'a fact is never changed'); END;
CREATE TRIGGER run_finished_is_never_deleted BEFORE DELETE ON run_finished
WHEN OLD.id NOT IN permit
BEGIN SELECT RAISE(ABORT, 'a fact is only deleted by leaving a tombstone'); END;
CREATE TRIGGER policy_event_is_never_changed BEFORE UPDATE ON policy_event
BEGIN SELECT RAISE(ABORT, 'a fact is never changed'); END;
CREATE TRIGGER policy_event_is_never_deleted BEFORE DELETE ON policy_event
WHEN OLD.id NOT IN permit
BEGIN SELECT RAISE(ABORT, 'a fact is only deleted by leaving a tombstone'); END;
CREATE TRIGGER evidence_pack_is_never_changed BEFORE UPDATE ON evidence_pack
BEGIN SELECT RAISE(ABORT, 'a fact is never changed'); END;
CREATE TRIGGER evidence_pack_is_never_deleted BEFORE DELETE ON evidence_pack
WHEN OLD.id NOT IN permit
BEGIN SELECT RAISE(ABORT, 'a fact is only deleted by leaving a tombstone'); END;
CREATE TRIGGER seed_snapshot_is_never_changed BEFORE UPDATE ON seed_snapshot
BEGIN SELECT RAISE(ABORT, 'a fact is never changed'); END;
CREATE TRIGGER seed_snapshot_is_never_deleted BEFORE DELETE ON seed_snapshot
WHEN OLD.id NOT IN permit
BEGIN SELECT RAISE(ABORT, 'a fact is only deleted by leaving a tombstone'); END;
CREATE TRIGGER secret_ref_is_never_changed BEFORE UPDATE ON secret_ref
BEGIN SELECT RAISE(ABORT, 'a fact is never changed'); END;
CREATE TRIGGER secret_ref_is_never_deleted BEFORE DELETE ON secret_ref
WHEN OLD.id NOT IN permit
BEGIN SELECT RAISE(ABORT, 'a fact is only deleted by leaving a tombstone'); END;
CREATE TRIGGER preference_is_never_changed BEFORE UPDATE ON preference
BEGIN SELECT RAISE(ABORT, 'a fact is never changed'); END;
CREATE TRIGGER preference_is_never_deleted BEFORE DELETE ON preference
WHEN OLD.id NOT IN permit
BEGIN SELECT RAISE(ABORT, 'a fact is only deleted by leaving a tombstone'); END;
CREATE TRIGGER meaning_is_never_changed BEFORE UPDATE ON meaning
BEGIN SELECT RAISE(ABORT, 'a fact is never changed'); END;
CREATE TRIGGER meaning_is_never_deleted BEFORE DELETE ON meaning
WHEN OLD.id NOT IN permit
BEGIN SELECT RAISE(ABORT, 'a fact is only deleted by leaving a tombstone'); END;
CREATE TRIGGER trust_is_never_changed BEFORE UPDATE ON trust
BEGIN SELECT RAISE(ABORT, 'a fact is never changed'); END;
CREATE TRIGGER trust_is_never_deleted BEFORE DELETE ON trust
WHEN OLD.id NOT IN permit
BEGIN SELECT RAISE(ABORT, 'a fact is only deleted by leaving a tombstone'); END;
CREATE TRIGGER tombstone_is_never_changed BEFORE UPDATE ON tombstone
BEGIN SELECT RAISE(ABORT, 'a fact is never changed'); END;
CREATE TRIGGER tombstone_is_never_deleted BEFORE DELETE ON tombstone
BEGIN SELECT RAISE(ABORT, 'a fact is only deleted by leaving a tombstone'); END;

-- The upper three bytes are the letters WGX: they tell this store from any other SQLite file.
PRAGMA user_version = 1464293377;
