-- A citizen says that an answer of 小申 did not help: one voice for each revision of an entry (docs/tasks.md). It goes with the
-- thread in which it was said.
CREATE TABLE kb_doubt (
    entry           TEXT NOT NULL,
    revision        BIGINT NOT NULL,
    citizen         TEXT NOT NULL,
    conversation    TEXT NOT NULL,
    at              BIGINT NOT NULL,
    PRIMARY KEY (entry, revision, citizen)
);
CREATE INDEX kb_doubt_conversation ON kb_doubt (conversation);

-- What was told is deleted when its time is over (docs/privacy.md).
CREATE INDEX outbox_settled ON outbox (settled_at, id) WHERE settled_at IS NOT NULL;
