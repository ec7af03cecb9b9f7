-- Pictures and documents of answers (docs/knowledge.md), and which revisions have them.

CREATE TABLE kb_file (
    id         TEXT PRIMARY KEY,
    -- The member of staff who uploaded it.
    owner      TEXT NOT NULL,
    -- image or file.
    kind       TEXT NOT NULL,
    name       TEXT NOT NULL,
    -- What it is served as; empty until it was checked.
    mime       TEXT NOT NULL,
    size       BIGINT NOT NULL,
    -- uploading, ready, or gone: its bytes are being deleted.
    state      TEXT NOT NULL,
    -- Pictures.
    width      BIGINT,
    height     BIGINT,
    made_at    BIGINT NOT NULL,
    -- Until then it is kept although no revision has it.
    kept_until BIGINT NOT NULL
);
CREATE INDEX kb_file_owner ON kb_file (owner, made_at);
CREATE INDEX kb_file_kept_until ON kb_file (kept_until);

CREATE TABLE kb_file_use (
    entry      TEXT NOT NULL,
    no         BIGINT NOT NULL,
    file       TEXT NOT NULL REFERENCES kb_file (id),
    -- When the revision begins to hold, if not when it is published.
    valid_from BIGINT,
    PRIMARY KEY (entry, no, file)
);
CREATE INDEX kb_file_use_file ON kb_file_use (file);
