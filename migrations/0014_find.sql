-- Supervisors look for conversations by the time at which they were opened.
CREATE INDEX conversation_opened ON conversation (opened_at, id);
