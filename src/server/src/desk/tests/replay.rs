//! `replay(events) == rows`, for whatever anybody does in whatever order, over restarts of the server.

use bangban_domain::{
    alert::FlagReason,
    calendar::Calendar,
    figures::{self, By, Figure, Row, retell::Retold},
    history::{Correction, History},
    ledger::Promise,
    words::HandOnChannel,
};
use bangban_protocol::{Correct, CorrectionVerdict, Slot, TransferTarget};
use bangban_store::{PromiseRow, Selection};
use proptest::prelude::*;

use super::*;

const ITEMS: [&str; 2] = ["residence-permit", "dog-license"];

/// What happens next: numbers that choose, because what is possible depends on what has happened.
#[derive(Debug, Clone, Copy)]
struct Step {
    what: u8,
    who: u128,
    which: usize,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0_u8..114, 1_u128..=3, 0_usize..64).prop_map(|(what, who, which)| Step { what, who, which });
    prop::collection::vec(step, 100..240)
}

struct World {
    house: House,
    /// Whose is beside it.
    conversations: Vec<(ConversationId, Principal)>,
    slots: Vec<Slot>,
}

impl World {
    /// Some of the conversations that the agent serves.
    async fn served(&self, n: u128, which: usize) -> Option<ConversationId> {
        let served = self.house.desk(n).await.conversations;
        (!served.is_empty()).then(|| served[which % served.len()].id)
    }

    /// Refusals are part of the traffic: half of what people press comes too late.
    async fn press(&mut self, who: &Principal, command: Command) {
        match self.house.give(who, command).await {
            Ok(Answer::Opened { conversation }) if self.conversations.iter().all(|known| known.0 != conversation) => {
                self.conversations.push((conversation, who.clone()));
            }
            Ok(Answer::OutOfHours { slots, .. }) => self.slots = slots,
            Ok(_) => {}
            Err(error) => assert_ne!(error.code, ErrorCode::Internal, "{error}"),
        }
    }

    /// Two at the same moment: both reach the desk or the store before either is answered.
    async fn press_both(&self, (a, first): (&Principal, Command), (b, second): (&Principal, Command)) {
        let (first, second) = tokio::join!(self.house.give(a, first), self.house.give(b, second));
        for refusal in [first, second].into_iter().filter_map(Result::err) {
            assert_ne!(refusal.code, ErrorCode::Internal, "{refusal}");
        }
    }

    async fn step(&mut self, Step { what, who, which }: Step) {
        if what < 8 && self.conversations.len() < 5 || self.conversations.is_empty() {
            let item = Some(ITEMS[which % 2].to_owned());
            let in_hall = which % 3 == 0;
            let open = Command::OpenConversation {
                item,
                district: None,
                channel: if in_hall { Channel::Counter } else { Channel::Mobile },
                hall: in_hall.then(|| "pudong-1".to_owned()),
                ticket: in_hall.then(|| format!("A{which}")),
            };
            return self.press(&citizen(who), open).await;
        }
        let (conversation, person) = self.conversations[which % self.conversations.len()].clone();
        if what < 46 {
            self.citizen_step(what, which, conversation, &person).await;
        } else if what < 100 {
            self.agent_step(what, which, &person).await;
        } else {
            self.supervise(what, which, conversation).await;
        }
    }

    async fn citizen_step(&mut self, what: u8, which: usize, conversation: ConversationId, person: &Principal) {
        let command = match what {
            0..16 => Command::RequestHuman { conversation },
            16..20 => Command::CancelRequest { conversation },
            20..25 => self.house.message(conversation, ["谢谢", "转人工", "狗证怎么办"][which % 3]),
            25..35 => {
                let slot = self.slots.get(which % 2).map_or(Timestamp(0), |slot| slot.starts_at);
                let (client_id, text) = (format!("l{which}"), "请回电".to_owned());
                Command::LeaveMessage { conversation, client_id, text, phone: "13800138000".to_owned(), slot }
            }
            35..36 => {
                let slot = self.slots.get(which % 3).map_or(Timestamp(0), |slot| slot.starts_at);
                Command::MoveCallBack { conversation, slot }
            }
            36..37 => Command::BotFeedback { conversation, seq: 1, solved: which.is_multiple_of(4) },
            37..43 => Command::Finish { conversation },
            _ => Command::Rate { conversation, stars: 4, comment: "好".to_owned() },
        };
        self.press(person, command).await;
    }

    /// Agents 1 and 2 share the residence team, 1 and 6 the general one.
    async fn agent_step(&mut self, what: u8, which: usize, person: &Principal) {
        let n = [1, 2, 6][which % 3];
        let me = agent(n);
        let offer = self.house.desk(n).await.offer;
        match (what, offer, self.served(n, which).await) {
            (46..59, Some(offer), _) => self.press(&me, Command::AcceptOffer { offer: offer.id }).await,
            (59..60, Some(offer), _) => {
                let accept = Command::AcceptOffer { offer: offer.id };
                let cancel = Command::CancelRequest { conversation: offer.conversation };
                self.press_both((person, cancel), (&me, accept)).await;
            }
            (60..61, Some(offer), _) => self.press(&me, Command::DeclineOffer { offer: offer.id }).await,
            (61..68, _, Some(conversation)) => {
                let message = self.house.message(conversation, "您好");
                self.press(&me, message).await;
            }
            (68..71, _, Some(conversation)) => {
                let message = self.house.message(conversation, "您好");
                self.press_both((&me, message), (person, Command::Finish { conversation })).await;
            }
            (71..75, _, Some(conversation)) => {
                let outcomes = [Outcome::Solved, Outcome::Unsolved, Outcome::OutOfScope, Outcome::Abandoned];
                let outcome = outcomes[which % 4];
                let hand_on = (outcome == Outcome::OutOfScope).then_some(HandOnChannel::Petition);
                self.press(&me, Command::Close { conversation, outcome, hand_on, no_answer: None, write_back: None })
                    .await;
            }
            (75..77, _, Some(conversation)) => {
                let to = if which.is_multiple_of(2) {
                    TransferTarget::Agent { agent: AgentId::new([2, 6, 1][which % 3]) }
                } else {
                    TransferTarget::Team { team: ["general", "residence"][which / 3 % 2].to_owned() }
                };
                self.press(&me, Command::Transfer { conversation, to, note: "请接手".to_owned() }).await;
            }
            (77..78, ..) => self.correct(which).await,
            (78..79, _, Some(conversation)) => self.press(&me, Command::CancelTransfer { conversation }).await,
            (79..82, ..) => {
                let all = [AgentStatus::Online, AgentStatus::Online, AgentStatus::Break, AgentStatus::Offline];
                self.press(&me, Command::SetStatus { status: all[which / 3 % 4] }).await;
            }
            (82..85, ..) => self.press(&me, Command::SetStatus { status: AgentStatus::Online }).await,
            (85..89, ..) => self.house.come(n).await,
            (89..90, ..) => self.house.go(n).await,
            (90..97, ..) => self.house.advance(i64::try_from(which).unwrap() * 400).await,
            (97..98, ..) => self.house.advance(i64::try_from(which).unwrap() * 60_000).await,
            // To the next opening or the next slot: somebody's call-back may be due.
            (98..100, ..) => {
                let next = self.slots.iter().map(|slot| slot.starts_at).find(|at| *at > self.house.now());
                if let Some(next) = next {
                    self.house.advance_to(next.0).await;
                }
            }
            _ => {}
        }
    }

    /// What supervisors do to the work of others, and flags.
    async fn supervise(&mut self, what: u8, which: usize, conversation: ConversationId) {
        let (me, n) = (supervisor(), [1, 2, 6][which % 3]);
        match what {
            100..102 => {
                if let Some(conversation) = self.served(n, which).await {
                    let flag =
                        Command::RaiseFlag {
                            conversation, reason: FlagReason::Difficult, text: "请帮忙".to_owned()
                        };
                    self.press(&agent(n), flag).await;
                }
            }
            102..103 => self.press(&me, Command::LowerFlag { conversation }).await,
            103..104 => {
                let (client_id, text) = (format!("w{which}"), "先核对材料".to_owned());
                self.press(&me, Command::Note { conversation, client_id, text }).await;
            }
            104..106 => self.press(&me, Command::JoinConversation { conversation }).await,
            106..107 => self.press(&me, Command::LeaveConversation { conversation }).await,
            107..109 => self.press(&me, Command::TakeOver { conversation }).await,
            109..110 => {
                let (agent, reason) = (AgentId::new(n), ["", "您更熟悉"][which % 2].to_owned());
                self.press(&me, Command::Assign { conversation, agent, reason }).await;
            }
            110..111 => {
                let all = [AgentStatus::Online, AgentStatus::Break, AgentStatus::Offline];
                let (agent, status, reason) = (AgentId::new(n), all[which / 3 % 3], "换班".to_owned());
                self.press(&me, Command::SetAgentStatus { agent, status, reason }).await;
            }
            // In what they have joined or serve.
            111..112 => {
                let message = self.house.message(conversation, "我来说明");
                self.press(&me, message).await;
            }
            112..113 => {
                if let Some(conversation) = self.served(7, which).await {
                    self.press(
                        &me,
                        Command::Close {
                            conversation,
                            outcome: Outcome::Solved,
                            hand_on: None,
                            no_answer: None,
                            write_back: None,
                        },
                    )
                    .await;
                }
            }
            _ => drop(self.house.app.welcome(&me, 5).await.unwrap()),
        }
    }

    /// A supervisor corrects whatever row there is.
    async fn correct(&self, which: usize) {
        let (id, _) = self.conversations[which % self.conversations.len()];
        let rows = self.house.app.store.promises_of(id).await.unwrap().rows;
        let Some(row) = rows.get(which / 2 % rows.len().max(1)) else { return };
        let all = [CorrectionVerdict::Answered, CorrectionVerdict::Excused, CorrectionVerdict::Withdrawn];
        let verdict = all[which % 3];
        let answered_at = (verdict == CorrectionVerdict::Answered).then_some(row.asked_at);
        let wanted =
            Correct { promise: row.promise, no: row.no, verdict, answered_at, reason: "电话答复".to_owned() };
        let Principal::Staff(staff) = supervisor() else { return };
        if let Err(error) = self.house.app.correct(&staff, id, &wanted).await {
            assert_ne!(error.code, ErrorCode::Internal, "{error}");
        }
    }

    async fn check(&self) {
        self.house.settle().await;
        let store = &self.house.app.store;
        for (id, _) in &self.conversations {
            let events = store.events_of(*id).await.unwrap();
            let replayed = History::replay(events.iter().map(|event| (event.at, &event.what)))
                .unwrap_or_else(|error| panic!("{error} in {events:#?}"));
            let row = store.conversation(*id).await.unwrap().unwrap();
            assert_eq!(
                (replayed.citizen, &replayed.item, &replayed.team, replayed.channel, replayed.stage),
                (row.citizen, &row.item, &row.team, row.channel, row.stage),
                "{events:#?}"
            );
            assert_eq!(
                (replayed.agent, replayed.outcome, replayed.stars, replayed.slot),
                (row.agent, row.outcome, row.stars, row.slot),
                "{events:#?}"
            );
            assert_eq!((replayed.opened_at, replayed.closed_at), (row.opened_at, row.closed_at));
            assert_eq!((&replayed.hall, &replayed.ticket), (&row.hall, &row.ticket));
            assert_eq!(replayed.clocks.len(), row.clock_no as usize);

            let ledger = store.ledger_of(*id).await.unwrap();
            let told: Vec<_> = replayed
                .clocks
                .iter()
                .map(|c| (&c.team, c.asked_at, c.due_at, c.step, c.breached_at, c.answered_at, c.left_at))
                .collect();
            let written: Vec<_> = ledger
                .iter()
                .map(|c| (&c.team, c.asked_at, c.due_at, c.step, c.breached_at, c.answered_at, c.left_at))
                .collect();
            assert_eq!(told, written, "{events:#?}");

            let promises = store.promises_of(*id).await.unwrap().rows;
            let told: Vec<_> = replayed
                .clocks
                .iter()
                .map(|c| (c.asked_at, c.due_at, 0, c.answered_at, c.left_at, c.correction))
                .chain(
                    replayed
                        .replies
                        .iter()
                        .map(|r| (r.asked_at, r.due_at, r.step, r.answered_at, r.left_at, r.correction)),
                )
                .collect();
            let kept = |row: &PromiseRow| {
                let correction = Correction { measured_at: row.measured_at, is_excused: row.is_excused };
                let correction = row.corrected_at.map(|_| correction);
                (row.asked_at, row.due_at, row.reached, row.answered_at, row.left_at, correction)
            };
            let (replies, clocks): (Vec<_>, Vec<_>) =
                promises.iter().partition(|row| row.promise == Promise::NextResponse);
            // What is open and has had no consequence stands in the thread only.
            let untold = replayed.replies.len() + 1;
            let is_told = |row: &PromiseRow| row.no as usize != untold || row.reached > 0 || !row.is_running();
            let by_number = |mut rows: Vec<&PromiseRow>| {
                rows.retain(|row| row.promise != Promise::NextResponse || is_told(row));
                rows.sort_by_key(|row| row.no);
                rows.into_iter().map(kept).collect::<Vec<_>>()
            };
            assert_eq!(told, [by_number(clocks), by_number(replies)].concat(), "{events:#?}");

            let receipts = store.receipts_of(*id).await.unwrap();
            let told: Vec<_> = replayed
                .receipts
                .iter()
                .map(|r| (&r.receipt, r.hand_on, r.made_at, r.state, r.settled_at, r.reminded_at))
                .collect();
            let written: Vec<_> = receipts
                .iter()
                .map(|r| (&r.receipt, r.hand_on, r.made_at, r.state, r.settled_at, r.reminded_at))
                .collect();
            assert_eq!(told, written, "{events:#?}");
            self.check_board_and_desks_agree(row.stage, *id).await;
        }
        self.check_figures().await;
    }

    /// The rows that figures are counted from are what the log tells; and the board counts what the rows say.
    async fn check_figures(&self) {
        let archive = self.house.app.store.archive();
        let citizens = archive.citizens_between((Timestamp(0), Timestamp(i64::MAX)), None, 100).await.unwrap();
        let mut told = Retold::default();
        for event in archive.events_of_citizens(&citizens).await.unwrap() {
            told.tell(event.conversation.unwrap(), event.at, &event.what);
        }
        let lines = |rows: Vec<Row>| rows.iter().map(Row::line).collect::<Vec<_>>();
        assert_eq!(lines(archive.rows_of_citizens(&citizens).await.unwrap()), lines(told.rows()));

        // The board follows within 200 ms.
        self.house.advance(1_000).await;
        self.house.settle().await;
        let board = self.house.board().await;
        let today = Selection::all(Calendar::day_start(board.as_of), board.as_of + 1);
        let counted = archive.figures(&[figures::Kind::Request], &today, By::Nothing, board.as_of).await.unwrap();
        let of = |figure| counted.get("").and_then(|line| line.get(&figure)).cloned().unwrap_or_default();
        let (rate, short) = (of(Figure::WithinMinute), of(Figure::ShortAbandons));
        let shown = [board.total.today_hits, board.total.today_decided, board.total.today_short_abandons];
        assert_eq!(shown.map(u64::from), [rate.hits, rate.of, short.of]);
    }

    /// What sessions are shown is what the rows say.
    async fn check_board_and_desks_agree(&self, stage: Stage, id: ConversationId) {
        let view = self.house.view(id).await;
        assert_eq!(view.stage, stage, "{id}");
        let served_by: Vec<u128> = {
            let mut found = Vec::new();
            for n in [1, 2, 6, 7] {
                if self.house.desk(n).await.conversations.iter().any(|one| one.id == id) {
                    found.push(n);
                }
            }
            found
        };
        let is_served = matches!(stage, Stage::Serving | Stage::WrapUp);
        assert_eq!(served_by.len(), usize::from(is_served), "{id} in {stage} is on the desks {served_by:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_log_of_a_conversation_tells_its_rows(steps in steps(), restart_at in 20_usize..60) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            // Close to closing time, so that both sides of it are walked.
            let house = House::open(at(16, 40, 0), HoursKey::Calendar).await;
            let mut world = World { house, conversations: Vec::new(), slots: Vec::new() };
            for n in [1, 2, 6] {
                world.house.come(n).await;
            }
            for (position, step) in steps.into_iter().enumerate() {
                world.step(step).await;
                if position % restart_at == restart_at - 1 {
                    world.check().await;
                    let World { house, conversations, slots } = world;
                    world = World { house: house.restart().await, conversations, slots };
                }
            }
            world.check().await;
        });
    }
}
