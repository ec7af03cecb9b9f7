-- What the published figures are counted from (docs/figures.md). Every row is written in the transaction of the event that it
-- comes from, and can be made again from the event log: `bangban figures recompute` compares, `--repair` writes them anew,
-- which is how rows of older conversations come.

-- Requests for a human are counted from the ledger itself.
ALTER TABLE ledger ADD COLUMN item TEXT;
ALTER TABLE ledger ADD COLUMN channel TEXT NOT NULL DEFAULT '';
-- How the conversation was closed after this request.
ALTER TABLE ledger ADD COLUMN outcome TEXT;
UPDATE ledger SET
    item = (SELECT c.item FROM conversation c WHERE c.id = ledger.conversation),
    channel = (SELECT c.channel FROM conversation c WHERE c.id = ledger.conversation),
    -- Right if it was closed once; the event log knows the others.
    outcome = (SELECT c.outcome FROM conversation c WHERE c.id = ledger.conversation);

-- A conversation from its opening, or from being taken up again, to its closing.
CREATE TABLE figure_episode (
    conversation  TEXT NOT NULL,
    no            BIGINT NOT NULL,
    team          TEXT NOT NULL,
    item          TEXT,
    channel       TEXT NOT NULL,
    agent         TEXT,
    -- Number of the last request for a human.
    clock_no      BIGINT NOT NULL,
    began_at      BIGINT NOT NULL,
    human_at      BIGINT,
    served_at     BIGINT,
    closed_at     BIGINT,
    outcome       TEXT,
    reopened_at   BIGINT,
    stars         BIGINT,
    rated_at      BIGINT,
    PRIMARY KEY (conversation, no)
);
CREATE INDEX figure_episode_began ON figure_episode (began_at);
CREATE INDEX figure_episode_closed ON figure_episode (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX figure_episode_rated ON figure_episode (rated_at) WHERE rated_at IS NOT NULL;

-- An offer to an agent, and for how long the agent served who accepted it.
CREATE TABLE figure_offer (
    offer         TEXT PRIMARY KEY,
    conversation  TEXT NOT NULL,
    -- Number of the request.
    request       BIGINT NOT NULL,
    team          TEXT NOT NULL,
    item          TEXT,
    channel       TEXT NOT NULL,
    agent         TEXT NOT NULL,
    offered_at    BIGINT NOT NULL,
    first_at      BIGINT NOT NULL,
    is_transfer   BIGINT NOT NULL,
    ended_at      BIGINT,
    -- accepted, or why it ended
    result        TEXT,
    served_until  BIGINT
);
CREATE INDEX figure_offer_conversation ON figure_offer (conversation);
CREATE INDEX figure_offer_offered ON figure_offer (offered_at);
CREATE INDEX figure_offer_served ON figure_offer (agent, ended_at) WHERE result = 'accepted';

-- A message left out of hours. Receipts are deleted when their time is over; this stays.
CREATE TABLE figure_message (
    receipt         TEXT PRIMARY KEY,
    conversation    TEXT NOT NULL,
    team            TEXT NOT NULL,
    item            TEXT,
    channel         TEXT NOT NULL,
    agent           TEXT,
    made_at         BIGINT NOT NULL,
    slot_starts_at  BIGINT NOT NULL,
    slot_ends_at    BIGINT NOT NULL,
    answered_at     BIGINT,
    settled_at      BIGINT,
    state           TEXT NOT NULL
);
CREATE INDEX figure_message_conversation ON figure_message (conversation);
CREATE INDEX figure_message_made ON figure_message (made_at);
CREATE INDEX figure_message_slot ON figure_message (slot_starts_at);

-- Questions to the bot that follow each other.
CREATE TABLE figure_visit (
    conversation  TEXT NOT NULL,
    no            BIGINT NOT NULL,
    team          TEXT NOT NULL,
    item          TEXT,
    channel       TEXT NOT NULL,
    began_at      BIGINT NOT NULL,
    last_at       BIGINT NOT NULL,
    questions     BIGINT NOT NULL,
    last_turn     TEXT NOT NULL,
    human_at      BIGINT,
    solved_at     BIGINT,
    returned_at   BIGINT,
    PRIMARY KEY (conversation, no)
);
CREATE INDEX figure_visit_began ON figure_visit (began_at);

-- What an agent chose to be, and whether a console was there.
CREATE TABLE figure_status (
    -- The event's.
    id        TEXT PRIMARY KEY,
    agent     TEXT NOT NULL,
    at        BIGINT NOT NULL,
    change    TEXT NOT NULL,
    until_at  BIGINT
);
CREATE INDEX figure_status_agent ON figure_status (agent, at, id);
