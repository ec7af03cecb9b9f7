//! Citizens over time: the past, codes for a second device, visitors who log in, halls, figures by channel.

use bangban_domain::{ContinuationId, history, time::DAY};
use bangban_protocol::{MyPast, Redeemed};

use super::*;

const HOUR: i64 = 3_600_000;

fn person(n: u128, expires_at: Timestamp) -> Citizen {
    match citizen(n) {
        Principal::Citizen(one) => Citizen { expires_at, ..one },
        Principal::Staff(_) => unreachable!("citizen() makes citizens"),
    }
}

impl House {
    /// As [`House::open`], with anonymous visitors.
    async fn with_visitors(start: i64) -> Self {
        let mut house = Self::open(start, HoursKey::Always).await;
        house.config.citizen.anonymous = true;
        house.restart().await
    }

    async fn past(&self, who: &Principal, before: Option<ConversationId>) -> (Vec<MyPast>, bool) {
        match self.ok(who, Command::PastConversations { before }).await {
            Answer::PastConversations { conversations, more } => (conversations, more),
            other => panic!("{other:?}"),
        }
    }

    /// Long code, short code, id.
    async fn code(&self, who: &Principal, conversation: ConversationId) -> (String, String, ContinuationId) {
        match self.ok(who, Command::ContinueElsewhere { conversation }).await {
            Answer::ContinueCode { continuation, code, short, expires_at } => {
                assert!(expires_at <= self.now() + 120_000, "{expires_at:?}");
                (code, short, continuation)
            }
            other => panic!("{other:?}"),
        }
    }

    async fn second(&self, code: &str) -> (Redeemed, Principal) {
        let redeemed = self.app.redeem(code).await.unwrap_or_else(|error| panic!("{error}"));
        let who = self.app.identify(&redeemed.token).await.unwrap();
        (redeemed, who)
    }

    async fn visitor(&self) -> (String, Principal) {
        let token = self.app.visitor(None).unwrap().token;
        let who = self.app.identify(&token).await.unwrap();
        (token, who)
    }

    async fn kinds(&self, id: ConversationId) -> Vec<&'static str> {
        self.app.store.events_of(id).await.unwrap().iter().map(|event| event.what.kind()).collect()
    }
}

#[tokio::test]
async fn the_past_goes_back_beyond_seven_days_and_says_what_can_be_continued() {
    let mut house = House::open(at(9, 0, 0), HoursKey::Always).await;
    house.come(1).await;
    let me = citizen(100);
    let old = house.ask(&me, "residence-permit").await;
    house.accept(1).await;
    let reply = house.message(old, "您好");
    house.ok(&agent(1), reply).await;
    house.close(1, old, Outcome::Solved).await;
    house.ok(&me, Command::Rate { conversation: old, stars: 4, comment: String::new() }).await;
    house.advance(7 * DAY).await;
    let young = house.converse(&me, "residence-permit").await;
    assert_ne!(young, old, "closed ones are not opened again by opening");

    let (list, more) = house.past(&me, None).await;
    assert!(!more);
    assert_eq!(list.iter().map(|one| one.id).collect::<Vec<_>>(), [young, old]);
    let [newer, older] = &list[..] else { panic!("{list:?}") };
    assert_eq!((newer.stage, newer.may_continue, newer.closed_at), (Stage::Bot, true, None));
    assert_eq!((older.stage, older.outcome, older.stars), (Stage::Closed, Some(Outcome::Solved), Some(4)));
    assert_eq!(older.item_name.as_deref(), Some("居住证办理"));
    assert!(older.may_continue, "to the millisecond");

    house.advance(1).await;
    assert!(!house.past(&me, None).await.0[1].may_continue);
    // To read it is allowed for ever, to write is not.
    assert!(!house.bodies(old).await.is_empty());
    let (_, Snapshot::Conversation { entries, .. }) = house.snapshot(&me, Topic::Conversation(old)).await else {
        panic!("a thread")
    };
    assert!(entries.iter().any(|entry| matches!(&entry.body, ThreadBody::Text { text, .. } if text == "您好")));
    let late = house.message(old, "还在吗");
    assert_eq!(house.refused(&me, late).await, ErrorCode::InvalidStage);

    // Others' past is nobody's business.
    assert!(house.past(&citizen(101), None).await.0.is_empty());
    assert_eq!(
        house.refused(&citizen(101), Command::PastConversations { before: Some(old) }).await,
        ErrorCode::NotFound
    );
    assert_eq!(house.refused(&agent(1), Command::PastConversations { before: None }).await, ErrorCode::Forbidden);
}

#[tokio::test]
async fn receipts_stand_beside_the_conversations_they_belong_to() {
    let house = House::open(at(20, 0, 0), HoursKey::Calendar).await;
    let me = citizen(100);
    let conversation = house.converse(&me, "residence-permit").await;
    let Answer::OutOfHours { slots, .. } = house.ok(&me, Command::RequestHuman { conversation }).await else {
        panic!("it is night")
    };
    let leave = Command::LeaveMessage {
        conversation,
        client_id: "l1".to_owned(),
        text: "居住证怎么办".to_owned(),
        phone: "138-0013-8001".to_owned(),
        slot: slots[0].starts_at,
    };
    let Answer::MessageLeft { receipt, slot } = house.ok(&me, leave).await else { panic!("left") };
    let (list, _) = house.past(&me, None).await;
    let told: Vec<_> = list[0].receipts.iter().map(|one| (one.receipt.as_str(), one.state)).collect();
    assert_eq!(told, [(receipt.as_str(), bangban_domain::words::ReceiptState::Open)]);

    let view = house.receipt_by(None, &receipt, Some("8001")).await.unwrap();
    assert_eq!((view.slot, view.settled_at, view.answers.len()), (Some(slot), None, 0));
    assert_eq!(view.item_name.as_deref(), Some("居住证办理"));
    assert!(house.receipt_by(Some(&me), &receipt, None).await.is_some());
    for (who, number, end) in [
        (None, receipt.as_str(), Some("8002")),
        (None, receipt.as_str(), Some("001")),
        (None, receipt.as_str(), Some("01380013800")),
        (None, receipt.as_str(), Some("")),
        (None, receipt.as_str(), None),
        (None, "SH20261124-9999", Some("8001")),
        (Some(citizen(101)), receipt.as_str(), Some("8001")),
        (Some(agent(1)), receipt.as_str(), Some("8001")),
    ] {
        assert_eq!(house.receipt_by(who.as_ref(), number, end).await, None, "{number} {end:?}");
    }
}

#[tokio::test]
async fn a_receipt_that_is_done_shows_what_staff_wrote_and_nothing_of_later() {
    let mut house = House::open(at(20, 0, 0), HoursKey::Calendar).await;
    let me = citizen(100);
    let conversation = house.converse(&me, "residence-permit").await;
    let Answer::OutOfHours { slots, .. } = house.ok(&me, Command::RequestHuman { conversation }).await else {
        panic!("it is night")
    };
    let (text, phone) = ("怎么办".to_owned(), "13800138001".to_owned());
    let leave =
        Command::LeaveMessage { conversation, client_id: "l".to_owned(), text, phone, slot: slots[0].starts_at };
    let Answer::MessageLeft { receipt, slot } = house.ok(&me, leave).await else { panic!("left") };
    house.advance_to(slot.starts_at.0).await;
    house.come(1).await;
    house.settle().await;
    house.accept(1).await;
    let reply = house.message(conversation, "已为您办好");
    house.ok(&agent(1), reply).await;
    house.close(1, conversation, Outcome::LeftMessage).await;
    // It goes on: what is said then is no answer to the receipt.
    house.advance(HOUR).await;
    house.ok(&me, Command::RequestHuman { conversation }).await;
    house.accept(1).await;
    let later = house.message(conversation, "另一件事");
    house.ok(&agent(1), later).await;

    let view = house.receipt_by(None, &receipt, Some("8001")).await.unwrap();
    assert_eq!(view.state, bangban_domain::words::ReceiptState::Done);
    assert_eq!(view.answers.iter().map(|answer| answer.text.as_str()).collect::<Vec<_>>(), ["已为您办好"]);
    assert_eq!(view.slot, None);
}

#[tokio::test]
async fn a_code_lives_for_two_minutes_is_used_once_and_gives_the_same_citizen_until_the_same_end() {
    let mut house = House::open(at(9, 0, 0), HoursKey::Always).await;
    let until = Timestamp(at(10, 0, 0));
    let me = Principal::Citizen(person(100, until));
    let conversation = house.converse(&me, "residence-permit").await;
    let (long, short, _) = house.code(&me, conversation).await;
    house.advance(119_999).await;
    let (redeemed, second) = house.second(&short.to_lowercase().replace('-', " ")).await;
    assert_eq!((redeemed.conversation, redeemed.expires_at), (conversation, until));
    for again in [&long, &short] {
        assert_eq!(house.app.redeem(again).await.unwrap_err().code, ErrorCode::NotFound, "once");
    }
    let Principal::Citizen(device) = &second else { panic!("{second:?}") };
    let Principal::Citizen(first) = &me else { panic!("{me:?}") };
    assert_eq!(Citizen { continuation: None, ..device.clone() }, *first, "the same person in every claim");
    let hello = house.message(conversation, "在手机上");
    house.ok(&second, hello).await;
    assert_eq!(house.past(&second, None).await.0[0].id, conversation);
    // A chain could not be taken back by the one who began it.
    assert_eq!(house.refused(&second, Command::ContinueElsewhere { conversation }).await, ErrorCode::Forbidden);

    let (long, short, _) = house.code(&me, conversation).await;
    house.advance(120_000).await;
    for late in [&long, &short] {
        assert_eq!(house.app.redeem(late).await.unwrap_err().code, ErrorCode::NotFound, "too late");
    }
    for foreign in [citizen(101), agent(1)] {
        let code = house.refused(&foreign, Command::ContinueElsewhere { conversation }).await;
        assert!(matches!(code, ErrorCode::NotFound | ErrorCode::Forbidden), "{code:?}");
    }
    // The code of one whose own token is nearly over does not outlive it.
    house.advance_to(until.0 - 5_000).await;
    match house.ok(&me, Command::ContinueElsewhere { conversation }).await {
        Answer::ContinueCode { expires_at, .. } => assert_eq!(expires_at, until),
        other => panic!("{other:?}"),
    }
    let kinds = house.kinds(conversation).await;
    assert_eq!(
        kinds,
        [
            "opened",
            "continuation_made",
            "continuation_redeemed",
            "bot_replied",
            "continuation_made",
            "continuation_made"
        ]
    );
}

#[tokio::test]
async fn what_is_taken_back_lets_nobody_in_any_more() {
    let house = House::open(at(9, 0, 0), HoursKey::Always).await;
    let me = Principal::Citizen(person(100, Timestamp(at(12, 0, 0))));
    let conversation = house.converse(&me, "residence-permit").await;
    let (unused, _, continuation) = house.code(&me, conversation).await;
    house.ok(&me, Command::RevokeContinuation { continuation }).await;
    assert_eq!(house.app.redeem(&unused).await.unwrap_err().code, ErrorCode::NotFound);

    let (replaced, ..) = house.code(&me, conversation).await;
    let (used, _, continuation) = house.code(&me, conversation).await;
    assert_eq!(house.app.redeem(&replaced).await.unwrap_err().code, ErrorCode::NotFound, "the newer one counts");
    let (Redeemed { token, .. }, _) = house.second(&used).await;
    let stranger = house.refused(&citizen(101), Command::RevokeContinuation { continuation }).await;
    assert_eq!(stranger, ErrorCode::NotFound);
    assert!(house.app.identify(&token).await.is_ok());
    house.ok(&me, Command::RevokeContinuation { continuation }).await;
    house.ok(&me, Command::RevokeContinuation { continuation }).await;
    assert_eq!(house.app.identify(&token).await.unwrap_err().code, ErrorCode::Unauthenticated);
    let (_, Snapshot::Continuation { view }) = house.snapshot(&me, Topic::Continuation(continuation)).await else {
        panic!("its state")
    };
    assert!(view.redeemed_at.is_some() && view.revoked_at.is_some());
    let foreign = Command::Subscribe { topic: Topic::Continuation(continuation), after: None };
    assert_eq!(house.refused(&citizen(101), foreign).await, ErrorCode::NotFound);
}

#[tokio::test]
async fn visitors_are_let_in_only_where_the_configuration_says_so() {
    // The demo lets everybody in.
    let House { dir, config, clock, app, .. } = House::open(at(9, 0, 0), HoursKey::Always).await;
    app.store.close().await;
    drop(app);
    let app = App::start(&config, clock.clone(), false, LoadAgents::default()).await.unwrap();
    assert_eq!(app.visitor(None).unwrap_err().code, ErrorCode::Forbidden);
    let (token, _) = app.auth.own().visitor_token(CitizenId::new(5), clock.now() + HOUR).unwrap();
    let refused = app.identify(&token).await.unwrap_err();
    assert_eq!((refused.code, refused.detail.contains("citizen.anonymous")), (ErrorCode::Unauthenticated, true));
    app.store.close().await;
    drop(dir);

    let house = House::with_visitors(at(9, 0, 0)).await;
    let (token, visitor) = house.visitor().await;
    let again = house.app.visitor(Some(&visitor)).unwrap();
    let Principal::Citizen(renewed) = house.app.identify(&again.token).await.unwrap() else { panic!("a citizen") };
    assert_eq!(renewed.id.to_string(), visitor.to_string(), "the same visitor");
    assert_eq!(house.app.visitor(Some(&citizen(100))).unwrap_err().code, ErrorCode::Forbidden);
    house.advance(7 * DAY).await;
    assert_eq!(house.app.identify(&token).await.unwrap_err().code, ErrorCode::TokenExpired);
}

#[tokio::test]
async fn staff_see_that_a_visitor_is_one_and_where_in_the_hall_somebody_stands() {
    let house = House::with_visitors(at(9, 0, 0)).await;
    house.come(1).await;
    let (_, visitor) = house.visitor().await;
    let open = |hall: Option<&str>, ticket: Option<&str>| Command::OpenConversation {
        item: Some("residence-permit".to_owned()),
        district: None,
        channel: Channel::Kiosk,
        hall: hall.map(str::to_owned),
        ticket: ticket.map(str::to_owned),
    };
    for (hall, ticket, field) in
        [(None, Some("A1"), "hall"), (Some("浦东"), None, "hall"), (Some("x"), Some("A 1"), "ticket")]
    {
        let refused = house.give(&visitor, open(hall, ticket)).await.unwrap_err();
        assert_eq!((refused.code, refused.field.as_deref()), (ErrorCode::BadRequest, Some(field)));
    }
    let Answer::Opened { conversation } = house.ok(&visitor, open(Some("pudong-1"), Some("a12"))).await else {
        panic!("opened")
    };
    house.ok(&visitor, Command::RequestHuman { conversation }).await;
    let offer = house.desk(1).await.offer.unwrap();
    assert_eq!((offer.citizen_name.as_str(), offer.channel), ("匿名访客", Channel::Kiosk));
    house.accept(1).await;
    let (_, Snapshot::Notes { context, .. }) = house.snapshot(&agent(1), Topic::Notes(conversation)).await else {
        panic!("the context")
    };
    assert!(context.anonymous && context.level.is_empty() && context.phone.is_none());
    assert_eq!((context.hall.as_deref(), context.ticket.as_deref()), (Some("pudong-1"), Some("A12")));

    let mut boss = person(200, Timestamp(i64::MAX));
    boss.kind = CitizenKind::Enterprise;
    boss.credit_code = Some("91110000100010433L".to_owned());
    boss.language = Some(bangban_domain::words::Language::English);
    let boss = Principal::Citizen(boss);
    house.come(2).await;
    let conversation = house.ask(&boss, "residence-permit").await;
    let (_, Snapshot::Notes { context, .. }) = house.snapshot(&supervisor(), Topic::Notes(conversation)).await else {
        panic!("the context")
    };
    assert_eq!(context.credit_code.as_deref(), Some("911100**********3L"));
    assert_eq!(context.language, Some(bangban_domain::words::Language::English));
    assert!(!context.anonymous);
}

#[tokio::test]
async fn what_a_visitor_asked_comes_over_by_both_tokens_once_and_the_log_says_so() {
    let mut house = House::with_visitors(at(9, 0, 0)).await;
    house.come(1).await;
    let (token, visitor) = house.visitor().await;
    let closed = house.converse(&visitor, "residence-permit").await;
    house.ok(&visitor, Command::Finish { conversation: closed }).await;
    let open = house.ask(&visitor, "residence-permit").await;
    house.accept(1).await;
    let (code, ..) = house.code(&visitor, open).await;

    let me = citizen(100);
    let claim = |visitor: &str| Command::ClaimVisitor { visitor: visitor.to_owned() };
    // Without the proof, or by one who is nobody.
    let foreign = house.app.auth.own().visitor_token(CitizenId::new(77), house.now() - HOUR).unwrap().0;
    for wrong in ["", "x", foreign.as_str()] {
        let refused = house.give(&me, claim(wrong)).await.unwrap_err();
        assert_eq!((refused.code, refused.field.as_deref()), (ErrorCode::BadRequest, Some("visitor")), "{wrong}");
    }
    assert_eq!(house.refused(&visitor, claim(&token)).await, ErrorCode::Forbidden);
    assert_eq!(house.refused(&agent(1), claim(&token)).await, ErrorCode::Forbidden);

    assert_eq!(house.ok(&me, claim(&token)).await, Answer::Claimed { conversations: 2 });
    assert_eq!(house.app.identify(&token).await.unwrap_err().code, ErrorCode::Unauthenticated);
    assert_eq!(house.refused(&citizen(101), claim(&token)).await, ErrorCode::BadRequest, "once");
    assert_eq!(house.app.redeem(&code).await.unwrap_err().code, ErrorCode::NotFound, "it was made for a visitor");
    let mine: Vec<_> = house.past(&me, None).await.0.into_iter().map(|one| one.id).collect();
    assert_eq!(mine, [open, closed]);
    // Rights follow at once, for the open one and the closed one.
    let mut hello = house.message(open, "我登录了");
    house.ok(&me, hello).await;
    hello = house.message(open, "还是我");
    assert_eq!(house.refused(&visitor, hello).await, ErrorCode::NotFound);
    hello = house.message(closed, "接着问");
    house.ok(&me, hello).await;
    assert_eq!(house.desk(1).await.conversations[0].citizen_name, "张*", "the agent sees who it is");
    for (id, count) in [(open, 1), (closed, 1)] {
        assert_eq!(house.kinds(id).await.iter().filter(|kind| **kind == "claimed").count(), count);
        let events = house.app.store.events_of(id).await.unwrap();
        let replayed = history::History::replay(events.iter().map(|event| (event.at, &event.what))).unwrap();
        assert_eq!(replayed.citizen, house.app.store.conversation(id).await.unwrap().unwrap().citizen);
    }
    // A restart changes nothing of it.
    let house = house.restart().await;
    assert_eq!(house.past(&me, None).await.0.len(), 2);
    assert_eq!(house.app.identify(&token).await.unwrap_err().code, ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn the_board_reports_channels_apart_and_they_add_up() {
    let mut house = House::open(at(9, 0, 0), HoursKey::Always).await;
    house.come(1).await;
    let online = house.ask(&citizen(100), "residence-permit").await;
    house.accept(1).await;
    let reply = house.message(online, "您好");
    house.ok(&agent(1), reply).await;
    let open = Command::OpenConversation {
        item: Some("residence-permit".to_owned()),
        district: None,
        channel: Channel::Counter,
        hall: Some("pudong-1".to_owned()),
        ticket: Some("A7".to_owned()),
    };
    let Answer::Opened { conversation } = house.ok(&citizen(101), open).await else { panic!("opened") };
    house.ok(&citizen(101), Command::RequestHuman { conversation }).await;
    house.advance(60_001).await;
    house.advance(1_000).await;
    for _ in 0..2 {
        let board = house.board().await;
        let lines: Vec<_> =
            board.channels.iter().map(|c| (c.channel, c.waiting, c.serving, c.today_hits, c.today_decided)).collect();
        assert_eq!(lines, [(Channel::Pc, 0, 1, 1, 1), (Channel::Counter, 1, 0, 0, 1)]);
        let sum = |of: fn(&bangban_protocol::BoardChannel) -> u32| board.channels.iter().map(of).sum::<u32>();
        assert_eq!(sum(|c| c.today_decided), board.total.today_decided);
        assert_eq!(sum(|c| c.waiting), board.total.waiting);
        // From the rows it is the same.
        house = house.restart().await;
        house.come(1).await;
        house.advance(300).await;
    }
}
