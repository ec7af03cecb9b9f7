-- When team and citizen were reminded of the slot of a promised call-back: once, also over restarts. Empty again when the
-- citizen moves it.
ALTER TABLE receipt ADD COLUMN reminded_at BIGINT;
