//! What is told to people and systems, as those see it who watch over it: what waits, what was sent, what was given up; the
//! words; and what a citizen does not want.

use bangban_domain::{
    NoticeId, TaskId,
    rights::Action,
    task::{MessageChannel, MessageKind, OutboxState, check_template, placeholders},
    words::Language,
};
use bangban_protocol::{
    ErrorCode, OutboxCount, OutboxLine, OutboxPage, TemplateOrder, TemplateView, WantedChannels, WireError,
};
use bangban_store::{Audit, Author, Change, OutboxChange, OutboxQuery, OutboxRow, TemplateRow, Unit};

use super::{App, Worker, store_error};
use crate::{
    auth::{Citizen, Staff},
    outbox::{masked_addressee, words},
    privacy::json,
    staff::At,
};

/// Messages of one page.
const PAGE: u32 = 50;

/// What is looked for in the outbox.
#[derive(Default)]
pub struct WantedMessages {
    /// In this state.
    pub state: Option<OutboxState>,
    /// By this channel.
    pub channel: Option<MessageChannel>,
    /// Those that come after this one.
    pub before: Option<NoticeId>,
}

fn none() -> WireError {
    WireError::new(ErrorCode::NotFound, "no such message")
}

impl App {
    async fn outbox_line(
        &self,
        row: OutboxRow,
        templates: &[TemplateRow],
        language: Language,
    ) -> Result<OutboxLine, WireError> {
        let to = masked_addressee(self, &row).await.map_err(store_error)?;
        let task = row.cause.split_once('/').and_then(|(task, _)| task.parse::<TaskId>().ok());
        Ok(OutboxLine {
            text: words(templates, &row, language),
            to,
            task,
            id: row.id,
            channel: row.channel,
            message: row.message,
            state: row.state,
            made_at: row.made_at,
            due_at: row.due_at,
            attempts: row.attempts,
            error: row.error,
            settled_at: row.settled_at,
            sunk: row.is_sunk,
        })
    }

    async fn outbox_page(
        &self,
        query: OutboxQuery,
        language: Language,
    ) -> Result<(Vec<OutboxLine>, Option<NoticeId>), WireError> {
        let mut rows = self.store.outbox(&query, PAGE + 1).await.map_err(store_error)?;
        let has_more = rows.len() > PAGE as usize;
        rows.truncate(PAGE as usize);
        let next = rows.last().filter(|_| has_more).map(|row| row.id);
        let templates = self.store.templates().await.map_err(store_error)?;
        let mut lines = Vec::with_capacity(rows.len());
        for row in rows {
            lines.push(self.outbox_line(row, &templates, language).await?);
        }
        Ok((lines, next))
    }

    async fn place_in_outbox(
        &self,
        before: Option<NoticeId>,
    ) -> Result<Option<(bangban_domain::Timestamp, NoticeId)>, WireError> {
        let Some(id) = before else { return Ok(None) };
        let row = self.store.outbox_row(id).await.map_err(store_error)?;
        let row = row.ok_or_else(|| WireError { field: Some("before".to_owned()), ..none() })?;
        Ok(Some((row.made_at, row.id)))
    }

    /// The outbox, the newest first.
    pub(crate) async fn outbox(
        &self,
        staff: &Staff,
        wanted: WantedMessages,
        language: Language,
    ) -> Result<OutboxPage, WireError> {
        self.require(staff, Action::ManageMessages, At::CITY)?;
        let before = self.place_in_outbox(wanted.before).await?;
        let query = OutboxQuery { state: wanted.state, channel: wanted.channel, addressee: None, before };
        let (messages, next) = self.outbox_page(query, language).await?;
        let counts = self.store.outbox_counts().await.map_err(store_error)?;
        let counts = counts.into_iter().map(|(state, count)| OutboxCount { state, count }).collect();
        Ok(OutboxPage { messages, next, counts, paused: self.outside.paused(self.clock.now()) })
    }

    /// What one was reminded of and told, the newest first.
    pub(crate) async fn inbox(
        &self,
        staff: &Staff,
        before: Option<NoticeId>,
        language: Language,
    ) -> Result<OutboxPage, WireError> {
        let before = self.place_in_outbox(before).await?;
        let query = OutboxQuery {
            channel: Some(MessageChannel::Inbox),
            addressee: Some(staff.id.to_string()),
            state: None,
            before,
        };
        let (messages, next) = self.outbox_page(query, language).await?;
        Ok(OutboxPage { messages, next, counts: Vec::new(), paused: Vec::new() })
    }

    /// Sends a message again that was given up.
    pub(crate) async fn replay(&self, who: &Worker<'_>, id: NoticeId) -> Result<(), WireError> {
        self.require(who.staff, Action::ManageMessages, At::CITY)?;
        let row = self.store.outbox_row(id).await.map_err(store_error)?.ok_or_else(none)?;
        if row.state != OutboxState::Dead {
            return Err(WireError::new(ErrorCode::InvalidStage, "only what was given up is sent again"));
        }
        let detail = serde_json::json!({ "channel": row.channel, "cause": row.cause });
        let audit = self.message_audit(who, "message.replay", "message", id.to_string(), &detail);
        let replay = Change::Outbox(OutboxChange::Replay { id, at: self.clock.now() });
        self.store
            .commit(Unit { changes: vec![replay, Change::Audit(audit)], ..Unit::default() })
            .await
            .map_err(store_error)?;
        self.outside.ring();
        Ok(())
    }

    fn message_audit(
        &self,
        who: &Worker<'_>,
        action: &'static str,
        kind: &str,
        subject: String,
        detail: &serde_json::Value,
    ) -> Audit {
        Audit {
            at: self.clock.now(),
            actor: Author::Agent(who.staff.id),
            action,
            kind: kind.to_owned(),
            subject,
            unit: None,
            reason: None,
            address: Some(who.address.to_owned()),
            detail: json(detail),
        }
    }

    /// The words of all messages.
    pub(crate) async fn templates(&self, staff: &Staff) -> Result<Vec<TemplateView>, WireError> {
        self.require(staff, Action::ManageMessages, At::CITY)?;
        let own = self.store.templates().await.map_err(store_error)?;
        let each = MessageKind::ALL.iter().copied().flat_map(|message| {
            [Language::Chinese, Language::English].map(|language| {
                let own = own.iter().find(|one| one.message == message && one.language == language);
                let usual = message.usual(language).to_owned();
                TemplateView {
                    message,
                    language,
                    text: own.map_or_else(|| usual.clone(), |own| own.text.clone()),
                    usual,
                    placeholders: placeholders(message).iter().map(|name| (*name).to_owned()).collect(),
                    version: own.map_or(0, |own| own.version),
                }
            })
        });
        Ok(each.collect())
    }

    /// Other words for a message.
    pub(crate) async fn put_template(
        &self,
        who: &Worker<'_>,
        order: TemplateOrder,
    ) -> Result<Vec<TemplateView>, WireError> {
        self.require(who.staff, Action::ManageMessages, At::CITY)?;
        let text = order.text.trim();
        check_template(order.message, text).map_err(|error| WireError::field("text", error.to_string()))?;
        let (message, language) = (order.message, order.language);
        let before = self.store.templates().await.map_err(store_error)?;
        let before = before.into_iter().find(|one| one.message == message && one.language == language);
        let row = TemplateRow {
            message,
            language,
            text: text.to_owned(),
            version: order.version.saturating_add(1),
            changed_at: self.clock.now(),
            changed_by: who.staff.id,
        };
        let detail = serde_json::json!({ "before": before.map(|one| one.text), "after": row.text });
        let audit = self.message_audit(who, "template.change", "template", format!("{message}/{language}"), &detail);
        let changes = vec![Change::Outbox(OutboxChange::Template(row)), Change::Audit(audit)];
        self.store.commit(Unit { changes, ..Unit::default() }).await.map_err(store_error)?;
        self.templates(who.staff).await
    }

    /// What a citizen wants to be told by.
    pub(crate) async fn wanted_channels(&self, citizen: &Citizen) -> Result<WantedChannels, WireError> {
        let out = self.store.opted_out(&citizen.id.to_string()).await.map_err(store_error)?;
        Ok(WantedChannels { sms: !out.contains(&MessageChannel::Sms), portal: !out.contains(&MessageChannel::Portal) })
    }

    /// Changes that.
    pub(crate) async fn want_channels(
        &self,
        citizen: &Citizen,
        wanted: WantedChannels,
    ) -> Result<WantedChannels, WireError> {
        let now = self.clock.now();
        let person = citizen.id.to_string();
        let change = |(channel, is_wanted): (MessageChannel, bool)| {
            Change::Outbox(OutboxChange::OptOut { person: person.clone(), channel, at: (!is_wanted).then_some(now) })
        };
        let changes = [(MessageChannel::Sms, wanted.sms), (MessageChannel::Portal, wanted.portal)].map(change).into();
        self.store.commit(Unit { changes, ..Unit::default() }).await.map_err(store_error)?;
        self.wanted_channels(citizen).await
    }
}
