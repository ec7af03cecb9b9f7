-- Next responses without a random page for each of them. Nearly every turn of a lively conversation begins and keeps one, so:
-- a promise that was kept before anything followed from it has one row and one line of the log, both written with the answer;
-- until then it stands in the thread, with the message that asks. Rows are ordered by the thread's number, of which those
-- that are alive stand close together, and the log's index by conversation has only the lines that are no such turns.

-- Of a citizen's message after the first response with which a promise began: JSON {no, asked_at, promised}.
ALTER TABLE entry ADD COLUMN owes TEXT;

CREATE TABLE promise_of_thread (
    -- conversation.no
    thread        BIGINT NOT NULL,
    no            BIGINT NOT NULL,
    conversation  TEXT NOT NULL,
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
    -- The line of the log that tells of all of it; NULL: several lines do.
    kept          TEXT,
    PRIMARY KEY (thread, no)
);
INSERT INTO promise_of_thread (thread, no, conversation, team, item, channel, asked_at, due_at, due_before, terms, step,
    answered_at, answered_by, left_at, outcome, measured_at, corrected_at, excused_at)
SELECT c.no, p.no, p.conversation, p.team, p.item, p.channel, p.asked_at, p.due_at, p.due_before, p.terms, p.step,
    p.answered_at, p.answered_by, p.left_at, p.outcome, p.measured_at, p.corrected_at, p.excused_at
FROM promise p JOIN conversation c ON c.id = p.conversation ORDER BY p.asked_at;
DROP TABLE promise;
ALTER TABLE promise_of_thread RENAME TO promise;
CREATE INDEX promise_asked ON promise (asked_at);
CREATE INDEX promise_open ON promise (thread) WHERE answered_at IS NULL AND left_at IS NULL;

DROP INDEX event_conversation;
CREATE INDEX event_conversation ON event (conversation, id) WHERE kind <> 'reply_kept';
