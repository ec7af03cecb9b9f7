-- Each message that was only rude (docs/bot.md), by the instant. No word of it, and nothing says whose it was.
CREATE TABLE bot_rude (
    at BIGINT NOT NULL
);

CREATE INDEX bot_rude_at ON bot_rude (at);
