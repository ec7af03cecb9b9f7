-- Since then the thread is deleted (retention or erasure) and only the skeleton for the figures is left.
ALTER TABLE conversation ADD COLUMN pruned_at BIGINT;
CREATE INDEX conversation_to_prune ON conversation (closed_at, id) WHERE pruned_at IS NULL AND closed_at IS NOT NULL;
-- By these a person is found who asks for their data.
CREATE INDEX conversation_call_back_phone ON conversation (call_back_phone) WHERE call_back_phone IS NOT NULL;
CREATE INDEX citizen_phone ON citizen (phone) WHERE phone IS NOT NULL;

-- Since then name and telephone are deleted; a new token of the person brings them back.
ALTER TABLE citizen ADD COLUMN forgotten_at BIGINT;
CREATE INDEX citizen_to_forget ON citizen (seen_at, id) WHERE forgotten_at IS NULL;

CREATE INDEX file_sent ON file (made_at, id) WHERE attached_as IS NOT NULL;
CREATE INDEX receipt_settled ON receipt (made_at, receipt) WHERE state <> 'open';

-- One row for each run of retention. A run that was cut off has no end; the next one goes on with what is left.
CREATE TABLE retention_run (
    no           BIGINT PRIMARY KEY,
    started_at   BIGINT NOT NULL,
    finished_at  BIGINT,
    -- schedule, command or the id of a member of staff
    cause        TEXT NOT NULL,
    -- JSON: for each kind of data its days, the instant before which it goes, how much was deleted and how much held.
    report       TEXT NOT NULL
);

-- Where the audit log begins after its oldest lines were deleted: number and hash of the last one that is gone. The line
-- `audit.prune` in the log itself says the same.
CREATE TABLE audit_anchor (
    -- 1
    id    BIGINT PRIMARY KEY,
    no    BIGINT NOT NULL,
    hash  TEXT NOT NULL,
    at    BIGINT NOT NULL
);

-- A person's data is erased by two: one asks, another one confirms.
CREATE TABLE erasure (
    id          TEXT PRIMARY KEY,
    citizen     TEXT NOT NULL,
    asked_by    TEXT NOT NULL,
    asked_at    BIGINT NOT NULL,
    reason      TEXT NOT NULL,
    -- asked, done or refused
    state       TEXT NOT NULL,
    decided_by  TEXT,
    decided_at  BIGINT,
    -- JSON: what was erased, as counts and hashes.
    proof       TEXT
);
CREATE INDEX erasure_citizen ON erasure (citizen, asked_at);
