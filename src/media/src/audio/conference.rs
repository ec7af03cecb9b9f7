//! The core: the sound of one call. Datagrams and ticks go in, datagrams and notes come out; no socket, no clock.

use std::net::SocketAddr;

use bangban_domain::{
    CallId,
    call::{Ear, LegId, Prompt, Sound},
};

use super::{
    AudioEvent, FRAME, RtpRemote,
    leg::{Leg, Outgoing, Patience, Seed},
    prompt::Prompts,
    rtp::Packet,
};

/// Legs of one call: four who talk, two supervisors, and all who are rung at once.
pub const MAX_LEGS: usize = 32;

/// What somebody hears, by places in the list of legs.
#[derive(Debug)]
struct Row {
    hears: Vec<usize>,
    sound: Sound,
}

struct Seat<L> {
    no: u16,
    leg: Leg,
    line: L,
    /// `None`: they have no ear, and hear nothing.
    row: Option<Row>,
}

/// One call. `L`: what a leg's datagrams come and go by, which is the caller's matter.
pub struct Conference<L> {
    call: CallId,
    seats: Vec<Seat<L>>,
    /// What each has said in this tick; `false`: silence.
    said: Vec<(bool, [i16; FRAME])>,
    /// As it was told last: legs may come later.
    ears: Vec<Ear>,
    prompts: Prompts,
}

impl<L> std::fmt::Debug for Conference<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conference").field("call", &self.call).field("legs", &self.seats.len()).finish()
    }
}

impl<L> Conference<L> {
    /// Nobody is there.
    #[must_use]
    pub const fn new(call: CallId, prompts: Prompts) -> Self {
        Self { call, seats: Vec::new(), said: Vec::new(), ears: Vec::new(), prompts }
    }

    /// Is there nothing to keep?
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.seats.is_empty() && self.ears.is_empty()
    }

    /// How many are there.
    #[must_use]
    pub const fn legs(&self) -> usize {
        self.seats.len()
    }

    fn find(&mut self, no: u16) -> Option<&mut Seat<L>> {
        self.seats.iter_mut().find(|seat| seat.no == no)
    }

    // --- who is there -----------------------------------------------------------------------------------------

    /// A telephone's leg, with which nothing is agreed yet. There already, or too many: the line comes back.
    pub fn open_phone(&mut self, micros: u64, no: u16, line: L, seed: Seed, patience: Patience) -> Option<L> {
        self.open(no, line, Leg::phone(seed, patience, micros))
    }

    /// A browser's leg.
    pub fn open_browser(&mut self, micros: u64, no: u16, line: L, seed: Seed, patience: Patience) -> Option<L> {
        self.open(no, line, Leg::browser(seed, patience, micros))
    }

    fn open(&mut self, no: u16, line: L, leg: Leg) -> Option<L> {
        if self.seats.len() == MAX_LEGS || self.find(no).is_some() {
            return Some(line);
        }
        self.seats.push(Seat { no, leg, line, row: None });
        self.said.push((false, [0; FRAME]));
        self.resolve();
        None
    }

    /// A leg is over: its last words and what is to be told of it; its line.
    pub fn close(
        &mut self,
        micros: u64,
        no: u16,
        mut send: impl FnMut(&mut L, Outgoing<'_>),
        mut tell: impl FnMut(AudioEvent) -> bool,
    ) -> Option<L> {
        let place = self.seats.iter().position(|seat| seat.no == no)?;
        let mut seat = self.seats.remove(place);
        self.said.remove(place);
        seat.leg.say_farewell(micros, |outgoing| send(&mut seat.line, outgoing));
        seat.leg.notes.tell(LegId { call: self.call, no }, &mut tell);
        self.resolve();
        Some(seat.line)
    }

    /// Who hears whom, whole. What is not said is not heard. What held before.
    pub fn set_mix(&mut self, ears: Vec<Ear>) -> Vec<Ear> {
        let old = std::mem::replace(&mut self.ears, ears);
        self.resolve();
        old
    }

    fn resolve(&mut self) {
        let places: Vec<u16> = self.seats.iter().map(|seat| seat.no).collect();
        let place = |leg: &LegId| places.iter().position(|no| *no == leg.no && leg.call == self.call);
        for seat in &mut self.seats {
            let ear = self.ears.iter().find(|ear| ear.leg.no == seat.no && ear.leg.call == self.call);
            seat.row = ear.map(|ear| {
                let mut hears: Vec<usize> = ear.hears.iter().filter(|leg| **leg != ear.leg).filter_map(place).collect();
                hears.sort_unstable();
                hears.dedup();
                // Whoever is to be heard and is not there yet is silent, and no reason for music.
                let sound = if ear.hears.is_empty() { ear.sound } else { Sound::Silence };
                Row { hears, sound }
            });
        }
    }

    // --- what is done with a leg ------------------------------------------------------------------------------

    /// What was agreed with a telephone.
    pub fn connect(&mut self, micros: u64, no: u16, remote: RtpRemote) {
        if let Some(seat) = self.find(no) {
            seat.leg.connect(micros, remote);
        }
    }

    /// Plays something once; `false`: nobody of that number is there, or too much waits already.
    pub fn play(&mut self, no: u16, prompt: Prompt) -> bool {
        self.find(no).is_some_and(|seat| seat.leg.player.play(prompt))
    }

    /// Presses keys towards a telephone.
    pub fn dial(&mut self, no: u16, keys: &str) -> bool {
        self.find(no).is_some_and(|seat| seat.leg.press(keys) == 0)
    }

    /// What a browser says of what it hears: how long there and back takes, in microseconds, and what is lost, 0 to 1.
    pub fn set_heard(&mut self, no: u16, round_trip: Option<u64>, loss: Option<f32>) {
        if let Some(seat) = self.find(no) {
            seat.leg.arriving.set_heard(round_trip, loss);
        }
    }

    /// The tick that comes has begun too late: whoever is there may have heard it.
    pub fn tick_was_late(&mut self) {
        self.seats.iter_mut().for_each(|seat| seat.leg.arriving.tick_was_late());
    }

    // --- what comes -------------------------------------------------------------------------------------------

    /// A datagram on a telephone's RTP port; `false`: it is not its own.
    pub fn receive(&mut self, micros: u64, no: u16, from: SocketAddr, bytes: &[u8]) -> bool {
        self.find(no).is_some_and(|seat| seat.leg.receive(micros, from, bytes))
    }

    pub(crate) fn receive_voice(&mut self, micros: u64, no: u16, packet: &Packet<'_>) {
        if let Some(seat) = self.find(no) {
            seat.leg.receive_voice(micros, packet);
        }
    }

    /// Every leg with its line, for who reads sockets.
    pub(crate) fn lines(&mut self) -> impl Iterator<Item = (&mut Leg, &mut L)> {
        self.seats.iter_mut().map(|seat| (&mut seat.leg, &mut seat.line))
    }

    // --- every 20 ms ------------------------------------------------------------------------------------------

    /// Mixes a frame for everybody and sends it.
    pub fn tick(&mut self, micros: u64, mut send: impl FnMut(u16, &mut L, Outgoing<'_>)) {
        for (seat, (is_heard, frame)) in self.seats.iter_mut().zip(&mut self.said) {
            *is_heard = seat.leg.arriving.frame(frame, &mut seat.leg.notes);
        }
        for seat in &mut self.seats {
            if !seat.leg.is_connected() {
                continue;
            }
            let mut frame = [0; FRAME];
            match &seat.row {
                Some(row) if !row.hears.is_empty() => {
                    seat.leg.player.no_sound();
                    sum(&self.said, &row.hears, &mut frame);
                }
                Some(row) => seat.leg.player.sound(&self.prompts, row.sound, &mut frame),
                None => seat.leg.player.no_sound(),
            }
            if seat.leg.player.over(&self.prompts, &mut frame) {
                seat.leg.notes.prompt_over();
            }
            let (no, line) = (seat.no, &mut seat.line);
            seat.leg.send(micros, &mut frame, |outgoing| send(no, line, outgoing));
        }
    }

    /// Tells what there is to know, as long as it is taken.
    pub fn tell(&mut self, mut take: impl FnMut(AudioEvent) -> bool) {
        for seat in &mut self.seats {
            seat.leg.notes.tell(LegId { call: self.call, no: seat.no }, &mut take);
        }
    }
}

/// All of them together; what is too loud for 16 bits is cut off.
fn sum(said: &[(bool, [i16; FRAME])], hears: &[usize], frame: &mut [i16; FRAME]) {
    let mut voices = hears.iter().filter_map(|place| said.get(*place)).filter(|(is_heard, _)| *is_heard);
    if let Some((_, first)) = voices.next() {
        *frame = *first;
    }
    let Some((_, second)) = voices.next() else { return };
    let Some((_, third)) = voices.next() else {
        frame.iter_mut().zip(second).for_each(|(sample, more)| *sample = sample.saturating_add(*more));
        return;
    };
    // More than two: not cut off before all are there.
    let mut whole = [0i32; FRAME];
    for voice in [&*frame, second, third].into_iter().chain(voices.map(|(_, voice)| voice)) {
        whole.iter_mut().zip(voice).for_each(|(sample, more)| *sample += i32::from(*more));
    }
    for (sample, whole) in frame.iter_mut().zip(whole) {
        *sample = whole.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::audio::{
        Codec, Direction, g711,
        rtcp::{self, MAX_REPORT, Report},
    };

    const CALL: CallId = CallId::new(7);
    const SECOND: u64 = 1_000_000;
    const PATIENCE: Patience = Patience { talking: 30 * SECOND, held: 300 * SECOND };

    const fn id(no: u16) -> LegId {
        LegId { call: CALL, no }
    }

    fn ear(no: u16, hears: &[u16], sound: Sound) -> Ear {
        Ear { leg: id(no), hears: hears.iter().map(|no| id(*no)).collect(), sound }
    }

    fn address(no: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], 4_000 + 2 * no))
    }

    fn seed(no: u16) -> Seed {
        Seed { ssrc: 1_000 + u32::from(no), number: 65_530, timestamp: u32::MAX - 500 }
    }

    /// A call of telephones that each say a level of their own: what a leg hears is the sum of whom it hears.
    struct Call {
        conference: Conference<()>,
        micros: u64,
        n: u16,
        /// What each has got in the last tick: where, payload type, first sample.
        got: BTreeMap<u16, (SocketAddr, u8, i16)>,
        reports: Vec<(SocketAddr, Vec<u8>)>,
        events: Vec<AudioEvent>,
    }

    impl Call {
        fn new(legs: u16) -> Self {
            let mut conference = Conference::new(CALL, Prompts::built_in());
            for no in 1..=legs {
                assert!(conference.open_phone(0, no, (), seed(no), PATIENCE).is_none());
                conference.connect(0, no, RtpRemote::new(address(no)));
            }
            Self { conference, micros: 0, n: 0, got: BTreeMap::new(), reports: Vec::new(), events: Vec::new() }
        }

        fn say(&mut self, no: u16, from: SocketAddr) -> bool {
            let mut codes = [0; FRAME];
            g711::encode(Codec::Pcma, &[1_000 * i16::try_from(no).unwrap(); FRAME], &mut codes);
            let packet = Packet {
                is_marked: false,
                payload_type: 8,
                number: self.n,
                timestamp: u32::from(self.n) * 160,
                ssrc: no.into(),
                payload: &codes,
            };
            let mut bytes = [0; 200];
            let length = packet.write(&mut bytes).unwrap();
            self.conference.receive(self.micros, no, from, &bytes[..length])
        }

        fn tick(&mut self) {
            self.got.clear();
            let (got, reports) = (&mut self.got, &mut self.reports);
            self.conference.tick(self.micros, |no, (), outgoing| match outgoing {
                Outgoing::Rtp(to, bytes) => {
                    let packet = Packet::parse(bytes).unwrap();
                    let mut sample = [0; FRAME];
                    g711::decode(Codec::Pcma, packet.payload, &mut sample);
                    got.insert(no, (to, packet.payload_type, sample[80]));
                }
                Outgoing::Rtcp(to, bytes) => reports.push((to, bytes.to_vec())),
                Outgoing::Voice(_) => panic!("no browser"),
            });
            self.conference.tell(|event| {
                if !matches!(event, AudioEvent::Heard(_) | AudioEvent::Quality { .. }) {
                    self.events.push(event);
                }
                true
            });
            self.micros += 20_000;
            self.n = self.n.wrapping_add(1);
        }

        /// So many ticks in which all of them speak.
        fn pass(&mut self, ticks: usize, speakers: &[u16]) {
            for _ in 0..ticks {
                for no in speakers {
                    self.say(*no, address(*no));
                }
                self.tick();
            }
        }

        /// What somebody hears, in thousands, as near as A-law has it.
        fn hears(&self, no: u16) -> i16 {
            (self.got[&no].2 + 500).div_euclid(1_000)
        }
    }

    #[test]
    fn everybody_hears_just_whom_the_matrix_says_from_the_next_tick_on() {
        let mut call = Call::new(4);
        let all = [1, 2, 3, 4];
        call.pass(5, &all);
        assert_eq!(all.map(|no| call.hears(no)), [0; 4], "without a matrix nobody hears anything");
        call.conference.set_mix(vec![
            ear(1, &[2], Sound::Music),
            ear(2, &[1, 3], Sound::Music),
            ear(3, &[2, 1, 4], Sound::Music),
        ]);
        call.pass(1, &all);
        assert_eq!(all.map(|no| call.hears(no)), [2, 4, 7, 0]);
        // Merged.
        call.conference.set_mix(all.map(|no| ear(no, &all, Sound::Silence)).to_vec());
        call.pass(1, &all);
        assert_eq!(all.map(|no| call.hears(no)), [9, 8, 7, 6], "nobody hears themselves, even if told so");
        // Somebody of another call, and somebody who is not there.
        let stranger = LegId { call: CallId::new(8), no: 2 };
        let ears = vec![Ear { leg: id(1), hears: vec![stranger, id(9)], sound: Sound::Music }];
        call.conference.set_mix(ears);
        call.pass(1, &all);
        assert_eq!(all.map(|no| call.hears(no)), [0; 4]);
    }

    #[test]
    fn a_leg_that_comes_later_has_what_the_matrix_said_before() {
        let mut call = Call::new(1);
        call.conference.set_mix(vec![ear(1, &[2], Sound::Music), ear(2, &[1], Sound::Music)]);
        call.pass(3, &[1]);
        assert_eq!(call.hears(1), 0, "no music for who waits for nobody's voice");
        assert!(call.conference.open_phone(call.micros, 2, (), seed(2), PATIENCE).is_none());
        call.pass(1, &[1]);
        assert!(!call.got.contains_key(&2), "nothing is agreed yet");
        call.conference.connect(call.micros, 2, RtpRemote::new(address(2)));
        call.pass(3, &[1, 2]);
        assert_eq!((call.hears(1), call.hears(2)), (2, 1));
        assert_eq!(call.conference.close(call.micros, 2, |(), _| {}, |_| true), Some(()));
        call.pass(1, &[1, 2]);
        assert_eq!(call.hears(1), 0);
        assert!(!call.conference.is_over());
        call.conference.set_mix(Vec::new());
        call.conference.close(call.micros, 1, |(), _| {}, |_| true);
        assert!(call.conference.is_over());
    }

    #[test]
    fn what_is_too_loud_together_is_cut_off_only_at_the_end() {
        let frame = |level| (true, [level; FRAME]);
        let said = [frame(30_000), frame(30_000), frame(-31_000), (false, [9; FRAME])];
        let heard = |hears: &[usize]| {
            let mut out = [0; FRAME];
            sum(&said, hears, &mut out);
            out[7]
        };
        assert_eq!(heard(&[0, 1]), i16::MAX);
        assert_eq!(heard(&[0, 1, 2]), 29_000);
        assert_eq!(heard(&[2, 2, 2]), i16::MIN);
        assert_eq!((heard(&[3]), heard(&[3, 0]), heard(&[])), (0, 30_000, 0));
    }

    #[test]
    fn thirty_two_legs_and_no_more_and_none_twice() {
        let mut call = Call::new(32);
        assert_eq!(call.conference.open_phone(0, 33, (), seed(33), PATIENCE), Some(()));
        call.conference.close(0, 5, |(), _| {}, |_| true);
        assert_eq!(call.conference.open_browser(0, 6, (), seed(6), PATIENCE), Some(()));
        assert_eq!(call.conference.open_browser(0, 33, (), seed(33), PATIENCE), None);
    }

    #[test]
    fn a_telephone_is_lost_after_30_s_and_one_on_hold_after_5_min_told_once() {
        let lost_at = |direction| {
            let mut call = Call::new(1);
            call.conference.connect(0, 1, RtpRemote { direction, ..RtpRemote::new(address(1)) });
            while call.events.is_empty() {
                call.tick();
            }
            assert_eq!(call.events, [AudioEvent::MediaLost(id(1))]);
            let at = call.micros - 20_000;
            (0..1_000).for_each(|_| call.tick());
            assert_eq!(call.events.len(), 1);
            // It comes back, and is lost again.
            call.say(1, address(1));
            (0..=15_000).for_each(|_| call.tick());
            assert_eq!(call.events.len(), 2);
            at
        };
        assert_eq!(lost_at(Direction::SendRecv), 30 * SECOND);
        assert_eq!(lost_at(Direction::RecvOnly), 30 * SECOND);
        assert_eq!(lost_at(Direction::SendOnly), 300 * SECOND);
        assert_eq!(lost_at(Direction::Inactive), 300 * SECOND);
    }

    #[test]
    fn who_sends_is_as_agreed() {
        let mut call = Call::new(2);
        call.conference.set_mix(vec![ear(1, &[2], Sound::Silence), ear(2, &[1], Sound::Silence)]);
        call.pass(5, &[1, 2]);
        assert_eq!((call.hears(1), call.hears(2)), (2, 1));
        let agree = |call: &mut Call, direction| {
            call.conference.connect(call.micros, 1, RtpRemote { direction, ..RtpRemote::new(address(1)) });
            call.pass(10, &[1, 2]);
        };
        agree(&mut call, Direction::SendOnly);
        assert_eq!((call.hears(1), call.hears(2)), (2, 0), "what it plays nevertheless is not heard");
        agree(&mut call, Direction::RecvOnly);
        assert!(!call.got.contains_key(&1) && call.hears(2) == 1);
        agree(&mut call, Direction::Inactive);
        assert!(!call.got.contains_key(&1) && call.hears(2) == 0);
        let held = RtpRemote::new("0.0.0.0:4002".parse().unwrap());
        call.conference.connect(call.micros, 1, held);
        call.pass(5, &[2]);
        assert!(!call.got.contains_key(&1), "the old way to hold");
        agree(&mut call, Direction::SendRecv);
        assert_eq!((call.hears(1), call.hears(2)), (2, 1));
    }

    #[test]
    fn sound_is_believed_where_the_description_says_and_after_50_packets_from_one_port() {
        let mut call = Call::new(1);
        let same_host = |port| SocketAddr::new(address(1).ip(), port);
        let elsewhere = SocketAddr::from(([198, 51, 100, 9], 4_002));
        assert!(!call.say(1, elsewhere));
        assert!(call.say(1, same_host(9_999)), "a NAT has given it another port");
        call.tick();
        assert_eq!(call.got[&1].0, same_host(9_999), "and is answered there");
        (0..48).for_each(|_| assert!(call.say(1, same_host(9_999))));
        assert!(call.say(1, same_host(8_888)), "it may still change");
        assert!(!call.say(1, same_host(7_777)) && !call.say(1, elsewhere), "settled");
        assert!(call.say(1, same_host(8_888)));
        // The same agreement again changes nothing; another begins anew.
        call.conference.connect(call.micros, 1, RtpRemote::new(address(1)));
        assert!(!call.say(1, same_host(7_777)));
        let moved = RtpRemote { signalled_from: Some(elsewhere.ip()), ..RtpRemote::new(address(2)) };
        call.conference.connect(call.micros, 1, moved);
        call.tick();
        assert_eq!(call.got[&1].0, address(2));
        assert!(call.say(1, elsewhere), "where its SIP comes from");
        call.tick();
        assert_eq!(call.got[&1].0, elsewhere);
    }

    #[test]
    fn reports_are_sent_every_5_s_or_so_and_what_comes_back_is_known() {
        let mut call = Call::new(1);
        call.pass(3_000, &[1]);
        let count = call.reports.len();
        assert!((8..=20).contains(&count), "{count} in 60 s");
        let (to, bytes) = call.reports.last().unwrap().clone();
        assert_eq!(to.port(), address(1).port() + 1);
        let ours = rtcp::parse(&bytes, 1).unwrap();
        assert_eq!((ours.of_us.unwrap().lost, ours.of_us.unwrap().fraction), (0, 0));
        // It has had ours, and says so 2 s later; 100 ms for both ways.
        let sent_at = ours.sent.unwrap();
        let now = call.micros;
        let at_sent = (0..now / 20_000).map(|n| n * 20_000).rev().find(|at| rtcp::short(*at) == sent_at).unwrap();
        let block = rtcp::Block {
            ssrc: seed(1).ssrc,
            fraction: 64,
            last_report: sent_at,
            delay: rtcp::short(now - at_sent - 100_000),
            ..rtcp::Block::default()
        };
        let report = Report {
            ssrc: 1,
            micros: 5,
            timestamp: 0,
            packets: 1,
            octets: 1,
            block: Some(block),
            name: "x",
            is_last: false,
        };
        let mut bytes = [0; MAX_REPORT];
        let length = rtcp::write(&report, &mut bytes);
        assert!(now - at_sent > 100_000, "{now} {at_sent}");
        assert!(call.conference.receive(now, 1, address(1), &bytes[..length]), "also on the port of RTP");
        (0..2).for_each(|_| call.conference.tick_was_late());
        let mut quality = None;
        call.conference.close(
            now,
            1,
            |(), _| {},
            |event| {
                if let AudioEvent::Quality { quality: told, is_last: true, .. } = event {
                    quality = Some(told);
                }
                true
            },
        );
        let quality = quality.unwrap();
        assert!(quality.round_trip.unwrap().as_micros().abs_diff(100_000) < 100, "{quality:?}");
        assert_eq!((quality.peer_loss, quality.lost, quality.late_ticks), (Some(0.25), 0, 2));
    }

    #[test]
    fn a_browser_gets_nothing_before_it_has_said_something() {
        let mut conference = Conference::new(CALL, Prompts::built_in());
        conference.open_browser(0, 1, (), seed(1), PATIENCE);
        conference.set_mix(vec![ear(1, &[], Sound::Ringback)]);
        assert!(conference.play(1, Prompt::JoinTone) && !conference.play(2, Prompt::JoinTone));
        let voices = |conference: &mut Conference<()>| {
            let mut voices = 0;
            conference.tick(0, |_, (), outgoing| voices += usize::from(matches!(outgoing, Outgoing::Voice(_))));
            voices
        };
        assert_eq!(voices(&mut conference), 0);
        let packet =
            Packet { is_marked: true, payload_type: 8, number: 1, timestamp: 1, ssrc: 1, payload: &[0xd5; FRAME] };
        conference.receive_voice(0, 1, &packet);
        assert_eq!(voices(&mut conference), 1);
    }
}
