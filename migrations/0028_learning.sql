-- What conversations teach (docs/bot.md, "Learning"): questions, without personal data, with what became of each. They go with
-- their thread.

CREATE TABLE label (
    conversation TEXT NOT NULL REFERENCES conversation (id),
    -- Position of the entry of the thread that says it.
    seq          BIGINT NOT NULL,
    -- not_found, solved, unsolved, chosen or sent.
    kind         TEXT NOT NULL,
    question     TEXT NOT NULL,
    -- Code of the conversation's item, and the unit that owes its answers.
    item         TEXT,
    unit         TEXT NOT NULL,
    entry        TEXT,
    revision     BIGINT,
    at           BIGINT NOT NULL,
    -- When an editor made something of it.
    taken_at     BIGINT,
    PRIMARY KEY (conversation, seq)
);
CREATE INDEX label_open ON label (at) WHERE taken_at IS NULL;
CREATE INDEX label_entry ON label (entry, at) WHERE entry IS NOT NULL;

-- Up to which closing threads have been read.
CREATE TABLE learnt (
    what TEXT PRIMARY KEY,
    at   BIGINT NOT NULL
);

-- Questions with the entry that is right for each: a publication that would answer one of them worse is refused.
CREATE TABLE regression (
    id       TEXT PRIMARY KEY,
    question TEXT NOT NULL,
    entry    TEXT NOT NULL,
    item     TEXT,
    -- editor or label.
    origin   TEXT NOT NULL,
    made_at  BIGINT NOT NULL,
    made_by  TEXT NOT NULL
);
CREATE UNIQUE INDEX regression_question ON regression (question, entry);
CREATE INDEX regression_entry ON regression (entry);
