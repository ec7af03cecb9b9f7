//! Citizens' claims, their past, receipts, one-time codes and visitors who log in, on both databases.

use bangban_domain::{
    AgentId, CitizenId, ContinuationId, ConversationId, Timestamp,
    words::{Channel, CitizenKind, FileKind, FileState, Language, ReceiptState, Stage},
};

use super::{conversation, message, open};
use crate::{
    Author, Change, CitizenRow, ContinuationChange, ContinuationRow, ConversationRow, FileChange, FileOwner, FileRow,
    NewEntry, ReceiptRow, Store, StoreError, Unit, testing::TestDatabase,
};

on_both! {
    what_the_portal_says_is_kept_and_the_next_token_says_it_anew,
    the_past_is_read_page_by_page_without_gap_or_repetition,
    a_receipt_is_found_with_its_conversation_and_what_staff_wrote,
    a_code_is_used_once_by_whoever_comes_first,
    codes_that_were_replaced_revoked_or_forgotten_let_nobody_in,
    what_a_visitor_asked_belongs_to_the_citizen_who_claims_it,
}

pub(super) fn citizen(n: u128) -> CitizenRow {
    CitizenRow {
        id: CitizenId::new(n),
        name: "上海示例科技有限公司".to_owned(),
        kind: CitizenKind::Enterprise,
        level: "L4".to_owned(),
        phone: Some("13800138001".to_owned()),
        credit_code: Some("91110000100010433L".to_owned()),
        language: Some(Language::English),
        anonymous: false,
        seen_at: Timestamp(1),
    }
}

fn of(citizen: u128, n: u128, opened: i64) -> ConversationRow {
    ConversationRow { citizen: CitizenId::new(citizen), opened_at: Timestamp(opened), ..conversation(n) }
}

async fn change(store: &Store, changes: impl IntoIterator<Item = Change>) {
    store.commit(Unit { changes: changes.into_iter().collect(), ..Unit::default() }).await.unwrap();
}

async fn what_the_portal_says_is_kept_and_the_next_token_says_it_anew(db: TestDatabase) {
    let (store, _) = open(&db).await;
    change(&store, [Change::Citizen(citizen(1))]).await;
    assert_eq!(store.citizen(CitizenId::new(1)).await.unwrap(), Some(citizen(1)));
    let later = CitizenRow { credit_code: None, language: None, phone: None, seen_at: Timestamp(2), ..citizen(1) };
    change(&store, [Change::Citizen(later.clone())]).await;
    assert_eq!(store.citizen(CitizenId::new(1)).await.unwrap(), Some(later));

    let visitor = CitizenRow { anonymous: true, credit_code: None, language: None, ..citizen(2) };
    change(&store, [Change::Citizen(visitor.clone())]).await;
    assert_eq!(store.citizen(CitizenId::new(2)).await.unwrap(), Some(visitor));

    let at_counter = ConversationRow {
        channel: Channel::Counter,
        hall: Some("pudong-1".to_owned()),
        ticket: Some("A12".to_owned()),
        ..of(1, 7, 5)
    };
    change(&store, [Change::NewConversation(at_counter.clone())]).await;
    assert_eq!(store.conversation(at_counter.id).await.unwrap(), Some(at_counter));
}

async fn the_past_is_read_page_by_page_without_gap_or_repetition(db: TestDatabase) {
    let (store, _) = open(&db).await;
    change(&store, [Change::Citizen(citizen(1)), Change::Citizen(citizen(2))]).await;
    // Several began in the same millisecond, and one is somebody else's.
    let opened = [10, 20, 20, 20, 20, 30, 40];
    let rows = (1_u128..).zip(opened).map(|(n, at)| Change::NewConversation(of(1, n, at)));
    change(&store, rows.chain([Change::NewConversation(of(2, 99, 20))])).await;

    let mut seen = Vec::new();
    let mut before: Option<ConversationRow> = None;
    loop {
        let page = store.past_of(CitizenId::new(1), before.as_ref(), 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last().cloned() else { break };
        seen.extend(page.iter().map(|row| row.id));
        before = Some(last);
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1].map(ConversationId::new));
    let ids = store.conversation_ids_of(CitizenId::new(1)).await.unwrap();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6, 7].map(ConversationId::new));
    assert!(store.past_of(CitizenId::new(3), None, 2).await.unwrap().is_empty());
}

fn receipt(number: &str, conversation: u128, made: i64) -> ReceiptRow {
    ReceiptRow {
        receipt: number.to_owned(),
        conversation: ConversationId::new(conversation),
        hand_on: None,
        made_at: Timestamp(made),
        state: ReceiptState::Open,
        settled_at: None,
        reminded_at: None,
    }
}

fn said(author: Author, client_id: &str, at: i64) -> NewEntry {
    NewEntry { at: Timestamp(at), ..message(1, author, client_id) }
}

async fn a_receipt_is_found_with_its_conversation_and_what_staff_wrote(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let agent = Author::Agent(AgentId::new(3));
    change(
        &store,
        [
            Change::Citizen(citizen(1)),
            Change::NewConversation(of(1, 1, 10)),
            Change::NewConversation(of(1, 2, 20)),
            Change::Receipt(receipt("SH20261124-0001", 1, 100)),
            Change::Receipt(receipt("SH20261125-0001", 1, 300)),
            Change::Receipt(receipt("SH20261124-0002", 2, 100)),
        ],
    )
    .await;
    let row = ConversationRow {
        stage: Stage::CallBack,
        slot: Some((Timestamp(500), Timestamp(600))),
        call_back_phone: Some("13800138001".to_owned()),
        ..of(1, 1, 10)
    };
    change(&store, [Change::Conversation(row.clone())]).await;
    let entries = [
        said(agent, "a", 99),
        said(Author::Citizen, "b", 100),
        said(agent, "c", 100),
        said(Author::Bot, "d", 150),
        said(agent, "e", 200),
    ];
    store.commit(Unit { entries: entries.into(), ..Unit::default() }).await.unwrap();

    let found = store.receipt("SH20261124-0001").await.unwrap();
    assert_eq!(found, Some((receipt("SH20261124-0001", 1, 100), row)));
    assert_eq!(store.receipt("SH20261124-9999").await.unwrap(), None);

    let by_staff = store.said_by_staff(ConversationId::new(1), Timestamp(100), 10).await.unwrap();
    assert_eq!(by_staff.iter().map(|row| row.at.0).collect::<Vec<_>>(), [100, 200]);
    assert_eq!(store.said_by_staff(ConversationId::new(1), Timestamp(100), 1).await.unwrap().len(), 1);

    let all = store.receipts_of_all(&[1, 2, 3].map(ConversationId::new)).await.unwrap();
    let numbers =
        |n| all.get(&ConversationId::new(n)).map(|rows| rows.iter().map(|row| &row.receipt).collect::<Vec<_>>());
    assert_eq!(numbers(1).unwrap(), ["SH20261124-0001", "SH20261125-0001"]);
    assert_eq!(numbers(2).unwrap(), ["SH20261124-0002"]);
    assert_eq!(numbers(3), None);
}

fn way(n: u128, made: i64) -> ContinuationRow {
    ContinuationRow {
        id: ContinuationId::new(n),
        conversation: ConversationId::new(1),
        citizen: CitizenId::new(1),
        code: format!("long-{n}"),
        short_code: format!("short-{n}"),
        made_at: Timestamp(made),
        expires_at: Timestamp(made + 120),
        token_until: Timestamp(made + 1_000),
        redeemed_at: None,
        revoked_at: None,
    }
}

fn new_way(n: u128, made: i64) -> Change {
    Change::Continuation(ContinuationChange::New(way(n, made)))
}

fn redeem(n: u128, at: i64) -> Unit {
    let change = ContinuationChange::Redeem { id: ContinuationId::new(n), at: Timestamp(at) };
    Unit { changes: vec![Change::Continuation(change)], ..Unit::default() }
}

fn revoke(n: u128, at: i64) -> Change {
    Change::Continuation(ContinuationChange::Revoke { id: ContinuationId::new(n), at: Timestamp(at) })
}

async fn a_code_is_used_once_by_whoever_comes_first(db: TestDatabase) {
    let (store, _) = open(&db).await;
    change(&store, [Change::Citizen(citizen(1)), Change::NewConversation(of(1, 1, 10)), new_way(5, 100)]).await;
    for code in ["long-5", "short-5"] {
        assert_eq!(store.continuation_by_code(code).await.unwrap(), Some(way(5, 100)), "{code}");
    }
    assert_eq!(store.continuation_by_code("short-6").await.unwrap(), None);

    let tries = futures_util::future::join_all((0..10).map(|n| store.commit(redeem(5, 150 + n)))).await;
    assert_eq!(tries.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(tries.iter().filter_map(|result| result.as_ref().err()).all(|error| matches!(error, StoreError::CodeGone)));
    let row = store.continuation(ContinuationId::new(5)).await.unwrap().unwrap();
    assert_eq!((row.redeemed_at.is_some(), row.revoked_at), (true, None));
}

async fn codes_that_were_replaced_revoked_or_forgotten_let_nobody_in(db: TestDatabase) {
    let (store, _) = open(&db).await;
    change(&store, [Change::Citizen(citizen(1)), Change::NewConversation(of(1, 1, 10))]).await;
    let is_gone = async |n, at| matches!(store.commit(redeem(n, at)).await, Err(StoreError::CodeGone));
    change(&store, [new_way(1, 100)]).await;
    assert!(is_gone(1, 220).await, "its time is over");
    change(&store, [new_way(2, 200)]).await;
    assert!(is_gone(1, 210).await, "replaced by another");
    change(&store, [revoke(2, 205)]).await;
    assert!(is_gone(2, 210).await, "taken back");
    change(&store, [new_way(3, 300)]).await;
    store.commit(redeem(3, 419)).await.unwrap();
    // A new code does not end what a used one has given.
    change(&store, [new_way(4, 430)]).await;
    let all = [1, 2, 3, 4].map(ContinuationId::new);
    assert_eq!(store.revoked_among(&all).await.unwrap(), [1, 2].map(ContinuationId::new));
    change(&store, [revoke(3, 500), revoke(3, 600)]).await;
    assert_eq!(store.continuation(all[2]).await.unwrap().unwrap().revoked_at, Some(Timestamp(500)));
    // The tokens of all of them are over; one that is not there any more counts as taken back.
    change(&store, [new_way(6, 1_430)]).await;
    assert_eq!(store.continuation(all[3]).await.unwrap(), None);
    assert_eq!(store.revoked_among(&all).await.unwrap(), all);
    assert!(store.revoked_among(&[]).await.unwrap().is_empty());
}

async fn what_a_visitor_asked_belongs_to_the_citizen_who_claims_it(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let (visitor, me) = (CitizenId::new(8), CitizenId::new(1));
    let file = FileRow {
        id: bangban_domain::FileId::new(1),
        conversation: ConversationId::new(1),
        owner: FileOwner::Citizen(visitor),
        kind: FileKind::Image,
        name: "a.png".to_owned(),
        mime: String::new(),
        size: 1,
        state: FileState::Uploading,
        sides: None,
        duration_ms: None,
        made_at: Timestamp(1),
        kept_until: Timestamp(9),
        attached_as: None,
    };
    let of_visitor = ContinuationRow { citizen: visitor, ..way(5, 100) };
    change(
        &store,
        [
            Change::Citizen(CitizenRow { anonymous: true, ..citizen(8) }),
            Change::Citizen(citizen(1)),
            Change::NewConversation(of(8, 1, 10)),
            Change::NewConversation(of(1, 2, 20)),
            Change::File(FileChange::New(file.clone())),
            Change::Continuation(ContinuationChange::New(of_visitor)),
        ],
    )
    .await;
    assert!(store.claimed_among(&[visitor, me]).await.unwrap().is_empty());
    change(
        &store,
        [Change::Claim { visitor, citizen: me, conversations: vec![ConversationId::new(1)], at: Timestamp(150) }],
    )
    .await;

    let ids = store.conversation_ids_of(me).await.unwrap();
    assert_eq!(ids, [1, 2].map(ConversationId::new));
    assert!(store.conversation_ids_of(visitor).await.unwrap().is_empty());
    assert_eq!(store.file(file.id).await.unwrap().unwrap().owner, FileOwner::Citizen(me));
    assert_eq!(store.claimed_among(&[me, visitor]).await.unwrap(), [visitor]);
    // A code that the visitor's page still shows would let in more than it was made for.
    assert!(matches!(store.commit(redeem(5, 160)).await, Err(StoreError::CodeGone)));
    assert!(store.citizen(visitor).await.unwrap().unwrap().anonymous, "the row says whose it was");
}
