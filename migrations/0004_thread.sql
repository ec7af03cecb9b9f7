-- The table that grows fastest is as small as it can be: a thread is known by a number instead of a text of 35 bytes,
-- and there is one index (docs/decisions/0003). Repeated client ids are found by the writer, which keeps those of the
-- conversations that it works on in memory; that the conversation exists is known to it too.
--
-- Nobody writes meanwhile (a server or `bangban migrate` holds the lock), and all of it is one transaction.

-- Given by the writer; short name of the conversation in `entry`.
ALTER TABLE conversation ADD COLUMN no BIGINT NOT NULL DEFAULT 0;
UPDATE conversation SET no = numbered.no
FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY opened_at, id) AS no FROM conversation) AS numbered
WHERE numbered.id = conversation.id;
CREATE UNIQUE INDEX conversation_no ON conversation (no);

CREATE TABLE thread_entry (
    -- conversation.no
    conversation  BIGINT NOT NULL,
    -- 0: what citizen and agent share; 1: private notes.
    lane          BIGINT NOT NULL,
    seq           BIGINT NOT NULL,
    at            BIGINT NOT NULL,
    -- citizen, bot, system or the agent's id.
    author        TEXT NOT NULL,
    -- Made by the sender; unique for author and conversation.
    client_id     TEXT,
    -- {"from": Party, "body": ThreadBody}
    body          TEXT NOT NULL,
    PRIMARY KEY (conversation, lane, seq)
);
INSERT INTO thread_entry (conversation, lane, seq, at, author, client_id, body)
SELECT c.no, e.lane, e.seq, e.at, e.author, e.client_id, e.body
FROM entry e JOIN conversation c ON c.id = e.conversation ORDER BY e.at;
DROP TABLE entry;
ALTER TABLE thread_entry RENAME TO entry;
