//! Browsers, played by the `webrtc` crate, in windows of a real [`Sfu`] on a real socket.

mod browser;
mod key_frames;
mod proxy;

use std::{
    collections::{BTreeSet, HashMap},
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use bangban_domain::{ParticipantId, WindowId, window::Medium};
use bangban_media::{Config, Counters, Event, Leg, Lines, Link, MAX_SDP, Refused, Sfu};
use tokio::{sync::mpsc, time::timeout};
use webrtc::peer_connection::RTCPeerConnectionState;

use browser::{Browser, Heard};
use proxy::Proxy;

/// Far beyond what anything here takes; who waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);
/// A picture of 50 a second.
const FRAME: Duration = Duration::from_millis(20);

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("waited for {what}"))
}

struct Hall {
    sfu: Arc<Sfu>,
    events: mpsc::Receiver<Event>,
    links: Vec<(ParticipantId, Link)>,
    legs: HashMap<ParticipantId, Vec<Leg>>,
}

impl Hall {
    fn open() -> Self {
        Self::with_threads(1)
    }

    fn with_threads(threads: usize) -> Self {
        let (sender, events) = mpsc::channel(10_000);
        let config = Config { bind: "127.0.0.1:0".parse().unwrap(), public: None, threads };
        let sfu = Arc::new(Sfu::start(&config, &sender).unwrap());
        Self { sfu, events, links: Vec::new(), legs: HashMap::new() }
    }

    /// Comes in and is connected.
    async fn enter(&self, browser: &mut Browser) {
        browser.join(&self.sfu).await.unwrap();
        soon("the connection", browser.wait_for(RTCPeerConnectionState::Connected)).await;
    }

    async fn publish(&self, browser: &Browser, medium: Medium, is_on: bool) {
        self.sfu.publish(browser.window, browser.participant, medium, is_on).await.unwrap();
    }

    /// Carries offers and answers between the server and these browsers until `done` is.
    async fn until(&mut self, browsers: &[&Browser], what: &str, mut done: impl FnMut(&Self) -> bool) {
        soon(what, async {
            while !done(self) {
                let event = self.events.recv().await.unwrap();
                self.carry(browsers, event).await;
            }
        })
        .await;
    }

    async fn carry(&mut self, browsers: &[&Browser], event: Event) {
        match event {
            Event::Offer { window, participant, number, sdp } => {
                let Some(browser) = browsers.iter().find(|one| one.participant == participant) else { return };
                let answer = browser.answer(&sdp).await;
                self.sfu.answer(window, participant, number, answer).await.unwrap();
            }
            Event::Legs { participant, legs, .. } => {
                self.legs.insert(participant, legs);
            }
            Event::Link { participant, link, .. } => self.links.push((participant, link)),
            Event::Quality { .. } => {}
        }
    }

    /// Until everybody is told that they receive exactly this much.
    async fn until_received(&mut self, browsers: &[&Browser], expected: &[(&Browser, usize)]) {
        let expected: Vec<_> = expected.iter().map(|(browser, n)| (browser.participant, *n)).collect();
        self.until(browsers, "legs", |hall| {
            expected.iter().all(|(who, n)| hall.legs.get(who).map_or(0, Vec::len) == *n)
        })
        .await;
    }

    fn counters(&self) -> Counters {
        self.sfu.counters()
    }
}

/// What has come so far.
fn drain(browser: &mut Browser) -> Vec<Heard> {
    std::iter::from_fn(|| browser.heard.try_recv().ok()).collect()
}

/// Sends pictures, with a key frame whenever one is asked for, until the viewers have `enough`.
async fn play(publisher: &mut Browser, medium: Medium, viewers: &mut [(&mut Browser, &mut Vec<Heard>)], enough: usize) {
    soon("pictures", async {
        let mut answered = 0;
        loop {
            let asked = publisher.asked();
            publisher.send(medium, asked > answered).await;
            answered = asked;
            tokio::time::sleep(FRAME).await;
            for (viewer, heard) in viewers.iter_mut() {
                heard.extend(drain(viewer));
            }
            if viewers.iter().all(|(_, heard)| heard.len() >= enough) {
                return;
            }
        }
    })
    .await;
}

fn assert_whole(heard: &[Heard], from: &Browser, medium: Medium) {
    assert!(heard.iter().all(|one| one.from == from.participant.raw() && one.medium == medium), "of somebody else");
    if medium != Medium::Voice {
        assert!(heard[0].is_key_frame, "begins with {:?}", heard[0]);
    }
    let numbers: Vec<_> = heard.iter().map(|one| one.number).collect();
    let expected: Vec<_> = (numbers[0]..).take(numbers.len()).collect();
    assert_eq!(numbers, expected, "in order, none missing");
    let steps = heard.windows(2).map(|two| two[1].sequence.wrapping_sub(two[0].sequence));
    assert!(steps.into_iter().all(|step| step == 1), "sequence numbers go on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_viewers_see_the_screen_in_order_and_hear_the_voice() {
    let mut hall = Hall::open();
    let (mut citizen, mut agent, mut boss) =
        (Browser::new(1, 1).await, Browser::new(1, 2).await, Browser::new(1, 3).await);
    for browser in [&mut citizen, &mut agent, &mut boss] {
        hall.enter(browser).await;
    }
    hall.publish(&citizen, Medium::Screen, true).await;
    hall.publish(&citizen, Medium::Voice, true).await;
    hall.until_received(&[&citizen, &agent, &boss], &[(&agent, 2), (&boss, 2)]).await;
    let (mut seen, mut watched) = (Vec::new(), Vec::new());
    play(&mut citizen, Medium::Screen, &mut [(&mut agent, &mut seen), (&mut boss, &mut watched)], 50).await;
    assert_whole(&seen, &citizen, Medium::Screen);
    assert_whole(&watched, &citizen, Medium::Screen);
    let (mut seen, mut watched) = (Vec::new(), Vec::new());
    play(&mut citizen, Medium::Voice, &mut [(&mut agent, &mut seen), (&mut boss, &mut watched)], 20).await;
    assert_whole(&seen, &citizen, Medium::Voice);
    assert_eq!(drain(&mut citizen), [], "nobody hears themselves");
    assert!(hall.counters().forwarded >= 140);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_show_camera_voice_and_screen_in_one_window() {
    let mut hall = Hall::open();
    let (mut citizen, mut agent) = (Browser::new(1, 1).await, Browser::new(1, 2).await);
    hall.enter(&mut citizen).await;
    hall.enter(&mut agent).await;
    for browser in [&citizen, &agent] {
        for medium in Medium::ALL {
            hall.publish(browser, *medium, true).await;
        }
    }
    hall.until_received(&[&citizen, &agent], &[(&citizen, 3), (&agent, 3)]).await;
    let lines: BTreeSet<_> = hall.legs[&agent.participant].iter().map(|leg| (leg.mid.clone(), leg.medium)).collect();
    assert_eq!(lines.len(), 3, "each on a line of its own");
    for medium in [Medium::Screen, Medium::Voice] {
        let mut seen = Vec::new();
        play(&mut citizen, medium, &mut [(&mut agent, &mut seen)], 20).await;
        assert_whole(&seen, &citizen, medium);
        let mut seen = Vec::new();
        play(&mut agent, medium, &mut [(&mut citizen, &mut seen)], 20).await;
        assert_whole(&seen, &agent, medium);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_flows_before_it_is_published_nor_after_it_has_ended_nor_into_another_window() {
    let mut hall = Hall::open();
    let (mut citizen, mut agent, mut stranger) =
        (Browser::new(1, 1).await, Browser::new(1, 2).await, Browser::new(2, 3).await);
    for browser in [&mut citizen, &mut agent, &mut stranger] {
        hall.enter(browser).await;
    }
    // The camera may be seen, so there is something to wait by; the voice may not be heard.
    hall.publish(&citizen, Medium::Screen, true).await;
    hall.until_received(&[&citizen, &agent], &[(&agent, 1)]).await;
    for _ in 0..10 {
        citizen.send(Medium::Voice, false).await;
    }
    let mut seen = Vec::new();
    play(&mut citizen, Medium::Screen, &mut [(&mut agent, &mut seen)], 20).await;
    assert!(seen.iter().all(|one| one.medium == Medium::Screen), "a voice that is not published");
    hall.publish(&citizen, Medium::Screen, false).await;
    hall.publish(&citizen, Medium::Voice, true).await;
    hall.until(&[&citizen, &agent], "the voice instead", |hall| {
        hall.legs[&ParticipantId::new(2)].iter().map(|leg| leg.medium).eq([Medium::Voice])
    })
    .await;
    drain(&mut agent);
    for _ in 0..10 {
        citizen.send(Medium::Screen, true).await;
    }
    let mut heard = Vec::new();
    play(&mut citizen, Medium::Voice, &mut [(&mut agent, &mut heard)], 20).await;
    assert!(heard.iter().all(|one| one.medium == Medium::Voice), "a screen that has ended");
    assert_eq!(drain(&mut stranger), [], "into another window");
    assert!(hall.counters().withheld >= 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_late_begins_with_a_key_frame_that_is_asked_for_at_once() {
    let mut hall = Hall::open();
    let (mut citizen, mut agent) = (Browser::new(1, 1).await, Browser::new(1, 2).await);
    hall.enter(&mut citizen).await;
    hall.enter(&mut agent).await;
    hall.publish(&citizen, Medium::Screen, true).await;
    hall.until_received(&[&citizen, &agent], &[(&agent, 1)]).await;
    play(&mut citizen, Medium::Screen, &mut [(&mut agent, &mut Vec::new())], 30).await;
    let before = citizen.asked();
    let mut boss = Browser::new(1, 3).await;
    hall.enter(&mut boss).await;
    hall.until_received(&[&citizen, &agent, &boss], &[(&boss, 1)]).await;
    let mut seen = Vec::new();
    play(&mut citizen, Medium::Screen, &mut [(&mut boss, &mut seen)], 20).await;
    assert!(citizen.asked() > before, "nobody asked");
    assert_whole(&seen, &citizen, Medium::Screen);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_lost_on_the_way_is_repaired() {
    let mut hall = Hall::open();
    let proxy = Proxy::to(hall.sfu.address()).await;
    let mut citizen = Browser::new(1, 1).await;
    let mut agent = Browser::by_way_of(1, 2, Some(proxy.address)).await;
    hall.enter(&mut citizen).await;
    hall.enter(&mut agent).await;
    hall.publish(&citizen, Medium::Screen, true).await;
    hall.until_received(&[&citizen, &agent], &[(&agent, 1)]).await;
    let mut seen = Vec::new();
    play(&mut citizen, Medium::Screen, &mut [(&mut agent, &mut seen)], 20).await;
    proxy.lose_every(10);
    play(&mut citizen, Medium::Screen, &mut [(&mut agent, &mut seen)], 300).await;
    proxy.lose_every(0);
    // What was asked for again may come after what follows it.
    play(&mut citizen, Medium::Screen, &mut [(&mut agent, &mut seen)], 350).await;
    let numbers: BTreeSet<_> = seen.iter().map(|one| one.number).collect();
    let (first, last) = (*numbers.first().unwrap(), *numbers.last().unwrap());
    let missing: Vec<_> = (first..=last - 10).filter(|number| !numbers.contains(number)).collect();
    assert!(proxy.lost() >= 25, "only {} were lost", proxy.lost());
    assert_eq!(missing, [0u32; 0], "of {} lost", proxy.lost());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ice_restart_keeps_the_stream() {
    let mut hall = Hall::open();
    let (mut citizen, mut agent) = (Browser::new(1, 1).await, Browser::new(1, 2).await);
    hall.enter(&mut citizen).await;
    hall.enter(&mut agent).await;
    hall.publish(&citizen, Medium::Screen, true).await;
    hall.until_received(&[&citizen, &agent], &[(&agent, 1)]).await;
    play(&mut citizen, Medium::Screen, &mut [(&mut agent, &mut Vec::new())], 20).await;
    for browser in [&mut citizen, &mut agent] {
        browser.restart_ice(&hall.sfu).await.unwrap();
    }
    let mut seen = drain(&mut agent);
    play(&mut citizen, Medium::Screen, &mut [(&mut agent, &mut seen)], 100).await;
    let last = &seen[seen.len() - 20..];
    assert!(last.windows(2).all(|two| two[1].number == two[0].number + 1), "{last:?}");
    assert_eq!(hall.counters().failed, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_loaded_anew_is_the_same_participant_for_the_others() {
    let mut hall = Hall::open();
    let (mut citizen, mut agent) = (Browser::new(1, 1).await, Browser::new(1, 2).await);
    hall.enter(&mut citizen).await;
    hall.enter(&mut agent).await;
    hall.publish(&citizen, Medium::Screen, true).await;
    hall.until_received(&[&citizen, &agent], &[(&agent, 1)]).await;
    let mut before = Vec::new();
    play(&mut citizen, Medium::Screen, &mut [(&mut agent, &mut before)], 20).await;
    let legs = hall.legs[&agent.participant].clone();
    // The old page says nothing when it goes.
    let old = citizen;
    let mut citizen = Browser::new(1, 1).await;
    hall.enter(&mut citizen).await;
    let mut after = Vec::new();
    play(&mut citizen, Medium::Screen, &mut [(&mut agent, &mut after)], 20).await;
    assert_whole(&after, &citizen, Medium::Screen);
    let (last, first) = (before.last().unwrap(), &after[0]);
    let step = first.sequence.wrapping_sub(last.sequence);
    assert!((1..100).contains(&step), "numbers go on: {last:?}, {first:?}");
    assert_eq!(hall.legs[&agent.participant], legs, "no new negotiation");
    assert_eq!(hall.counters().peers, 2);
    old.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leg_that_is_free_carries_the_next_one_without_an_offer() {
    let mut hall = Hall::open();
    let (mut citizen, mut first, mut second) =
        (Browser::new(1, 1).await, Browser::new(1, 2).await, Browser::new(1, 3).await);
    for browser in [&mut citizen, &mut first] {
        hall.enter(browser).await;
    }
    hall.publish(&first, Medium::Screen, true).await;
    hall.until_received(&[&citizen, &first], &[(&citizen, 1)]).await;
    play(&mut first, Medium::Screen, &mut [(&mut citizen, &mut Vec::new())], 20).await;
    let line = hall.legs[&citizen.participant][0].mid.clone();
    hall.sfu.leave(first.window, first.participant).await.unwrap();
    hall.until_received(&[&citizen], &[(&citizen, 0)]).await;
    hall.enter(&mut second).await;
    hall.publish(&second, Medium::Screen, true).await;
    hall.until_received(&[&citizen, &second], &[(&citizen, 1)]).await;
    assert_eq!(hall.legs[&citizen.participant][0].mid, line);
    drain(&mut citizen);
    let mut seen = Vec::new();
    play(&mut second, Medium::Screen, &mut [(&mut citizen, &mut seen)], 20).await;
    assert_whole(&seen, &second, Medium::Screen);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn windows_on_several_threads_share_one_port() {
    let mut hall = Hall::with_threads(3);
    let mut pairs = Vec::new();
    for window in 1..=6 {
        let mut citizen = Browser::new(window, window * 10 + 1).await;
        let mut agent = Browser::new(window, window * 10 + 2).await;
        hall.enter(&mut citizen).await;
        hall.enter(&mut agent).await;
        hall.publish(&citizen, Medium::Screen, true).await;
        hall.until_received(&[&citizen, &agent], &[(&agent, 1)]).await;
        pairs.push((citizen, agent));
    }
    for (citizen, agent) in &mut pairs {
        let mut seen = Vec::new();
        play(citizen, Medium::Screen, &mut [(agent, &mut seen)], 20).await;
        assert_whole(&seen, citizen, Medium::Screen);
    }
    assert!(hall.counters().handed_over > 0, "twelve browsers, and the system guessed right for each");
}

// --- hostile -----------------------------------------------------------------------------------------------------

/// A binding request (RFC 8489) without a signature.
fn request(username: &str) -> Vec<u8> {
    let length = u16::try_from(username.len()).unwrap();
    let padded = length.next_multiple_of(4);
    let mut bytes = vec![0, 1];
    bytes.extend((4 + padded).to_be_bytes());
    bytes.extend([0x21, 0x12, 0xa4, 0x42]);
    bytes.extend([7; 12]);
    bytes.extend(6u16.to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes.extend(username.as_bytes());
    bytes.resize(24 + usize::from(padded), 0);
    bytes
}

async fn until_counted(hall: &Hall, what: &str, is_enough: impl Fn(&Counters) -> bool) {
    soon(what, async {
        while !is_enough(&hall.counters()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_strangers_send_is_dropped_counted_and_held_down_and_the_window_goes_on() {
    let mut hall = Hall::open();
    let (mut citizen, mut agent) = (Browser::new(1, 1).await, Browser::new(1, 2).await);
    let (offer, lines) = citizen.describe(false).await;
    let answer = hall.sfu.join(citizen.window, citizen.participant, offer, lines).await.unwrap();
    let ufrag = answer.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).unwrap().trim().to_owned();
    citizen.accept(answer).await;
    soon("the connection", citizen.wait_for(RTCPeerConnectionState::Connected)).await;
    hall.enter(&mut agent).await;
    hall.publish(&citizen, Medium::Screen, true).await;
    hall.until_received(&[&citizen, &agent], &[(&agent, 1)]).await;
    // From an address of its own, so that its budget is not the browsers'.
    let stranger = UdpSocket::bind("127.0.0.2:0").unwrap();
    let server: SocketAddr = hall.sfu.address();
    for n in 0..20 {
        stranger.send_to(&request(&format!("nobody{n}:x")), server).unwrap();
        stranger.send_to(&[0x80; 100], server).unwrap();
        stranger.send_to(&[], server).unwrap();
    }
    until_counted(&hall, "strays", |counters| counters.stray >= 40).await;
    for _ in 0..20 {
        stranger.send_to(&request(&format!("{ufrag}:x")), server).unwrap();
    }
    until_counted(&hall, "forged requests", |counters| counters.forged == 20).await;
    // Now that its name was used from there, nothing else is believed from there either.
    stranger.send_to(&[0x80; 100], server).unwrap();
    for _ in 0..1_000 {
        stranger.send_to(&request("nobody:x"), server).unwrap();
    }
    until_counted(&hall, "the end of the budget", |counters| counters.over_budget > 500).await;
    let mut seen = Vec::new();
    play(&mut citizen, Medium::Screen, &mut [(&mut agent, &mut seen)], 30).await;
    assert_whole(&seen, &citizen, Medium::Screen);
    let counters = hall.counters();
    assert_eq!((counters.failed, counters.panics, counters.peers), (0, 0, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn descriptions_that_no_browser_sends_are_refused() {
    let hall = Hall::open();
    let mut browser = Browser::new(1, 1).await;
    let (offer, lines) = browser.describe(false).await;
    let (window, who) = (browser.window, browser.participant);
    let candidates = format!("{offer}{}", "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n".repeat(10_000));
    let many = format!("{offer}{}", "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n".repeat(65));
    let data = format!("{offer}m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:9\r\n");
    let wrong = |medium| vec![(lines.iter().find(|line| line.1 != medium).unwrap().0.clone(), medium)];
    let twice = vec![lines[0].clone(), lines[0].clone()];
    let nowhere = vec![("99".to_owned(), Medium::Voice)];
    for (what, sdp, lines, refused) in [
        ("nothing", String::new(), Lines::new(), Refused::NotSdp),
        ("not one", "GET / HTTP/1.1".to_owned(), Lines::new(), Refused::NotSdp),
        ("too long", candidates, Lines::new(), Refused::TooLarge { what: "sdp", most: MAX_SDP }),
        ("candidates", many, Lines::new(), Refused::TooLarge { what: "candidates", most: 64 }),
        ("no fingerprint", offer.replace("a=fingerprint", "a=fingers"), Lines::new(), Refused::BadSdp),
        ("cut off", "v=0\r\no=- 1 1 IN".to_owned(), Lines::new(), Refused::BadSdp),
        ("data", data, Lines::new(), Refused::BadMedia),
        ("a picture as voice", offer.clone(), wrong(Medium::Voice), Refused::BadMedia),
        ("a line twice", offer.clone(), twice, Refused::BadMedia),
        ("a line that is not there", offer.clone(), nowhere, Refused::BadMedia),
    ] {
        assert_eq!(hall.sfu.join(window, who, sdp, lines).await, Err(refused), "{what}");
    }
    assert_eq!(hall.sfu.offer(window, who, offer, lines).await, Err(Refused::UnknownPeer));
    assert_eq!(hall.sfu.answer(window, who, 1, "v=0\r\n".to_owned()).await, Err(Refused::UnknownPeer));
    let counters = hall.counters();
    assert_eq!((counters.peers, counters.windows, counters.refused, counters.panics), (0, 0, 12, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_to_an_older_offer_is_refused() {
    let mut hall = Hall::open();
    let (mut citizen, mut agent) = (Browser::new(1, 1).await, Browser::new(1, 2).await);
    hall.enter(&mut citizen).await;
    hall.enter(&mut agent).await;
    hall.publish(&citizen, Medium::Screen, true).await;
    let number = soon("the offer", async {
        loop {
            if let Event::Offer { number, .. } = hall.events.recv().await.unwrap() {
                return number;
            }
        }
    })
    .await;
    let answer = || "v=0\r\n".to_owned();
    let (window, who) = (agent.window, agent.participant);
    assert_eq!(hall.sfu.answer(window, who, number + 1, answer()).await, Err(Refused::StaleAnswer));
    assert_eq!(hall.sfu.answer(window, citizen.participant, number, answer()).await, Err(Refused::StaleAnswer));
    assert_eq!(hall.sfu.answer(WindowId::new(9), who, number, answer()).await, Err(Refused::UnknownPeer));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_has_eight_connections() {
    let hall = Hall::open();
    let mut browser = Browser::new(1, 1).await;
    let (offer, lines) = browser.describe(false).await;
    for who in 1..=8 {
        let joined = hall.sfu.join(browser.window, ParticipantId::new(who), offer.clone(), lines.clone()).await;
        assert!(joined.is_ok(), "{who}: {joined:?}");
    }
    let full = Refused::Full { what: "connections", most: 8 };
    let ninth = hall.sfu.join(browser.window, ParticipantId::new(9), offer.clone(), lines.clone()).await;
    assert_eq!(ninth, Err(full));
    let again = hall.sfu.join(browser.window, ParticipantId::new(8), offer, lines).await;
    assert!(again.is_ok(), "who comes back has their place");
}
