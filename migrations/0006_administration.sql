-- What is administered: units, teams, items, policies, notices, ... One table for all kinds: each is read as a whole into
-- memory, changed seldom, and every change has the same needs (who may, which version, what was there before).
CREATE TABLE record (
    kind        TEXT NOT NULL,
    id          TEXT NOT NULL,
    -- Given once within a kind and never again; a team's is its TeamId.
    no          BIGINT NOT NULL,
    -- 1, 2, ...; a change names the one that it was made from.
    version     BIGINT NOT NULL,
    -- Code of the unit that owns it; NULL: the city's.
    unit        TEXT,
    -- JSON of the kind's type in src/domain/src/org.
    body        TEXT NOT NULL,
    changed_at  BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE UNIQUE INDEX record_no ON record (kind, no);

-- Every state that a record ever had, so that moves keep their history.
CREATE TABLE record_version (
    kind     TEXT NOT NULL,
    id       TEXT NOT NULL,
    version  BIGINT NOT NULL,
    no       BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    -- system or the id of a member of staff.
    actor    TEXT NOT NULL,
    -- NULL: removed by this change.
    body     TEXT,
    PRIMARY KEY (kind, id, version)
);
CREATE INDEX record_version_no ON record_version (kind, no);

-- Who did what to what, and who looked at what is sealed. Each line carries the hash of itself and the line before, so
-- that none can be changed or taken out unnoticed.
CREATE TABLE audit (
    no       BIGINT PRIMARY KEY,
    at       BIGINT NOT NULL,
    -- system or the id of a member of staff.
    actor    TEXT NOT NULL,
    -- e.g. record.change, data.reveal
    action   TEXT NOT NULL,
    -- Kind and id of what it was done to.
    kind     TEXT NOT NULL,
    subject  TEXT NOT NULL,
    -- Code of the unit that it belongs to; NULL: the city's.
    unit     TEXT,
    reason   TEXT,
    -- Network address of the request.
    address  TEXT,
    -- JSON {"before": .., "after": ..} or what else there is to say.
    detail   TEXT NOT NULL,
    -- SHA-256 in hexadecimal digits.
    hash     TEXT NOT NULL
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_subject ON audit (kind, subject, no);
