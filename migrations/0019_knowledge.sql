-- Knowledge entries, their revisions and where written-back answers come from (docs/knowledge.md). "entry" alone is taken by
-- the threads' messages.

CREATE TABLE kb_entry (
    -- kb-... or the code of an import.
    id          TEXT PRIMARY KEY,
    -- Code of the unit that owns the official answer.
    unit        TEXT NOT NULL,
    -- editor, write_back, import or demo.
    origin      TEXT NOT NULL,
    -- 1, 2, ...; a step names the one that it was made from.
    version     BIGINT NOT NULL,
    -- Revisions so far.
    last_no     BIGINT NOT NULL,
    -- The revision somebody works on: draft or in_review.
    open_no     BIGINT,
    open_state  TEXT,
    -- The newest published revision and when it holds; while that has not begun, the one before it.
    live_no     BIGINT,
    live_from   BIGINT,
    live_to     BIGINT,
    before_no   BIGINT,
    before_from BIGINT,
    before_to   BIGINT,
    -- From then on nothing of it holds; may lie ahead.
    retired_at  BIGINT,
    -- Of the revision that people look at first: for lists.
    question    TEXT NOT NULL,
    -- ,code,code,
    items       TEXT NOT NULL,
    -- What lists are searched by, in small letters.
    words       TEXT NOT NULL,
    -- SHA-256 of the answer without its blanks and signs: equal answers about the same items are one candidate.
    answer_key  TEXT NOT NULL,
    sources     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    changed_at  BIGINT NOT NULL,
    -- change_count "knowledge" at the last change: who keeps entries in memory reads what is newer.
    count       BIGINT NOT NULL
);
CREATE INDEX kb_entry_changed ON kb_entry (changed_at, id);
CREATE INDEX kb_entry_count ON kb_entry (count);
CREATE INDEX kb_entry_answer ON kb_entry (answer_key);
CREATE INDEX kb_entry_open ON kb_entry (open_state, changed_at) WHERE open_state IS NOT NULL;

CREATE TABLE kb_revision (
    entry        TEXT NOT NULL,
    no           BIGINT NOT NULL,
    -- draft, in_review, published or discarded.
    state        TEXT NOT NULL,
    -- JSON.
    content      TEXT NOT NULL,
    -- JSON: ids of all who have written in it. None of them reviews it.
    authors      TEXT NOT NULL,
    reviewer     TEXT,
    -- Why it was sent back, or published too late.
    reason       TEXT,
    -- The task that it fulfils.
    task         TEXT,
    made_at      BIGINT NOT NULL,
    saved_at     BIGINT NOT NULL,
    submitted_at BIGINT,
    decided_at   BIGINT,
    PRIMARY KEY (entry, no)
);

-- A conversation whose answer was written back.
CREATE TABLE kb_source (
    entry        TEXT NOT NULL,
    conversation TEXT NOT NULL,
    agent        TEXT NOT NULL,
    at           BIGINT NOT NULL,
    -- What was asked, without personal data; empty when the thread is gone.
    question     TEXT NOT NULL,
    PRIMARY KEY (entry, conversation)
);
CREATE INDEX kb_source_conversation ON kb_source (conversation);
CREATE INDEX kb_source_agent ON kb_source (agent, at);

-- 审查要点: one rule by which a condition or a material of an item is checked.
CREATE TABLE review_point (
    id         TEXT PRIMARY KEY,
    item       TEXT NOT NULL,
    -- Code of the situation; empty: all of the item's.
    situation  TEXT NOT NULL,
    -- Place in the list of the item.
    place      BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    -- JSON.
    body       TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL
);
CREATE INDEX review_point_item ON review_point (item, situation, place);
