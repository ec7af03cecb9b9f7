//! As much of STUN (RFC 8489) as it takes to say whose a datagram is before anybody has looked at its signature.

/// RFC 7983: the first byte tells STUN from DTLS and RTP.
const LAST_FIRST_BYTE: u8 = 3;
const MAGIC: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER: usize = 20;
const BINDING_REQUEST: [u8; 2] = [0, 1];
const USERNAME: u16 = 0x0006;
const USE_CANDIDATE: u16 = 0x0025;

/// Is it STUN at all?
#[must_use]
pub(crate) fn is_stun(datagram: &[u8]) -> bool {
    datagram.len() >= HEADER && datagram[0] <= LAST_FIRST_BYTE && datagram[4..8] == MAGIC
}

/// Whom a binding request is for: the part of its user name before the colon, which we gave out (RFC 8445, 7.2.2).
#[must_use]
pub(crate) fn local_ufrag(datagram: &[u8]) -> Option<&str> {
    str::from_utf8(asked(datagram, USERNAME)?).ok()?.split_once(':').map(|(local, _)| local)
}

/// Does a binding request say that this way is the one to be used (RFC 8445, 8.1.1)?
#[must_use]
pub(crate) fn nominates(datagram: &[u8]) -> bool {
    asked(datagram, USE_CANDIDATE).is_some()
}

/// The value of the first attribute of this kind, of a binding request.
fn asked(datagram: &[u8], wanted: u16) -> Option<&[u8]> {
    if !is_stun(datagram) || datagram[..2] != BINDING_REQUEST {
        return None;
    }
    let mut rest = datagram.get(HEADER..)?;
    while rest.len() >= 4 {
        let kind = u16::from_be_bytes([rest[0], rest[1]]);
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        let value = rest.get(4..4 + length)?;
        if kind == wanted {
            return Some(value);
        }
        rest = rest.get(4 + length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A binding request without a signature.
    pub(crate) fn request(username: &str) -> Vec<u8> {
        let length = u16::try_from(username.len()).unwrap();
        let attribute = 4 + length.next_multiple_of(4);
        let mut bytes = vec![0, 1];
        bytes.extend(attribute.to_be_bytes());
        bytes.extend(MAGIC);
        bytes.extend([7; 12]);
        bytes.extend(USERNAME.to_be_bytes());
        bytes.extend(length.to_be_bytes());
        bytes.extend(username.as_bytes());
        bytes.resize(HEADER + usize::from(attribute), 0);
        bytes
    }

    #[test]
    fn the_name_before_the_colon_is_ours() {
        assert_eq!(local_ufrag(&request("ours:theirs")), Some("ours"));
        assert_eq!(local_ufrag(&request("a:b")), Some("a"));
        assert_eq!(local_ufrag(&request("without")), None);
    }

    #[test]
    fn what_is_no_request_is_nobodys() {
        let mut response = request("ours:theirs");
        response[0] = 1;
        assert!(is_stun(&response));
        assert_eq!(local_ufrag(&response), None);
        let mut other = request("ours:theirs");
        other[4] = 0;
        assert!(!is_stun(&other));
        assert_eq!(local_ufrag(&[0x80; 40]), None);
    }

    proptest! {
        /// Whatever comes from the network: an answer, never a panic.
        #[test]
        fn no_bytes_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..60) {
            let _ = local_ufrag(&bytes);
            let mut request = request("ours:theirs");
            request.truncate(cut);
            let _ = local_ufrag(&request);
        }

        #[test]
        fn no_lengths_harm(at in 20usize..36, value in any::<u8>()) {
            let mut request = request("ours:theirs");
            request[at] = value;
            let _ = local_ufrag(&request);
        }
    }
}
