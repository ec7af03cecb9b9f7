//! What the desk does when its rows cannot be written, and what it never misses when it is full.

use std::{
    future::Future as _,
    task::{Context, Poll, Waker},
};

use sqlx::{AnyPool, Executor as _};

use super::*;

/// A second connection to the database, by which a test makes it refuse.
async fn saboteur(house: &House) -> AnyPool {
    sqlx::any::install_default_drivers();
    AnyPool::connect(&format!("sqlite://{}/bangban.db", house.dir.path().display())).await.unwrap()
}

#[tokio::test]
async fn what_could_not_be_written_did_not_happen_and_consoles_stay_connected() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    house.come(1).await;
    let first = house.ask(&citizen(1), "residence-permit").await;
    assert_eq!(house.accept(1).await, first);
    let second = house.converse(&citizen(2), "residence-permit").await;

    let pool = saboteur(&house).await;
    pool.execute("CREATE TRIGGER refuse BEFORE INSERT ON ledger BEGIN SELECT RAISE(ABORT, 'refused'); END")
        .await
        .unwrap();
    let request = Command::RequestHuman { conversation: second };
    assert_eq!(house.refused(&citizen(2), request.clone()).await, ErrorCode::Internal);
    assert_eq!(house.stage(second).await, Stage::Bot);
    assert_eq!(house.desk(1).await.offer, None, "nobody was asked for what did not happen");

    pool.execute("DROP TRIGGER refuse").await.unwrap();
    house.ok(&citizen(2), request).await;
    // The console of agent 1 has been there all the time.
    assert_eq!(house.accept(1).await, second);
    house.advance(59_999).await;
    assert_eq!(house.desk(1).await.conversations.len(), 2, "nobody was taken for lost");
}

#[tokio::test]
async fn a_desk_that_cannot_read_its_rows_refuses_until_it_can() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    house.come(1).await;
    let id = house.converse(&citizen(1), "residence-permit").await;
    let pool = saboteur(&house).await;
    pool.execute("CREATE TRIGGER refuse BEFORE INSERT ON ledger BEGIN SELECT RAISE(ABORT, 'refused'); END")
        .await
        .unwrap();
    pool.execute("ALTER TABLE agent_team RENAME TO away").await.unwrap();
    let request = Command::RequestHuman { conversation: id };
    assert_eq!(house.refused(&citizen(1), request.clone()).await, ErrorCode::Internal);
    for _ in 0..2 {
        assert_eq!(house.refused(&citizen(1), request.clone()).await, ErrorCode::Busy, "it may be tried again");
    }
    pool.execute("DROP TRIGGER refuse").await.unwrap();
    pool.execute("ALTER TABLE away RENAME TO agent_team").await.unwrap();
    house.ok(&citizen(1), request).await;
    assert_eq!(house.accept(1).await, id);
}

#[tokio::test]
async fn a_first_reply_and_a_lost_console_are_heard_even_when_the_mailbox_is_full() {
    let mut house = House::open(at(10, 0, 0), HoursKey::Always).await;
    house.come(1).await;
    let id = house.ask(&citizen(1), "residence-permit").await;
    assert_eq!(house.accept(1).await, id);
    house.config.limits.mailbox = 1;
    house = house.restart().await;
    house.come(1).await;

    let me = agent(1);
    let order = || Box::pin(house.give(&me, Command::SetStatus { status: AgentStatus::Online }));
    let mut orders: Vec<_> = (0..8).map(|_| order()).collect();
    let mut context = Context::from_waker(Waker::noop());
    // The desk cannot take a turn while this does not wait.
    let answers = orders.iter_mut().map(|order| order.as_mut().poll(&mut context));
    let busy = answers.filter(|answer| matches!(answer, Poll::Ready(Err(error)) if error.code == ErrorCode::Busy));
    assert_eq!(busy.count(), 7, "the mailbox holds one");
    let text = Command::Send { conversation: id, client_id: "r".to_owned(), text: "您好".to_owned(), entry: None };
    house.ok(&me, text).await;
    house.app.goodbye(&me);
    drop(orders);
    house.settle().await;

    house.advance(30_000).await;
    let clock = house.view(id).await.clock.unwrap();
    assert_eq!((clock.answered_at, clock.step.as_str()), (Some(Timestamp(at(10, 0, 0))), "running"));
    house.advance(30_000).await;
    assert_eq!(house.stage(id).await, Stage::Waiting, "a lost agent's conversation goes back");
}
