//! Strangers and floods: refused and counted, and the window that they are aimed at goes on.

use bangban_domain::window::{Medium, Purpose, Seat};
use bangban_protocol::{Command, ErrorCode, EventBody, Identity, MediaLine, Point, Stroke, Topic};
use bangban_tests::PATIENCE;
use tokio::{
    net::UdpSocket,
    time::{Instant, timeout},
};

use crate::{
    page::{Page, assert_whole, media_address, until, until_connected},
    scene::{Live, Scene, counted, server},
};

/// A STUN binding request (RFC 8489) for whoever has this name here, with a signature that nobody could have made, or none.
fn request(name: &str, is_signed: bool) -> Vec<u8> {
    let user = format!("{name}:them");
    let padded = user.len().next_multiple_of(4);
    let mut attributes = Vec::new();
    attributes.extend(0x0006_u16.to_be_bytes());
    attributes.extend(u16::try_from(user.len()).unwrap().to_be_bytes());
    attributes.extend(user.bytes());
    attributes.resize(4 + padded, 0);
    // Priority, and the signature.
    attributes.extend([0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff]);
    if is_signed {
        attributes.extend([0x00, 0x08, 0x00, 0x14]);
        attributes.extend([0x5a; 20]);
    }
    let mut message = vec![0x00, 0x01];
    message.extend(u16::try_from(attributes.len()).unwrap().to_be_bytes());
    message.extend(0x2112_a442_u32.to_be_bytes());
    message.extend([7; 12]);
    message.extend(attributes);
    message
}

/// The window goes on as if nothing were: what comes is whole and is of now.
async fn goes_on(citizen: &mut Page, agent: &mut Page) {
    let they = citizen.participant;
    let before = agent.received(they, Medium::Screen).len();
    until(&mut [citizen, agent], "the screen goes on", |pages| {
        pages[1].received(they, Medium::Screen).len() >= before + 40
    })
    .await;
    assert_whole(&agent.received(they, Medium::Screen), citizen.browser.sent(Medium::Screen), Medium::Screen);
}

#[tokio::test]
async fn datagrams_of_strangers_are_counted_and_answered_by_nothing() {
    let server = server().await;
    let mut scene = Scene::open(&server).await;
    let window = scene.ask().await;
    scene.agree(window, &[Purpose::Window, Purpose::Screen]).await;
    let Scene { citizen, agent, .. } = scene;
    let mut citizen = Page::sit_down(citizen, window, Seat::Citizen).await;
    let answer = citizen.connect().await;
    let mut agent = Page::sit(agent, window, Seat::Agent).await;
    until_connected(&mut [&mut citizen, &mut agent]).await;
    citizen.publish(Medium::Screen, true).await;
    goes_on(&mut citizen, &mut agent).await;

    let media = media_address(&answer);
    let name = answer.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).unwrap();
    let stranger = UdpSocket::bind("127.0.0.2:0").await.unwrap();
    // Signed wrongly for somebody whose name was overheard; signed with nothing, for nobody, and what is no STUN at all.
    let strays = [request(name, false), request("nobody", true), vec![0x80; 200], vec![0; 20], vec![0x16; 64]];
    for datagram in [request(name, true)].iter().chain(&strays) {
        for _ in 0..20 {
            stranger.send_to(datagram, media).await.unwrap();
        }
    }
    goes_on(&mut citizen, &mut agent).await;
    assert_eq!((counted(&server, "forged").await, counted(&server, "stray").await), (20, 100));
    // Beyond what one address may, nothing is even looked at.
    let flood = async {
        while counted(&server, "over_budget").await < 100 {
            for _ in 0..50 {
                stranger.send_to(&request(name, true), media).await.unwrap();
            }
        }
    };
    timeout(PATIENCE, flood).await.expect("a budget");
    goes_on(&mut citizen, &mut agent).await;
    let mut buffer = [0; 100];
    assert!(stranger.try_recv(&mut buffer).is_err(), "nobody is told anything");
    for (what, expected) in [("peers", 2), ("failed", 0), ("panics", 0)] {
        assert_eq!(counted(&server, what).await, expected, "{what}");
    }
    assert!(!server.log().contains("panicked"));
}

#[tokio::test]
async fn descriptions_that_no_browser_writes_are_refused_and_the_connection_stands() {
    let mut live = Scene::live().await;
    live.citizen.publish(Medium::Screen, true).await;
    let window = live.window;
    let Live { server, citizen, agent, .. } = &mut live;
    goes_on(citizen, agent).await;
    let (good, _) = crate::browser::Browser::new().await.offer().await;
    let candidates = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n";
    let voices = vec![MediaLine { mid: "0".to_owned(), medium: Medium::Voice }; 4];
    let refused = counted(server, "refused").await;
    for (sdp, lines, code, field) in [
        (good.clone() + &candidates.repeat(65), vec![], ErrorCode::TooLarge, "sdp"),
        (good.clone() + &"a=x\r\n".repeat(5_000), vec![], ErrorCode::TooLarge, "sdp"),
        ("GET / HTTP/1.1".to_owned(), vec![], ErrorCode::BadRequest, "sdp"),
        (good.clone(), voices[..2].to_vec(), ErrorCode::BadRequest, "lines"),
        (good.clone(), voices, ErrorCode::BadRequest, "lines"),
    ] {
        for command in [
            Command::ConnectWindow { window, sdp: sdp.clone(), lines: lines.clone() },
            Command::RestartWindowLink { window, sdp: sdp.clone(), lines: lines.clone() },
        ] {
            let error = agent.client.refused(command).await;
            assert_eq!((error.code, error.field.as_deref()), (code, Some(field)), "{error}");
        }
    }
    // Ten thousand candidates are more than one message may be at all.
    let many = good + &candidates.repeat(10_000);
    let error = agent.client.refused(Command::ConnectWindow { window, sdp: many, lines: Vec::new() }).await;
    assert_eq!(error.code, ErrorCode::TooLarge);
    assert_eq!(counted(server, "refused").await, refused + 8);
    goes_on(citizen, agent).await;
    assert_eq!(counted(server, "peers").await, 2);
    // And who sends a megabyte of them is not listened to any more; the other side is.
    let Live { server, mut citizen, mut agent, .. } = live;
    let many = "a".to_owned() + &candidates.repeat(25_000);
    agent.client.post(Command::ConnectWindow { window, sdp: many, lines: Vec::new() }).await.ok();
    agent.client.end().await;
    let agent_again = server.staff("agent1001").await;
    let mut agent_again = Page::sit(agent_again, window, Seat::Agent).await;
    assert_eq!((agent_again.is_resumed, agent_again.participant), (true, agent.participant));
    until_connected(&mut [&mut citizen, &mut agent_again]).await;
    goes_on(&mut citizen, &mut agent_again).await;
    agent.close().await;
}

#[tokio::test]
async fn floods_of_ink_and_pages_end_with_their_author() {
    let mut live = Scene::live().await;
    live.citizen.publish(Medium::Screen, true).await;
    let window = live.window;
    let Live { server, citizen, agent, .. } = &mut live;
    goes_on(citizen, agent).await;

    // Pointers and strokes together: 120 at once and 60 a second, whatever the machine's pace.
    let (begin, mut passed, mut n) = (Instant::now(), 0_u32, 0);
    loop {
        let mut asked = Vec::new();
        for _ in 0..100 {
            n += 1;
            let at = Point { x: n, y: n };
            let stroke = Stroke::Box { from: at, to: Point { x: n + 1, y: n + 1 } };
            asked.push(agent.client.post(Command::Point { window, at }).await.unwrap());
            asked.push(agent.client.post(Command::Draw { window, number: n.into(), stroke }).await.unwrap());
        }
        let mut refused = 0;
        for number in asked {
            match agent.client.answer(number).await.unwrap() {
                Ok(_) => passed += 1,
                Err(error) => {
                    assert_eq!(error.code, ErrorCode::RateLimited, "{error}");
                    refused += 1;
                }
            }
        }
        let most = 120.0 + 60.0 * begin.elapsed().as_secs_f64();
        assert!(f64::from(passed) <= most, "{passed} of {most} have passed");
        if refused > 0 {
            break;
        }
    }
    assert!(passed >= 120, "{passed}");
    goes_on(citizen, agent).await;

    // A page that was not agreed upon, then more of one than may be.
    let frames = |text: String| Command::SendFrames { window, page: 1, frames: text };
    let piece = || frames(format!("[\"{}\"]", "x".repeat(200_000)));
    assert_eq!(citizen.client.refused(piece()).await.code, ErrorCode::InvalidStage);
    let text = citizen.view.texts.iter().find(|text| text.purpose == Purpose::CoBrowse).unwrap().clone();
    let consent = Command::Consent { window, purpose: Purpose::CoBrowse, text: text.id, version: text.version };
    citizen.client.ok(consent).await;
    citizen.client.ok(Command::Browse { window, on: true }).await;
    let mut passed = 0;
    let error = loop {
        match citizen.client.ask(piece()).await {
            Ok(_) => passed += 1,
            Err(error) => break error,
        }
        agent.attend().await;
        assert!(passed < 200, "4 MiB in a row, then half a MiB a second");
    };
    assert_eq!(error.code, ErrorCode::RateLimited);
    assert!(passed >= 20, "4 MiB in a row: {passed}");
    let personal = citizen.client.refused(frames(r#"["电话13800138001"]"#.to_owned())).await;
    assert_eq!((personal.code, personal.field.as_deref()), (ErrorCode::BadRequest, Some("frames")));
    goes_on(citizen, agent).await;
    let metrics = server.metrics().await;
    for line in
        ["bangban_window_frames_total{result=\"too_much\"} 1", "bangban_window_frames_total{result=\"personal\"} 1"]
    {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    assert!(!server.log().contains("13800138001"));
}

#[tokio::test]
async fn another_windows_people_open_nothing_here() {
    let mut live = Scene::live().await;
    live.citizen.publish(Medium::Screen, true).await;
    let Live { server, window, citizen, agent } = &mut live;
    let window = *window;
    goes_on(citizen, agent).await;
    // They sit in a window of their own, and what is shown there goes on too.
    let mut other = Scene::served(server, "demo-citizen-2", "agent1002").await;
    let theirs = other.ask().await;
    other.agree(theirs, &[Purpose::Window, Purpose::Screen]).await;
    let [mut strangers, mut clerk] = other.sit(theirs).await;
    strangers.publish(Medium::Screen, true).await;
    goes_on(&mut strangers, &mut clerk).await;

    let (sdp, lines) = crate::browser::Browser::new().await.offer().await;
    let (first, second) = (citizen.participant, agent.participant);
    let text = citizen.view.texts[0].clone();
    let Identity::Staff { id: me, .. } = clerk.client.me else { panic!("a clerk") };
    for client in [&mut strangers.client, &mut clerk.client] {
        for command in [
            Command::Subscribe { topic: Topic::Window(window), after: None },
            Command::TakeSeat { window, seat: Seat::Citizen },
            Command::TakeSeat { window, seat: Seat::Agent },
            Command::TakeSeat { window, seat: Seat::SecondClerk },
            Command::TakeSeat { window, seat: Seat::Supervisor },
            Command::CheckWindow { window },
            Command::ConnectWindow { window, sdp: sdp.clone(), lines: lines.clone() },
            Command::RestartWindowLink { window, sdp: sdp.clone(), lines: lines.clone() },
            Command::AnswerWindowOffer { window, number: 1, sdp: sdp.clone() },
            Command::Publish { window, medium: Medium::Screen, on: false },
            Command::Publish { window, medium: Medium::Camera, on: true },
            Command::Consent { window, purpose: text.purpose, text: text.id.clone(), version: text.version },
            Command::WithdrawConsent { window, purpose: Purpose::Screen },
            Command::InviteToWindow { window, agent: me },
            Command::Point { window, at: Point { x: 1, y: 1 } },
            Command::SendFrames { window, page: 1, frames: "[]".to_owned() },
            Command::RemoveFromWindow { window, participant: first },
            // Of their own window, but whoever sits here.
            Command::RemoveFromWindow { window: theirs, participant: second },
            Command::LeaveWindow { window },
            Command::EndWindow { window },
        ] {
            let what = format!("{command:?}");
            let error = client.refused(command).await;
            assert!(matches!(error.code, ErrorCode::NotFound | ErrorCode::Forbidden), "{what}: {error}");
        }
    }
    for (citizen, agent) in [(citizen, agent), (&mut strangers, &mut clerk)] {
        goes_on(citizen, agent).await;
        assert_eq!((citizen.view.seats.len(), agent.view.seats.len()), (2, 2));
        assert_eq!(citizen.receives(), []);
        assert_eq!(agent.receives(), [(citizen.participant, Medium::Screen)]);
    }
    assert_eq!((counted(server, "windows").await, counted(server, "peers").await), (2, 4));
    live.agent
        .client
        .refute("strangers' ink", |event| matches!(event.body, EventBody::Pointed { .. }).then_some(()))
        .await;
}
