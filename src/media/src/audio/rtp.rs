//! RTP headers (RFC 3550, section 5.1).

/// Without lists and extensions.
pub(crate) const HEADER: usize = 12;
/// The longest payload that is looked at: 120 ms, more than any telephone packs.
pub(crate) const MAX_PAYLOAD: usize = 960;

/// A packet as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    pub(crate) is_marked: bool,
    pub(crate) payload_type: u8,
    pub(crate) number: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    pub(crate) payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// `None`: no RTP, or with nothing in it, or longer than anything that is spoken.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, _) = bytes.split_at_checked(HEADER)?;
        if header[0] >> 6 != 2 || is_rtcp(bytes) {
            return None;
        }
        let mut begin = HEADER + 4 * usize::from(header[0] & 0x0f);
        if header[0] & 0x10 != 0 {
            let length = bytes.get(begin + 2..begin + 4)?;
            begin += 4 + 4 * usize::from(u16::from_be_bytes([length[0], length[1]]));
        }
        let padding = if header[0] & 0x20 == 0 { 0 } else { usize::from(*bytes.last()?) };
        let payload = bytes.get(begin..bytes.len().checked_sub(padding)?)?;
        if payload.is_empty() || payload.len() > MAX_PAYLOAD {
            return None;
        }
        Some(Self {
            is_marked: header[1] & 0x80 != 0,
            payload_type: header[1] & 0x7f,
            number: u16::from_be_bytes([header[2], header[3]]),
            timestamp: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
            ssrc: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
            payload,
        })
    }

    /// Writes it without lists, extensions and padding; how long it is, or `None` if there is no room.
    pub(crate) fn write(&self, bytes: &mut [u8]) -> Option<usize> {
        let length = HEADER + self.payload.len();
        let bytes = bytes.get_mut(..length)?;
        bytes[0] = 0x80;
        bytes[1] = self.payload_type | if self.is_marked { 0x80 } else { 0 };
        bytes[2..4].copy_from_slice(&self.number.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        bytes[HEADER..].copy_from_slice(self.payload);
        Some(length)
    }
}

/// On a port that has both, RTCP's packet types tell it from RTP (RFC 5761, section 4).
pub(crate) fn is_rtcp(bytes: &[u8]) -> bool {
    bytes.len() >= 8 && bytes[0] >> 6 == 2 && (192..=223).contains(&bytes[1])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(payload: &[u8]) -> Packet<'_> {
        Packet { is_marked: true, payload_type: 8, number: 65_535, timestamp: 4_000_000_000, ssrc: 7, payload }
    }

    #[test]
    fn what_stands_before_and_after_the_payload_is_skipped() {
        let mut bytes = [0; 64];
        let length = packet(&[1, 2, 3, 4]).write(&mut bytes).unwrap();
        let plain = &bytes[..length];
        assert_eq!(Packet::parse(plain), Some(packet(&[1, 2, 3, 4])));
        // Two contributing sources, an extension of one word, and three bytes of padding.
        let mut whole = plain[..HEADER].to_vec();
        whole[0] |= 0x32;
        whole.extend([9; 8]);
        whole.extend([0xbe, 0xde, 0, 1, 5, 5, 5, 5]);
        whole.extend([1, 2, 3, 4, 0, 0, 3]);
        assert_eq!(Packet::parse(&whole).unwrap().payload, [1, 2, 3, 4]);
    }

    #[test]
    fn what_is_no_speech_is_refused() {
        let mut bytes = [0; 1_500];
        let length = packet(&[7; MAX_PAYLOAD + 1]).write(&mut bytes).unwrap();
        assert_eq!(Packet::parse(&bytes[..length]), None, "too long");
        assert!(Packet::parse(&bytes[..length - 1]).is_some());
        assert_eq!(Packet::parse(&bytes[..HEADER]), None, "empty");
        bytes[0] = 0x40;
        assert_eq!(Packet::parse(&bytes[..100]), None, "another version");
        bytes[..2].copy_from_slice(&[0x80, 200]);
        assert_eq!(Packet::parse(&bytes[..100]), None, "RTCP");
        bytes[..2].copy_from_slice(&[0xa0, 8]);
        bytes[99] = 100;
        assert_eq!(Packet::parse(&bytes[..100]), None, "more padding than there is");
    }

    proptest! {
        #[test]
        fn no_bytes_harm(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            if let Some(packet) = Packet::parse(&bytes) {
                prop_assert!(!packet.payload.is_empty() && packet.payload.len() <= bytes.len() - HEADER);
            }
        }

        #[test]
        fn what_is_written_is_read(number: u16, timestamp: u32, ssrc: u32, payload_type in 0u8..64, is_marked: bool,
                                   payload in proptest::collection::vec(any::<u8>(), 1..200)) {
            let packet = Packet { is_marked, payload_type, number, timestamp, ssrc, payload: &payload };
            let mut bytes = [0; 300];
            let length = packet.write(&mut bytes).unwrap();
            prop_assert_eq!(Packet::parse(&bytes[..length]), Some(packet));
        }
    }
}
