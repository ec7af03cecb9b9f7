-- What is to be told to people and systems, and what became of it (docs/tasks.md). No name, number or address of anybody is
-- in it: they are looked up when it is sent.

CREATE TABLE outbox (
    id              TEXT PRIMARY KEY,
    -- Why it is told: nobody is told twice of one cause by one channel.
    cause           TEXT NOT NULL,
    -- Id of a conversation, citizen or member of staff, unit/CODE, or hook/NAME.
    addressee       TEXT NOT NULL,
    channel         TEXT NOT NULL,
    message         TEXT NOT NULL,
    -- JSON: values of the placeholders, and what else the receiver is told.
    detail          TEXT NOT NULL,
    state           TEXT NOT NULL,
    made_at         BIGINT NOT NULL,
    -- Next attempt.
    due_at          BIGINT NOT NULL,
    attempts        BIGINT NOT NULL,
    tried_at        BIGINT,
    error           TEXT,
    settled_at      BIGINT,
    -- 1: it only went into the sink.
    sunk            BIGINT NOT NULL,
    UNIQUE (cause, addressee, channel)
);
CREATE INDEX outbox_waiting ON outbox (due_at, id) WHERE state = 'waiting';
CREATE INDEX outbox_state ON outbox (state, made_at, id);
CREATE INDEX outbox_addressee ON outbox (addressee, made_at);

CREATE TABLE opt_out (
    person          TEXT NOT NULL,
    channel         TEXT NOT NULL,
    at              BIGINT NOT NULL,
    PRIMARY KEY (person, channel)
);

CREATE TABLE message_template (
    message         TEXT NOT NULL,
    language        TEXT NOT NULL,
    text            TEXT NOT NULL,
    version         BIGINT NOT NULL,
    changed_at      BIGINT NOT NULL,
    changed_by      TEXT NOT NULL,
    PRIMARY KEY (message, language)
);
