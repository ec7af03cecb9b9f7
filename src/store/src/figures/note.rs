//! Events become rows of figures, in the transaction that writes the event. `domain::figures::retell` says what the rows are;
//! a property in the tests holds the two together.
//!
//! Changes of one batch are all carried out before its events, so nothing here may look at a table that changes write other
//! than the ledger, and there only at the requests that the events before have told of.

use bangban_domain::{
    ConversationId, OfferId, Timestamp,
    figures::{
        retell::ACCEPTED,
        rows::{RETURN_WITHIN, VISIT_GAP},
        timeline,
    },
    history::Event as What,
    ledger::Promise,
    words::QueuedBecause,
};
use sqlx::{Any, Transaction, any::AnyArguments, query::Query};

use super::owed::Owed;
use crate::{Event, StoreError, batch::Line, ledger::terms_text, sql::Statements};

type Sql = Query<'static, Any, AnyArguments>;

/// Writes what lines of the log mean for the figures, in order; each stands beside its id.
pub(crate) async fn note_all<'a>(
    tx: &mut Transaction<'_, Any>,
    statements: &mut Statements,
    lines: impl Iterator<Item = (&'a String, &'a Line<'a>)>,
) -> Result<(), StoreError> {
    let mut owed = Owed::default();
    for (id, line) in lines {
        if !owed.take(id, line)? {
            owed.write(tx, statements).await?;
            note(tx, id, &line.event).await?;
        }
    }
    owed.write(tx, statements).await
}

/// Writes what the event means for the figures. `id` is the event's. What [`Owed`] takes is not for here.
pub(super) async fn note(tx: &mut Transaction<'_, Any>, id: &str, event: &Event) -> Result<(), StoreError> {
    let Some(conversation) = event.conversation else { return status(tx, id, event).await };
    let at = event.at;
    let key = conversation.to_string();
    match &event.what {
        What::Opened { item, team, channel, .. } => {
            let sql = "INSERT INTO figure_episode (conversation, no, team, item, channel, clock_no, began_at) \
                       VALUES ($1, 1, $2, $3, $4, 0, $5)";
            let query = sqlx::query(sql).bind(key).bind(team.clone()).bind(item.clone());
            run(tx, query.bind(channel.as_str()).bind(at.0)).await
        }
        What::Reopened {} => reopened(tx, key, at).await,
        What::Queued { because, no, team, asked_at, taken_from, .. } => {
            if taken_from.is_some() {
                end_service(tx, &key, None, at).await?;
            }
            let sql = "UPDATE figure_episode SET team = $1, agent = NULL, human_at = COALESCE(human_at, $2), \
                       clock_no = CASE WHEN clock_no < $3 THEN $3 ELSE clock_no END \
                       WHERE conversation = $4 AND no = (SELECT MAX(no) FROM figure_episode WHERE conversation = $4)";
            let query = sqlx::query(sql).bind(team.clone()).bind(asked_at.0).bind(i64::from(*no)).bind(key.clone());
            run(tx, query).await?;
            if *because == QueuedBecause::Asked { asked_human(tx, key, at).await } else { Ok(()) }
        }
        What::Offered { offer, agent, transfer_by, .. } => {
            let is_transfer = i64::from(transfer_by.is_some());
            let sql = "INSERT INTO figure_offer (offer, conversation, request, team, item, channel, agent, offered_at, \
                       first_at, is_transfer) \
                       SELECT $1, e.conversation, e.clock_no, e.team, e.item, e.channel, $2, $3, \
                       CASE WHEN $4 = 1 THEN $3 ELSE COALESCE((SELECT MIN(o.offered_at) FROM figure_offer o \
                       WHERE o.conversation = $5 AND o.request = e.clock_no AND o.is_transfer = 0), $3) END, $4 \
                       FROM figure_episode e WHERE e.conversation = $5 \
                       AND e.no = (SELECT MAX(no) FROM figure_episode WHERE conversation = $5)";
            let query = sqlx::query(sql).bind(offer.to_string()).bind(agent.to_string());
            run(tx, query.bind(at.0).bind(is_transfer).bind(key)).await
        }
        What::OfferEnded { offer, reason, .. } => end_offer(tx, *offer, reason.as_str(), at).await,
        What::Assigned { offer, agent, team, .. } => {
            end_service(tx, &key, Some(*offer), at).await?;
            end_offer(tx, *offer, ACCEPTED, at).await?;
            let sql = "UPDATE figure_episode SET team = $1, agent = $2, served_at = COALESCE(served_at, $3) \
                       WHERE conversation = $4 AND no = (SELECT MAX(no) FROM figure_episode WHERE conversation = $4)";
            run(tx, sqlx::query(sql).bind(team.clone()).bind(agent.to_string()).bind(at.0).bind(key)).await
        }
        What::Answered { at, by, .. } => {
            // The ledger has it already.
            let sql = "UPDATE figure_message SET answered_at = $1, agent = $2 \
                       WHERE conversation = $3 AND state = 'open' AND answered_at IS NULL";
            run(tx, sqlx::query(sql).bind(at.0).bind(by.to_string()).bind(key)).await
        }
        What::ReplyStepped { no, step, .. } => {
            let sql =
                "UPDATE promise SET step = $1 WHERE thread = (SELECT no FROM conversation WHERE id = $2) AND no = $3";
            run(tx, sqlx::query(sql).bind(i64::from(*step)).bind(key).bind(i64::from(*no))).await
        }
        What::ReplyReleased { no, at } => {
            let sql = "UPDATE promise SET left_at = $1 WHERE thread = (SELECT no FROM conversation WHERE id = $2) AND no = $3";
            run(tx, sqlx::query(sql).bind(at.0).bind(key).bind(i64::from(*no))).await
        }
        What::ReplyMoved { no, before, terms } => {
            let sql = "UPDATE promise SET due_at = $1, terms = $2, due_before = COALESCE(due_before, $3) \
                       WHERE thread = (SELECT no FROM conversation WHERE id = $4) AND no = $5";
            let query = sqlx::query(sql).bind(terms.due_at().0).bind(terms_text(terms)?).bind(before.0);
            run(tx, query.bind(key).bind(i64::from(*no))).await
        }
        What::Corrected { promise, no, answered_at, excused } => {
            corrected(tx, key, (*promise, *no), (*answered_at, *excused), at).await
        }
        What::MessageLeft { receipt, starts_at, ends_at } => {
            let sql = "INSERT INTO figure_message (receipt, conversation, team, item, channel, made_at, slot_starts_at, \
                       slot_ends_at, state) \
                       SELECT $1, e.conversation, e.team, e.item, e.channel, $2, $3, $4, 'open' \
                       FROM figure_episode e WHERE e.conversation = $5 \
                       AND e.no = (SELECT MAX(no) FROM figure_episode WHERE conversation = $5)";
            let query = sqlx::query(sql).bind(receipt.clone()).bind(at.0).bind(starts_at.0).bind(ends_at.0);
            run(tx, query.bind(key.clone())).await?;
            let sql = "UPDATE figure_episode SET human_at = COALESCE(human_at, $1) \
                       WHERE conversation = $2 AND no = (SELECT MAX(no) FROM figure_episode WHERE conversation = $2)";
            run(tx, sqlx::query(sql).bind(at.0).bind(key.clone())).await?;
            asked_human(tx, key, at).await
        }
        What::CallBackMoved { receipt, starts_at, ends_at } => {
            let sql = "UPDATE figure_message SET slot_starts_at = $1, slot_ends_at = $2 WHERE receipt = $3";
            run(tx, sqlx::query(sql).bind(starts_at.0).bind(ends_at.0).bind(receipt.clone())).await
        }
        What::ReceiptSettled { receipt, state } => {
            let sql = "UPDATE figure_message SET state = $1, settled_at = $2 WHERE receipt = $3";
            run(tx, sqlx::query(sql).bind(state.as_str()).bind(at.0).bind(receipt.clone())).await
        }
        What::Closed { outcome, .. } => {
            end_service(tx, &key, None, at).await?;
            // Not of a request that comes later in this batch.
            let sql = "UPDATE ledger SET outcome = $1 WHERE conversation = $2 AND outcome IS NULL AND no <= \
                       COALESCE((SELECT MAX(clock_no) FROM figure_episode WHERE conversation = $2), 0)";
            run(tx, sqlx::query(sql).bind(outcome.as_str()).bind(key.clone())).await?;
            let sql = "UPDATE promise SET outcome = $1 \
                       WHERE thread = (SELECT no FROM conversation WHERE id = $2) AND outcome IS NULL";
            run(tx, sqlx::query(sql).bind(outcome.as_str()).bind(key.clone())).await?;
            let sql = "UPDATE figure_episode SET closed_at = $1, outcome = $2 \
                       WHERE conversation = $3 AND no = (SELECT MAX(no) FROM figure_episode WHERE conversation = $3)";
            run(tx, sqlx::query(sql).bind(at.0).bind(outcome.as_str()).bind(key)).await
        }
        What::Rated { stars } => {
            let sql = "UPDATE figure_episode SET stars = $1, rated_at = $2 \
                       WHERE conversation = $3 AND no = (SELECT MAX(no) FROM figure_episode WHERE conversation = $3)";
            run(tx, sqlx::query(sql).bind(i64::from(*stars)).bind(at.0).bind(key)).await
        }
        What::BotReplied { turn } => visited(tx, conversation, turn.as_str(), at).await,
        What::BotJudged { solved: true, .. } => {
            let sql = "UPDATE figure_visit SET solved_at = $1 \
                       WHERE conversation = $2 AND no = (SELECT MAX(no) FROM figure_visit WHERE conversation = $2)";
            run(tx, sqlx::query(sql).bind(at.0).bind(key)).await
        }
        // The ledger has it already.
        What::Left { .. }
        | What::BotJudged { solved: false, .. }
        | What::Claimed { .. }
        | What::ContinuationMade { .. }
        | What::ContinuationRedeemed { .. }
        | What::ContinuationRevoked { .. }
        | What::TransferRequested { .. }
        | What::TransferEnded { .. }
        | What::ReplyKept { .. }
        | What::ReplyOwed { .. }
        | What::Replied { .. }
        | What::FlagRaised { .. }
        | What::FlagLowered { .. }
        | What::Intervened { .. }
        | What::Widened { .. }
        | What::Stepped { .. }
        | What::BreachStruck { .. }
        | What::RequestCancelled {}
        | What::CallBackReminded { .. }
        | What::Finished {}
        | What::StatusChanged { .. }
        | What::PresenceChanged { .. }
        | What::AgentMissing { .. } => Ok(()),
    }
}

async fn run(tx: &mut Transaction<'_, Any>, query: Sql) -> Result<(), StoreError> {
    query.execute(&mut **tx).await?;
    Ok(())
}

/// What was measured is kept beside what counts; with neither instant nor excuse it counts again.
async fn corrected(
    tx: &mut Transaction<'_, Any>,
    key: String,
    (promise, no): (Promise, u32),
    (answered_at, is_excused): (Option<Timestamp>, bool),
    at: Timestamp,
) -> Result<(), StoreError> {
    // Every right side sees the row as it was before.
    let sql = match promise {
        Promise::FirstResponse | Promise::CallBack => {
            "UPDATE ledger SET answered_at = COALESCE(CAST($1 AS BIGINT), \
             CASE WHEN corrected_at IS NULL THEN answered_at ELSE measured_at END), \
             measured_at = CASE WHEN CAST($2 AS BIGINT) IS NULL THEN NULL WHEN corrected_at IS NULL THEN answered_at \
             ELSE measured_at END, corrected_at = CAST($2 AS BIGINT), excused_at = CAST($3 AS BIGINT) \
             WHERE conversation = $4 AND no = $5"
        }
        Promise::NextResponse => {
            "UPDATE promise SET answered_at = COALESCE(CAST($1 AS BIGINT), \
             CASE WHEN corrected_at IS NULL THEN answered_at ELSE measured_at END), \
             measured_at = CASE WHEN CAST($2 AS BIGINT) IS NULL THEN NULL WHEN corrected_at IS NULL THEN answered_at \
             ELSE measured_at END, corrected_at = CAST($2 AS BIGINT), excused_at = CAST($3 AS BIGINT) \
             WHERE thread = (SELECT no FROM conversation WHERE id = $4) AND no = $5"
        }
    };
    let is_corrected = is_excused || answered_at.is_some();
    let query = sqlx::query(sql).bind(answered_at.map(|at| at.0)).bind(is_corrected.then_some(at.0));
    run(tx, query.bind(is_excused.then_some(at.0)).bind(key).bind(i64::from(no))).await
}

async fn reopened(tx: &mut Transaction<'_, Any>, key: String, at: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE figure_episode SET reopened_at = $1 \
               WHERE conversation = $2 AND no = (SELECT MAX(no) FROM figure_episode WHERE conversation = $2)";
    run(tx, sqlx::query(sql).bind(at.0).bind(key.clone())).await?;
    let sql = "INSERT INTO figure_episode (conversation, no, team, item, channel, clock_no, began_at) \
               SELECT e.conversation, e.no + 1, e.team, e.item, e.channel, e.clock_no, $1 \
               FROM figure_episode e WHERE e.conversation = $2 \
               AND e.no = (SELECT MAX(no) FROM figure_episode WHERE conversation = $2)";
    run(tx, sqlx::query(sql).bind(at.0).bind(key)).await
}

async fn end_offer(
    tx: &mut Transaction<'_, Any>,
    offer: OfferId,
    result: &'static str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE figure_offer SET ended_at = $1, result = $2 WHERE offer = $3";
    run(tx, sqlx::query(sql).bind(at.0).bind(result).bind(offer.to_string())).await
}

/// Whoever serves does so no longer, but the one who accepts just now.
async fn end_service(
    tx: &mut Transaction<'_, Any>,
    key: &str,
    but: Option<OfferId>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE figure_offer SET served_until = $1 \
               WHERE conversation = $2 AND result = 'accepted' AND served_until IS NULL AND offer <> $3";
    let but = but.map(|offer| offer.to_string()).unwrap_or_default();
    run(tx, sqlx::query(sql).bind(at.0).bind(key.to_owned()).bind(but)).await
}

/// A human was asked for, or a message left.
async fn asked_human(tx: &mut Transaction<'_, Any>, key: String, at: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE figure_visit SET human_at = $1 \
               WHERE conversation = $2 AND no = (SELECT MAX(no) FROM figure_visit WHERE conversation = $2) \
               AND last_at >= $1 - $3 AND human_at IS NULL AND solved_at IS NULL";
    run(tx, sqlx::query(sql).bind(at.0).bind(key.clone()).bind(VISIT_GAP)).await?;
    came_back(tx, key, at, false).await
}

/// A question to the bot: one more of a visit that goes on, or the first of a new one.
async fn visited(
    tx: &mut Transaction<'_, Any>,
    conversation: ConversationId,
    turn: &'static str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let key = conversation.to_string();
    let sql = "UPDATE figure_visit SET last_at = $1, questions = questions + 1, last_turn = $2 \
               WHERE conversation = $3 AND no = (SELECT MAX(no) FROM figure_visit WHERE conversation = $3) \
               AND last_at >= $1 - $4 AND human_at IS NULL AND solved_at IS NULL";
    let query = sqlx::query(sql).bind(at.0).bind(turn).bind(key.clone()).bind(VISIT_GAP);
    if query.execute(&mut **tx).await?.rows_affected() == 0 {
        let sql = "INSERT INTO figure_visit (conversation, no, team, item, channel, began_at, last_at, questions, \
                   last_turn) \
                   SELECT e.conversation, \
                   COALESCE((SELECT MAX(v.no) FROM figure_visit v WHERE v.conversation = $1), 0) + 1, \
                   e.team, e.item, e.channel, $2, $2, 1, $3 \
                   FROM figure_episode e WHERE e.conversation = $1 \
                   AND e.no = (SELECT MAX(no) FROM figure_episode WHERE conversation = $1)";
        run(tx, sqlx::query(sql).bind(key.clone()).bind(at.0).bind(turn)).await?;
    }
    came_back(tx, key, at, true).await
}

/// The citizen is here again on the same item: with a question, whose own visit is not meant, or for a human.
async fn came_back(
    tx: &mut Transaction<'_, Any>,
    key: String,
    at: Timestamp,
    asks_bot: bool,
) -> Result<(), StoreError> {
    let sql = "UPDATE figure_visit SET returned_at = $1 \
               WHERE returned_at IS NULL AND last_at >= $1 - $2 \
               AND conversation IN (SELECT other.id FROM conversation mine JOIN conversation other \
               ON other.citizen = mine.citizen AND COALESCE(other.item, '') = COALESCE(mine.item, '') \
               WHERE mine.id = $3) \
               AND NOT ($4 = 1 AND conversation = $3 \
               AND no = (SELECT MAX(v.no) FROM figure_visit v WHERE v.conversation = $3))";
    let query = sqlx::query(sql).bind(at.0).bind(RETURN_WITHIN).bind(key).bind(i64::from(asks_bot));
    run(tx, query).await
}

/// An agent's own log.
async fn status(tx: &mut Transaction<'_, Any>, id: &str, event: &Event) -> Result<(), StoreError> {
    let (agent, change, until) = match event.what {
        What::StatusChanged { agent, status, until } => (agent, timeline::Change::from(status), until),
        What::PresenceChanged { agent, connected: true } => (agent, timeline::Change::Connected, None),
        // After a restart this is all that tells that nobody came back.
        What::PresenceChanged { agent, connected: false } | What::AgentMissing { agent, .. } => {
            (agent, timeline::Change::Disconnected, None)
        }
        _ => return Ok(()),
    };
    let sql = "INSERT INTO figure_status (id, agent, at, change, until_at) VALUES ($1, $2, $3, $4, $5)";
    let query = sqlx::query(sql).bind(id.to_owned()).bind(agent.to_string()).bind(event.at.0);
    run(tx, query.bind(change.as_str()).bind(until.map(|at| at.0))).await
}
