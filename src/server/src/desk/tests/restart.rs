//! A restart changes nothing for anybody: the same day with and without one before every single step, each time from the
//! database's file.

use bangban_domain::words::SlaStep;
use proptest::prelude::*;

use super::*;

/// What happens next; the numbers choose among those who are there.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Somebody new asks for a human.
    Ask,
    /// Somebody who waits gives up.
    Cancel(usize),
    /// The agents take what they are offered, as long as they are offered anything.
    Take,
    /// An agent replies in one of the conversations that are served.
    Reply(usize),
    /// An agent closes one of them.
    Close(usize),
    /// The agents answer, then so many seconds pass.
    Wait(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Ask),
        1 => (0_usize..16).prop_map(Step::Cancel),
        2 => Just(Step::Take),
        4 => (0_usize..16).prop_map(Step::Reply),
        3 => (0_usize..16).prop_map(Step::Close),
        4 => (1_i64..25).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 30)
}

/// Both serve the team of the item, and nobody else does.
const AGENTS: [u128; 2] = [1, 2];

/// What became of one conversation: its stage, and of its clock the instants of the request, the promise, the answer and the
/// leaving, with the last step.
type Fate = (Stage, Timestamp, Timestamp, Option<Timestamp>, Option<Timestamp>, SlaStep);

struct Day {
    house: House,
    conversations: Vec<ConversationId>,
    /// Who was accepted, by position, and when; within one moment in the order of asking.
    taken: Vec<(Timestamp, usize)>,
}

impl Day {
    async fn begin() -> Self {
        let day =
            Self { house: House::open(at(10, 0, 0), HoursKey::Calendar).await, conversations: vec![], taken: vec![] };
        day.everybody_comes().await;
        day
    }

    async fn everybody_comes(&self) {
        for n in AGENTS {
            self.house.come(n).await;
        }
        self.house.settle().await;
    }

    async fn restart(self) -> Self {
        let day = Self { house: self.house.restart().await, ..self };
        day.everybody_comes().await;
        day
    }

    async fn take(&mut self) {
        let mut taken = Vec::new();
        loop {
            let before = taken.len();
            for n in AGENTS {
                if let Some(offer) = self.house.desk(n).await.offer {
                    self.house.ok(&agent(n), Command::AcceptOffer { offer: offer.id }).await;
                    taken.push(self.conversations.iter().position(|id| *id == offer.conversation).unwrap());
                }
            }
            if taken.len() == before {
                break;
            }
        }
        taken.sort_unstable();
        let now = self.house.now();
        self.taken.extend(taken.into_iter().map(|position| (now, position)));
    }

    /// The stage, in which it makes no difference for the citizen whether an agent looks at the offer already: that depends
    /// on how the conversations are spread over the agents, and so on who has rested longest, which a restart forgets.
    async fn stage(&self, id: ConversationId) -> Stage {
        match self.house.stage(id).await {
            Stage::Offered => Stage::Waiting,
            other => other,
        }
    }

    /// One of the conversations in this stage.
    async fn one(&self, wanted: Stage, which: usize) -> Option<(usize, ConversationId)> {
        let mut found = Vec::new();
        for (position, id) in self.conversations.iter().enumerate() {
            if self.stage(*id).await == wanted {
                found.push((position, *id));
            }
        }
        (!found.is_empty()).then(|| found[which % found.len()])
    }

    async fn agent_of(&self, id: ConversationId) -> Principal {
        let served_by = self.house.app.store.conversation(id).await.unwrap().unwrap().agent;
        agent(AGENTS.into_iter().find(|n| served_by == Some(AgentId::new(*n))).unwrap())
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Ask => {
                let person = citizen(self.conversations.len() as u128 + 1);
                let conversation = self.house.ask(&person, "residence-permit").await;
                self.conversations.push(conversation);
            }
            Step::Cancel(which) => {
                if let Some((position, conversation)) = self.one(Stage::Waiting, which).await {
                    let person = citizen(position as u128 + 1);
                    self.house.ok(&person, Command::CancelRequest { conversation }).await;
                }
            }
            Step::Take => self.take().await,
            Step::Reply(which) => {
                if let Some((_, conversation)) = self.one(Stage::Serving, which).await {
                    let who = self.agent_of(conversation).await;
                    self.house.say(&who, conversation, "您好").await;
                }
            }
            Step::Close(which) => {
                if let Some((_, conversation)) = self.one(Stage::Serving, which).await {
                    let who = self.agent_of(conversation).await;
                    let close = Command::Close {
                        conversation,
                        outcome: Outcome::Solved,
                        hand_on: None,
                        no_answer: None,
                        write_back: None,
                    };
                    self.house.ok(&who, close).await;
                }
            }
            Step::Wait(seconds) => {
                self.take().await;
                self.house.advance(seconds * 1_000).await;
            }
        }
        self.house.settle().await;
    }

    async fn fates(&self) -> Vec<Fate> {
        let mut fates = Vec::new();
        for id in &self.conversations {
            let clock = self.house.app.store.ledger_of(*id).await.unwrap().pop().unwrap();
            let stage = self.stage(*id).await;
            fates.push((stage, clock.asked_at, clock.due_at, clock.answered_at, clock.left_at, clock.step));
        }
        fates
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn a_restart_before_every_step_changes_no_outcome(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut undisturbed = Day::begin().await;
            let mut restarted = Day::begin().await;
            for step in &steps {
                undisturbed.step(*step).await;
                restarted = restarted.restart().await;
                restarted.step(*step).await;
                assert_eq!(restarted.taken, undisturbed.taken, "{step:?} of {steps:?}");
                assert_eq!(restarted.fates().await, undisturbed.fates().await, "{step:?} of {steps:?}");
            }
        });
    }
}
