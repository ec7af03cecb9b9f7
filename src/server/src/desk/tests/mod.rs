//! The whole server without its sockets: real desk, real SQLite, a clock that the test moves.

mod alerts;
mod approval;
mod asking;
mod call_backs;
mod calls;
mod citizens;
mod failure;
mod handover;
mod intervene;
mod owed;
mod replay;
mod restart;
mod rules;
mod since;
mod sound;
mod tasks;
mod units;
mod windows;
mod work;

use std::sync::Arc;

use bangban_domain::{
    AgentId, CitizenId, ConversationId, StaffSessionId, Timestamp,
    rights::Grant,
    words::{AgentStatus, Channel, CitizenKind, Outcome, Role, Stage},
};
use bangban_protocol::{
    AgentView, Answer, BoardView, Command, ConversationView, ErrorCode, Snapshot, ThreadBody, ThreadEntry, Topic,
    WireError,
};
use bangban_store::{Change, Database, Membership, StaffRow, Store, Unit};
use tempfile::TempDir;

use crate::{
    app::{App, Begun},
    auth::{Citizen, Principal, Staff},
    clock::{Clock, ManualClock},
    config::{Config, HoursKey},
    hub::Member,
    load::LoadAgents,
    organisation::demo_staff,
};

/// 2026-11-24, a Tuesday, 00:00 in Shanghai.
const TUESDAY: i64 = 1_795_449_600_000;

/// An instant of that Tuesday.
const fn at(hours: i64, minutes: i64, seconds: i64) -> i64 {
    TUESDAY + ((hours * 60 + minutes) * 60 + seconds) * 1_000
}

struct House {
    /// Kept until the end: it is the database.
    dir: TempDir,
    config: Config,
    clock: Clock,
    hand: ManualClock,
    app: Arc<App>,
    sent: u64,
}

impl House {
    /// With the staff of the demo (agents 1 to 6 by position), opened at this instant.
    async fn open(start: i64, hours: HoursKey) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&Database { dir: dir.path().to_owned(), ..Database::default() }, 64, Box::new(|_| {}))
            .await
            .unwrap();
        let people = demo_staff().unwrap();
        let staff = people.iter().zip(1..).map(|(member, n)| {
            Change::Staff(StaffRow {
                capacity: member.capacity,
                teams: member.teams.iter().map(Membership::new).collect(),
                ..StaffRow::new(AgentId::new(n), &member.login, &member.name).with_role(member.role)
            })
        });
        store.commit(Unit { changes: staff.collect(), ..Unit::default() }).await.unwrap();
        store.close().await;
        let mut config = Config::load(None).unwrap();
        config.data.dir = dir.path().to_owned();
        config.service.hours = hours;
        let (clock, hand) = Clock::manual(Timestamp(start));
        let app = App::start(&config, clock.clone(), true, LoadAgents::default()).await.unwrap();
        Self { dir, config, clock, hand, app, sent: 0 }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Stops the server and starts it again on the same rows.
    async fn restart(self) -> Self {
        self.app.store.close().await;
        let Self { dir, config, clock, hand, app, sent } = self;
        drop(app);
        let app = App::start(&config, clock.clone(), true, LoadAgents::default()).await.unwrap();
        Self { dir, config, clock, hand, app, sent }
    }

    async fn give(&self, who: &Principal, command: Command) -> Result<Answer, WireError> {
        let member = match who {
            Principal::Citizen(_) => Member::Citizen,
            Principal::Staff(staff) if staff.serves() => Member::Agent(staff.id),
            Principal::Staff(staff) => Member::Watcher(staff.id),
        };
        let socket = self.app.hub.open(member, 64);
        let answer = match self.app.begin(&Arc::new(who.clone()), &socket, self.now(), command) {
            Begun::Done(answer) => answer,
            Begun::Reading(first) => match first.await {
                Ok(rest) => rest.await,
                Err(refusal) => Err(refusal),
            },
            Begun::HandedOver(rest) | Begun::Alone(rest) => rest.await,
        };
        self.app.hub.close(&socket);
        answer
    }

    /// The state of a topic, and the position that it stands at.
    async fn snapshot(&self, who: &Principal, topic: Topic) -> (u64, Snapshot) {
        match self.ok(who, Command::Subscribe { topic, after: None }).await {
            Answer::Subscribed { seq, snapshot, .. } => (seq, *snapshot),
            other => panic!("{other:?}"),
        }
    }

    async fn ok(&self, who: &Principal, command: Command) -> Answer {
        let what = format!("{command:?}");
        self.give(who, command).await.unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    async fn refused(&self, who: &Principal, command: Command) -> ErrorCode {
        let what = format!("{command:?}");
        match self.give(who, command).await {
            Ok(answer) => panic!("{what}: {answer:?}"),
            Err(error) => error.code,
        }
    }

    /// Lets the desk take a turn: when this returns, all that was told to it before has been decided.
    async fn settle(&self) {
        let command = Command::CancelTransfer { conversation: ConversationId::new(0) };
        assert_eq!(self.refused(&agent(1), command).await, ErrorCode::NotFound);
    }

    async fn advance(&self, ms: i64) {
        self.hand.advance(ms);
        self.settle().await;
    }

    async fn advance_to(&self, instant: i64) {
        self.advance(instant - self.now().0).await;
    }

    async fn come(&self, n: u128) {
        self.app.welcome(&agent(n), 5).await.unwrap();
    }

    async fn go(&self, n: u128) {
        self.app.goodbye(&agent(n));
        self.settle().await;
    }

    async fn converse(&self, who: &Principal, item: &str) -> ConversationId {
        let open = Command::OpenConversation {
            item: Some(item.to_owned()),
            district: None,
            channel: Channel::Pc,
            hall: None,
            ticket: None,
        };
        match self.ok(who, open).await {
            Answer::Opened { conversation } => conversation,
            other => panic!("{other:?}"),
        }
    }

    /// Opens one and asks for a human.
    async fn ask(&self, who: &Principal, item: &str) -> ConversationId {
        let conversation = self.converse(who, item).await;
        self.ok(who, Command::RequestHuman { conversation }).await;
        conversation
    }

    fn message(&mut self, conversation: ConversationId, text: &str) -> Command {
        self.sent += 1;
        Command::Send { conversation, client_id: format!("m{}", self.sent), text: text.to_owned(), entry: None }
    }

    async fn say(&mut self, who: &Principal, conversation: ConversationId, text: &str) {
        let message = self.message(conversation, text);
        self.ok(who, message).await;
        self.settle().await;
    }

    async fn desk(&self, n: u128) -> AgentView {
        let who = if n == 7 { supervisor() } else { agent(n) };
        match self.snapshot(&who, Topic::Agent(AgentId::new(n))).await.1 {
            Snapshot::Agent { view } => view,
            other => panic!("{other:?}"),
        }
    }

    async fn board(&self) -> BoardView {
        match self.snapshot(&supervisor(), Topic::Board).await.1 {
            Snapshot::Board { view } => view,
            other => panic!("{other:?}"),
        }
    }

    async fn thread(&self, id: ConversationId) -> (ConversationView, Vec<ThreadEntry>) {
        match self.snapshot(&supervisor(), Topic::Conversation(id)).await.1 {
            Snapshot::Conversation { view, entries, .. } => (view, entries),
            other => panic!("{other:?}"),
        }
    }

    async fn view(&self, id: ConversationId) -> ConversationView {
        self.thread(id).await.0
    }

    async fn stage(&self, id: ConversationId) -> Stage {
        self.app.store.conversation(id).await.unwrap().unwrap().stage
    }

    async fn bodies(&self, id: ConversationId) -> Vec<ThreadBody> {
        self.thread(id).await.1.into_iter().map(|entry| entry.body).collect()
    }

    /// The conversation that the agent is being offered, accepted.
    async fn accept(&self, n: u128) -> ConversationId {
        let offer = self.desk(n).await.offer.unwrap_or_else(|| panic!("agent {n} has no offer"));
        self.ok(&agent(n), Command::AcceptOffer { offer: offer.id }).await;
        offer.conversation
    }

    async fn close(&self, n: u128, conversation: ConversationId, outcome: Outcome) {
        self.ok(&agent(n), Command::Close { conversation, outcome, hand_on: None, no_answer: None, write_back: None })
            .await;
    }
}

fn citizen(n: u128) -> Principal {
    Principal::Citizen(Citizen {
        id: CitizenId::new(n),
        name: "张伟".to_owned(),
        kind: CitizenKind::Person,
        level: "L3".to_owned(),
        phone: None,
        credit_code: None,
        language: None,
        anonymous: false,
        continuation: None,
        expires_at: Timestamp(i64::MAX),
    })
}

fn staff(n: u128, role: Role) -> Principal {
    let name = format!("坐席{n}");
    let grants = vec![Grant { role, unit: None, items: Vec::new() }];
    let (session, expires_at) = (StaffSessionId::new(0), Timestamp(i64::MAX));
    Principal::Staff(Staff { id: AgentId::new(n), name, grants, session, expires_at })
}

fn agent(n: u128) -> Principal {
    staff(n, Role::Agent)
}

fn supervisor() -> Principal {
    staff(7, Role::Supervisor)
}
