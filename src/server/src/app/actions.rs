//! Actions in conversations (docs/actions.md). What is chosen stands in the thread, as with a guided dialogue. What is confirmed
//! is a row before the office is asked, and from then on the row is the truth: whoever does not know what became of it asks by
//! its key, after a lost answer as after a restart.

use std::sync::{Arc, Weak};

use bangban_domain::{
    ActionId, CitizenId, ConversationId, Timestamp,
    action::{
        ActionAsk, ActionFailure, ActionKind, ActionOption, ActionState, ActionStepKind, Found, Learned, Next, Then,
        Walk, after,
    },
    conversation::{self, MAX_CLIENT_ID},
    time::{DAY, Millis, SECOND},
};
use bangban_protocol::{ActionOutcome, Answer, ErrorCode, Party, ThreadBody, ThreadEntry, WireError};
use bangban_store::{ActionChange, ActionRow, Audit, Author, Change, Lane, NewEntry, StoreError, Unit};
use futures_util::{StreamExt as _, stream};

use super::{App, forbidden, guide_walk::Standing, invalid, messages::Writer, not_found, store_error, thread_entry};
use crate::{
    auth::Principal,
    connectors::actions::{Offices, complain, detail, filled_in},
    desk::{entry, new_id},
    known::district_in,
    privacy::json,
};

/// Entries among which a checklist and the citizen's words are looked for.
const LOOKED_BACK: u32 = 100;

/// Actions that are looked up in one turn, and at the same time.
const TURN: u32 = 64;
const AT_ONCE: usize = 8;

/// Actions are looked at so often even if nobody rings.
const LOOK: Millis = 5 * SECOND;

/// What can be done is asked again after so long, and sooner while nobody has answered.
const ITEMS: Millis = 300 * SECOND;
const ITEMS_SOON: Millis = 10 * SECOND;

fn no_offices() -> WireError {
    WireError::new(ErrorCode::NotFound, "no system carries actions out here")
}

fn nothing_asked() -> WireError {
    WireError::new(ErrorCode::InvalidStage, "nothing of this kind is asked")
}

fn ended(walk: &Walk, outcome: ActionOutcome) -> ThreadBody {
    ThreadBody::ActionEnded { walk: walk.clone(), outcome }
}

fn failed(walk: &Walk, reason: ActionFailure) -> ThreadBody {
    ended(walk, ActionOutcome::Failed { reason })
}

/// Is it an entry of 小申 in an action?
const fn is_action(body: &ThreadBody) -> bool {
    matches!(body, ThreadBody::ActionAsked { .. } | ThreadBody::ActionConfirm { .. } | ThreadBody::ActionEnded { .. })
}

/// What 小申 says after a step.
enum Said {
    /// This.
    Now(Box<ThreadBody>),
    /// What the office says of it, later.
    Later(Box<ActionRow>),
}

impl App {
    fn offices(&self) -> Result<&Offices, WireError> {
        self.offices.as_ref().ok_or_else(no_offices)
    }

    /// Begins an action for the citizen.
    pub(super) async fn start_action(
        self: &Arc<Self>,
        who: &Principal,
        at: Timestamp,
        id: ConversationId,
        client_id: &str,
        kind: ActionKind,
        item: Option<&str>,
    ) -> Result<Answer, WireError> {
        let client_id = conversation::text("clientId", client_id, MAX_CLIENT_ID).map_err(invalid)?;
        let Principal::Citizen(citizen) = who else { return Err(forbidden()) };
        let Writer { author, party, .. } = self.writer(who, id)?;
        let catalogue = self.catalogue();
        let item_name = match item {
            Some(code) => catalogue.item_name(Some(code)).ok_or_else(|| WireError::field("item", "is no item"))?,
            None if matches!(kind, ActionKind::Book | ActionKind::Apply) => {
                return Err(WireError::field("item", "is missing"));
            }
            None => String::new(),
        };
        self.offices()?;
        let item = item.unwrap_or_default();
        let district = self.district_of(id).await?;
        let mut walk = Walk::begin(kind, item, &item_name, &district);
        let next = if kind.is_personal() && citizen.anonymous {
            failed(&walk, ActionFailure::SignIn)
        } else if !catalogue.actions().has(kind, Some(item).filter(|item| !item.is_empty())) {
            failed(&walk, ActionFailure::NotOffered)
        } else if kind == ActionKind::Apply {
            self.application(id, &walk).await?
        } else {
            self.stand_of(id, &mut walk, citizen.id, &mut Found::default(), false).await
        };
        let mut started = entry(id, Lane::Public, at, author, &party, &ThreadBody::ActionStarted { kind, item_name });
        started.client_id = Some(client_id.to_owned());
        let unit = Unit { entries: vec![started, answer(id, at, &next)], ..Unit::default() };
        Ok(self.append(at, unit)?.await?.0)
    }

    /// A step of the citizen's.
    #[expect(clippy::too_many_arguments, reason = "the fields of one command")]
    pub(super) async fn action_step(
        self: &Arc<Self>,
        who: &Principal,
        at: Timestamp,
        id: ConversationId,
        client_id: &str,
        on: u64,
        kind: ActionStepKind,
        choice: Option<&str>,
    ) -> Result<Answer, WireError> {
        let client_id = conversation::text("clientId", client_id, MAX_CLIENT_ID).map_err(invalid)?;
        let Principal::Citizen(citizen) = who else { return Err(forbidden()) };
        let Writer { author, party, .. } = self.writer(who, id)?;
        let stands = match self.standing(id, on, client_id, is_action).await? {
            Standing::Taken(answer) => return Ok(answer),
            Standing::At(body) => *body,
        };
        let mut label = String::new();
        let said = match (kind, stands) {
            (ActionStepKind::Choose, ThreadBody::ActionAsked { walk, ask, options, .. }) => {
                let choice = choice.ok_or_else(|| WireError::field("choice", "is missing"))?;
                let chosen = options.into_iter().find(|one| one.code == choice);
                let chosen = chosen.ok_or_else(|| WireError::field("choice", "is none of the options"))?;
                label.clone_from(&chosen.label);
                Said::Now(Box::new(self.after_choice(id, walk, ask, &chosen, citizen.id).await))
            }
            (
                ActionStepKind::Back,
                ThreadBody::ActionAsked { mut walk, .. } | ThreadBody::ActionConfirm { mut walk },
            ) => {
                walk.back().map_err(|_| WireError::new(ErrorCode::InvalidStage, "nothing was chosen yet"))?;
                Said::Now(Box::new(self.stand_of(id, &mut walk, citizen.id, &mut Found::default(), false).await))
            }
            (ActionStepKind::Leave, ThreadBody::ActionAsked { walk, .. } | ThreadBody::ActionConfirm { walk }) => {
                Said::Now(Box::new(ended(&walk, ActionOutcome::Left)))
            }
            (ActionStepKind::Confirm, ThreadBody::ActionConfirm { walk }) if walk.is_complete() => {
                self.to_carry_out(id, on, walk, citizen.id).await?
            }
            _ => return Err(nothing_asked()),
        };
        let body = ThreadBody::ActionStepped { on, step: kind, label };
        let mut stepped = entry(id, Lane::Public, at, author, &party, &body);
        stepped.client_id = Some(client_id.to_owned());
        match said {
            Said::Now(next) => {
                let unit = Unit { entries: vec![stepped, answer(id, at, &next)], ..Unit::default() };
                Ok(self.append(at, unit)?.await?.0)
            }
            Said::Later(row) => {
                let line = self.action_line(&row, "action.confirm", Author::Citizen, at, None);
                let changes = vec![Change::Action(ActionChange::Confirmed(row.clone())), Change::Audit(line)];
                // Durable before the office hears of it. Of two who confirm the same entry one is refused here.
                let (done, _) = self.append(at, Unit { changes, entries: vec![stepped], ..Unit::default() })?.await?;
                let app = Arc::clone(self);
                self.sessions.spawn(async move {
                    if let Err(error) = app.act(*row).await {
                        tracing::warn!(%error, "what became of an action cannot be written yet");
                    }
                });
                Ok(done)
            }
        }
    }

    /// What is to be carried out, if the citizen has not done it too often.
    async fn to_carry_out(
        &self,
        id: ConversationId,
        on: u64,
        walk: Walk,
        citizen: CitizenId,
    ) -> Result<Said, WireError> {
        let offices = self.offices()?;
        let now = self.clock.now();
        if self.store.actions_since(citizen, now - DAY).await.map_err(store_error)? >= offices.per_day {
            return Ok(Said::Now(Box::new(failed(&walk, ActionFailure::Limit))));
        }
        // Nobody looks it up while it is carried out here.
        let patience = Millis::try_from(offices.patience.as_millis()).unwrap_or(Millis::MAX);
        Ok(Said::Later(Box::new(ActionRow {
            id: ActionId::new(new_id()),
            conversation: id,
            asked_seq: on,
            citizen,
            walk,
            state: ActionState::Acting,
            confirmed_at: now,
            due_at: now + patience + SECOND,
            looks: 0,
            settled_at: None,
        })))
    }

    /// What 小申 says where a walk stands.
    async fn stand_of(
        &self,
        id: ConversationId,
        walk: &mut Walk,
        citizen: CitizenId,
        found: &mut Found,
        gone: bool,
    ) -> ThreadBody {
        match self.asked_next(id, walk, citizen, found).await {
            Ok((ask, options)) => ThreadBody::ActionAsked { walk: walk.clone(), ask, options, gone },
            Err(body) => *body,
        }
    }

    /// What is asked next, or what 小申 says instead.
    async fn asked_next(
        &self,
        id: ConversationId,
        walk: &mut Walk,
        citizen: CitizenId,
        found: &mut Found,
    ) -> Result<(ActionAsk, Vec<ActionOption>), Box<ThreadBody>> {
        loop {
            let body = match walk.next(found, self.clock.now()) {
                Next::Ask(ask, options) => return Ok((ask, options)),
                Next::Need(need) => {
                    let Ok(offices) = self.offices() else {
                        return Err(Box::new(failed(walk, ActionFailure::NotOffered)));
                    };
                    match offices.find(found, &need, citizen).await {
                        Ok(()) => continue,
                        Err(trouble) => {
                            complain(id, &trouble);
                            failed(walk, ActionFailure::Unavailable)
                        }
                    }
                }
                Next::Confirm => ThreadBody::ActionConfirm { walk: walk.clone() },
                Next::Progress(case) => ended(walk, ActionOutcome::Progress { case }),
                Next::Fail(reason) => failed(walk, reason),
            };
            return Err(Box::new(body));
        }
    }

    /// After a choice, which may not be there any more.
    async fn after_choice(
        &self,
        id: ConversationId,
        mut walk: Walk,
        ask: ActionAsk,
        option: &ActionOption,
        citizen: CitizenId,
    ) -> ThreadBody {
        let mut found = Found::default();
        match self.asked_next(id, &mut walk, citizen, &mut found).await {
            Ok((asked, _)) if asked == ask => {
                let gone = walk.choose(ask, &option.code, &found, self.clock.now()).is_err();
                self.stand_of(id, &mut walk, citizen, &mut found, gone).await
            }
            Ok((ask, options)) => ThreadBody::ActionAsked { walk, ask, options, gone: true },
            Err(body) => *body,
        }
    }

    /// Where an application begins, with the codes that a guided dialogue has found out.
    async fn application(&self, id: ConversationId, walk: &Walk) -> Result<ThreadBody, WireError> {
        let catalogue = self.catalogue();
        let Some(apply) = catalogue.actions().get(&walk.item).and_then(|one| one.apply.as_ref()) else {
            return Ok(failed(walk, ActionFailure::NotOffered));
        };
        let mut situation = String::new();
        for one in self.latest(id).await? {
            if let ThreadBody::GuideChecklist { walk: guide, checklist } = one.body
                && guide.item == walk.item
            {
                situation = checklist.situation;
            }
        }
        let known = [("item", walk.item.as_str()), ("situation", &situation), ("district", &walk.district)];
        Ok(ended(walk, ActionOutcome::Link { url: filled_in(apply, &known) }))
    }

    async fn latest(&self, id: ConversationId) -> Result<Vec<ThreadEntry>, WireError> {
        let rows = self.store.entries_before(id, Lane::Public, u64::MAX, LOOKED_BACK).await.map_err(store_error)?;
        rows.into_iter().map(thread_entry).collect()
    }

    /// The district whose halls come first: of which the citizen has spoken last, else of whose team it is.
    async fn district_of(&self, id: ConversationId) -> Result<String, WireError> {
        let catalogue = self.catalogue();
        let directory = catalogue.directory();
        for one in self.latest(id).await?.iter().rev() {
            if let ThreadEntry { from: Party::Citizen, body: ThreadBody::Text { text, .. }, .. } = one
                && let Some(district) = district_in(text, directory)
            {
                return Ok(district.to_owned());
            }
        }
        let team = self.shared.live.get(&id).ok_or_else(not_found)?.view.team.clone();
        let unit = directory.team(&team).and_then(|team| directory.unit(&team.unit));
        Ok(unit.and_then(|unit| unit.district.clone()).unwrap_or_default())
    }

    fn action_line(
        &self,
        row: &ActionRow,
        action: &'static str,
        actor: Author,
        at: Timestamp,
        why: Option<ActionFailure>,
    ) -> Audit {
        let catalogue = self.catalogue();
        let item = row.walk.appointment.as_ref().map_or(&row.walk.item, |own| &own.item);
        Audit {
            at,
            actor,
            action,
            kind: "action".to_owned(),
            subject: row.id.to_string(),
            unit: catalogue.item(item).map(|item| item.department.clone()),
            reason: None,
            address: None,
            detail: json(&detail(row, why)),
        }
    }

    /// Carries out what was confirmed a moment ago.
    async fn act(&self, row: ActionRow) -> Result<(), StoreError> {
        let learned = self.hand_over(&row, true).await?;
        self.follow(row, learned).await
    }

    async fn hand_over(&self, row: &ActionRow, is_first: bool) -> Result<Learned, StoreError> {
        match (&self.offices, self.store.citizen(row.citizen).await?) {
            (Some(offices), Some(citizen)) => Ok(offices.act(row, &citizen, is_first).await),
            // Whoever is not known any more has nothing done for them.
            _ => Ok(Learned::NoReply),
        }
    }

    /// Does what follows from what was learned, and writes it down.
    async fn follow(&self, row: ActionRow, mut learned: Learned) -> Result<(), StoreError> {
        let (id, now) = (row.id, self.clock.now());
        let (state, outcome, why) = loop {
            match after(row.state, row.looks, row.confirmed_at, now, learned) {
                Then::Done(appointment) => break (ActionState::Done, ActionOutcome::Done { appointment }, None),
                Then::Failed(reason) => break (ActionState::Failed, ActionOutcome::Failed { reason }, Some(reason)),
                Then::Send => learned = self.hand_over(&row, false).await?,
                Then::LookUp { at: due_at, tells } => {
                    let change = ActionChange::Looked { id, state: ActionState::Unknown, due_at };
                    let told = tells.then(|| answer(row.conversation, now, &ended(&row.walk, ActionOutcome::Unknown)));
                    let (changes, entries) = (vec![Change::Action(change)], Vec::from_iter(told.map(alone)));
                    self.store.commit_in_turn(Unit { changes, entries, ..Unit::default() }).await?;
                    self.other_actions.notify_one();
                    return Ok(());
                }
            }
        };
        tracing::info!(action = %id, conversation = %row.conversation, %state, "an action is over");
        let mut changes = vec![Change::Action(ActionChange::Settled { id, state, at: now })];
        let action = if state == ActionState::Done { "action.done" } else { "action.failed" };
        changes.push(Change::Audit(self.action_line(&row, action, Author::Bot, now, why)));
        let entries = vec![alone(answer(row.conversation, now, &ended(&row.walk, outcome)))];
        match self.store.commit_in_turn(Unit { changes, entries, ..Unit::default() }).await {
            // Somebody else has learned it meanwhile.
            Err(StoreError::ActionOutdated(_)) => Ok(()),
            done => done.map(drop),
        }
    }

    /// Looks up what is due.
    async fn look_up_due(&self) -> Result<(), StoreError> {
        let Some(offices) = &self.offices else { return Ok(()) };
        let rows = self.store.actions_due(self.clock.now(), TURN).await?;
        let looked = stream::iter(rows).map(|row| async move {
            let learned = offices.look_up(&row).await;
            self.follow(row, learned).await
        });
        let results: Vec<Result<(), StoreError>> = looked.buffer_unordered(AT_ONCE).collect().await;
        results.into_iter().collect()
    }

    /// Asks what can be done; says after which time to ask again. `None`: there is nobody to ask.
    pub(super) async fn renew_actions(&self) -> Option<Millis> {
        let offices = self.offices.as_ref()?;
        Some(match offices.items().await {
            Ok(items) => {
                self.organisation.set_actions(items).await;
                self.notices.changed();
                ITEMS
            }
            Err(trouble) => {
                tracing::warn!(%trouble, "it is not known what can be done; what was known stays");
                ITEMS_SOON
            }
        })
    }
}

/// What 小申 says to a step, whoever serves the conversation by then: it is no turn of the bot's figures.
fn answer(id: ConversationId, at: Timestamp, body: &ThreadBody) -> NewEntry {
    NewEntry { follows: true, ..entry(id, Lane::Public, at, Author::Bot, &Party::Bot, body) }
}

/// To nothing that stands before it.
fn alone(said: NewEntry) -> NewEntry {
    NewEntry { follows: false, ..said }
}

/// Looks up actions of which nobody knows what became of them, as long as the server runs.
pub(super) async fn keep_looking(app: Weak<App>) {
    loop {
        let Some(app) = app.upgrade() else { return };
        if let Err(error) = app.look_up_due().await {
            tracing::warn!(%error, "actions cannot be looked up yet");
        }
        let now = app.clock.now();
        let next = app.store.next_action().await.ok().flatten().filter(|at| *at > now);
        let until = next.unwrap_or(now + LOOK).min(now + LOOK);
        let (clock, stopping, bell) = (app.clock.clone(), app.stopping.clone(), Arc::clone(&app.other_actions));
        drop(app);
        tokio::select! {
            () = stopping.cancelled() => return,
            () = clock.sleep_until(until) => {}
            () = bell.notified() => {}
        }
    }
}

/// Asks again and again what can be done.
pub(super) async fn keep_actions_fresh(app: Weak<App>, mut pause: Millis) {
    loop {
        let Some(one) = app.upgrade() else { return };
        let (clock, stopping) = (one.clock.clone(), one.stopping.clone());
        let until = one.clock.now() + pause;
        drop(one);
        tokio::select! {
            () = stopping.cancelled() => return,
            () = clock.sleep_until(until) => {}
        }
        let Some(one) = app.upgrade() else { return };
        let Some(next) = one.renew_actions().await else { return };
        pause = next;
    }
}
