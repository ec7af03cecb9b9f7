-- What 小申 decides by, and what it is asked (docs/bot.md).

-- Thresholds, version by version: never changed. What holds is the highest; 0 are those that came with the weights and have no
-- row. Going back makes another version.
CREATE TABLE bot_threshold (
    version    BIGINT PRIMARY KEY,
    answer     DOUBLE PRECISION NOT NULL,
    clarify    DOUBLE PRECISION NOT NULL,
    -- From which data.
    basis      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    -- The version that it goes back to.
    copy_of    BIGINT,
    -- As the audit log writes actors.
    changed_by TEXT NOT NULL,
    changed_at BIGINT NOT NULL
);

-- What the list of words that comes with the program has not, reads otherwise, or should not have.
CREATE TABLE bot_word (
    -- As it was written.
    word       TEXT PRIMARY KEY,
    -- What is read instead; null: a word of the program's list that is read as it stands.
    reads_as   TEXT,
    changed_by TEXT NOT NULL,
    changed_at BIGINT NOT NULL
);

-- Each answer of 小申, by the instant: what is asked most is counted from here. No word of a person, and nothing says whose.
CREATE TABLE bot_asked (
    at    BIGINT NOT NULL,
    entry TEXT NOT NULL
);

CREATE INDEX bot_asked_at ON bot_asked (at, entry);
