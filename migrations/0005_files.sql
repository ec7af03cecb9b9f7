-- Uploaded files. Their bytes are in the object store (unfinished ones in data.dir/uploads); a row is there before the
-- first byte and until after the last.
CREATE TABLE file (
    id            TEXT PRIMARY KEY,
    conversation  TEXT NOT NULL REFERENCES conversation (id),
    -- Who uploads: the citizen's or the member of staff's id.
    owner         TEXT NOT NULL,
    kind          TEXT NOT NULL,
    name          TEXT NOT NULL,
    -- What it is served as; empty until it was checked.
    mime          TEXT NOT NULL,
    size          BIGINT NOT NULL,
    state         TEXT NOT NULL,
    -- Pictures.
    width         BIGINT,
    height        BIGINT,
    -- Voice messages.
    duration_ms   BIGINT,
    made_at       BIGINT NOT NULL,
    -- Until then somebody has to send it.
    kept_until    BIGINT NOT NULL,
    -- The client id of the message that carries it.
    attached_as   TEXT
);
CREATE INDEX file_owner ON file (owner, made_at);
CREATE INDEX file_kept_until ON file (kept_until) WHERE attached_as IS NULL;
CREATE INDEX file_conversation ON file (conversation);
