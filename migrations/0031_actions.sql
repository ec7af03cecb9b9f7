-- Actions that a citizen confirmed (docs/actions.md). A row is written before the office is asked, so that nothing is done
-- twice: after a lost reply or a restart the office is asked what became of it. It goes with its conversation's thread.

CREATE TABLE action (
    -- The key by which the office knows it.
    id           TEXT PRIMARY KEY,
    conversation TEXT NOT NULL,
    -- Position of the entry that was confirmed: of two who confirm it one is refused.
    asked_seq    BIGINT NOT NULL,
    citizen      TEXT NOT NULL,
    kind         TEXT NOT NULL,
    -- JSON: what was chosen; no name and no telephone.
    walk         TEXT NOT NULL,
    -- acting, unknown, done or failed.
    state        TEXT NOT NULL,
    confirmed_at BIGINT NOT NULL,
    -- When it is looked up next.
    due_at       BIGINT NOT NULL,
    looks        BIGINT NOT NULL,
    settled_at   BIGINT,
    UNIQUE (conversation, asked_seq)
);
CREATE INDEX action_open ON action (due_at, id) WHERE state IN ('acting', 'unknown');
CREATE INDEX action_citizen ON action (citizen, confirmed_at);
