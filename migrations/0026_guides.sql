-- Guided dialogues (docs/guide.md), one for each item that has one, and their revisions. They take the same steps as entries of
-- the knowledge base.

CREATE TABLE guide (
    -- Code of the item.
    item       TEXT PRIMARY KEY,
    -- editor or demo.
    origin     TEXT NOT NULL,
    -- 1, 2, ...; a step names the one that it was made from.
    version    BIGINT NOT NULL,
    -- Revisions so far.
    last_no    BIGINT NOT NULL,
    -- The revision somebody works on: draft or in_review.
    open_no    BIGINT,
    open_state TEXT,
    -- The published revision, and since when it holds.
    live_no    BIGINT,
    live_from  BIGINT,
    -- From then on nothing of it holds.
    retired_at BIGINT,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE TABLE guide_revision (
    item         TEXT NOT NULL,
    no           BIGINT NOT NULL,
    -- draft, in_review, published or discarded.
    state        TEXT NOT NULL,
    -- JSON.
    content      TEXT NOT NULL,
    -- JSON: ids of all who have written in it. None of them reviews it.
    authors      TEXT NOT NULL,
    reviewer     TEXT,
    -- Why it was sent back.
    reason       TEXT,
    made_at      BIGINT NOT NULL,
    saved_at     BIGINT NOT NULL,
    submitted_at BIGINT,
    decided_at   BIGINT,
    PRIMARY KEY (item, no)
);
