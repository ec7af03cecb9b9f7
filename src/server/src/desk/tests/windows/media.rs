//! Media threads that are slow.

use super::*;

#[tokio::test]
async fn a_media_thread_that_stands_still_holds_no_decision_of_any_window() {
    let Live { house, conversation, window, citizen, agent, .. } = Live::open().await;
    let standing = house.app.windows.stand_still(window).expect("there are windows here");
    let voice = || vec![MediaLine { mid: "0".to_owned(), medium: Medium::Voice }];
    let joining = house.does(&citizen, Command::ConnectWindow { window, sdp: offer(), lines: voice() });
    tokio::pin!(joining);
    let others = async {
        // The same window, and another one on the same thread.
        house.must(&agent, Command::InviteToWindow { window, agent: AgentId::new(2) }).await;
        house.come(2).await;
        house.ask(&super::citizen(3), "residence-permit").await;
        let other = house.accept(2).await;
        let [they, clerk] = [house.page(super::citizen(3)), house.page(super::agent(2))];
        let second = house.ask_window(&clerk, other, Origin::Conversation).await;
        house.agree(&they, second, Purpose::Window).await;
        house.sit(&they, second, Seat::Citizen).await;
        house.sit(&clerk, second, Seat::Agent).await;
        house.look(&they, second).await.state
    };
    tokio::select! {
        biased;
        answer = &mut joining => panic!("it cannot be answered: {answer:?}"),
        state = others => assert_eq!(state, WindowState::Live),
    }
    // What was decided meanwhile comes to the thread behind the offer.
    let leaving = house.does(&citizen, Command::LeaveWindow { window });
    tokio::pin!(leaving);
    let gone = async {
        while house.app.shared.windows.brief(conversation).is_some() {
            house.windows_settle().await;
        }
    };
    tokio::select! {
        biased;
        answer = &mut leaving => panic!("it flows still: {answer:?}"),
        () = gone => {}
    }
    drop(standing);
    let Ok(Answer::WindowAnswer { sdp }) = joining.await else { panic!("an answer") };
    assert!(sdp.starts_with("v=0"));
    assert_eq!(leaving.await, Ok(Answer::Done));
    let counted = house.app.windows.counted();
    for what in ["windows", "peers"] {
        assert!(counted.contains(&(what, 0)), "nothing is left behind: {counted:?}");
    }
}

#[tokio::test]
async fn a_page_does_not_wait_for_ever() {
    let Live { house, window, citizen, .. } = Live::open().await;
    let standing = house.app.windows.stand_still(window);
    let connect = Command::ConnectWindow { window, sdp: offer(), lines: Vec::new() };
    let joining = house.does(&citizen, connect.clone());
    tokio::pin!(joining);
    let nearly = async {
        // The windows have taken the offer before time passes.
        house.windows_settle().await;
        house.pass(9_999).await;
    };
    tokio::select! {
        biased;
        answer = &mut joining => panic!("too early: {answer:?}"),
        () = nearly => {}
    }
    let (answer, ()) = tokio::join!(joining, house.pass(1));
    assert_eq!(answer.unwrap_err().code, ErrorCode::Busy);
    drop(standing);
    house.must(&citizen, connect).await;
}
