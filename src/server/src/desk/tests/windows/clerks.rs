//! Colleagues of a window: what a supervisor is not sent, and an invitation that waits.

use super::*;

#[tokio::test]
async fn a_supervisor_who_sits_there_is_sent_nothing_of_the_page() {
    let mut live = Live::open().await;
    live.show_page().await;
    let Live { house, window, citizen, agent, ids, .. } = &mut live;
    let window = *window;
    let mut boss = house.page(supervisor());
    house.look(&boss, window).await;
    house.sit(&boss, window, Seat::Supervisor).await;
    let wire = |page: &Page| {
        let (frames, _) = page.socket.take();
        frames.iter().map(|frame| frame.to_string()).collect::<Vec<_>>()
    };
    wire(&boss);
    agent.listen();

    house.must(citizen, frames(window, r#"[{"type":3,"data":{"text":"一段页面"}}]"#)).await;
    house.must(citizen, Command::SeeForm { window, context: context("秘密的一步") }).await;
    let field = || "住址".to_owned();
    house.must(agent, Command::Highlight { window, field: field(), note: Some("请看这里".to_owned()) }).await;
    let (kind, value) = (FieldKind::Text, "漕溪北路1号".to_owned());
    house.must(agent, Command::Propose { window, field: field(), kind, value, note: None }).await;
    let proposal = citizen.view().proposals[0].proposal;
    house.must(citizen, Command::AnswerProposal { window, proposal, accepts: true }).await;

    let heard = agent.listen();
    assert!(heard.iter().any(|body| matches!(body, EventBody::Frames { .. })), "the clerk sees it");
    assert!(heard.iter().any(|body| matches!(body, EventBody::ProposalEnded { .. })));
    let said = wire(&boss);
    assert!(!said.is_empty(), "views do come");
    for word in ["一段页面", "秘密的一步", "住址", "请看这里", "漕溪北路", "highlighted", "proposal_ended"]
    {
        assert!(said.iter().all(|frame| !frame.contains(word)), "{word}: {said:?}");
    }
    // What is of the window itself goes to all.
    house.must(agent, Command::Publish { window, medium: Medium::Voice, on: true }).await;
    assert!(boss.view().seats.iter().any(|seat| seat.participant == ids[1] && seat.media == [Medium::Voice]));
    assert!(boss.view().is_browsing, "that a page is seen they may know");
}

/// Who asks into which window, as this page has heard.
fn invited(page: &mut Page) -> Vec<(WindowId, AgentId)> {
    let heard = page.listen().into_iter().filter_map(|body| match body {
        EventBody::WindowInvited { window, by } => Some((window, by.id)),
        _ => None,
    });
    heard.collect()
}

#[tokio::test]
async fn a_colleague_who_is_away_hears_when_they_come_that_they_are_asked_in() {
    let Live { house, window, agent, .. } = Live::open().await;
    house.must(&agent, Command::InviteToWindow { window, agent: AgentId::new(2) }).await;
    let desk = |n| Command::Subscribe { topic: Topic::Agent(AgentId::new(n)), after: None };
    let come = async |house: &House, n| {
        house.come(n).await;
        let page = house.page(super::agent(n));
        house.must(&page, desk(n)).await;
        page
    };
    let expected = [(window, AgentId::new(1))];
    assert_eq!(invited(&mut come(&house, 2).await), expected);
    assert_eq!(invited(&mut come(&house, 3).await), [], "nobody else");
    let boss = house.page(supervisor());
    house.must(&boss, desk(2)).await;
    let mut boss = boss;
    assert_eq!(invited(&mut boss), [], "who looks on is not asked");

    let house = house.restart().await;
    house.windows_settle().await;
    let mut second = come(&house, 2).await;
    assert_eq!(invited(&mut second), expected, "it stands across a restart");
    let [me, agent] = [house.page(citizen(1)), house.page(super::agent(1))];
    house.sit(&me, window, Seat::Citizen).await;
    house.sit(&agent, window, Seat::Agent).await;
    let (id, _) = house.sit(&second, window, Seat::SecondClerk).await;
    house.must(&agent, Command::RemoveFromWindow { window, participant: id }).await;
    assert_eq!(invited(&mut come(&house, 2).await), [], "shown out");
    house.must(&agent, Command::InviteToWindow { window, agent: AgentId::new(2) }).await;
    house.must(&agent, Command::EndWindow { window }).await;
    assert_eq!(invited(&mut come(&house, 2).await), [], "over");
}
