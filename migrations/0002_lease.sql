-- Who may write, and what was written last. Every transaction of the writer begins by setting `batch` where `epoch` is
-- its own: no row changed means that another process has taken over, and the transaction ends. After a connection was
-- lost during COMMIT, `batch` says whether the transaction is there.
CREATE TABLE lease (
    -- writer/0, writer/1: one for each connection of the writer.
    name   TEXT PRIMARY KEY,
    -- Who holds it, for people.
    node   TEXT NOT NULL,
    -- Rises with every holder.
    epoch  BIGINT NOT NULL,
    -- Last committed batch; rises across holders.
    batch  BIGINT NOT NULL
);

-- Numbers of a thread are given by the writer, which knows the last one from the thread itself: the primary key of
-- `entry` keeps them unique. What is left here is the floor for a thread whose entries were deleted: who deletes
-- entries writes the last number here.
ALTER TABLE conversation RENAME COLUMN last_seq TO seq_floor;
ALTER TABLE conversation RENAME COLUMN last_note_seq TO note_seq_floor;
UPDATE conversation SET seq_floor = 0, note_seq_floor = 0;

-- Only a client's own messages are recognised by their id: the others need no place in the index.
DROP INDEX entry_client;
CREATE UNIQUE INDEX entry_client ON entry (conversation, author, client_id) WHERE client_id IS NOT NULL;
