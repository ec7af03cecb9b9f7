-- Tasks with deadlines and the policy register (docs/tasks.md).

CREATE TABLE task (
    id              TEXT PRIMARY KEY,
    -- 1, 2, ...; a step names the one that it was made from.
    version         BIGINT NOT NULL,
    kind            TEXT NOT NULL,
    state           TEXT NOT NULL,
    -- Who owes it.
    unit            TEXT NOT NULL,
    -- Code of the item, or empty.
    item            TEXT NOT NULL,
    -- Masked.
    question        TEXT NOT NULL,
    -- What makes two of them the same while one is owed.
    same            TEXT NOT NULL,
    opened_at       BIGINT NOT NULL,
    -- system, citizen, or the id of a member of staff.
    opened_by       TEXT NOT NULL,
    due_at          BIGINT NOT NULL,
    -- 1: a year whose holidays are not published took part.
    provisional     BIGINT NOT NULL,
    -- As it was promised first.
    first_due_at    BIGINT NOT NULL,
    -- Last step of the reminders that was told, and when the next one is.
    told            TEXT,
    remind_at       BIGINT,
    assignee        TEXT,
    policy          TEXT,
    -- What is to be corrected, or what answers it.
    entry           TEXT,
    revision        BIGINT,
    settled_at      BIGINT,
    reason          TEXT
);
CREATE UNIQUE INDEX task_same ON task (kind, item, same) WHERE state IN ('open', 'working');
CREATE INDEX task_due ON task (due_at, id);
CREATE INDEX task_unit ON task (unit, due_at);
CREATE INDEX task_policy ON task (policy) WHERE policy IS NOT NULL;
CREATE INDEX task_remind ON task (remind_at) WHERE remind_at IS NOT NULL;

-- Who asked: the conversation, so that whoever it belongs to when the answer is there is told.
CREATE TABLE task_asker (
    task            TEXT NOT NULL,
    conversation    TEXT NOT NULL,
    at              BIGINT NOT NULL,
    PRIMARY KEY (task, conversation)
);
CREATE INDEX task_asker_conversation ON task_asker (conversation);

CREATE TABLE task_event (
    id              TEXT PRIMARY KEY,
    task            TEXT NOT NULL,
    at              BIGINT NOT NULL,
    actor           TEXT NOT NULL,
    what            TEXT NOT NULL,
    -- JSON.
    detail          TEXT NOT NULL
);
CREATE INDEX task_event_task ON task_event (task, id);

CREATE TABLE policy (
    id              TEXT PRIMARY KEY,
    unit            TEXT NOT NULL,
    title           TEXT NOT NULL,
    -- Number of the document, e.g. 沪府办字〔2024〕10号.
    document        TEXT NOT NULL,
    -- Midnight of the day from which it holds.
    effective_at    BIGINT NOT NULL,
    registered_at   BIGINT NOT NULL,
    registered_by   TEXT NOT NULL
);
CREATE INDEX policy_effective ON policy (effective_at, id);
