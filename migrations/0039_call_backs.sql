-- Why somebody who was rung does not come, where they said so (docs/calls.md). Call-backs are tasks from now on: one of kind
-- call_back for each row of call_back that is owed, with `same` = its key, CALL/REQUEST; the server opens those that miss.
ALTER TABLE call_attempt ADD COLUMN declined TEXT;
CREATE INDEX task_event_what ON task_event (task, what);
