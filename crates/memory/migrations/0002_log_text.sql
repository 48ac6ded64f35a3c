-- Words of the logs. Not facts: built from the content-addressed store, and rebuilt from it at any time.
-- One row per distinct log; `indexed_bytes` < `total_bytes` when only its beginning and end are indexed.
CREATE TABLE log_index (
    doc           INTEGER PRIMARY KEY NOT NULL,
    log_sha256    TEXT NOT NULL UNIQUE,
    indexed_bytes INTEGER NOT NULL,
    total_bytes   INTEGER NOT NULL
) STRICT;

-- No text is kept here (the log itself lies in the store); the words are folded to lower case without accents.
CREATE VIRTUAL TABLE log_text USING fts5 (
    body, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);

PRAGMA user_version = 1464293378;
