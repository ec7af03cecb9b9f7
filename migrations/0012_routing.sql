-- What the router needs to know again after a restart.

-- Head start of the priority of the last clock, in milliseconds (rule 5): fixed when it begins, as its due time is.
ALTER TABLE conversation ADD COLUMN head_start BIGINT NOT NULL DEFAULT 0;
-- 1: stands at the head of its queue, because it was taken from an agent or missed by one.
ALTER TABLE conversation ADD COLUMN at_head BIGINT NOT NULL DEFAULT 0;
-- Who served it last, before it was continued too: asked first.
ALTER TABLE conversation ADD COLUMN last_agent TEXT;
UPDATE conversation SET last_agent = agent WHERE agent IS NOT NULL;
