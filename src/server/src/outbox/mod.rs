//! Sends what stands in the outbox (docs/tasks.md): into threads, to telephones, mailboxes, the portal and other systems.
//!
//! The row is the truth. A message that was sent, and a server that was killed before it could write so, gives a second one
//! with the same id: receivers outside are told at least once, and know a repetition by `id`, `webhook-id` or `Message-ID`.
//! Into a thread it is exactly once: entry and row are one unit. Nothing about a person is in a row or in the log: numbers are
//! looked up when they are used.

mod address;
mod signature;
mod ways;

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError, Weak},
};

use bangban_domain::{
    CitizenId, ConversationId, NoticeId, Timestamp,
    calendar::OFFSET,
    conversation::masked_telephone,
    task::{Circuit, MessageChannel, MessageKind, OutboxState, WriteBackOutcome, fill, quiet_until, retry_at},
    time::{MINUTE, Millis, SECOND},
    words::Language,
};
use bangban_protocol::{Party, ThreadBody};
use bangban_store::{
    Author, Change, CitizenRow, Lane, NewEntry, OutboxChange, OutboxRow, StoreError, TemplateRow, Unit,
};
use futures_util::{StreamExt as _, stream};
use tokio::sync::Notify;

use crate::{
    app::App,
    bot,
    config::NotifyKeys,
    desk::{entry, new_id},
};
pub use address::Allowed;
pub(crate) use address::Guarded;
pub(crate) use ways::url;
use ways::{Failed, Way, Ways};

/// Messages that are looked at in one turn, and sent at the same time.
const TURN: u32 = 64;
const AT_ONCE: usize = 8;

/// The outbox is looked at so often even if nobody rings.
const LOOK: Millis = 5 * SECOND;

/// So soon, and for so long, an answer that was just published is looked for again.
const SETTLE: Millis = 500;
const SETTLES: Millis = 30 * SECOND;

/// Longest text of an error in a row.
const MAX_ERROR: usize = 200;

/// Is it a configuration that can be used? The key and what is wrong with it.
///
/// # Errors
/// The first one.
pub fn check(keys: &NotifyKeys) -> Result<(), (&'static str, String)> {
    quiet(keys)?;
    Ways::new(keys).map(drop)
}

/// The quiet hours as times of the day.
fn quiet(keys: &NotifyKeys) -> Result<(Millis, Millis), (&'static str, String)> {
    let read = |key, text: &str| {
        let time = jiff::civil::Time::strptime("%H:%M", text).map_err(|_| (key, "must be HH:MM".to_owned()))?;
        Ok((i64::from(time.hour()) * 60 + i64::from(time.minute())) * MINUTE)
    };
    Ok((read("notify.quiet_from", &keys.quiet_from)?, read("notify.quiet_to", &keys.quiet_to)?))
}

/// An instant as people read it in a message.
pub(crate) fn local(at: Timestamp) -> String {
    let instant = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::MAX);
    OFFSET.to_datetime(instant).strftime("%Y-%m-%d %H:%M").to_string()
}

/// The ways to people and systems outside, and how they are.
pub struct Outside {
    ways: Ways,
    quiet: (Millis, Millis),
    /// Where there is no receiver: into the sink (the demo), else nothing is written at all.
    has_sink: bool,
    circuits: Mutex<HashMap<String, Circuit>>,
    bell: Notify,
}

/// What became of an attempt.
enum Attempt {
    /// Durable with what it caused.
    Done,
    Sent {
        is_sunk: bool,
    },
    Failed(Failed),
    Later(Timestamp),
    Dropped(&'static str),
}

impl Outside {
    /// Of a configuration that was checked.
    #[must_use]
    pub fn new(keys: &NotifyKeys, demo: bool) -> Self {
        let ways = Ways::new(keys).unwrap_or_default();
        let quiet = quiet(keys).unwrap_or_default();
        Self { ways, quiet, has_sink: demo, circuits: Mutex::default(), bell: Notify::new() }
    }

    /// Something was written into the outbox.
    pub fn ring(&self) {
        self.bell.notify_one();
    }

    /// Names of the systems that are told.
    pub(crate) fn hooks(&self) -> impl Iterator<Item = &str> {
        let sink = (self.has_sink && self.ways.hooks.is_empty()).then_some("sink");
        self.ways.hooks.keys().map(String::as_str).chain(sink)
    }

    /// Does the unit read e-mail? In the demo the city does, in the sink.
    pub(crate) fn has_mailbox(&self, unit: &str) -> bool {
        self.ways.has_mailbox(unit)
            || (self.has_sink && !self.ways.has_any_mailbox() && unit == bangban_domain::org::CITY)
    }

    /// Is there anybody who takes messages of this channel?
    fn takes(&self, channel: MessageChannel) -> bool {
        self.has_sink || self.ways.has(channel)
    }

    /// Receivers that are left alone at this moment.
    #[must_use]
    pub fn paused(&self, now: Timestamp) -> Vec<String> {
        let circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        let mut paused: Vec<String> =
            circuits.iter().filter(|(_, circuit)| circuit.is_open(now)).map(|(name, _)| name.clone()).collect();
        paused.sort();
        paused
    }

    fn circuit<T>(&self, name: &str, use_it: impl FnOnce(&mut Circuit) -> T) -> T {
        let mut circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        use_it(circuits.entry(name.to_owned()).or_default())
    }

    /// One attempt over a way outside, if its receiver is not left alone.
    async fn attempt(&self, row: &OutboxRow, now: Timestamp, way: Option<Way<'_>>) -> Attempt {
        let Some(way) = way else {
            return if self.has_sink { Attempt::Sent { is_sunk: true } } else { Attempt::Dropped("no receiver") };
        };
        let name = if row.channel == MessageChannel::Webhook { row.addressee.as_str() } else { row.channel.as_str() };
        if let Err(until) = self.circuit(name, |circuit| circuit.admit(now)) {
            return Attempt::Later(until);
        }
        match self.ways.send(row.id, now, way).await {
            Ok(()) => {
                self.circuit(name, Circuit::succeeded);
                Attempt::Sent { is_sunk: false }
            }
            Err(failed) => {
                self.circuit(name, |circuit| circuit.failed(now));
                Attempt::Failed(failed)
            }
        }
    }
}

/// The values of a message's placeholders.
fn values(row: &OutboxRow) -> BTreeMap<String, String> {
    let parsed: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(row.detail.as_str()).unwrap_or_default();
    let text = |(key, value): (String, serde_json::Value)| match value {
        serde_json::Value::String(text) => Some((key, text)),
        serde_json::Value::Number(number) => Some((key, number.to_string())),
        _ => None,
    };
    parsed.into_iter().filter_map(text).collect()
}

/// What a receiver reads.
pub(crate) fn words(templates: &[TemplateRow], row: &OutboxRow, language: Language) -> String {
    let own = templates.iter().find(|one| one.message == row.message && one.language == language);
    let template: Cow<'_, str> = own.map_or_else(|| row.message.usual(language).into(), |own| own.text.as_str().into());
    let mut values = values(row);
    // Known by its name, so that everybody reads it in their language.
    if let Some(outcome) = values.get("outcome").and_then(|name| WriteBackOutcome::parse(name)) {
        values.insert("outcome".to_owned(), outcome.shown(language).to_owned());
    }
    fill(&template, &values)
}

/// The type of a webhook's event.
const fn event_type(message: MessageKind) -> &'static str {
    match message {
        MessageKind::AnswerFound => "task.fulfilled",
        MessageKind::TaskHalf => "task.half",
        MessageKind::TaskEve => "task.eve",
        MessageKind::TaskOverdue => "task.overdue",
        MessageKind::PublishedLate => "task.published_late",
        MessageKind::WriteBack => "knowledge.write_back",
    }
}

/// Whom a message goes to, as somebody else may see it.
pub(crate) async fn masked_addressee(app: &App, row: &OutboxRow) -> Result<String, StoreError> {
    Ok(match row.channel {
        MessageChannel::Inbox => {
            let name = row.addressee.parse().ok().and_then(|agent| app.accounts.name(agent));
            name.unwrap_or_default()
        }
        MessageChannel::Sms | MessageChannel::Portal => match citizen(app, row).await? {
            Some(citizen) if row.channel == MessageChannel::Sms => {
                masked_telephone(citizen.phone.as_deref().unwrap_or_default())
            }
            Some(citizen) => bangban_domain::citizen::shown_name(&citizen.name, citizen.kind, citizen.anonymous),
            None => String::new(),
        },
        // An id, a code and a name of ours.
        MessageChannel::Thread => row.addressee.clone(),
        MessageChannel::Email | MessageChannel::Webhook => {
            row.addressee.split_once('/').map_or_else(String::new, |(_, name)| name.to_owned())
        }
    })
}

async fn citizen(app: &App, row: &OutboxRow) -> Result<Option<CitizenRow>, StoreError> {
    match row.addressee.parse::<CitizenId>() {
        Ok(id) => app.store.citizen(id).await,
        Err(_) => Ok(None),
    }
}

impl App {
    /// Sends what is due.
    ///
    /// # Errors
    /// Whatever the store says; what was sent by then is written down.
    pub async fn send_due(&self) -> Result<(), StoreError> {
        loop {
            let now = self.clock.now();
            let rows = self.store.outbox_due(now, TURN).await?;
            if rows.is_empty() {
                return Ok(());
            }
            let templates = self.store.templates().await?;
            let templates = &templates;
            let results: Vec<Result<(), StoreError>> = stream::iter(rows)
                .map(|row| async move { self.deliver(row, templates).await })
                .buffer_unordered(AT_ONCE)
                .collect()
                .await;
            results.into_iter().collect::<Result<(), _>>()?;
        }
    }

    async fn deliver(&self, row: OutboxRow, templates: &[TemplateRow]) -> Result<(), StoreError> {
        let now = self.clock.now();
        let attempt = match row.channel {
            MessageChannel::Thread => self.tell_in_thread(&row, now).await?,
            // Is there with its commit.
            MessageChannel::Inbox => Attempt::Sent { is_sunk: false },
            MessageChannel::Sms | MessageChannel::Portal => self.to_citizen(&row, now, templates).await?,
            MessageChannel::Email => match quiet_until(now, self.outside.quiet.0, self.outside.quiet.1) {
                later if later > now => Attempt::Later(later),
                _ => {
                    let text = words(templates, &row, Language::Chinese);
                    let unit = row.addressee.strip_prefix("unit/").unwrap_or_default();
                    self.outside.attempt(&row, now, self.outside.ways.email(unit, text)).await
                }
            },
            MessageChannel::Webhook => {
                let name = row.addressee.strip_prefix("hook/").unwrap_or_default();
                let way = self.outside.ways.webhook(name, event_type(row.message), row.detail.as_str());
                self.outside.attempt(&row, now, way).await
            }
        };
        let (id, at) = (row.id, self.clock.now());
        let change = match attempt {
            Attempt::Done => return Ok(()),
            Attempt::Sent { is_sunk } => OutboxChange::Sent { id, at, is_sunk },
            Attempt::Later(until) => OutboxChange::Postponed { id, until },
            Attempt::Dropped(why) => OutboxChange::Dropped { id, at, why },
            Attempt::Failed(failed) => {
                let first = row.tried_at.unwrap_or(at);
                let next = if failed.is_final { None } else { retry_at(row.attempts + 1, first, at) };
                tracing::warn!(message = %id, channel = %row.channel, error = %failed.error, is_dead = next.is_none(),
                    "a message could not be delivered");
                let error = failed.error.chars().take(MAX_ERROR).collect();
                OutboxChange::Failed { id, at, error, next }
            }
        };
        let unit = Unit { changes: vec![Change::Outbox(change)], ..Unit::default() };
        self.store.commit_in_turn(unit).await.map(drop)
    }

    /// The answer into the thread of whoever asked, and by the ways outside that they want.
    async fn tell_in_thread(&self, row: &OutboxRow, now: Timestamp) -> Result<Attempt, StoreError> {
        let gone = Attempt::Dropped("nobody is there to be told");
        let Ok(id) = row.addressee.parse::<ConversationId>() else { return Ok(gone) };
        let Some(conversation) = self.store.conversation(id).await? else { return Ok(gone) };
        let Some(citizen) = self.store.citizen(conversation.citizen).await? else { return Ok(gone) };
        let values = values(row);
        let value = |name: &str| values.get(name).cloned().unwrap_or_default();
        let catalogue = self.catalogue();
        // The revision that was published, or a later one: what it corrects is not told once more.
        let wanted = value("revision").parse().unwrap_or(0);
        let known = catalogue.knowledge().get(&value("entry")).filter(|known| known.revision >= wanted);
        let answer =
            known.and_then(|known| bot::answer(&catalogue, &known.entry, &value("question"), &conversation.team));
        let Some(answer) = answer else {
            // In force a moment after it is published: this node's index may still be under way.
            if now.since(row.made_at) < SETTLES {
                return Ok(Attempt::Later(now + SETTLE));
            }
            let error = format!("entry {} is not in force", value("entry"));
            return Ok(Attempt::Failed(Failed { error, is_final: false }));
        };
        let found = ThreadBody::AnswerFound { question: value("question") };
        let said = |body: &ThreadBody| entry(id, Lane::Public, now, Author::Bot, &Party::Bot, body);
        let first = NewEntry { client_id: Some(row.id.to_string()), ..said(&found) };
        let second = NewEntry { follows: true, ..said(&answer) };
        let sent = OutboxChange::Sent { id: row.id, at: now, is_sunk: false };
        let ways = [
            (MessageChannel::Sms, citizen.phone.is_some()),
            (MessageChannel::Portal, !citizen.anonymous && !citizen.name.is_empty()),
        ];
        let outside = ways.into_iter().filter(|(channel, is_there)| *is_there && self.outside.takes(*channel));
        let further = outside.map(|(channel, _)| {
            OutboxChange::Put(Box::new(OutboxRow {
                id: NoticeId::new(new_id()),
                addressee: citizen.id.to_string(),
                channel,
                state: OutboxState::Waiting,
                made_at: now,
                due_at: now,
                attempts: 0,
                tried_at: None,
                error: None,
                settled_at: None,
                is_sunk: false,
                ..row.clone()
            }))
        });
        let changes = std::iter::once(sent).chain(further).map(Change::Outbox).collect();
        let unit = Unit { changes, entries: vec![first, second], ..Unit::default() };
        self.store.commit_in_turn(unit).await?;
        Ok(Attempt::Done)
    }

    async fn to_citizen(
        &self,
        row: &OutboxRow,
        now: Timestamp,
        templates: &[TemplateRow],
    ) -> Result<Attempt, StoreError> {
        let Some(citizen) = citizen(self, row).await? else {
            return Ok(Attempt::Dropped("nobody is there to be told"));
        };
        if self.store.opted_out(&row.addressee).await?.contains(&row.channel) {
            return Ok(Attempt::Dropped("not wanted"));
        }
        let until = quiet_until(now, self.outside.quiet.0, self.outside.quiet.1);
        if until > now {
            return Ok(Attempt::Later(until));
        }
        let text = words(templates, row, citizen.language.unwrap_or(Language::Chinese));
        let way = match (row.channel, &citizen.phone) {
            (MessageChannel::Sms, Some(phone)) => self.outside.ways.sms(phone, text),
            (MessageChannel::Sms, None) => return Ok(Attempt::Dropped("no telephone")),
            _ => self.outside.ways.portal(citizen.id, text),
        };
        Ok(self.outside.attempt(row, now, way).await)
    }
}

/// Sends what is to be sent, as long as the server runs: whatever went wrong, the next look mends it.
pub(crate) async fn deliver(app: Weak<App>) {
    loop {
        let Some(app) = app.upgrade() else { return };
        if let Err(error) = app.send_due().await {
            tracing::warn!(%error, "messages cannot be sent yet");
        }
        let now = app.clock.now();
        let next = app.store.next_outbox().await.ok().flatten().filter(|at| *at > now);
        let until = next.unwrap_or(now + LOOK).min(now + LOOK);
        let (clock, stopping) = (app.clock.clone(), app.stopping.clone());
        tokio::select! {
            () = stopping.cancelled() => return,
            () = clock.sleep_until(until) => {}
            () = app.outside.bell.notified() => {}
        }
    }
}
