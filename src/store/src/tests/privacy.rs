//! What is deleted because its time is over or its person asked for it, and the audit log that proves it; on both databases.

use bangban_domain::{
    AgentId, CitizenId, ConversationId, FileId, Timestamp, history,
    words::{Channel, FileKind, FileState, Stage},
};

use super::{conversation, message, one, open, raw, seed};
use crate::{
    Archive, Audit, AuditFilter, Author, Chain, Change, ConversationRow, Due, ErasureRow, ErasureState, Event,
    FileChange, FileOwner, FileRow, Lane, NewEntry, Overdue, PRUNE, PrivacyChange, Pruned, ReceiptRow, RunRow, Store,
    StoreError, Unit, Written, testing::TestDatabase,
};

on_both! {
    a_deleted_thread_leaves_its_skeleton_and_its_numbers,
    what_is_due_is_found_page_by_page_and_never_what_is_open,
    an_erased_person_leaves_conversations_of_nobody,
    nobody_with_an_open_conversation_is_erased,
    the_audit_log_can_be_shortened_and_still_proves_itself,
    a_tail_that_was_cut_off_is_noticed_by_whoever_wrote_its_hash_down,
    the_audit_log_is_read_by_actor_action_subject_and_time,
    runs_and_wishes_are_kept_as_they_were,
}

const ID: ConversationId = ConversationId::new(7);
const ME: CitizenId = CitizenId::new(1);
const NOW: Timestamp = Timestamp(90_000);

async fn commit(store: &Store, changes: Vec<Change>) -> Result<(), StoreError> {
    store.commit(Unit { changes, ..Unit::default() }).await.map(drop)
}

fn closed(n: u128, at: i64) -> ConversationRow {
    ConversationRow {
        stage: Stage::Closed,
        closed_at: Some(Timestamp(at)),
        comment: Some("请回电".to_owned()),
        call_back_phone: Some("13800138001".to_owned()),
        stars: Some(5),
        ..conversation(n)
    }
}

fn file(n: u128) -> FileRow {
    FileRow {
        id: FileId::new(n),
        conversation: ID,
        owner: FileOwner::Citizen(ME),
        kind: FileKind::File,
        name: "居住证.pdf".to_owned(),
        mime: "application/pdf".to_owned(),
        size: 10,
        state: FileState::Uploading,
        sides: None,
        duration_ms: None,
        made_at: Timestamp(1_000),
        kept_until: Timestamp(99_000),
        attached_as: None,
    }
}

/// A closed conversation with two messages, a note, a draft and a sent file.
async fn written(store: &Store) {
    seed(store, 7).await;
    let mut carrier = message(7, Author::Citizen, "f");
    carrier.at = Timestamp(3_000);
    let note = NewEntry { lane: Lane::Notes, ..message(7, Author::Agent(AgentId::new(3)), "n") };
    let entries = vec![message(7, Author::Citizen, "a"), carrier, note];
    let draft =
        Change::Draft { agent: AgentId::new(3), conversation: ID, text: "草稿".to_owned(), at: Timestamp(4_000) };
    let changes = vec![Change::File(FileChange::New(file(1))), Change::File(FileChange::Ready(file(1))), draft];
    store.commit(Unit { changes, entries, ..Unit::default() }).await.unwrap();
    let attach = FileChange::Attach { file: FileId::new(1), client_id: "f".to_owned() };
    commit(store, vec![Change::File(attach), Change::Conversation(closed(7, 5_000))]).await.unwrap();
}

async fn a_deleted_thread_leaves_its_skeleton_and_its_numbers(db: TestDatabase) {
    let (store, _) = open(&db).await;
    written(&store).await;
    let threads = |ids: &[u128]| {
        let conversations = ids.iter().map(|id| ConversationId::new(*id)).collect();
        Change::Privacy(PrivacyChange::Threads { conversations, at: NOW })
    };
    commit(&store, vec![threads(&[7])]).await.unwrap();
    for lane in [Lane::Public, Lane::Notes] {
        assert!(store.entries_after(ID, lane, 0, 10).await.unwrap().is_empty());
    }
    let row = store.conversation(ID).await.unwrap().unwrap();
    let expected = ConversationRow { comment: None, call_back_phone: None, ..closed(7, 5_000) };
    assert_eq!(row, expected, "stars and times stay for the figures");
    assert_eq!(store.draft(AgentId::new(3), ID).await.unwrap(), "");
    // The sweeper finds the file and deletes its bytes.
    let swept = store.abandoned_files(NOW, 10).await.unwrap();
    assert_eq!(
        swept.iter().map(|row| (row.id, row.state, row.name.as_str())).collect::<Vec<_>>(),
        [(FileId::new(1), FileState::Gone, "")]
    );
    assert_eq!(db.number("SELECT pruned_at FROM conversation").await, NOW.0);
    // Numbers go on behind those that are gone, also for a writer that has forgotten the thread.
    store.close().await;
    let (store, _) = open(&db).await;
    let next = store.commit(one(message(7, Author::Citizen, "b"))).await.unwrap();
    assert_eq!(next.entries, [Written::New { seq: 3, answered: false }]);
    let note = NewEntry { lane: Lane::Notes, ..message(7, Author::Agent(AgentId::new(3)), "m") };
    assert_eq!(store.commit(one(note)).await.unwrap().entries, [Written::New { seq: 2, answered: false }]);
    // One that is open is left alone.
    commit(&store, vec![Change::NewConversation(conversation(8))]).await.unwrap();
    store.commit(one(message(8, Author::Citizen, "a"))).await.unwrap();
    commit(&store, vec![threads(&[8])]).await.unwrap();
    assert_eq!(store.entries_after(ConversationId::new(8), Lane::Public, 0, 10).await.unwrap().len(), 1);
}

async fn what_is_due_is_found_page_by_page_and_never_what_is_open(db: TestDatabase) {
    let (store, _) = open(&db).await;
    written(&store).await;
    for n in 10..=14 {
        let changes = vec![Change::NewConversation(conversation(n)), Change::Conversation(closed(n, 2_000))];
        commit(&store, changes).await.unwrap();
    }
    commit(&store, vec![Change::NewConversation(conversation(20))]).await.unwrap();
    let receipt = |text: &str, state| ReceiptRow {
        receipt: text.to_owned(),
        conversation: ID,
        hand_on: None,
        made_at: Timestamp(1_000),
        state,
        settled_at: None,
        reminded_at: None,
    };
    use bangban_domain::words::ReceiptState::{Done, Open};
    let receipts = vec![Change::Receipt(receipt("SH1", Done)), Change::Receipt(receipt("SH2", Open))];
    commit(&store, receipts).await.unwrap();
    let archive = store.archive();
    let all = async |what, before: i64| {
        let (mut ids, mut after): (Vec<String>, Option<Due>) = (Vec::new(), None);
        loop {
            let page = archive.overdue(what, Timestamp(before), after.as_ref(), 2).await.unwrap();
            ids.extend(page.iter().map(|due| due.id.clone()));
            after = page.last().cloned();
            if page.len() < 2 {
                return ids;
            }
        }
    };
    let ids = |numbers: &[u128]| numbers.iter().map(|n| ConversationId::new(*n).to_string()).collect::<Vec<_>>();
    assert_eq!(all(Overdue::Threads, 2_000).await, ids(&[]));
    assert_eq!(all(Overdue::Threads, 2_001).await, ids(&[10, 11, 12, 13, 14]));
    assert_eq!(all(Overdue::Threads, 5_001).await, ids(&[10, 11, 12, 13, 14, 7]), "the oldest first, 20 is open");
    assert_eq!(all(Overdue::Files, 1_001).await, [FileId::new(1).to_string()]);
    assert_eq!(all(Overdue::Receipts, 2_000).await, ["SH1"], "what is promised is kept");
    let due = archive.overdue(Overdue::Files, NOW, None, 9).await.unwrap().remove(0);
    assert_eq!((due.citizen, due.conversation), (Some(ME.to_string()), Some(ID.to_string())));
    assert_eq!(all(Overdue::People, 1).await, ids(&[]), "there are threads left");
    let threads =
        PrivacyChange::Threads { conversations: (10..=14).chain([7, 20]).map(ConversationId::new).collect(), at: NOW };
    commit(&store, vec![Change::Conversation(closed(20, 3_000)), Change::Privacy(threads)]).await.unwrap();
    assert_eq!(all(Overdue::Threads, 90_000).await, ids(&[]), "nothing is due twice");
    assert_eq!(all(Overdue::People, 1).await, [ME.to_string()]);
    commit(&store, vec![Change::Privacy(PrivacyChange::People { citizens: vec![ME], at: NOW })]).await.unwrap();
    let nobody = store.citizen(ME).await.unwrap().unwrap();
    assert_eq!((nobody.name.as_str(), nobody.phone), ("", None));
    assert_eq!(all(Overdue::People, 1).await, ids(&[]));
    // Who comes back is somebody again.
    seed(&store, 30).await;
    assert_eq!(store.citizen(ME).await.unwrap().unwrap().name, "张伟");
    commit(&store, vec![Change::Privacy(PrivacyChange::Receipts(vec!["SH1".to_owned(), "SH2".to_owned()]))])
        .await
        .unwrap();
    assert_eq!(archive.receipts_of(ID).await.unwrap(), [("SH2".to_owned(), "open".to_owned())]);
}

fn erase(conversations: &[u128]) -> Change {
    Change::Privacy(PrivacyChange::Erase {
        citizen: ME,
        into: CitizenId::new(99),
        conversations: conversations.iter().map(|n| ConversationId::new(*n)).collect(),
        at: NOW,
    })
}

async fn an_erased_person_leaves_conversations_of_nobody(db: TestDatabase) {
    let (store, _) = open(&db).await;
    written(&store).await;
    let what = history::Event::Opened {
        citizen: ME,
        item: None,
        team: "general".to_owned(),
        channel: Channel::Pc,
        hall: None,
        ticket: None,
    };
    let event = Event { conversation: Some(ID), at: Timestamp(1_000), actor: Author::Citizen, what };
    store.commit(Unit { events: vec![event], ..Unit::default() }).await.unwrap();
    commit(&store, vec![erase(&[7])]).await.unwrap();
    assert_eq!(store.citizen(ME).await.unwrap(), None);
    let row = store.conversation(ID).await.unwrap().unwrap();
    assert_eq!((row.citizen, row.stars, row.comment, row.call_back_phone), (CitizenId::new(99), Some(5), None, None));
    assert_eq!(store.citizen(CitizenId::new(99)).await.unwrap().unwrap().name, "");
    assert!(store.entries_after(ID, Lane::Public, 0, 10).await.unwrap().is_empty());
    for sql in [
        format!("SELECT COUNT(*) FROM event WHERE detail LIKE '%{ME}%'"),
        format!("SELECT COUNT(*) FROM file WHERE owner = '{ME}' OR name <> ''"),
        format!("SELECT COUNT(*) FROM conversation WHERE citizen = '{ME}'"),
    ] {
        assert_eq!(db.number(&sql).await, 0, "{sql}");
    }
    assert_eq!(db.number("SELECT COUNT(*) FROM event WHERE kind = 'opened'").await, 1, "the figures' log stays");
}

async fn nobody_with_an_open_conversation_is_erased(db: TestDatabase) {
    let (store, _) = open(&db).await;
    written(&store).await;
    commit(&store, vec![Change::NewConversation(conversation(8))]).await.unwrap();
    for ids in [&[7][..], &[7, 8], &[]] {
        let refused = commit(&store, vec![erase(ids)]).await;
        assert!(matches!(refused, Err(StoreError::StillOpen(ME))), "{refused:?}");
    }
    assert_eq!(store.entries_after(ID, Lane::Public, 0, 10).await.unwrap().len(), 2, "nothing was done");
    commit(&store, vec![Change::Conversation(closed(8, 9_000))]).await.unwrap();
    // One more since the list was made.
    assert!(commit(&store, vec![erase(&[7])]).await.is_err());
    commit(&store, vec![erase(&[7, 8])]).await.unwrap();
}

fn line(action: &'static str, subject: &str, at: i64) -> Audit {
    Audit {
        at: Timestamp(at),
        actor: Author::Agent(AgentId::new(1)),
        action,
        kind: "citizen".to_owned(),
        subject: subject.to_owned(),
        unit: None,
        reason: None,
        address: None,
        detail: raw("{}"),
    }
}

async fn tell(store: &Store, lines: &[(&'static str, &str, i64)]) {
    for (action, subject, at) in lines {
        commit(store, vec![Change::Audit(line(action, subject, *at))]).await.unwrap();
    }
}

async fn shorten(store: &Store, up_to: u64) {
    let hash = store.archive().audit_line(up_to).await.unwrap().unwrap().hash;
    let pruned = Audit { detail: Pruned { up_to, hash }.detail().unwrap(), ..line(PRUNE, "1", 90_000) };
    let change = PrivacyChange::Audit { up_to, at: NOW };
    commit(store, vec![Change::Privacy(change), Change::Audit(pruned)]).await.unwrap();
}

async fn the_audit_log_can_be_shortened_and_still_proves_itself(db: TestDatabase) {
    let (store, _) = open(&db).await;
    tell(&store, &[("a", "ct_1", 10), ("a", "ct_2", 20), ("a", "ct_3", 20), ("a", "ct_4", 30)]).await;
    let archive = store.archive();
    let overdue = async |before: i64, held: &[&str]| {
        let held: Vec<String> = held.iter().map(|id| (*id).to_owned()).collect();
        archive.audit_overdue(Timestamp(before), &held).await.unwrap()
    };
    assert_eq!([overdue(10, &[]).await, overdue(11, &[]).await, overdue(30, &[]).await], [None, Some(1), Some(3)]);
    assert_eq!(overdue(99, &[]).await, Some(4));
    assert_eq!([overdue(99, &["ct_2"]).await, overdue(99, &["ct_1"]).await], [Some(1), None], "under legal hold");

    shorten(&store, 2).await;
    let Chain::Whole { lines: 3, last } = store.verify_audit().await.unwrap() else { panic!("broken") };
    assert_eq!(archive.first_audit_line().await.unwrap(), Some(3));
    tell(&store, &[("a", "ct_5", 95_000)]).await;
    shorten(&store, 4).await;
    let (chain, is_found) = archive.verify_audit(Some(&last)).await.unwrap();
    assert!(matches!(chain, Chain::Whole { lines: 3, .. }) && is_found, "{chain:?}");
    // More taken out than the log says, a forged anchor, none at all.
    let broken = async |what: &str| {
        let chain = store.verify_audit().await.unwrap();
        assert!(matches!(chain, Chain::Broken { .. }), "{what}: {chain:?}");
    };
    db.execute("UPDATE audit_anchor SET no = 5, hash = (SELECT hash FROM audit WHERE no = 5)").await;
    db.execute("DELETE FROM audit WHERE no = 5").await;
    broken("a forged anchor").await;
    db.execute("DELETE FROM audit_anchor").await;
    broken("no anchor").await;
    // Whatever happened, the next line gets the next number.
    db.execute("DELETE FROM audit").await;
    db.execute("INSERT INTO audit_anchor (id, no, hash, at) VALUES (1, 40, 'x', 0)").await;
    tell(&store, &[("a", "ct_6", 96_000)]).await;
    assert_eq!(archive.first_audit_line().await.unwrap(), Some(41));
}

async fn a_tail_that_was_cut_off_is_noticed_by_whoever_wrote_its_hash_down(db: TestDatabase) {
    let (store, _) = open(&db).await;
    tell(&store, &[("a", "1", 10), ("a", "2", 20), ("a", "3", 30)]).await;
    let Chain::Whole { last, .. } = store.verify_audit().await.unwrap() else { panic!("broken") };
    let archive = Archive::open(&db.database).await.unwrap();
    let check = async |hash: &str| archive.verify_audit(Some(hash)).await.unwrap();
    assert!(check(&last).await.1);
    db.execute("DELETE FROM audit WHERE no = 3").await;
    let (chain, is_found) = check(&last).await;
    assert!(matches!(chain, Chain::Whole { lines: 2, .. }) && !is_found, "every line fits, and yet: {chain:?}");
    store.close().await;
}

async fn the_audit_log_is_read_by_actor_action_subject_and_time(db: TestDatabase) {
    let (store, _) = open(&db).await;
    tell(&store, &[("data.reveal", "1", 10), ("data.export", "1", 20), ("record.change", "2", 30)]).await;
    let archive = store.archive();
    let found = async |filter: AuditFilter| {
        let rows = archive.audit(&filter, u64::MAX, 10).await.unwrap();
        rows.iter().map(|row| row.no).collect::<Vec<_>>()
    };
    let all = AuditFilter::default;
    assert_eq!(found(all()).await, [3, 2, 1]);
    assert_eq!(found(AuditFilter { action: "data.".to_owned(), ..all() }).await, [2, 1]);
    assert_eq!(found(AuditFilter { action: "d%".to_owned(), ..all() }).await, [0; 0]);
    assert_eq!(found(AuditFilter { subject: "2".to_owned(), ..all() }).await, [3]);
    assert_eq!(found(AuditFilter { actor: "system".to_owned(), ..all() }).await, [0; 0]);
    assert_eq!(
        found(AuditFilter { actor: AgentId::new(1).to_string(), kind: "citizen".to_owned(), ..all() }).await.len(),
        3
    );
    let span = AuditFilter { from: Some(Timestamp(20)), to: Some(Timestamp(30)), ..all() };
    assert_eq!(found(span).await, [2], "to is not part of it");
    assert_eq!(archive.audit(&all(), 3, 1).await.unwrap()[0].no, 2);
}

async fn runs_and_wishes_are_kept_as_they_were(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 7).await;
    let mut run =
        RunRow { no: 1, started_at: Timestamp(1), finished_at: None, cause: "schedule".to_owned(), report: raw("{}") };
    commit(&store, vec![Change::Privacy(PrivacyChange::Run(run.clone()))]).await.unwrap();
    run.finished_at = Some(Timestamp(2));
    run.report = raw(r#"{"threads":{"days":8,"before":1,"deleted":2,"held":0}}"#);
    commit(&store, vec![Change::Privacy(PrivacyChange::Run(run.clone()))]).await.unwrap();
    assert_eq!(store.archive().retention_runs(5).await.unwrap(), [run]);

    let asked = ErasureRow {
        id: "er_1".to_owned(),
        citizen: ME,
        asked_by: AgentId::new(1),
        asked_at: Timestamp(1),
        reason: "本人申请".to_owned(),
        state: ErasureState::Asked,
        decided: None,
        proof: None,
    };
    commit(&store, vec![Change::Privacy(PrivacyChange::Erasure(asked.clone()))]).await.unwrap();
    assert_eq!(store.archive().erasure_of(ME).await.unwrap().as_ref(), Some(&asked));
    let done = ErasureRow {
        state: ErasureState::Done,
        decided: Some((AgentId::new(2), Timestamp(3))),
        proof: Some(raw(r#"{"conversations":[]}"#)),
        ..asked
    };
    commit(&store, vec![Change::Privacy(PrivacyChange::Erasure(done.clone()))]).await.unwrap();
    assert_eq!(store.archive().erasures(5).await.unwrap(), [done]);
    let archive = store.archive();
    assert_eq!(archive.all_conversations_of(ME).await.unwrap(), [ID]);
    commit(&store, vec![Change::Conversation(closed(7, 5))]).await.unwrap();
    assert_eq!(archive.citizens_with_phone("13800138001", 5).await.unwrap(), [ME], "left for a call-back");
    assert_eq!(archive.citizen_of_receipt("SH0").await.unwrap(), None);
}
