-- Quality inspection: what was drawn when, and each inspection of a conversation (docs/administration.md).

-- A week of a plan is drawn once by itself (no 0), and by hand as often as somebody asks (1, 2, ...).
CREATE TABLE quality_draw (
    plan   TEXT NOT NULL,
    -- The week's Monday, e.g. 2026-11-23.
    week   TEXT NOT NULL,
    no     BIGINT NOT NULL,
    at     BIGINT NOT NULL,
    -- system or the id of a member of staff.
    actor  TEXT NOT NULL,
    drawn  BIGINT NOT NULL,
    PRIMARY KEY (plan, week, no)
);

CREATE TABLE inspection (
    id              TEXT PRIMARY KEY,
    plan            TEXT NOT NULL,
    week            TEXT NOT NULL,
    reason          TEXT NOT NULL,
    conversation    TEXT NOT NULL,
    -- Whose work it is, as the conversation was closed.
    team            TEXT NOT NULL,
    agent           TEXT NOT NULL,
    closed_at       BIGINT NOT NULL,
    drawn_at        BIGINT NOT NULL,
    -- The score card as it was when it was drawn.
    card            TEXT NOT NULL,
    card_version    BIGINT NOT NULL,
    -- 1, 2, ...; a step names the one that it was made from.
    version         BIGINT NOT NULL,
    state           TEXT NOT NULL,
    inspector       TEXT,
    -- JSON: points of each question, null where none are given yet.
    points          TEXT,
    -- JSON: what was said to each question, and of which message. Goes with the thread, as the next one and the reasons do.
    remarks         TEXT,
    summary         TEXT,
    score           BIGINT,
    submitted_at    BIGINT,
    appeal_until    BIGINT,
    appeal          TEXT,
    appealed_at     BIGINT,
    decider         TEXT,
    decided_points  TEXT,
    decision        TEXT,
    decided_score   BIGINT,
    decided_at      BIGINT,
    UNIQUE (plan, conversation)
);
CREATE INDEX inspection_conversation ON inspection (conversation);
CREATE INDEX inspection_drawn ON inspection (drawn_at, id);
CREATE INDEX inspection_agent ON inspection (agent, drawn_at);
CREATE INDEX inspection_submitted ON inspection (submitted_at) WHERE submitted_at IS NOT NULL;
