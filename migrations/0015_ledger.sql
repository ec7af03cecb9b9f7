-- What is owed beside the first response, and corrections of what was measured (docs/sla.md).

-- The next response: one row for each time that a citizen wrote after the first response and no human had answered. Written
-- with the events of the same names, in the transaction of the message, the reply or the closing.
CREATE TABLE promise (
    conversation  TEXT NOT NULL,
    no            BIGINT NOT NULL,
    team          TEXT NOT NULL,
    item          TEXT,
    channel       TEXT NOT NULL,
    -- The first unanswered message was read.
    asked_at      BIGINT NOT NULL,
    due_at        BIGINT NOT NULL,
    -- When it was due before a year's holidays were published.
    due_before    BIGINT,
    -- JSON: policy, service time that is counted, steps.
    terms         TEXT NOT NULL,
    -- Steps that were reached.
    step          BIGINT NOT NULL DEFAULT 0,
    answered_at   BIGINT,
    answered_by   TEXT,
    -- Not owed any more.
    left_at       BIGINT,
    outcome       TEXT,
    -- What was measured, if a correction says otherwise.
    measured_at   BIGINT,
    corrected_at  BIGINT,
    excused_at    BIGINT,
    PRIMARY KEY (conversation, no)
);
CREATE INDEX promise_asked ON promise (asked_at);
CREATE INDEX promise_open ON promise (conversation) WHERE answered_at IS NULL AND left_at IS NULL;

-- first_response or call_back
ALTER TABLE ledger ADD COLUMN promise TEXT NOT NULL DEFAULT 'first_response';
UPDATE ledger SET promise = 'call_back' WHERE EXISTS (
    SELECT 1 FROM event e WHERE e.conversation = ledger.conversation AND e.kind = 'queued'
    AND e.detail LIKE '%"because":"call_back_due","no":' || CAST(ledger.no AS TEXT) || ',%');
-- By which policy, and which state of it; NULL: the configuration's, or not known any more.
ALTER TABLE ledger ADD COLUMN policy TEXT;
ALTER TABLE ledger ADD COLUMN policy_version BIGINT;
ALTER TABLE ledger ADD COLUMN measured_at BIGINT;
ALTER TABLE ledger ADD COLUMN corrected_at BIGINT;
ALTER TABLE ledger ADD COLUMN excused_at BIGINT;

-- Every correction, so that whoever looks at a row sees all values that it had.
CREATE TABLE ledger_correction (
    conversation  TEXT NOT NULL,
    -- first_response, call_back or next_response
    promise       TEXT NOT NULL,
    no            BIGINT NOT NULL,
    made_at       BIGINT NOT NULL,
    made_by       TEXT NOT NULL,
    -- answered, excused or withdrawn
    verdict       TEXT NOT NULL,
    answered_at   BIGINT,
    -- Emptied when the thread is deleted.
    reason        TEXT NOT NULL
);
CREATE INDEX ledger_correction_conversation ON ledger_correction (conversation);
