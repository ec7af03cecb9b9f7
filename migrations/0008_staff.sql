-- Accounts of staff: what they may do and where, second factor, sessions.

-- The rights of an account. The first one is its main part.
CREATE TABLE agent_grant (
    agent  TEXT NOT NULL REFERENCES agent (id),
    no     BIGINT NOT NULL,
    role   TEXT NOT NULL,
    -- Code of the unit, below which it holds too; NULL: the whole city.
    unit   TEXT,
    -- JSON list of codes; empty: all items.
    items  TEXT NOT NULL,
    PRIMARY KEY (agent, no)
);
INSERT INTO agent_grant (agent, no, role, unit, items) SELECT id, 1, role, NULL, '[]' FROM agent;
ALTER TABLE agent DROP COLUMN role;

-- 1, 2, ...; a change names the one that it was made from.
ALTER TABLE agent ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
-- Code of the unit that the person belongs to; NULL: the city.
ALTER TABLE agent ADD COLUMN unit TEXT;
-- JSON lists of texts.
ALTER TABLE agent ADD COLUMN skills TEXT NOT NULL DEFAULT '[]';
ALTER TABLE agent ADD COLUMN languages TEXT NOT NULL DEFAULT '[]';
ALTER TABLE agent ADD COLUMN is_active BIGINT NOT NULL DEFAULT 1;
-- The password was given by an administrator for one log-in.
ALTER TABLE agent ADD COLUMN must_change BIGINT NOT NULL DEFAULT 0;
-- Sealed with a key that is not in the database; NULL: no second factor.
ALTER TABLE agent ADD COLUMN totp TEXT;
-- The last step whose code was taken: none is taken twice.
ALTER TABLE agent ADD COLUMN totp_step BIGINT NOT NULL DEFAULT 0;
-- The log-in is refused until then, after too many wrong attempts.
ALTER TABLE agent ADD COLUMN locked_until BIGINT NOT NULL DEFAULT 0;

-- 1 (learns it) .. 5 (teaches it).
ALTER TABLE agent_team ADD COLUMN level BIGINT NOT NULL DEFAULT 3;

-- Codes for the day on which the telephone is lost; each is good once.
CREATE TABLE agent_recovery (
    agent    TEXT NOT NULL REFERENCES agent (id),
    -- SHA-256 in hexadecimal digits.
    hash     TEXT NOT NULL,
    used_at  BIGINT,
    PRIMARY KEY (agent, hash)
);

-- One log-in of one browser, from the password to its end.
CREATE TABLE staff_session (
    id        TEXT PRIMARY KEY,
    agent     TEXT NOT NULL REFERENCES agent (id),
    -- password, totp, recovery or oidc
    way       TEXT NOT NULL,
    began_at  BIGINT NOT NULL,
    seen_at   BIGINT NOT NULL,
    -- Whatever happens, it ends then.
    ends_at   BIGINT NOT NULL,
    -- What the browser calls itself, and the network address it was last seen at.
    device    TEXT NOT NULL,
    address   TEXT NOT NULL,
    ended_at  BIGINT,
    -- logged_out, revoked, replayed, password, factor or closed
    why       TEXT
);
CREATE INDEX staff_session_agent ON staff_session (agent, began_at);

-- Refresh tokens: each is good once and gives the next one. One that comes a second time was stolen, or its successor was.
CREATE TABLE staff_refresh (
    -- SHA-256 in hexadecimal digits.
    hash     TEXT PRIMARY KEY,
    session  TEXT NOT NULL REFERENCES staff_session (id),
    used_at  BIGINT
);
CREATE INDEX staff_refresh_session ON staff_refresh (session);
