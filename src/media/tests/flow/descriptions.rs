//! Descriptions that no browser writes: whatever stands in them, they are answered, and nobody else notices.

use bangban_domain::{ParticipantId, WindowId, window::Medium};
use bangban_media::{Event, Lines, Refused};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use str0m::{
    Rtc,
    change::{SdpAnswer, SdpOffer, SdpPendingOffer},
    media::{Direction, MediaKind},
};

use crate::{Browser, Hall, PATIENCE, now};

/// So many are tried.
const CASES: usize = 40;

/// What is done to one line of a description.
#[derive(Debug, Clone)]
enum Change {
    Gone,
    Twice,
    /// It comes where another one was, and that one here.
    Swapped(usize),
    /// It ends early.
    Cut(usize),
    /// Another sign in it.
    Sign(usize, char),
    /// A number in it is this.
    Number(u64),
}

fn change() -> impl Strategy<Value = (usize, Change)> {
    let change = prop_oneof![
        Just(Change::Gone),
        Just(Change::Twice),
        any::<usize>().prop_map(Change::Swapped),
        any::<usize>().prop_map(Change::Cut),
        (any::<usize>(), prop_oneof![any::<char>(), prop::char::range(' ', '~')])
            .prop_map(|(at, sign)| Change::Sign(at, sign)),
        prop_oneof![Just(0), Just(u64::MAX), any::<u64>(), 0u64..300].prop_map(Change::Number),
    ];
    (any::<usize>(), change)
}

fn changed(sdp: &str, changes: &[(usize, Change)]) -> String {
    let mut lines: Vec<String> = sdp.lines().map(ToOwned::to_owned).collect();
    for (at, change) in changes {
        if lines.is_empty() {
            break;
        }
        let at = at % lines.len();
        let line = lines[at].clone();
        let place = |n: usize| line.char_indices().nth(n % line.chars().count().max(1)).map_or(0, |(place, _)| place);
        match change {
            Change::Gone => drop(lines.remove(at)),
            Change::Twice => lines.insert(at, line),
            Change::Swapped(other) => {
                let other = other % lines.len();
                lines.swap(at, other);
            }
            Change::Cut(n) => lines[at].truncate(place(*n)),
            Change::Sign(n, sign) => {
                let rest: String = line[place(*n)..].chars().skip(1).collect();
                lines[at] = format!("{}{sign}{rest}", &line[..place(*n)]);
            }
            Change::Number(number) => {
                let from = line.find(|sign: char| sign.is_ascii_digit()).unwrap_or(line.len());
                let rest = line[from..].trim_start_matches(|sign: char| sign.is_ascii_digit());
                lines[at] = format!("{}{number}{rest}", &line[..from]);
            }
        }
    }
    lines.iter().flat_map(|line| [line, "\r\n"]).collect()
}

/// Somebody in a window of their own, with their first offer and what is on its lines.
fn stranger() -> (Rtc, SdpPendingOffer, String, Lines) {
    let mut rtc = Rtc::builder().clear_codecs().enable_opus(true, false).enable_vp8(true).build(now());
    let mut change = rtc.sdp_api();
    let voice = change.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
    let screen = change.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
    let (offer, pending) = change.apply().unwrap();
    let lines = vec![(voice.to_string(), Medium::Voice), (screen.to_string(), Medium::Screen)];
    (rtc, pending, offer.to_sdp_string(), lines)
}

const WHERE: WindowId = WindowId::new(9);
const WHO: ParticipantId = ParticipantId::new(9);
const OTHER: ParticipantId = ParticipantId::new(10);

impl Hall {
    /// The first offer that the stranger gets; what else is told meanwhile is nobody's here.
    async fn offered(&mut self) -> String {
        loop {
            let event = tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("an offer").unwrap();
            if let Event::Offer { participant: WHO, number: 1, sdp, .. } = event {
                return sdp;
            }
        }
    }
}

/// Offers, answers, and offers again what is changed so; how many of these were refused.
async fn try_all(hall: &mut Hall, changes: &[(usize, Change)]) -> usize {
    let (_, _, good, lines) = stranger();
    let bad = hall.sfu.join(WHERE, OTHER, changed(&good, changes), lines).await.err();
    hall.sfu.leave(WHERE, OTHER).await.unwrap();
    let (mut rtc, pending, good, lines) = stranger();
    let answer = hall.sfu.join(WHERE, WHO, good.clone(), lines.clone()).await.unwrap();
    rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&answer).unwrap()).unwrap();
    let offer = hall.offered().await;
    let answer = rtc.sdp_api().accept_offer(SdpOffer::from_sdp_string(&offer).unwrap()).unwrap().to_sdp_string();
    let refused = [
        bad,
        hall.sfu.answer(WHERE, WHO, 1, changed(&answer, changes)).await.err(),
        hall.sfu.offer(WHERE, WHO, changed(&good, changes), lines).await.err(),
    ];
    for refused in refused.iter().flatten() {
        // Unknown: what was said before has ended the connection.
        let is_said = matches!(
            refused,
            Refused::NotSdp | Refused::BadSdp | Refused::BadMedia | Refused::UnknownPeer | Refused::TooLarge { .. }
        );
        assert!(is_said, "{refused}: {changes:?}");
    }
    hall.sfu.leave(WHERE, WHO).await.unwrap();
    refused.iter().flatten().count()
}

#[tokio::test]
async fn whatever_stands_in_a_description_the_window_beside_it_goes_on() {
    let mut hall = Hall::open(1);
    let mut citizen = Browser::join(&hall.sfu, 1, 1).await;
    let mut agent = Browser::join(&hall.sfu, 1, 2).await;
    hall.until_connected(&mut [&mut citizen, &mut agent]).await;
    hall.publish(&citizen, true).await;
    let who = agent.participant;
    hall.until_received(&mut [&mut citizen, &mut agent], who, 1).await;
    // Somebody else has something to show to the stranger, so that there are offers to answer.
    hall.sfu.publish(WHERE, ParticipantId::new(8), Medium::Screen, true).await.unwrap();

    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let some = proptest::collection::vec(change(), 1..6);
    let mut refused = 0;
    for _ in 0..CASES {
        let changes = some.new_tree(&mut runner).unwrap().current();
        refused += try_all(&mut hall, &changes).await;
        citizen.turn(hall.sfu.address());
        agent.turn(hall.sfu.address());
    }
    assert!((CASES..2 * CASES).contains(&refused), "some are harmless, others are not: {refused}");
    hall.until_seen(&mut [&mut citizen, &mut agent], 20).await;
    agent.assert_whole();
    assert_eq!(hall.sfu.counters().peers, 2);
}
