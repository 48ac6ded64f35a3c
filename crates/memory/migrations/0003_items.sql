-- What somebody wants remembered. Of the items with one key the newest counts; those before it are its history.
-- `ttl_sec` is null where the layer decides and 0 where it was asked to stay; times are milliseconds since 1970.
CREATE TABLE memory_item (
    id             TEXT PRIMARY KEY NOT NULL,
    device_id      TEXT NOT NULL,
    recorded_at_ms INTEGER NOT NULL,
    namespace      TEXT NOT NULL,
    key            TEXT,
    value          TEXT NOT NULL,
    is_json        INTEGER NOT NULL,
    content_sha256 TEXT NOT NULL,
    layer          TEXT NOT NULL,
    importance     INTEGER NOT NULL,
    trust          TEXT NOT NULL,
    origin         TEXT NOT NULL,
    pinned         INTEGER NOT NULL,
    ttl_sec        INTEGER,
    expires_at_ms  INTEGER,
    supersedes     TEXT
) STRICT;

-- What was decided about an item later: `pinned`, `layer`, `ttl`, `expires`, `importance`, `merged`, `distinct`, `origin`.
-- The newest of an item and a mark counts; of `distinct` and `origin` all do.
CREATE TABLE memory_mark (
    id             TEXT PRIMARY KEY NOT NULL,
    device_id      TEXT NOT NULL,
    recorded_at_ms INTEGER NOT NULL,
    item_id        TEXT NOT NULL,
    mark           TEXT NOT NULL,
    value          TEXT NOT NULL
) STRICT;

CREATE INDEX memory_item_by_key ON memory_item (namespace, key, recorded_at_ms, id);
CREATE INDEX memory_mark_by_item ON memory_mark (item_id, mark, recorded_at_ms, id);

-- What only this device knows about an item, and no pack carries: that it was written here, how often it was
-- used since it came into its layer, when it was last written or used, that a person let it out of quarantine.
CREATE TABLE memory_local (
    item_id    TEXT PRIMARY KEY NOT NULL,
    is_own     INTEGER NOT NULL,
    uses       INTEGER NOT NULL,
    touched_ms INTEGER NOT NULL,
    released   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How things stand: derived from the facts and from `memory_local`, and made anew from them at any time.
-- `weight` is 1000 times the binary logarithm of the importance as a part of 1.
CREATE TABLE memory_state (
    doc            INTEGER PRIMARY KEY NOT NULL,
    item_id        TEXT NOT NULL UNIQUE,
    namespace      TEXT NOT NULL,
    key            TEXT,
    recorded_at_ms INTEGER NOT NULL,
    content_sha256 TEXT NOT NULL,
    layer          TEXT NOT NULL,
    importance     INTEGER NOT NULL,
    weight         INTEGER NOT NULL,
    trust          TEXT NOT NULL,
    pinned         INTEGER NOT NULL,
    expires_at_ms  INTEGER,
    signs          TEXT NOT NULL,
    quarantined    INTEGER NOT NULL,
    merged_into    TEXT,
    superseded     INTEGER NOT NULL
) STRICT;

CREATE INDEX memory_state_by_key ON memory_state (namespace, key, recorded_at_ms, item_id);
CREATE INDEX memory_state_current ON memory_state (namespace, key) WHERE superseded = 0;
CREATE INDEX memory_state_by_content ON memory_state (content_sha256);
CREATE INDEX memory_state_by_layer ON memory_state (namespace, layer);
CREATE INDEX memory_state_by_end ON memory_state (expires_at_ms) WHERE expires_at_ms IS NOT NULL;

-- Sketches of texts, for finding near duplicates: one row a band. Derived.
CREATE TABLE memory_band (
    hash INTEGER NOT NULL,
    doc  INTEGER NOT NULL,
    PRIMARY KEY (hash, doc)
) STRICT, WITHOUT ROWID;
CREATE INDEX memory_band_by_doc ON memory_band (doc);

-- Texts that are almost equal, the later one first; `similarity` in thousandths. Derived.
CREATE TABLE memory_near (
    doc        INTEGER NOT NULL,
    other      INTEGER NOT NULL,
    similarity INTEGER NOT NULL,
    PRIMARY KEY (doc, other)
) STRICT, WITHOUT ROWID;
CREATE INDEX memory_near_by_other ON memory_near (other);

-- Words of keys and values, folded to lower case without accents. Derived.
CREATE VIRTUAL TABLE memory_text USING fts5 (
    key, body, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TRIGGER memory_item_is_never_changed BEFORE UPDATE ON memory_item
BEGIN SELECT RAISE(ABORT, 'a fact is never changed'); END;
CREATE TRIGGER memory_item_is_never_deleted BEFORE DELETE ON memory_item
WHEN OLD.id NOT IN permit
BEGIN SELECT RAISE(ABORT, 'a fact is only deleted by leaving a tombstone'); END;
CREATE TRIGGER memory_mark_is_never_changed BEFORE UPDATE ON memory_mark
BEGIN SELECT RAISE(ABORT, 'a fact is never changed'); END;
CREATE TRIGGER memory_mark_is_never_deleted BEFORE DELETE ON memory_mark
WHEN OLD.id NOT IN permit
BEGIN SELECT RAISE(ABORT, 'a fact is only deleted by leaving a tombstone'); END;

PRAGMA user_version = 1464293379;
