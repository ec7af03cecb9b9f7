//! A page of somebody in a window: its link to the server, its seat and its browser. It does by itself what docs/windows.md
//! asks of pages.

use std::{net::SocketAddr, time::Duration};

use bangban_domain::{
    ParticipantId, WindowId,
    window::{Medium, Seat},
};
use bangban_protocol::{Answer, Command, EventBody, MediaLeg, MediaLink, Snapshot, Topic, WindowView};
use bangban_tests::{Client, PATIENCE};
use bytes::Bytes;
use tokio::time::timeout;

use crate::{
    browser::{Browser, Packet},
    link::Link,
    picture::begins_key_frame,
};

/// What a page sends goes on at this pace: a picture, and 20 ms of a voice.
pub(crate) const PACE: Duration = Duration::from_millis(20);
/// Who hears nothing for so long is asked nothing.
const GLANCE: Duration = Duration::from_millis(1);

/// See the module.
pub(crate) struct Page {
    pub(crate) client: Client,
    pub(crate) browser: Browser,
    /// The way to the server, if it is one on which packets can be lost.
    way: Option<Link>,
    window: WindowId,
    pub(crate) participant: ParticipantId,
    pub(crate) is_resumed: bool,
    /// What it sends all the time.
    pub(crate) sends: Vec<Medium>,
    pub(crate) view: WindowView,
    pub(crate) legs: Vec<MediaLeg>,
    pub(crate) links: Vec<MediaLink>,
    pub(crate) offers: u32,
}

impl Page {
    /// Takes a seat, and connects.
    pub(crate) async fn sit(client: Client, window: WindowId, seat: Seat) -> Self {
        let mut page = Self::sit_down(client, window, seat).await;
        page.connect().await;
        page
    }

    /// Takes a seat only.
    pub(crate) async fn sit_down(mut client: Client, window: WindowId, seat: Seat) -> Self {
        let (view, participant, is_resumed) = take_seat(&mut client, window, seat).await;
        Self {
            client,
            browser: Browser::new().await,
            way: None,
            window,
            participant,
            is_resumed,
            sends: Vec::new(),
            view,
            legs: Vec::new(),
            links: Vec::new(),
            offers: 0,
        }
    }

    /// Takes its seat again with the link that it has now; the connection is the one that it had.
    pub(crate) async fn sit_again(&mut self, seat: Seat) {
        (self.view, self.participant, self.is_resumed) = take_seat(&mut self.client, self.window, seat).await;
    }

    /// Its first offer; gives the server's answer.
    pub(crate) async fn connect(&mut self) -> String {
        let (sdp, lines) = self.browser.offer().await;
        let answer = self.client.ok(Command::ConnectWindow { window: self.window, sdp, lines }).await;
        let Answer::WindowAnswer { sdp } = answer else { panic!("{answer:?}") };
        self.browser.agree(&sdp).await;
        sdp
    }

    /// Connects by a way on which packets can be lost; gives the server's answer.
    pub(crate) async fn connect_by_link(&mut self) -> String {
        let (sdp, lines) = self.browser.offer().await;
        let answer = self.client.ok(Command::ConnectWindow { window: self.window, sdp, lines }).await;
        self.take_answer_by_link(answer).await
    }

    /// As after a change of network: the old way is gone, and there is another one; gives the server's answer.
    pub(crate) async fn change_network(&mut self) -> String {
        self.way = None;
        self.browser.restart_ice().await;
        let (sdp, lines) = self.browser.offer().await;
        let answer = self.client.ok(Command::RestartWindowLink { window: self.window, sdp, lines }).await;
        self.take_answer_by_link(answer).await
    }

    async fn take_answer_by_link(&mut self, answer: Answer) -> String {
        let Answer::WindowAnswer { sdp } = answer else { panic!("{answer:?}") };
        let server = media_address(&sdp);
        let link = Link::to(server).await;
        self.browser.agree(&sdp.replace(&candidate(server), &candidate(link.address))).await;
        self.way = Some(link);
        sdp
    }

    pub(crate) fn link(&self) -> &Link {
        self.way.as_ref().unwrap()
    }

    /// Lets something be seen or heard from now on, or not any more.
    pub(crate) async fn publish(&mut self, medium: Medium, on: bool) {
        self.client.ok(Command::Publish { window: self.window, medium, on }).await;
        self.sends.retain(|other| *other != medium);
        if on {
            self.sends.push(medium);
        }
    }

    /// Does what it was told to meanwhile.
    pub(crate) async fn attend(&mut self) {
        while let Ok(turn) = timeout(GLANCE, self.client.turn()).await {
            turn.unwrap();
        }
        while let Some(event) = self.client.heard() {
            // An earlier window may have had something to say.
            match event.body {
                EventBody::WindowOffer { window, number, sdp } if window == self.window => {
                    let sdp = self.browser.answer(&sdp).await;
                    self.client.ok(Command::AnswerWindowOffer { window, number, sdp }).await;
                    self.offers += 1;
                }
                EventBody::WindowLegs { window, legs } if window == self.window => self.legs = legs,
                EventBody::WindowLink { window, link } if window == self.window => self.links.push(link),
                EventBody::Window { view } if view.window == self.window => self.view = *view,
                _ => {}
            }
        }
        for medium in self.sends.clone() {
            self.browser.send(medium).await;
        }
    }

    /// The stream on which somebody's medium comes.
    pub(crate) fn stream_of(&self, from: ParticipantId, medium: Medium) -> Option<u32> {
        let leg = self.legs.iter().find(|leg| leg.participant == from && leg.medium == medium)?;
        self.browser.stream_on(&leg.mid)
    }

    /// What it has received of somebody.
    pub(crate) fn received(&self, from: ParticipantId, medium: Medium) -> Vec<Packet> {
        let leg = self.legs.iter().find(|leg| leg.participant == from && leg.medium == medium);
        leg.map(|leg| self.browser.received(&leg.mid)).unwrap_or_default()
    }

    pub(crate) fn receives(&self) -> Vec<(ParticipantId, Medium)> {
        self.legs.iter().map(|leg| (leg.participant, leg.medium)).collect()
    }

    /// The page is closed; its link and its connection are just gone.
    pub(crate) async fn close(self) {
        self.browser.close().await;
    }
}

async fn take_seat(client: &mut Client, window: WindowId, seat: Seat) -> (WindowView, ParticipantId, bool) {
    let (_, Snapshot::Window { view, .. }) = client.subscribe(Topic::Window(window), None).await else {
        panic!("a window")
    };
    match client.ok(Command::TakeSeat { window, seat }).await {
        Answer::Seated { participant, resumed, .. } => (*view, participant, resumed),
        other => panic!("{other:?}"),
    }
}

/// Lets these pages do what pages do, until it is so.
pub(crate) async fn until(pages: &mut [&mut Page], what: &str, mut is_so: impl FnMut(&[&mut Page]) -> bool) {
    let turns = async {
        let mut pace = tokio::time::interval(PACE);
        while !is_so(pages) {
            pace.tick().await;
            for page in pages.iter_mut() {
                page.attend().await;
            }
        }
    };
    assert!(timeout(PATIENCE, turns).await.is_ok(), "waited for: {what}");
}

/// Until all are connected.
pub(crate) async fn until_connected(pages: &mut [&mut Page]) {
    until(pages, "connections", |pages| pages.iter().all(|page| page.browser.is_connected())).await;
}

/// What came is what was sent: the same bytes, each in its place, pictures from a key frame on. Where it begins among all
/// that was sent.
pub(crate) fn assert_true(received: &[Packet], sent: &[Bytes], medium: Medium) -> usize {
    assert!(!received.is_empty(), "nothing has come");
    if medium != Medium::Voice {
        assert!(begins_key_frame(&received[0].payload), "begins in the middle");
    }
    let begin = sent.iter().position(|payload| *payload == received[0].payload).expect("what was never sent");
    for packet in received {
        let place = begin + usize::try_from(packet.number - received[0].number).unwrap();
        assert_eq!(Some(&packet.payload), sent.get(place), "packet {place}");
    }
    begin
}

/// The same, and none is missing.
pub(crate) fn assert_whole(received: &[Packet], sent: &[Bytes], medium: Medium) -> usize {
    for two in received.windows(2) {
        assert_eq!(two[1].number, two[0].number + 1, "numbers go on");
    }
    assert_true(received, sent, medium)
}

/// Where an answer says that the server is.
pub(crate) fn media_address(answer: &str) -> SocketAddr {
    let line = answer.lines().find_map(|line| line.strip_prefix("a=candidate:")).expect("a candidate");
    let parts: Vec<&str> = line.split(' ').collect();
    format!("{}:{}", parts[4], parts[5]).parse().unwrap()
}

fn candidate(address: SocketAddr) -> String {
    format!(" {} {} typ host", address.ip(), address.port())
}
