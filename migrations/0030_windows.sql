-- Virtual windows (docs/windows.md): the state of those that stand, the record of those that are over, and what their
-- citizens have agreed to. They go with the thread of their conversation. Nothing that was said, shown or drawn is here.

CREATE TABLE virtual_window (
    id           TEXT PRIMARY KEY,
    conversation TEXT NOT NULL,
    -- Who is helped; NULL: whoever will enter the code.
    citizen      TEXT,
    agent        TEXT NOT NULL,
    origin       TEXT NOT NULL,
    opened_at    BIGINT NOT NULL,
    -- JSON: what else is needed to go on after a restart; NULL: it is over.
    kept         TEXT,
    live_at      BIGINT,
    ended_at     BIGINT,
    because      TEXT,
    -- JSON: how well it went on each seat.
    quality      TEXT
);
CREATE INDEX virtual_window_open ON virtual_window (opened_at, id) WHERE ended_at IS NULL;
CREATE INDEX virtual_window_conversation ON virtual_window (conversation, opened_at);
CREATE INDEX virtual_window_citizen ON virtual_window (citizen, opened_at);

CREATE TABLE window_consent (
    window_id    TEXT NOT NULL,
    purpose      TEXT NOT NULL,
    -- What was read: id and version of the text.
    text_id      TEXT NOT NULL,
    text_version BIGINT NOT NULL,
    given_at     BIGINT NOT NULL,
    -- Taken back.
    ended_at     BIGINT,
    PRIMARY KEY (window_id, purpose, given_at)
);
