//! Alerts: raised and cleared in the unit of what causes that, so that none is lost and none comes twice; shown to the city
//! and to the units that somebody watches. What is acknowledged stays on the rail until it is over.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use bangban_domain::{
    AgentId, AlertId, ConversationId, TeamId, Timestamp,
    alert::{AlertKind, FlagReason, OF_TEAMS, Rank, Subject, TeamState, state_of},
    history::Event,
    org::CITY,
    privacy::mask,
    rights::Action,
    time::{Millis, SECOND},
    words::{AgentStatus, Stage},
};
use bangban_protocol::{
    AcknowledgedView, AlertView, AlertsView, Answer, ErrorCode, EventBody, Party, PersonView, ThreadBody, Topic,
    UnitCode, WireError,
};
use bangban_store::{Acknowledged, AlertChange, AlertRow, Audit, Author, Change, Json, Lane};
use serde_json::value::RawValue;

use super::{
    Actor,
    batch::{Batch, entry},
    case::Case,
    new_id,
    orders::{agent_of, forbidden, unknown, wrong_stage},
    owner::Owner,
};
use crate::staff::At;

/// The state of the teams is looked at after this pause: what it tells of has lasted for a minute.
const WATCH: Millis = 5 * SECOND;

/// A rail has so many.
const SHOWN: usize = 100;

/// Kind and subject: at most one alert of these is open.
type Key = (AlertKind, Subject);

/// The open ones.
#[derive(Default)]
pub(super) struct Alerts {
    open: HashMap<AlertId, AlertRow>,
    by_key: HashMap<Key, AlertId>,
    /// Which conversations have any: few, and every reply asks.
    of_conversation: HashMap<ConversationId, BTreeSet<AlertKind>>,
    /// By unit, in the order of the rail.
    ranks: HashMap<Option<String>, BTreeSet<Rank>>,
    /// Units whose alerts somebody looks at.
    scopes: BTreeSet<UnitCode>,
    /// Teams whose items nobody is there for, and since when.
    unstaffed: HashMap<TeamId, Timestamp>,
    watch_at: Option<Timestamp>,
}

impl Alerts {
    /// Takes over the rows.
    pub(super) fn read(&mut self, rows: Vec<AlertRow>) {
        let scopes = std::mem::take(&mut self.scopes);
        *self = Self { scopes, ..Self::default() };
        for row in rows {
            self.insert(row);
        }
    }

    /// When the state of the teams is looked at next.
    pub(super) fn watch_at(&self) -> Timestamp {
        self.watch_at.unwrap_or(Timestamp(0))
    }

    fn insert(&mut self, row: AlertRow) {
        let Some(subject) = row.subject() else { return };
        if let Some(id) = row.conversation {
            self.of_conversation.entry(id).or_default().insert(row.kind);
        }
        self.by_key.insert((row.kind, subject), row.id);
        self.ranks.entry(row.unit.clone()).or_default().insert(rank(&row));
        self.open.insert(row.id, row);
    }

    fn remove(&mut self, key: &Key) -> Option<AlertRow> {
        let row = self.open.remove(&self.by_key.remove(key)?)?;
        if let Some(ranks) = self.ranks.get_mut(&row.unit) {
            ranks.remove(&rank(&row));
        }
        if let Some(id) = row.conversation
            && let Some(kinds) = self.of_conversation.get_mut(&id)
        {
            kinds.remove(&row.kind);
            if kinds.is_empty() {
                self.of_conversation.remove(&id);
            }
        }
        Some(row)
    }

    fn of(&self, key: &Key) -> Option<&AlertRow> {
        self.open.get(self.by_key.get(key)?)
    }
}

fn rank(row: &AlertRow) -> Rank {
    (row.acknowledged.is_some(), row.kind, Reverse(row.raised_at), row.id)
}

/// What a flag says.
pub(super) struct Flag {
    pub(super) reason: FlagReason,
    pub(super) text: Option<String>,
}

impl Owner {
    // --- raising and clearing ---------------------------------------------------------------------------------

    /// Raises an alert, unless one of the same kind is open for the same subject. `occasion` makes the cause: of a clock its
    /// number, of a state its begin. A cause that was told once is not told again, not after a restart either.
    pub(super) fn raise_alert(
        &mut self,
        kind: AlertKind,
        subject: Subject,
        occasion: i64,
        now: Timestamp,
        batch: &mut Batch,
    ) {
        self.raise(kind, subject, (occasion, 0), None, now, batch);
    }

    pub(super) fn raise(
        &mut self,
        kind: AlertKind,
        subject: Subject,
        (occasion, amount): (i64, i64),
        flag: Option<Flag>,
        now: Timestamp,
        batch: &mut Batch,
    ) {
        if self.alerts.by_key.contains_key(&(kind, subject.clone())) {
            return;
        }
        let cause = format!("{kind}:{subject}:{occasion}");
        let (reason, text) = flag.map_or((None, None), |flag| (Some(flag.reason), flag.text));
        let mut row = AlertRow {
            id: AlertId::new(new_id()),
            kind,
            cause,
            conversation: None,
            agent: None,
            team: None,
            unit: None,
            item: None,
            amount,
            reason,
            text,
            raised_at: now,
            acknowledged: None,
            cleared_at: None,
        };
        match subject {
            Subject::Conversation(id) => {
                let Some(case) = self.cases.get(id) else { return };
                row.conversation = Some(id);
                (row.agent, row.item) = (case.row.agent, case.row.item.clone());
                row.team = Some(self.team_code(self.team_of(&case.row)));
            }
            Subject::Agent(id) => {
                row.agent = Some(id);
                row.unit = self.staff.get(&id).and_then(|member| member.unit.clone());
                let team = self.teams_of.get(&id).and_then(|teams| teams.first()).copied();
                row.team = team.map(|team| self.team_code(team));
            }
            Subject::Team(code) => row.team = Some(code),
            Subject::Unit(code) => row.unit = Some(code),
        }
        if row.unit.is_none() {
            row.unit = row.team.as_deref().and_then(|team| self.world.rights.unit_of_team(team));
        }
        batch.unit.changes.push(Change::Alert(AlertChange::Raise(Box::new(row.clone()))));
        batch.alerts = true;
        tracing::warn!(%kind, alert = %row.id, "an alert was raised");
        self.alerts.insert(row);
    }

    /// What it told of is over.
    pub(super) fn clear_alert(&mut self, kind: AlertKind, subject: &Subject, now: Timestamp, batch: &mut Batch) {
        let Some(row) = self.alerts.remove(&(kind, subject.clone())) else { return };
        batch.unit.changes.push(Change::Alert(AlertChange::Clear(row.id, now)));
        batch.alerts = true;
    }

    /// The first response was given, or is owed no more.
    pub(super) fn clear_clock_alerts(&mut self, id: ConversationId, now: Timestamp, batch: &mut Batch) {
        if !self.alerts.of_conversation.contains_key(&id) {
            return;
        }
        for kind in [AlertKind::FirstResponse, AlertKind::FirstResponseBreached, AlertKind::CallBackMissed] {
            self.clear_alert(kind, &Subject::Conversation(id), now, batch);
        }
    }

    /// The conversation is over.
    pub(super) fn clear_alerts_of(&mut self, id: ConversationId, now: Timestamp, batch: &mut Batch) {
        for kind in self.alerts.of_conversation.get(&id).cloned().unwrap_or_default() {
            self.clear_alert(kind, &Subject::Conversation(id), now, batch);
        }
    }

    /// After a rebuilding: what ended while nobody looked is cleared.
    pub(super) fn settle_alerts(&mut self, now: Timestamp, batch: &mut Batch) {
        let is_answered =
            |id: ConversationId| self.cases.get(id).and_then(|case| case.clock).is_none_or(|clock| !clock.is_running());
        let is_over = |row: &&AlertRow| match (row.conversation, row.agent) {
            (Some(id), _) => {
                let of_clock = matches!(
                    row.kind,
                    AlertKind::FirstResponse | AlertKind::FirstResponseBreached | AlertKind::CallBackMissed
                );
                let is_kept = row.kind == AlertKind::NextResponse && self.world.notices.owed.book().of(id).is_none();
                !self.cases.contains(id) || is_kept || of_clock && is_answered(id)
            }
            (None, Some(agent)) => self.present.contains(&agent) || !self.teams_of.contains_key(&agent),
            (None, None) => false,
        };
        let over: Vec<Key> =
            self.alerts.open.values().filter(is_over).filter_map(|row| Some((row.kind, row.subject()?))).collect();
        for (kind, subject) in over {
            self.clear_alert(kind, &subject, now, batch);
        }
    }

    /// The connect rate of three-way calls is an alert of the city (rule 6), or no more.
    pub(super) fn connect_rate_changed(&mut self, permille: Option<i64>, now: Timestamp, batch: &mut Batch) {
        let subject = Subject::Unit(CITY.to_owned());
        match permille {
            Some(amount) => self.raise(AlertKind::ConnectRate, subject, (now.0, amount), None, now, batch),
            None => self.clear_alert(AlertKind::ConnectRate, &subject, now, batch),
        }
    }

    /// Units that owe callers something for too long, and how many: an alert for each. Nobody is told of the next one beside
    /// it, but the alert stays until none is overdue.
    pub(super) fn overdue_call_backs_changed(
        &mut self,
        owed: &BTreeMap<String, i64>,
        now: Timestamp,
        batch: &mut Batch,
    ) {
        let kind = AlertKind::CallBackOverdue;
        let open = self.alerts.by_key.keys().filter(|(other, _)| *other == kind).map(|(_, subject)| subject.clone());
        let is_over = |subject: &Subject| !matches!(subject, Subject::Unit(code) if owed.contains_key(code));
        for subject in open.filter(is_over).collect::<Vec<_>>() {
            self.clear_alert(kind, &subject, now, batch);
        }
        for (unit, amount) in owed {
            self.raise(kind, Subject::Unit(unit.clone()), (now.0, *amount), None, now, batch);
        }
    }

    // --- teams ------------------------------------------------------------------------------------------------

    /// Looks at the state of every team.
    pub(super) fn watch_teams(&mut self, now: Timestamp, batch: &mut Batch) {
        self.alerts.watch_at = Some(now + WATCH);
        let catalogue = std::sync::Arc::clone(&self.world.catalogue);
        let mut staffed = vec![false; self.members.len()];
        for (id, read) in self.router.agents() {
            if read.is_lost || read.status == AgentStatus::Offline {
                continue;
            }
            for team in self.teams_of.get(&id).into_iter().flatten() {
                staffed[usize::from(team.0)] = true;
            }
        }
        let mut items: HashMap<TeamId, u32> = HashMap::new();
        for (code, _) in catalogue.directory().items().filter(|(_, item)| item.high_frequency) {
            *items.entry(catalogue.team_or_general(catalogue.team_of(Some(code)))).or_default() += 1;
        }
        let limits = catalogue.basis().alerts;
        for team in catalogue.teams() {
            let Some(id) = catalogue.team(&team.code) else { continue };
            let is_missing = catalogue.calendar_of(&team.code).in_service(now)
                && !staffed.get(usize::from(id.0)).copied().unwrap_or_default();
            let unstaffed_since = if is_missing {
                Some(*self.alerts.unstaffed.entry(id).or_insert(now))
            } else {
                self.alerts.unstaffed.remove(&id);
                None
            };
            let first = self.router.queue(id).next().and_then(|first| self.router.conversation(first));
            let state = TeamState {
                waiting: self.router.waiting(id),
                first_asked_at: first.map(|first| first.clock.asked_at),
                items: items.get(&id).copied().unwrap_or_default(),
                unstaffed_since,
            };
            for kind in OF_TEAMS {
                let subject = Subject::Team(team.code.clone());
                let is_open = self.alerts.by_key.contains_key(&(kind, subject.clone()));
                match state_of(&state, kind, is_open, &limits, now) {
                    Some(amount) => self.raise(kind, subject, (now.0, amount), None, now, batch),
                    None => self.clear_alert(kind, &subject, now, batch),
                }
            }
        }
    }

    // --- acting -----------------------------------------------------------------------------------------------

    /// The agent who serves it asks for help. Their words stand in the private lane and on the rail.
    pub(super) fn raise_flag(
        &mut self,
        who: &Actor,
        (at, now): (Timestamp, Timestamp),
        id: ConversationId,
        reason: FlagReason,
        text: String,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let by = agent_of(who)?;
        let case = self.cases.get(id).ok_or_else(unknown)?;
        if case.row.agent != Some(by) {
            return Err(forbidden());
        }
        if !matches!(case.row.stage, Stage::Serving | Stage::WrapUp) {
            return Err(wrong_stage(case.row.stage));
        }
        if self.flag_of(id).is_some() {
            return Ok(Answer::Done);
        }
        let flag = Flag { reason, text: Some(text.clone()).filter(|text| !text.is_empty()) };
        self.raise(AlertKind::Flag, Subject::Conversation(id), (now.0, 0), Some(flag), now, batch);
        let body = ThreadBody::Flag { raised: true, reason: Some(reason), text };
        self.note_by(by, id, at, &body, batch);
        batch.log(id, at, Event::FlagRaised { by, reason });
        batch.agents.insert(by);
        Ok(Answer::Done)
    }

    /// Help is needed no more.
    pub(super) fn lower_flag(
        &mut self,
        who: &Actor,
        (at, now): (Timestamp, Timestamp),
        id: ConversationId,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let Actor::Staff(staff) = who else { return Err(forbidden()) };
        let case = self.cases.get(id).ok_or_else(unknown)?;
        let serving = case.row.agent;
        if serving != Some(staff.id) && !self.may_intervene(staff.id, case) {
            return Err(forbidden());
        }
        if self.flag_of(id).is_none() {
            return Ok(Answer::Done);
        }
        self.clear_alert(AlertKind::Flag, &Subject::Conversation(id), now, batch);
        let body = ThreadBody::Flag { raised: false, reason: None, text: String::new() };
        self.note_by(staff.id, id, at, &body, batch);
        batch.log(id, at, Event::FlagLowered { by: staff.id });
        batch.agents.extend(serving);
        Ok(Answer::Done)
    }

    /// May they act on a conversation that somebody else serves, or nobody yet?
    pub(super) fn may_intervene(&self, who: AgentId, case: &Case) -> bool {
        let unit = self.world.rights.unit_of_team(&case.row.team);
        self.world.rights.allows(who, Action::Intervene, At { unit: unit.as_deref(), item: case.row.item.as_deref() })
    }

    /// An entry of a member of staff in the private lane.
    fn note_by(&self, by: AgentId, id: ConversationId, at: Timestamp, body: &ThreadBody, batch: &mut Batch) {
        let from = Party::Agent { id: by, name: self.name_of(by).unwrap_or_default() };
        batch.unit.entries.push(entry(id, Lane::Notes, at, Author::Agent(by), &from, body));
    }

    /// Takes note of an alert, or takes that back.
    pub(super) fn acknowledge(
        &mut self,
        who: &Actor,
        now: Timestamp,
        id: AlertId,
        note: Option<String>,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let Actor::Staff(staff) = who else { return Err(forbidden()) };
        let gone = || WireError { field: Some("alert".to_owned()), ..WireError::new(ErrorCode::NotFound, "is over") };
        let row = self.alerts.open.get(&id).ok_or_else(gone)?;
        let at = At { unit: row.unit.as_deref(), item: row.item.as_deref() };
        if !self.world.rights.allows(staff.id, Action::Intervene, at) {
            return Err(forbidden());
        }
        let (unit, before) = (row.unit.clone(), rank(row));
        let action = if note.is_some() { "alert.acknowledge" } else { "alert.reopen" };
        batch.unit.changes.push(Change::Audit(Audit {
            at: now,
            actor: Author::Agent(staff.id),
            action,
            kind: "alert".to_owned(),
            subject: id.to_string(),
            unit: unit.clone(),
            reason: note.clone().filter(|note| !note.is_empty()),
            address: None,
            detail: Json(RawValue::NULL.to_owned()),
        }));
        let acknowledged = note.map(|note| Acknowledged { by: staff.id, at: now, note });
        batch.unit.changes.push(Change::Alert(AlertChange::Acknowledge(id, acknowledged.clone())));
        batch.alerts = true;
        let ranks = self.alerts.ranks.entry(unit).or_default();
        if let Some(row) = self.alerts.open.get_mut(&id) {
            row.acknowledged = acknowledged;
            ranks.remove(&before);
            ranks.insert(rank(row));
            if row.kind == AlertKind::Flag {
                // Whoever asked for help sees that it is coming.
                batch.agents.extend(row.conversation.and_then(|id| self.cases.get(id)?.row.agent));
            }
        }
        Ok(Answer::Done)
    }

    // --- showing ----------------------------------------------------------------------------------------------

    /// To the city, and to the units that somebody looks at.
    pub(super) fn show_alerts(&mut self) {
        self.alerts.scopes.retain(|unit| {
            let topic = Topic::AlertsOf(*unit);
            let is_seen = self.world.hub.is_listened_to(topic);
            if !is_seen {
                self.world.shared.alerts.remove(&topic);
            }
            is_seen
        });
        self.show_alerts_on(Topic::Alerts);
        for unit in self.alerts.scopes.clone() {
            self.show_alerts_on(Topic::AlertsOf(unit));
        }
    }

    /// One rail; a unit's is kept up to date from now on, as long as somebody looks at it.
    pub(super) fn show_alerts_on(&mut self, topic: Topic) {
        if let Topic::AlertsOf(unit) = topic {
            self.alerts.scopes.insert(unit);
        }
        let view = self.alerts_view(topic);
        let known = self.world.shared.alerts.get(&topic).map(|known| (known.0, known.1 == view));
        let seq = match known {
            Some((_, true)) => return,
            Some((seq, false)) => seq + 1,
            None => 1,
        };
        self.world.shared.alerts.insert(topic, (seq, view.clone()));
        self.world.hub.publish(topic, Some(seq), EventBody::Alerts { view });
    }

    fn alerts_view(&self, topic: Topic) -> AlertsView {
        let rights = &self.world.rights;
        let is_below = |unit: &Option<String>| match topic {
            Topic::AlertsOf(scope) => rights.units_above(unit.as_deref()).iter().any(|one| one == scope.as_str()),
            _ => true,
        };
        let seen = || self.alerts.ranks.iter().filter(|(unit, _)| is_below(unit)).map(|(_, ranks)| ranks);
        let mut first: Vec<Rank> = seen().flat_map(|ranks| ranks.iter().take(SHOWN).copied()).collect();
        first.sort_unstable();
        first.truncate(SHOWN);
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let unseen = |ranks: &BTreeSet<Rank>| {
            let begin = (true, AlertKind::FirstResponseBreached, Reverse(Timestamp(i64::MAX)), AlertId::new(0));
            ranks.len() - ranks.range(begin..).count()
        };
        AlertsView {
            open: first
                .iter()
                .filter_map(|rank| self.alerts.open.get(&rank.3))
                .map(|row| self.alert_view(row))
                .collect(),
            total: count(seen().map(BTreeSet::len).sum()),
            unseen: count(seen().map(unseen).sum()),
        }
    }

    fn alert_view(&self, row: &AlertRow) -> AlertView {
        let case = row.conversation.and_then(|id| self.cases.get(id));
        let name = |id| self.name_of(id).unwrap_or_default();
        alert_view(row, &self.world.catalogue, case.map(|case| case.citizen_name.clone()), name)
    }

    /// The flag of a conversation that is up.
    pub(super) fn flag_of(&self, id: ConversationId) -> Option<&AlertRow> {
        self.alerts.of(&(AlertKind::Flag, Subject::Conversation(id)))
    }
}

/// An alert as it is shown. What people wrote is masked.
pub(crate) fn alert_view(
    row: &AlertRow,
    catalogue: &crate::catalogue::Catalogue,
    citizen_name: Option<String>,
    name: impl Fn(bangban_domain::AgentId) -> String,
) -> AlertView {
    let team = row.team.as_deref().and_then(|code| catalogue.team(code)).and_then(|id| catalogue.team_at(id));
    AlertView {
        id: row.id,
        kind: row.kind,
        conversation: row.conversation,
        citizen_name,
        item_name: catalogue.item_name(row.item.as_deref()),
        agent: row.agent,
        agent_name: row.agent.map(&name),
        team: row.team.clone(),
        team_name: team.map(|team| team.name.clone()),
        unit: row.unit.clone(),
        amount: row.amount,
        reason: row.reason,
        text: row.text.as_deref().map(|text| mask(text).into_owned()),
        raised_at: row.raised_at,
        acknowledged: row.acknowledged.as_ref().map(|one| AcknowledgedView {
            by: PersonView { id: one.by, name: name(one.by) },
            at: one.at,
            note: mask(&one.note).into_owned(),
        }),
        cleared_at: row.cleared_at,
    }
}
