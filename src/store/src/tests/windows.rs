//! Virtual windows on both databases.

use bangban_domain::{
    AgentId, CitizenId, ConversationId, ParticipantId, Timestamp, WindowId,
    window::{Consent, ConsentText, EndedBecause, Kept, Origin, Person, Purpose, Seat, State},
    words::Stage,
};

use super::{conversation, open, raw, seed};
use crate::{Change, ConversationRow, PrivacyChange, Store, Unit, WindowChange, testing::TestDatabase};

on_both! {
    what_stands_comes_back_as_it_was_kept,
    a_consent_that_was_taken_back_is_remembered_and_holds_no_more,
    what_is_over_stands_no_more_and_is_its_citizens,
    windows_go_with_their_thread,
}

const WINDOW: WindowId = WindowId::new(11);
const CITIZEN: CitizenId = CitizenId::new(7);

async fn change(store: &Store, changes: impl IntoIterator<Item = WindowChange>) {
    let changes = changes.into_iter().map(Change::Window).collect();
    store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
}

fn kept(state: State) -> Kept {
    Kept {
        conversation: ConversationId::new(1),
        origin: Origin::Conversation,
        asked_by: Person::Citizen(CITIZEN),
        state,
        citizen: Some(CITIZEN),
        agent: AgentId::new(3),
        agent_agrees: true,
        invited: Some(AgentId::new(4)),
        consents: Vec::new(),
        seats: vec![
            (Seat::Citizen, ParticipantId::new(21), Person::Citizen(CITIZEN)),
            (Seat::Agent, ParticipantId::new(22), Person::Staff(AgentId::new(3))),
        ],
        snapshots: 2,
        is_in_call: true,
    }
}

fn stands(kept: &Kept) -> WindowChange {
    WindowChange::Stands { window: WINDOW, opened_at: Timestamp(100), kept: Box::new(kept.clone()) }
}

fn consent(purpose: Purpose, version: u32, at: i64) -> Consent {
    Consent { purpose, text: ConsentText { id: "window".to_owned(), version }, at: Timestamp(at) }
}

fn ended(at: i64) -> WindowChange {
    let quality = raw(r#"{"seats":[]}"#);
    WindowChange::Ended { window: WINDOW, because: EndedBecause::CitizenLeft, at: Timestamp(at), quality }
}

async fn what_stands_comes_back_as_it_was_kept(db: TestDatabase) {
    let (store, _) = open(&db).await;
    for state in [
        State::Booked { at: Timestamp(900) },
        State::Asked { until: Timestamp(901) },
        State::Consented { until: Timestamp(902) },
        State::Live { since: Timestamp(903) },
    ] {
        let one = kept(state);
        change(&store, [stands(&one)]).await;
        assert_eq!(store.open_windows().await.unwrap(), [(WINDOW, Timestamp(100), one)]);
    }
    let for_a_code = Kept {
        origin: Origin::Code,
        citizen: None,
        invited: None,
        seats: Vec::new(),
        ..kept(State::Live { since: Timestamp(903) })
    };
    let other = WindowId::new(12);
    let coded = WindowChange::Stands { window: other, opened_at: Timestamp(99), kept: Box::new(for_a_code.clone()) };
    change(&store, [coded]).await;
    assert_eq!(store.open_windows().await.unwrap()[0], (other, Timestamp(99), for_a_code), "the older one first");
    store.close().await;
}

async fn a_consent_that_was_taken_back_is_remembered_and_holds_no_more(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let (window, screen, again) =
        (consent(Purpose::Window, 1, 200), consent(Purpose::Screen, 1, 201), consent(Purpose::Screen, 2, 203));
    let given = |one: &Consent| WindowChange::ConsentGiven { window: WINDOW, consent: one.clone() };
    change(&store, [stands(&kept(State::Live { since: Timestamp(150) })), given(&window), given(&screen)]).await;
    let held = async || store.open_windows().await.unwrap()[0].2.consents.clone();
    assert_eq!(held().await, [window.clone(), screen.clone()]);
    let taken_back = WindowChange::ConsentEnded { window: WINDOW, purpose: Purpose::Screen, at: Timestamp(202) };
    change(&store, [taken_back]).await;
    assert_eq!(held().await, std::slice::from_ref(&window));
    change(&store, [given(&again)]).await;
    assert_eq!(held().await, [window.clone(), again.clone()]);
    let all = store.archive().windows_of(CITIZEN).await.unwrap()[0].consents.clone();
    assert_eq!(all, [(window, None), (screen, Some(Timestamp(202))), (again, None)]);
    store.close().await;
}

async fn what_is_over_stands_no_more_and_is_its_citizens(db: TestDatabase) {
    let (store, _) = open(&db).await;
    change(&store, [stands(&kept(State::Live { since: Timestamp(150) })), ended(300)]).await;
    assert_eq!(store.open_windows().await.unwrap(), []);
    let row = store.archive().windows_of(CITIZEN).await.unwrap().remove(0);
    assert_eq!((row.live_at, row.ended_at), (Some(Timestamp(150)), Some(Timestamp(300))));
    assert_eq!(row.because, Some(EndedBecause::CitizenLeft));
    assert_eq!(row.quality.as_ref().map(crate::Json::as_str), Some(r#"{"seats":[]}"#));
    change(&store, [ended(301)]).await;
    assert_eq!(store.archive().windows_of(CITIZEN).await.unwrap(), [row], "it ends once");
    assert_eq!(store.archive().windows_of(CitizenId::new(8)).await.unwrap(), []);
    store.close().await;
}

async fn windows_go_with_their_thread(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 1).await;
    let given = WindowChange::ConsentGiven { window: WINDOW, consent: consent(Purpose::Window, 1, 200) };
    change(&store, [stands(&kept(State::Live { since: Timestamp(150) })), given, ended(300)]).await;
    let prune = async || {
        let threads = PrivacyChange::Threads { conversations: vec![ConversationId::new(1)], at: Timestamp(500) };
        store.commit(Unit { changes: vec![Change::Privacy(threads)], ..Unit::default() }).await.unwrap();
        store.archive().windows_of(CITIZEN).await.unwrap().len()
    };
    assert_eq!(prune().await, 1, "the conversation is open");
    let closed = ConversationRow { stage: Stage::Closed, closed_at: Some(Timestamp(400)), ..conversation(1) };
    store.commit(Unit { changes: vec![Change::Conversation(closed)], ..Unit::default() }).await.unwrap();
    assert_eq!(prune().await, 0);
    let consents: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM window_consent").fetch_one(&store.readers).await.unwrap();
    assert_eq!(consents, 0);
    store.close().await;
}
