-- From which probability on an answer that 小申 would not give by itself is proposed to a person who checks it (docs/bot.md). Null:
-- nothing is proposed.
ALTER TABLE bot_threshold ADD COLUMN approve DOUBLE PRECISION;
