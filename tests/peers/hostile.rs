//! Strangers and floods: refused and counted, and the window that they are aimed at goes on.

use bangban_domain::window::{Medium, Purpose, Seat};
use bangban_protocol::{Answer, Command, ErrorCode, EventBody, MediaLine, Point};
use tokio::net::UdpSocket;

use crate::{
    page::{Page, assert_whole, media_address, until, until_connected},
    scene::{Live, Scene, counted},
};

/// A STUN binding request (RFC 5389) for whoever has this name here, signed with nothing.
fn request(name: &str) -> Vec<u8> {
    let user = format!("{name}:them");
    let padded = user.len().next_multiple_of(4);
    let mut attributes = Vec::new();
    attributes.extend(0x0006_u16.to_be_bytes());
    attributes.extend(u16::try_from(user.len()).unwrap().to_be_bytes());
    attributes.extend(user.bytes());
    attributes.resize(4 + padded, 0);
    // Priority, and a signature that nobody could have made.
    attributes.extend([0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff]);
    attributes.extend([0x00, 0x08, 0x00, 0x14]);
    attributes.extend([0x5a; 20]);
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
    let mut scene = Scene::open().await;
    let window = scene.ask().await;
    scene.agree(window, &[Purpose::Window, Purpose::Screen]).await;
    let Scene { server, citizen, agent, .. } = scene;
    let mut citizen = Page::sit_down(citizen, window, Seat::Citizen).await;
    let answer = citizen.connect().await;
    let mut agent = Page::sit(agent, window, Seat::Agent).await;
    until_connected(&mut [&mut citizen, &mut agent]).await;
    citizen.publish(Medium::Screen, true).await;
    goes_on(&mut citizen, &mut agent).await;

    let (media, name) = (media_address(&answer), answer.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")));
    let stranger = UdpSocket::bind("127.0.0.2:0").await.unwrap();
    // To nobody, to somebody whose name was overheard, and what is no STUN at all.
    for datagram in [request("nobody"), request(name.unwrap()), vec![0x80; 200], vec![0; 20], vec![0x16; 64]] {
        for _ in 0..20 {
            stranger.send_to(&datagram, media).await.unwrap();
        }
    }
    goes_on(&mut citizen, &mut agent).await;
    assert_eq!(counted(&server, "forged").await, 20);
    assert!(counted(&server, "stray").await >= 80);
    // Beyond what one address may, nothing is even looked at.
    while counted(&server, "over_budget").await < 100 {
        for _ in 0..50 {
            stranger.send_to(&request(name.unwrap()), media).await.unwrap();
        }
    }
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
}

#[tokio::test]
async fn floods_of_ink_and_pages_end_with_their_author() {
    let mut live = Scene::live().await;
    live.citizen.publish(Medium::Screen, true).await;
    let window = live.window;
    let Live { server, citizen, agent, .. } = &mut live;
    goes_on(citizen, agent).await;

    let mut refused = 0;
    let mut numbers = Vec::new();
    for n in 0..500 {
        let at = Point { x: n, y: n };
        numbers.push(agent.client.post(Command::Point { window, at }).await.unwrap());
    }
    for number in numbers {
        match agent.client.answer(number).await.unwrap() {
            Ok(Answer::Done) => {}
            Err(error) => {
                assert_eq!(error.code, ErrorCode::RateLimited, "{error}");
                refused += 1;
            }
            Ok(other) => panic!("{other:?}"),
        }
    }
    assert!(refused >= 200, "120 at once and 60 a second: {refused}");

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
    let window = live.window;
    let participant = live.citizen.participant;
    goes_on(&mut live.citizen, &mut live.agent).await;
    // Somebody with a seat in no window, and an agent who serves others.
    let mut stranger = live.server.citizen("demo-citizen-2").await;
    let mut other = live.server.staff("agent1003").await;
    let (sdp, lines) = crate::browser::Browser::new().await.offer().await;
    for client in [&mut stranger, &mut other] {
        for command in [
            Command::TakeSeat { window, seat: Seat::Citizen },
            Command::TakeSeat { window, seat: Seat::Agent },
            Command::TakeSeat { window, seat: Seat::Supervisor },
            Command::ConnectWindow { window, sdp: sdp.clone(), lines: lines.clone() },
            Command::RestartWindowLink { window, sdp: sdp.clone(), lines: lines.clone() },
            Command::AnswerWindowOffer { window, number: 1, sdp: sdp.clone() },
            Command::Publish { window, medium: Medium::Screen, on: false },
            Command::Point { window, at: Point { x: 1, y: 1 } },
            Command::SendFrames { window, page: 1, frames: "[]".to_owned() },
            Command::RemoveFromWindow { window, participant },
            Command::EndWindow { window },
        ] {
            let what = format!("{command:?}");
            let error = client.refused(command).await;
            assert!(matches!(error.code, ErrorCode::NotFound | ErrorCode::Forbidden), "{what}: {error}");
        }
    }
    goes_on(&mut live.citizen, &mut live.agent).await;
    assert_eq!(live.agent.view.seats.len(), 2);
    assert_eq!(counted(&live.server, "peers").await, 2);
    live.agent
        .client
        .refute("strangers' ink", |event| matches!(event.body, EventBody::Pointed { .. }).then_some(()))
        .await;
}
