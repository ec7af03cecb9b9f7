//! What one leg sends: packets in, a frame every tick out, and what there is to know of it.

use std::time::Duration;

use super::{
    Codec, FRAME, Quality, RATE,
    dtmf::Receiver,
    jitter::{Counts, Jitter, Played},
    notes::Notes,
    rtcp::{self, Arrivals, Block},
    rtp::Packet,
    talk::{Edge, Talk},
};

/// RFC 3389: the sender says nothing for a while.
const COMFORT_NOISE: u8 = 13;

#[derive(Default)]
pub(crate) struct Arriving {
    jitter: Jitter,
    arrivals: Arrivals,
    keys: Receiver,
    talk: Talk,
    /// When something came last, in microseconds.
    pub(crate) heard_at: Option<u64>,
    round_trip: Option<u64>,
    peer_loss: Option<f32>,
    late_ticks: u32,
    told: Counts,
}

impl Arriving {
    /// A packet from the one whose leg this is. `dtmf`: the payload type of keys.
    pub(crate) fn take(&mut self, micros: u64, packet: &Packet<'_>, dtmf: Option<u8>, notes: &mut Notes) {
        self.heard_at = Some(micros);
        if dtmf == Some(packet.payload_type) {
            if let Some(key) = self.keys.take(packet.ssrc, packet.timestamp, packet.payload) {
                notes.digit(key);
            }
            // In a stream of their own they say nothing about the one of the sound.
            if self.arrivals.is_new(packet.ssrc) {
                return;
            }
        }
        if self.arrivals.is_new(packet.ssrc) {
            self.jitter.restart();
        }
        let ticks = u128::from(micros) * u128::from(RATE) / 1_000_000;
        self.arrivals.note(packet.ssrc, packet.number, packet.timestamp, ticks as u32);
        if packet.payload_type == COMFORT_NOISE {
            self.jitter.pause();
        } else if let Some(codec) = Codec::of_payload_type(packet.payload_type) {
            self.jitter.put(packet.timestamp, codec, packet.payload);
        }
    }

    /// What the other side says of it and of ours.
    pub(crate) fn take_report(&mut self, micros: u64, heard: &rtcp::Heard) {
        self.heard_at = Some(micros);
        if let Some(sent) = heard.sent {
            self.arrivals.sender_report(sent, micros);
        }
        if let Some(block) = heard.of_us {
            self.peer_loss = Some(f32::from(block.fraction) / 256.0);
            self.round_trip = rtcp::round_trip(micros, &block).or(self.round_trip);
        }
    }

    /// What a browser says of what it hears; what it does not say stays.
    pub(crate) fn set_heard(&mut self, round_trip: Option<u64>, loss: Option<f32>) {
        self.round_trip = round_trip.or(self.round_trip);
        self.peer_loss = loss.or(self.peer_loss);
    }

    /// A tick has begun too late.
    pub(crate) const fn tick_was_late(&mut self) {
        self.late_ticks = self.late_ticks.saturating_add(1);
    }

    /// What is to be said to the other side of it.
    pub(crate) fn block(&mut self, micros: u64) -> Option<Block> {
        self.arrivals.block(micros)
    }

    /// The next frame; `false`: silence.
    pub(crate) fn frame(&mut self, frame: &mut [i16; FRAME], notes: &mut Notes) -> bool {
        let played = self.jitter.take(frame);
        let edge = match played {
            Played::Nothing => self.talk.hear_nothing(),
            // What is made up says nothing about the speaker.
            Played::Concealed => None,
            Played::Sound => self.talk.hear(frame),
        };
        match edge {
            Some(Edge::Begun) => notes.begun(),
            Some(Edge::Ended) => notes.ended(),
            None => {}
        }
        played != Played::Nothing
    }

    /// How it went since this was asked last.
    pub(crate) fn quality(&mut self) -> Quality {
        let counts = self.jitter.counts();
        let then = std::mem::replace(&mut self.told, counts);
        let (lost, received) = self.arrivals.tell();
        Quality {
            received,
            lost,
            late: counts.late - then.late,
            concealed: counts.concealed - then.concealed,
            late_ticks: std::mem::take(&mut self.late_ticks),
            jitter: Duration::from_micros(u64::from(self.arrivals.jitter()) * 1_000_000 / u64::from(RATE)),
            round_trip: self.round_trip.map(Duration::from_micros),
            peer_loss: self.peer_loss,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(ssrc: u32, n: u16, payload_type: u8, payload: &[u8]) -> Packet<'_> {
        Packet { is_marked: false, payload_type, number: n, timestamp: u32::from(n) * 160, ssrc, payload }
    }

    #[test]
    fn keys_in_a_stream_of_their_own_do_not_disturb_the_sound() {
        let (mut arriving, mut notes) = (Arriving::default(), Notes::default());
        let mut frame = [0; FRAME];
        let mut heard = 0;
        for n in 0..50u16 {
            let micros = u64::from(n) * 20_000;
            arriving.take(micros, &packet(1, n, 8, &[0x2a; FRAME]), Some(101), &mut notes);
            // The same key all the time.
            let event = Packet { timestamp: 5, ..packet(2, n, 101, &[7, 10, 0, 160]) };
            arriving.take(micros, &event, Some(101), &mut notes);
            heard += usize::from(arriving.frame(&mut frame, &mut notes));
        }
        assert_eq!(heard, 48);
        let quality = arriving.quality();
        assert_eq!((quality.received, quality.lost, quality.concealed), (50, 0, 0));
    }

    #[test]
    fn another_stream_is_heard_from_its_beginning_and_what_is_no_speech_is_not() {
        let (mut arriving, mut notes) = (Arriving::default(), Notes::default());
        let mut frame = [0; FRAME];
        for n in 0..20u16 {
            arriving.take(0, &packet(1, n, 8, &[0x2a; FRAME]), None, &mut notes);
            arriving.frame(&mut frame, &mut notes);
        }
        for n in 0..20u16 {
            arriving.take(0, &packet(2, n + 9_000, 0, &[0x2a; FRAME]), None, &mut notes);
            // G.722 was not agreed to.
            arriving.take(0, &packet(2, n + 9_000, 9, &[0; FRAME]), None, &mut notes);
            let is_heard = arriving.frame(&mut frame, &mut notes);
            assert_eq!(is_heard, n >= 2, "{n}");
        }
        let mut wanted = [0; 1];
        crate::audio::g711::decode(Codec::Pcmu, &[0x2a], &mut wanted);
        assert_eq!(frame, [wanted[0]; FRAME]);
    }
}
