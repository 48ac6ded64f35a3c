-- API keys: the secret itself is nowhere, only its HMAC under the pepper file.
CREATE TABLE keys (
    id            TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 8),
    env           TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    mac           BLOB    NOT NULL CHECK (length(mac) = 32),
    scopes        TEXT    NOT NULL,
    created_ms    INTEGER NOT NULL,
    expires_ms    INTEGER,
    revoked_ms    INTEGER,
    replaced_by   TEXT    REFERENCES keys (id),
    max_requests  INTEGER CHECK (max_requests >= 0),
    max_tokens    INTEGER CHECK (max_tokens >= 0),
    per_minute    INTEGER CHECK (per_minute > 0),
    used_requests INTEGER NOT NULL DEFAULT 0,
    used_tokens   INTEGER NOT NULL DEFAULT 0,
    last_used_ms  INTEGER
) STRICT;

-- Settings that were changed while the daemon ran.
CREATE TABLE settings (
    name       TEXT    NOT NULL PRIMARY KEY,
    value      TEXT    NOT NULL,
    changed_ms INTEGER NOT NULL
) STRICT;
