-- How often what is administered has changed, by kind of record. Whoever keeps it in memory looks here whether to read
-- again, and finds in record_version what has changed since.
CREATE TABLE change_count (
    what   TEXT PRIMARY KEY,
    count  BIGINT NOT NULL
);

-- The count of its kind after this change; 0: from before there was one.
ALTER TABLE record_version ADD COLUMN count BIGINT NOT NULL DEFAULT 0;
CREATE INDEX record_version_count ON record_version (kind, count);
