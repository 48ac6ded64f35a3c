-- The truth of the index. Text and vectors are derived from it, each up to a watermark: the highest `seq` that it holds.
-- Times are milliseconds since 1970-01-01 UTC. Every write has one `seq`, higher than all before it.
PRAGMA application_id = 1212761176; -- 'HIDX'

-- The highest numbers that were given out; none is ever used again.
CREATE TABLE counter (
    name  TEXT PRIMARY KEY NOT NULL,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counter (name, value) VALUES ('seq', 0), ('chunk', 0);

-- Random bytes that belong to this database alone.
CREATE TABLE secret (
    name  TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO secret (name, value) VALUES ('forgotten', randomblob(32));

CREATE TABLE collection (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    -- Seconds after which an older passage counts half; null takes the default of the collection's kind.
    half_life_s INTEGER,
    -- Documents beyond this number go, oldest first, when retention runs; null keeps all.
    max_items   INTEGER,
    -- Documents older than this go when retention runs; null keeps all.
    max_age_s   INTEGER
) STRICT;

-- Interned `key=value` pairs.
CREATE TABLE tag (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- What is ingested: a repository, a folder, a mirror of the memory.
CREATE TABLE source (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    kind        TEXT NOT NULL,
    collection  TEXT NOT NULL,
    root        TEXT,
    options     TEXT NOT NULL,
    added_ms    INTEGER NOT NULL,
    scanned_ms  INTEGER,
    outcome     TEXT
) STRICT;

CREATE TABLE document (
    id            INTEGER PRIMARY KEY,
    collection    INTEGER NOT NULL REFERENCES collection (id),
    doc_id        TEXT NOT NULL,
    origin        TEXT NOT NULL,
    source_id     TEXT NOT NULL,
    source_offset TEXT,
    trust         INTEGER NOT NULL,
    injected_by   TEXT,
    title         TEXT,
    path          TEXT,
    -- The file that byte spans count in, where there is one on this machine.
    file          TEXT,
    language      TEXT,
    meta          TEXT NOT NULL,
    at_ms         INTEGER NOT NULL,
    ingested_ms   INTEGER NOT NULL,
    expires_ms    INTEGER,
    -- Hash of the source's content.
    hash          BLOB NOT NULL,
    -- Size, times and inode of its file when it was read, as the ingest compares them.
    stamp         TEXT,
    -- Hash over everything that a put may change: equal means that there is nothing to do.
    fingerprint   BLOB NOT NULL,
    -- Why its passages are hidden; null where they are not.
    quarantine    TEXT,
    seq           INTEGER NOT NULL,
    UNIQUE (collection, doc_id)
) STRICT;
CREATE INDEX document_expiry ON document (expires_ms) WHERE expires_ms IS NOT NULL;

CREATE TABLE chunk (
    id         INTEGER PRIMARY KEY,
    document   INTEGER NOT NULL REFERENCES document (id),
    ordinal    INTEGER NOT NULL,
    key        TEXT NOT NULL,
    kind       INTEGER NOT NULL,
    header     TEXT NOT NULL,
    text       TEXT NOT NULL,
    span_start INTEGER,
    span_end   INTEGER,
    first_line INTEGER,
    last_line  INTEGER,
    -- Hash of the bytes of the span as they stand in the source.
    hash       BLOB NOT NULL,
    -- Hash of what is embedded: header and text.
    content    BLOB NOT NULL,
    meta       TEXT NOT NULL,
    -- Ids of tags, ascending, as a JSON array.
    tags       TEXT NOT NULL,
    -- Flags by name, as a JSON array.
    flags      TEXT NOT NULL,
    seq        INTEGER NOT NULL
) STRICT;
CREATE INDEX chunk_document ON chunk (document, ordinal);
CREATE INDEX chunk_seq ON chunk (seq);
CREATE INDEX chunk_content ON chunk (content);

-- Chunks that went, so that no replay brings one back.
CREATE TABLE deletion (
    chunk INTEGER PRIMARY KEY,
    seq   INTEGER NOT NULL
) STRICT;
CREATE INDEX deletion_seq ON deletion (seq);

-- Vectors by what was embedded and by which weights: computed once.
CREATE TABLE embedding (
    content  BLOB NOT NULL,
    revision TEXT NOT NULL,
    vector   BLOB NOT NULL,
    seq      INTEGER NOT NULL,
    PRIMARY KEY (revision, content)
) STRICT, WITHOUT ROWID;
CREATE INDEX embedding_seq ON embedding (revision, seq);

-- What was forgotten, as keyed hashes: a pack or a scan does not bring it back unless that is asked for.
CREATE TABLE forgotten (
    digest BLOB PRIMARY KEY NOT NULL,
    at_ms  INTEGER NOT NULL,
    seq    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a search showed, and what became of it.
CREATE TABLE decision (
    id    TEXT PRIMARY KEY NOT NULL,
    at_ms INTEGER NOT NULL,
    body  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE outcome (
    id          TEXT PRIMARY KEY NOT NULL,
    decision_id TEXT NOT NULL REFERENCES decision (id) ON DELETE CASCADE,
    outcome     TEXT NOT NULL,
    source      TEXT NOT NULL,
    at_ms       INTEGER NOT NULL,
    notes       TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX outcome_decision ON outcome (decision_id);
