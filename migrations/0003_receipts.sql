-- A receipt is a promise, and a promise is kept or taken back: open, done or cancelled, and since when.
ALTER TABLE receipt ADD COLUMN state TEXT NOT NULL DEFAULT 'open';
ALTER TABLE receipt ADD COLUMN settled_at BIGINT;

-- Handed on to another channel: our part is done with the receipt itself.
UPDATE receipt SET state = 'done', settled_at = made_at WHERE kind = 'hand_on';

-- Messages whose conversation is over: dealt with by an agent, or taken back by the citizen.
UPDATE receipt SET
    state = (SELECT CASE WHEN c.agent IS NULL THEN 'cancelled' ELSE 'done' END
             FROM conversation c WHERE c.id = receipt.conversation),
    settled_at = (SELECT c.closed_at FROM conversation c WHERE c.id = receipt.conversation)
WHERE kind = 'message' AND conversation IN (SELECT id FROM conversation WHERE stage = 'closed');

-- Back with the bot: the citizen took the call-back back; when, no row says.
UPDATE receipt SET state = 'cancelled'
WHERE kind = 'message' AND state = 'open' AND conversation IN (SELECT id FROM conversation WHERE stage = 'bot');

CREATE INDEX receipt_state ON receipt (state);
CREATE INDEX receipt_conversation ON receipt (conversation);
