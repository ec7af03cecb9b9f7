//! Changes of rows as SQL.

use sqlx::{Any, Transaction};

use crate::{
    Change, ConversationRow, StoreError, action, alert, audit, bot, call, continuation, figures, files, guide,
    knowledge, learning, ledger, outbox, privacy, quality, record, sql::Statements, staff, task, window,
};

/// [`Change::NewConversation`] under the number that the writer gave it.
pub(crate) async fn open(tx: &mut Transaction<'_, Any>, row: &ConversationRow, no: i64) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO conversation (id, no, citizen, item, team, channel, stage, opened_at, clock_no, seq_floor, \
         note_seq_floor, citizen_read, agent_read, hall, ticket) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0, 0, 0, $9, $10)",
    )
    .bind(row.id.to_string())
    .bind(no)
    .bind(row.citizen.to_string())
    .bind(row.item.clone())
    .bind(row.team.clone())
    .bind(row.channel.as_str())
    .bind(row.stage.as_str())
    .bind(row.opened_at.0)
    .bind(row.hall.clone())
    .bind(row.ticket.clone())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(crate) async fn carry_out(
    tx: &mut Transaction<'_, Any>,
    statements: &mut Statements,
    change: &Change,
) -> Result<(), StoreError> {
    let query = match change {
        Change::Citizen(row) => sqlx::query(
            "INSERT INTO citizen (id, name, kind, level, phone, credit_code, language, anonymous, seen_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, kind = excluded.kind, level = excluded.level, \
             phone = excluded.phone, credit_code = excluded.credit_code, language = excluded.language, \
             seen_at = excluded.seen_at, forgotten_at = NULL",
        )
        .bind(row.id.to_string())
        .bind(row.name.clone())
        .bind(row.kind.as_str())
        .bind(row.level.clone())
        .bind(row.phone.clone())
        .bind(row.credit_code.clone())
        .bind(row.language.map(|language| language.as_str()))
        .bind(i64::from(row.anonymous))
        .bind(row.seen_at.0),
        Change::Staff(row) => return staff::put(tx, row).await,
        Change::Account(change) => return staff::carry_out(tx, change).await,
        // Needs a number: see `open`.
        Change::NewConversation(_) => return Ok(()),
        Change::Conversation(row) => sqlx::query(
            "UPDATE conversation SET team = $1, stage = $2, agent = $3, outcome = $4, stars = $5, comment = $6, \
             closed_at = $7, clock_no = $8, slot_starts_at = $9, slot_ends_at = $10, call_back_phone = $11, \
             head_start = $12, at_head = $13, last_agent = $14 WHERE id = $15",
        )
        .bind(row.team.clone())
        .bind(row.stage.as_str())
        .bind(row.agent.map(|id| id.to_string()))
        .bind(row.outcome.map(|outcome| outcome.as_str()))
        .bind(row.stars.map(i64::from))
        .bind(row.comment.clone())
        .bind(row.closed_at.map(|at| at.0))
        .bind(i64::from(row.clock_no))
        .bind(row.slot.map(|slot| slot.0.0))
        .bind(row.slot.map(|slot| slot.1.0))
        .bind(row.call_back_phone.clone())
        .bind(row.head_start)
        .bind(i64::from(row.at_head))
        .bind(row.last_agent.map(|id| id.to_string()))
        .bind(row.id.to_string()),
        Change::Clock(row) => sqlx::query(
            "INSERT INTO ledger (conversation, no, team, asked_at, due_at, step, item, channel, promise, policy, \
             policy_version) \
             SELECT c.id, $2, $3, $4, $5, $6, c.item, c.channel, $7, $8, $9 FROM conversation c WHERE c.id = $1",
        )
        .bind(row.conversation.to_string())
        .bind(i64::from(row.no))
        .bind(row.team.clone())
        .bind(row.asked_at.0)
        .bind(row.due_at.0)
        .bind(row.step.as_str())
        .bind(row.promise.as_str())
        .bind(row.policy.as_ref().map(|policy| policy.id.clone()))
        .bind(row.policy.as_ref().and_then(|policy| i64::try_from(policy.version).ok())),
        Change::Step { conversation, no, step, at } => sqlx::query(
            "UPDATE ledger SET step = $1, \
             warned_at = CASE WHEN $1 = 'warned' THEN $2 ELSE warned_at END, \
             alerted_at = CASE WHEN $1 = 'alerted' THEN $2 ELSE alerted_at END, \
             breached_at = CASE WHEN $1 = 'breached' THEN $2 ELSE breached_at END \
             WHERE conversation = $3 AND no = $4",
        )
        .bind(step.as_str())
        .bind(at.0)
        .bind(conversation.to_string())
        .bind(i64::from(*no)),
        Change::StrikeBreach { conversation, no } => {
            sqlx::query("UPDATE ledger SET step = 'alerted', breached_at = NULL WHERE conversation = $1 AND no = $2")
                .bind(conversation.to_string())
                .bind(i64::from(*no))
        }
        Change::Left { conversation, no, at } => {
            sqlx::query("UPDATE ledger SET left_at = $1 WHERE conversation = $2 AND no = $3 AND answered_at IS NULL")
                .bind(at.0)
                .bind(conversation.to_string())
                .bind(i64::from(*no))
        }
        Change::Read { conversation, by_agent, seq } => {
            let seq = i64::try_from(*seq).unwrap_or(i64::MAX);
            let sql = if *by_agent {
                "UPDATE conversation SET agent_read = $1 WHERE id = $2 AND agent_read < $1"
            } else {
                "UPDATE conversation SET citizen_read = $1 WHERE id = $2 AND citizen_read < $1"
            };
            sqlx::query(sql).bind(seq).bind(conversation.to_string())
        }
        Change::Draft { agent, conversation, text, .. } if text.is_empty() => {
            sqlx::query("DELETE FROM draft WHERE agent = $1 AND conversation = $2")
                .bind(agent.to_string())
                .bind(conversation.to_string())
        }
        Change::Draft { agent, conversation, text, at } => sqlx::query(
            "INSERT INTO draft (agent, conversation, text, saved_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (agent, conversation) DO UPDATE SET text = excluded.text, saved_at = excluded.saved_at",
        )
        .bind(agent.to_string())
        .bind(conversation.to_string())
        .bind(text.clone())
        .bind(at.0),
        Change::Status { agent, status, at } => {
            sqlx::query("UPDATE agent SET status = $1, status_at = $2 WHERE id = $3")
                .bind(status.as_str())
                .bind(at.0)
                .bind(agent.to_string())
        }
        Change::Receipt(row) => sqlx::query(
            "INSERT INTO receipt (receipt, conversation, kind, hand_on, made_at, state, settled_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(row.receipt.clone())
        .bind(row.conversation.to_string())
        .bind(if row.hand_on.is_some() { "hand_on" } else { "message" })
        .bind(row.hand_on.map(|channel| channel.as_str()))
        .bind(row.made_at.0)
        .bind(row.state.as_str())
        .bind(row.settled_at.map(|at| at.0)),
        Change::File(change) => return files::carry_out(tx, change).await,
        Change::Continuation(change) => return continuation::carry_out(tx, change).await,
        Change::Claim { visitor, citizen, at, .. } => {
            window::hand_on(tx, &visitor.to_string(), &citizen.to_string()).await?;
            for sql in [
                "UPDATE citizen SET claimed_by = $1 WHERE id = $2",
                "UPDATE conversation SET citizen = $1 WHERE citizen = $2",
                "UPDATE file SET owner = $1 WHERE owner = $2",
            ] {
                sqlx::query(sql).bind(citizen.to_string()).bind(visitor.to_string()).execute(&mut **tx).await?;
            }
            sqlx::query("UPDATE continuation SET revoked_at = $1 WHERE citizen = $2 AND revoked_at IS NULL")
                .bind(at.0)
                .bind(visitor.to_string())
        }
        Change::Correction(row) => return ledger::correct(tx, row).await,
        Change::Records(changes) => return record::carry_out(tx, statements, changes).await,
        Change::Helper(change) => return alert::help(tx, *change).await,
        Change::Alert(change) => return alert::carry_out(tx, change).await,
        Change::Audit(audit) => return audit::append(tx, audit).await,
        Change::Privacy(change) => return privacy::carry_out(tx, change).await,
        Change::Task(change) => return task::carry_out(tx, change).await,
        Change::Outbox(change) => return outbox::carry_out(tx, change).await,
        Change::Quality(change) => return quality::carry_out(tx, change).await,
        Change::Knowledge(change) => return knowledge::carry_out(tx, change).await,
        Change::Guide(change) => return guide::carry_out(tx, change).await,
        Change::Bot(change) => return bot::carry_out(tx, change).await,
        Change::Learning(change) => return learning::carry_out(tx, change).await,
        Change::Action(change) => return action::carry_out(tx, change).await,
        Change::Window(change) => return window::carry_out(tx, change).await,
        Change::Call(change) => return call::carry_out(tx, change).await,
        Change::Figures(rows) => return figures::repair::carry_out(tx, rows).await,
        Change::AgentLog(lines) => return figures::repair::carry_out_status(tx, lines).await,
        Change::ReceiptReminded { receipt, at, .. } => {
            sqlx::query("UPDATE receipt SET reminded_at = $1 WHERE receipt = $2")
                .bind(at.map(|at| at.0))
                .bind(receipt.clone())
        }
        Change::ReceiptSettled { receipt, state, at, .. } => {
            sqlx::query("UPDATE receipt SET state = $1, settled_at = $2 WHERE receipt = $3 AND state = 'open'")
                .bind(state.as_str())
                .bind(at.0)
                .bind(receipt.clone())
        }
    };
    query.execute(&mut **tx).await?;
    Ok(())
}
