-- What the portal knows beside name and telephone.
ALTER TABLE citizen ADD COLUMN credit_code TEXT;
ALTER TABLE citizen ADD COLUMN language TEXT;
-- 1: nobody has said who they are.
ALTER TABLE citizen ADD COLUMN anonymous BIGINT NOT NULL DEFAULT 0;
-- The citizen who has proven to have been this visitor; the visitor's token is worth nothing since then.
ALTER TABLE citizen ADD COLUMN claimed_by TEXT;

-- Channels kiosk and counter: where in the hall.
ALTER TABLE conversation ADD COLUMN hall TEXT;
ALTER TABLE conversation ADD COLUMN ticket TEXT;

-- One-time codes, by which a second device of a citizen goes on with a conversation. The codes are not in here, only what
-- they give with the server's secret (HMAC-SHA-256, hexadecimal). Rows are deleted when the token that they gave is over.
CREATE TABLE continuation (
    id            TEXT PRIMARY KEY,
    conversation  TEXT NOT NULL REFERENCES conversation (id),
    citizen       TEXT NOT NULL,
    -- The long code of the picture, and the short one to be typed.
    code          TEXT NOT NULL,
    short_code    TEXT NOT NULL,
    made_at       BIGINT NOT NULL,
    -- The codes can be used before.
    expires_at    BIGINT NOT NULL,
    -- The token that they give ends then: not later than that of the first device.
    token_until   BIGINT NOT NULL,
    redeemed_at   BIGINT,
    revoked_at    BIGINT
);
CREATE UNIQUE INDEX continuation_code ON continuation (code);
CREATE UNIQUE INDEX continuation_short_code ON continuation (short_code);
CREATE INDEX continuation_conversation ON continuation (conversation);
CREATE INDEX continuation_token_until ON continuation (token_until);
