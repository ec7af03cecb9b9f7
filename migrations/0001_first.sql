-- Common subset of SQLite and PostgreSQL: BIGINT for numbers, instants (ms) and flags (0/1); TEXT for ids and JSON.

CREATE TABLE citizen (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    kind        TEXT NOT NULL,
    level       TEXT NOT NULL,
    phone       TEXT,
    seen_at     BIGINT NOT NULL
);

CREATE TABLE agent (
    id             TEXT PRIMARY KEY,
    login          TEXT NOT NULL UNIQUE,
    name           TEXT NOT NULL,
    role           TEXT NOT NULL,
    password_hash  TEXT NOT NULL,
    capacity       BIGINT NOT NULL,
    status         TEXT NOT NULL,
    status_at      BIGINT NOT NULL
);

CREATE TABLE agent_team (
    agent  TEXT NOT NULL REFERENCES agent (id),
    team   TEXT NOT NULL,
    PRIMARY KEY (agent, team)
);

CREATE TABLE conversation (
    id              TEXT PRIMARY KEY,
    citizen         TEXT NOT NULL REFERENCES citizen (id),
    item            TEXT,
    team            TEXT NOT NULL,
    channel         TEXT NOT NULL,
    stage           TEXT NOT NULL,
    agent           TEXT,
    outcome         TEXT,
    stars           BIGINT,
    comment         TEXT,
    opened_at       BIGINT NOT NULL,
    closed_at       BIGINT,
    -- Number of the last clock; 0: nobody asked for a human yet.
    clock_no        BIGINT NOT NULL,
    -- Promised call-back.
    slot_starts_at  BIGINT,
    slot_ends_at    BIGINT,
    call_back_phone TEXT,
    -- Last number given out in each lane.
    last_seq        BIGINT NOT NULL,
    last_note_seq   BIGINT NOT NULL,
    citizen_read    BIGINT NOT NULL,
    agent_read      BIGINT NOT NULL
);
CREATE INDEX conversation_citizen ON conversation (citizen, opened_at);
CREATE INDEX conversation_stage ON conversation (stage);

-- Threads. lane 0: what citizen and agent share; lane 1: private notes.
CREATE TABLE entry (
    conversation  TEXT NOT NULL REFERENCES conversation (id),
    lane          BIGINT NOT NULL,
    seq           BIGINT NOT NULL,
    at            BIGINT NOT NULL,
    -- citizen, bot, system or the agent's id.
    author        TEXT NOT NULL,
    client_id     TEXT,
    -- {"from": Party, "body": ThreadBody}
    body          TEXT NOT NULL,
    PRIMARY KEY (conversation, lane, seq)
);
CREATE UNIQUE INDEX entry_client ON entry (conversation, author, client_id);

-- One row per request for a human (rule 1). due_at never changes.
CREATE TABLE ledger (
    conversation  TEXT NOT NULL REFERENCES conversation (id),
    no            BIGINT NOT NULL,
    team          TEXT NOT NULL,
    asked_at      BIGINT NOT NULL,
    due_at        BIGINT NOT NULL,
    step          TEXT NOT NULL,
    warned_at     BIGINT,
    alerted_at    BIGINT,
    breached_at   BIGINT,
    answered_at   BIGINT,
    answered_by   TEXT,
    left_at       BIGINT,
    PRIMARY KEY (conversation, no)
);
CREATE INDEX ledger_asked ON ledger (asked_at);

CREATE TABLE draft (
    agent         TEXT NOT NULL,
    conversation  TEXT NOT NULL REFERENCES conversation (id),
    text          TEXT NOT NULL,
    saved_at      BIGINT NOT NULL,
    PRIMARY KEY (agent, conversation)
);

CREATE TABLE receipt (
    receipt       TEXT PRIMARY KEY,
    conversation  TEXT NOT NULL REFERENCES conversation (id),
    -- message or hand_on
    kind          TEXT NOT NULL,
    hand_on       TEXT,
    made_at       BIGINT NOT NULL
);

-- Every transition: what, when, by whom, why. Written in the transaction of the change itself.
CREATE TABLE event (
    id            TEXT PRIMARY KEY,
    conversation  TEXT,
    at            BIGINT NOT NULL,
    actor         TEXT NOT NULL,
    kind          TEXT NOT NULL,
    detail        TEXT NOT NULL
);
CREATE INDEX event_conversation ON event (conversation, id);
