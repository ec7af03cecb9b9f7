//! RTCP (RFC 3550, section 6): what is said of a stream, and what the other side says of ours.

/// Seconds between 1900 and where our clock begins do not matter: only differences are used (RFC 3550, 6.4.1). 16.16.
pub(crate) type Short = u32;

const SENDER: u8 = 200;
const RECEIVER: u8 = 201;
const DESCRIPTION: u8 = 202;
const BYE: u8 = 203;
const CNAME: u8 = 1;
const BLOCK: usize = 24;
/// A sender's report with one block, a description of 16 letters, a farewell.
pub(crate) const MAX_REPORT: usize = 28 + BLOCK + 28 + 8;

/// Middle 32 bits of a time in the format of NTP, of a time in microseconds.
pub(crate) const fn short(micros: u64) -> Short {
    (((micros / 1_000_000) << 16) | (((micros % 1_000_000) << 16) / 1_000_000)) as Short
}

/// What one receiver says of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Block {
    /// Of whose stream.
    pub(crate) ssrc: u32,
    /// Lost since the last report, in 256ths.
    pub(crate) fraction: u8,
    /// Lost since the beginning; 24 bits.
    pub(crate) lost: i32,
    /// Highest number, with the times that it has turned over.
    pub(crate) highest: u32,
    /// In ticks of the timestamp.
    pub(crate) jitter: u32,
    /// When the last sender's report was sent, and how long ago it came.
    pub(crate) last_report: Short,
    pub(crate) delay: Short,
}

/// What we say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Report<'a> {
    pub(crate) ssrc: u32,
    /// Now, in microseconds of our clock, and as a timestamp of RTP.
    pub(crate) micros: u64,
    pub(crate) timestamp: u32,
    pub(crate) packets: u32,
    pub(crate) octets: u32,
    /// Of the other's stream, if there is one.
    pub(crate) block: Option<Block>,
    /// Names the leg for nobody outside; 16 letters at most.
    pub(crate) name: &'a str,
    pub(crate) is_last: bool,
}

struct Writer<'a> {
    bytes: &'a mut [u8; MAX_REPORT],
    length: usize,
}

impl Writer<'_> {
    fn put(&mut self, more: &[u8]) {
        self.bytes[self.length..self.length + more.len()].copy_from_slice(more);
        self.length += more.len();
    }

    fn header(&mut self, count: u8, kind: u8, length: usize) {
        let words = (length / 4 - 1) as u16;
        self.put(&[0x80 | count, kind]);
        self.put(&words.to_be_bytes());
    }
}

/// A compound packet; how long it is.
pub(crate) fn write(report: &Report<'_>, bytes: &mut [u8; MAX_REPORT]) -> usize {
    let mut to = Writer { bytes, length: 0 };
    let blocks = usize::from(report.block.is_some());
    to.header(blocks as u8, SENDER, 28 + blocks * BLOCK);
    to.put(&report.ssrc.to_be_bytes());
    let fraction = ((report.micros % 1_000_000) << 32) / 1_000_000;
    to.put(&((report.micros / 1_000_000) as u32).to_be_bytes());
    to.put(&(fraction as u32).to_be_bytes());
    for word in [report.timestamp, report.packets, report.octets] {
        to.put(&word.to_be_bytes());
    }
    if let Some(block) = report.block {
        let lost = block.lost.clamp(-0x80_0000, 0x7f_ffff).cast_unsigned() & 0xff_ffff;
        let words = [
            block.ssrc,
            (u32::from(block.fraction) << 24) | lost,
            block.highest,
            block.jitter,
            block.last_report,
            block.delay,
        ];
        words.iter().for_each(|word| to.put(&word.to_be_bytes()));
    }
    let name = &report.name.as_bytes()[..report.name.len().min(16)];
    let item = (2 + name.len() + 1).next_multiple_of(4);
    to.header(1, DESCRIPTION, 8 + item);
    to.put(&report.ssrc.to_be_bytes());
    to.put(&[CNAME, name.len() as u8]);
    to.put(name);
    to.put(&[0; 4][..item - 2 - name.len()]);
    if report.is_last {
        to.header(1, BYE, 8);
        to.put(&report.ssrc.to_be_bytes());
    }
    to.length
}

/// What the other side has said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Heard {
    /// When it sent that, by its own clock.
    pub(crate) sent: Option<Short>,
    /// What it says of our stream.
    pub(crate) of_us: Option<Block>,
}

/// `ours`: our stream. `None`: no RTCP. What is malformed behind something good is not looked at.
pub(crate) fn parse(bytes: &[u8], ours: u32) -> Option<Heard> {
    let mut heard = Heard::default();
    let mut rest = bytes;
    let mut is_any = false;
    while let Some((header, _)) = rest.split_at_checked(4) {
        let length = 4 * (usize::from(u16::from_be_bytes([header[2], header[3]])) + 1);
        let Some(packet) = rest.get(..length).filter(|_| header[0] >> 6 == 2) else { break };
        is_any = true;
        let blocks = match header[1] {
            SENDER if length >= 28 => {
                heard.sent = Some(u32::from_be_bytes([packet[10], packet[11], packet[12], packet[13]]));
                &packet[28..]
            }
            RECEIVER if length >= 8 => &packet[8..],
            _ => &[],
        };
        for block in blocks.chunks_exact(BLOCK).take(usize::from(header[0] & 0x1f)) {
            let word = |at: usize| u32::from_be_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
            if word(0) == ours {
                heard.of_us = Some(Block {
                    ssrc: ours,
                    fraction: block[4],
                    // Of 24 bits, with sign.
                    lost: (word(4) << 8).cast_signed() >> 8,
                    highest: word(8),
                    jitter: word(12),
                    last_report: word(16),
                    delay: word(20),
                });
            }
        }
        rest = &rest[length..];
    }
    is_any.then_some(heard)
}

/// There and back, in microseconds (RFC 3550, 6.4.1); `None`: it has not answered one of ours yet, or its figures are
/// impossible.
pub(crate) fn round_trip(now_micros: u64, block: &Block) -> Option<u64> {
    if block.last_report == 0 {
        return None;
    }
    let ticks = short(now_micros).wrapping_sub(block.last_report).wrapping_sub(block.delay);
    // Beyond 60 s it is nonsense; a hair below 0 is the rounding.
    match ticks.cast_signed() {
        ..-66 => None,
        -66..=0 => Some(0),
        ticks if ticks > 60 << 16 => None,
        ticks => Some((u64::from(ticks.cast_unsigned()) * 1_000_000) >> 16),
    }
}

/// How a stream arrives (RFC 3550, A.1, A.3, A.8).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Arrivals {
    ssrc: u32,
    base: u32,
    highest: u32,
    received: u32,
    is_begun: bool,
    /// Expected and received at the last report to the other side, and at the last to the server.
    reported: (u32, u32),
    told: (u32, u32),
    /// Lost and received of streams before this one, not told yet.
    carried: (u32, u32),
    /// In 16ths of a tick of the timestamp.
    jitter: u32,
    transit: Option<u32>,
    /// The last sender's report, and when it came, in microseconds.
    sender: Option<(Short, u64)>,
}

impl Arrivals {
    /// Is it another stream than before?
    pub(crate) const fn is_new(&self, ssrc: u32) -> bool {
        !self.is_begun || self.ssrc != ssrc
    }

    /// A packet has come. `ticks`: now, in ticks of the timestamp.
    pub(crate) fn note(&mut self, ssrc: u32, number: u16, timestamp: u32, ticks: u32) {
        if self.is_new(ssrc) {
            let carried = self.tell();
            let number = u32::from(number);
            *self = Self { ssrc, base: number, highest: number, is_begun: true, carried, ..Self::default() };
        }
        let step = number.wrapping_sub(self.highest as u16).cast_signed();
        self.highest = self.highest.saturating_add_signed(i32::from(step.max(0)));
        self.received = self.received.saturating_add(1);
        let transit = ticks.wrapping_sub(timestamp);
        if let Some(last) = self.transit {
            let difference = transit.wrapping_sub(last).cast_signed().unsigned_abs();
            // A jump of the timestamp (a pause, another source) is no jitter.
            if difference < 8_000 {
                self.jitter = self.jitter.saturating_add(difference) - ((self.jitter + 8) >> 4);
            }
        }
        self.transit = Some(transit);
    }

    pub(crate) const fn sender_report(&mut self, sent: Short, micros: u64) {
        self.sender = Some((sent, micros));
    }

    /// In ticks of the timestamp.
    pub(crate) const fn jitter(&self) -> u32 {
        self.jitter >> 4
    }

    const fn expected(&self) -> u32 {
        if self.is_begun { (self.highest - self.base).saturating_add(1) } else { 0 }
    }

    /// Lost and received since this was asked last.
    pub(crate) fn tell(&mut self) -> (u32, u32) {
        let (expected, received) = (self.expected(), self.received);
        let (expected_then, received_then) = std::mem::replace(&mut self.told, (expected, received));
        let new = received - received_then;
        let (lost_before, received_before) = std::mem::take(&mut self.carried);
        let lost = (expected - expected_then).saturating_sub(new);
        (lost.saturating_add(lost_before), new.saturating_add(received_before))
    }

    /// What is to be said of it now.
    pub(crate) fn block(&mut self, micros: u64) -> Option<Block> {
        if !self.is_begun {
            return None;
        }
        let (expected, received) = (self.expected(), self.received);
        let (expected_then, received_then) = std::mem::replace(&mut self.reported, (expected, received));
        let interval = expected - expected_then;
        let lost = interval.saturating_sub(received - received_then);
        let (last_report, delay) = self.sender.map_or((0, 0), |(sent, at)| (sent, short(micros.saturating_sub(at))));
        Some(Block {
            ssrc: self.ssrc,
            fraction: if interval == 0 { 0 } else { (u64::from(lost) * 256 / u64::from(interval)).min(255) as u8 },
            lost: i64::from(expected).saturating_sub(i64::from(received)) as i32,
            highest: self.highest,
            jitter: self.jitter(),
            last_report,
            delay,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn report(block: Option<Block>) -> Report<'static> {
        Report {
            ssrc: 5,
            micros: 1_500_000,
            timestamp: 8_000,
            packets: 50,
            octets: 8_000,
            block,
            name: "0123456789abcdef",
            is_last: true,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let block = Block { ssrc: 9, fraction: 128, lost: -2, highest: 70_000, jitter: 30, last_report: 77, delay: 88 };
        let mut bytes = [0; MAX_REPORT];
        let length = write(&report(Some(block)), &mut bytes);
        assert_eq!(length, MAX_REPORT);
        assert!(length.is_multiple_of(4));
        let heard = parse(&bytes[..length], 9).unwrap();
        assert_eq!(heard, Heard { sent: Some(0x0001_8000), of_us: Some(block) });
        assert_eq!(parse(&bytes[..length], 10).unwrap().of_us, None, "of somebody else");
    }

    /// Bytes written by hand from the figures of RFC 3550, 6.4.1.
    #[test]
    fn a_report_has_the_form_of_the_standard() {
        let mut bytes = [0; MAX_REPORT];
        let length = write(&Report { is_last: false, name: "ab", ..report(None) }, &mut bytes);
        let wanted = [
            0x80, 200, 0, 6, 0, 0, 0, 5, 0, 0, 0, 1, 0x80, 0, 0, 0, 0, 0, 0x1f, 0x40, 0, 0, 0, 50, 0, 0, 0x1f, 0x40,
            0x81, 202, 0, 3, 0, 0, 0, 5, 1, 2, b'a', b'b', 0, 0, 0, 0,
        ];
        assert_eq!(bytes[..length], wanted);
    }

    #[test]
    fn loss_is_counted_by_numbers_that_turn_over() {
        let mut arrivals = Arrivals::default();
        for n in 0..100u32 {
            // Every tenth is lost, two change places.
            let n = if n == 50 {
                51
            } else if n == 51 {
                50 + 5
            } else {
                n
            };
            if n % 10 != 9 {
                arrivals.note(1, (65_500 + n) as u16, n * 160, n * 160);
            }
        }
        let (lost, received) = arrivals.tell();
        // 99 is lost, and not known to be; 55 came twice, for 50.
        assert_eq!((received, lost), (90, 9));
        let block = arrivals.block(0).unwrap();
        assert_eq!((block.lost, block.fraction), (9, (9 * 256 / 99) as u8));
        assert_eq!(block.highest, 65_500 + 98);
        assert_eq!(arrivals.tell(), (0, 0), "since the last time");
        assert_eq!(arrivals.block(0).unwrap().fraction, 0);
    }

    #[test]
    fn jitter_is_as_the_standard_computes_it() {
        let mut arrivals = Arrivals::default();
        let mut wanted = 0.0;
        for n in 0..200u32 {
            let late = if n.is_multiple_of(2) { 0 } else { 80 };
            arrivals.note(1, n as u16, n * 160, n * 160 + late);
            if n > 0 {
                wanted += (80.0 - wanted) / 16.0;
            }
        }
        assert!((f64::from(arrivals.jitter()) - wanted).abs() < 2.0, "{} {wanted}", arrivals.jitter());
        arrivals.note(1, 200, 1_000_000, 200 * 160);
        assert!((f64::from(arrivals.jitter()) - wanted).abs() < 2.0, "a jump is no jitter");
    }

    #[test]
    fn another_stream_counts_anew() {
        let mut arrivals = Arrivals::default();
        arrivals.note(1, 10, 0, 0);
        arrivals.note(1, 20, 0, 0);
        assert_eq!(arrivals.tell(), (9, 2));
        assert!(arrivals.is_new(2));
        arrivals.note(2, 60_000, 0, 0);
        assert_eq!(arrivals.tell(), (0, 1));
        arrivals.note(2, 60_005, 0, 0);
        arrivals.note(3, 7, 0, 0);
        assert_eq!(arrivals.tell(), (4, 2), "what was not told of the stream before is not forgotten");
    }

    #[test]
    fn there_and_back_is_the_time_less_that_of_the_other_side() {
        // Sent at 10 s, kept there for 1 s, back at 11.2 s.
        let block = Block { last_report: short(10_000_000), delay: short(1_000_000), ..Block::default() };
        let micros = round_trip(11_200_000, &block).unwrap();
        assert!(micros.abs_diff(200_000) < 50, "{micros}");
        assert_eq!(round_trip(11_000_000, &block), Some(0));
        assert_eq!(round_trip(10_500_000, &block), None, "the other side's clock is wrong");
        assert_eq!(round_trip(11_000_000, &Block::default()), None, "it has not heard one of ours");
    }

    proptest! {
        #[test]
        fn no_bytes_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..80, value: u8) {
            let _ = parse(&bytes, 5);
            let mut whole = [0; MAX_REPORT];
            let length = write(&report(Some(Block::default())), &mut whole);
            whole[at] = value;
            let _ = parse(&whole[..length], 0);
        }

        #[test]
        fn no_stream_harms(packets in proptest::collection::vec((0u32..3, any::<u16>(), any::<u32>(), any::<u32>()), 1..200)) {
            let mut arrivals = Arrivals::default();
            for (ssrc, number, timestamp, ticks) in packets {
                arrivals.note(ssrc, number, timestamp, ticks);
                let _ = (arrivals.tell(), arrivals.block(u64::from(ticks)));
            }
        }
    }
}
