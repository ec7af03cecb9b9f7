-- Three-way calls (docs/calls.md). What the figures count stays for ever: no caller's number and no name is here; who called
-- is the citizen of the conversation, and their number is with the citizen. What was written down of a call goes with the
-- thread of its conversation.

CREATE TABLE phone_call (
    id           TEXT PRIMARY KEY,
    origin       TEXT NOT NULL,
    conversation TEXT,
    team         TEXT NOT NULL,
    item         TEXT,
    is_first     BIGINT NOT NULL,
    began_at     BIGINT NOT NULL,
    answered_at  BIGINT,
    -- The first operator.
    operator     TEXT,
    stars        BIGINT,
    ended_at     BIGINT,
    because      TEXT,
    -- While it stands: the router looks for an operator; it is over but for a prompt, and will end so.
    is_asked     BIGINT NOT NULL DEFAULT 0,
    closing      TEXT,
    -- What came with the call from the city's system.
    ticket       TEXT
);
CREATE INDEX phone_call_open ON phone_call (began_at, id) WHERE ended_at IS NULL;
CREATE INDEX phone_call_began ON phone_call (began_at, id);
CREATE INDEX phone_call_conversation ON phone_call (conversation, began_at);

CREATE TABLE call_request (
    call_id        TEXT NOT NULL,
    number         BIGINT NOT NULL,
    part           TEXT NOT NULL,
    -- Who asked; NULL: the direct line.
    asked_by       TEXT,
    item           TEXT,
    department     TEXT NOT NULL,
    ring_order     TEXT NOT NULL,
    candidates     BIGINT NOT NULL,
    asked_at       BIGINT NOT NULL,
    -- Number of the leg that answered.
    answered_by    BIGINT,
    answered_round BIGINT,
    ended_at       BIGINT,
    result         TEXT,
    PRIMARY KEY (call_id, number)
);
CREATE INDEX call_request_ended ON call_request (ended_at, call_id, number);

CREATE TABLE call_attempt (
    call_id    TEXT NOT NULL,
    leg        BIGINT NOT NULL,
    part       TEXT NOT NULL,
    -- Whom: a member of staff, or a department's telephone; neither: the caller.
    agent      TEXT,
    telephone  TEXT,
    -- Of which request; NULL: operators, supervisors, the caller.
    request    BIGINT,
    round      BIGINT NOT NULL,
    rung_at    BIGINT NOT NULL,
    ringing_at BIGINT,
    ended_at   BIGINT,
    cause      TEXT,
    PRIMARY KEY (call_id, leg)
);
CREATE INDEX call_attempt_rung ON call_attempt (rung_at, call_id, leg);

CREATE TABLE call_leg (
    call_id   TEXT NOT NULL,
    leg       BIGINT NOT NULL,
    part      TEXT NOT NULL,
    agent     TEXT,
    telephone TEXT,
    joined_at BIGINT NOT NULL,
    ended_at  BIGINT,
    because   TEXT,
    -- JSON: how well it was heard.
    quality   TEXT,
    PRIMARY KEY (call_id, leg)
);

CREATE TABLE call_wrap_up (
    call_id     TEXT NOT NULL,
    agent       TEXT NOT NULL,
    began_at    BIGINT NOT NULL,
    until_at    BIGINT NOT NULL,
    ended_at    BIGINT,
    how         TEXT,
    disposition TEXT,
    -- What the operator wrote, masked; and the number of a work order that was made elsewhere.
    note        TEXT,
    work_order  TEXT,
    PRIMARY KEY (call_id, agent, began_at)
);
CREATE INDEX call_wrap_up_open ON call_wrap_up (until_at, call_id) WHERE ended_at IS NULL;

-- Who was not reached is called back (rule 6).
CREATE TABLE call_back (
    call_id    TEXT NOT NULL,
    -- Of which request; 0: for an operator.
    request    BIGINT NOT NULL,
    item       TEXT,
    department TEXT,
    -- By whom, best.
    agent      TEXT,
    owed_at    BIGINT NOT NULL,
    due_at     BIGINT NOT NULL,
    settled_at BIGINT,
    PRIMARY KEY (call_id, request)
);
CREATE INDEX call_back_owed ON call_back (due_at, call_id) WHERE settled_at IS NULL;
