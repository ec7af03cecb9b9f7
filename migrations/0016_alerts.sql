-- What supervisors had to know at once, who acted on it and when. Kept after it is over, for the history page.
CREATE TABLE alert (
    id               TEXT PRIMARY KEY,
    kind             TEXT NOT NULL,
    -- Kind, subject and occasion: one alert per cause, across restarts.
    cause            TEXT NOT NULL UNIQUE,
    conversation     TEXT REFERENCES conversation (id),
    agent            TEXT REFERENCES agent (id),
    team             TEXT,
    -- Who sees it: whoever watches this unit; NULL: the city.
    unit             TEXT,
    item             TEXT,
    -- How big the matter is: people, items or milliseconds, by kind.
    amount           BIGINT NOT NULL,
    -- Why a flag was raised.
    reason           TEXT,
    -- What an agent wrote with a flag. Goes with the conversation's thread.
    text             TEXT,
    raised_at        BIGINT NOT NULL,
    acknowledged_at  BIGINT,
    acknowledged_by  TEXT REFERENCES agent (id),
    note             TEXT,
    cleared_at       BIGINT
);
CREATE INDEX alert_raised ON alert (raised_at, id);
CREATE INDEX alert_conversation ON alert (conversation);
-- At a start those that are still open are read.
CREATE INDEX alert_open ON alert (cleared_at) WHERE cleared_at IS NULL;

-- Supervisors who have come into the thread of a conversation that somebody else serves.
CREATE TABLE helper (
    conversation  TEXT NOT NULL REFERENCES conversation (id),
    agent         TEXT NOT NULL REFERENCES agent (id),
    PRIMARY KEY (conversation, agent)
);
