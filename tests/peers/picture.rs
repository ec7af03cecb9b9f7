//! One second of real VP8 (`picture.ivf`: 25 pictures of 320 × 240, encoded once by Chromium's WebCodecs; the first needs no
//! other), cut into packets as RFC 7741 says, with the picture's number in each.

use bytes::Bytes;

static FILE: &[u8] = include_bytes!("picture.ivf");

/// Of the file and of each picture in it.
const HEADER: usize = 32;
const PICTURE_HEADER: usize = 12;
/// Bytes of a picture in one packet: none is larger than a path's smallest limit.
const PIECE: usize = 1_100;

/// `S`, `X`: the packet begins a partition, the descriptor has more fields; `I`: the picture's number (RFC 7741, 4.2).
const BEGINS: u8 = 0x10;
const EXTENDED: u8 = 0x80;
const HAS_NUMBER: u8 = 0x80;
const LONG_NUMBER: u16 = 0x8000;

/// A camera or a screen.
#[derive(Debug, Default)]
pub(crate) struct Film {
    shown: u16,
    /// Which picture of the file comes next.
    next: usize,
}

impl Film {
    /// The packets of the next picture. The first one is whole in itself, and then whatever is asked for.
    pub(crate) fn picture(&mut self, is_key_frame: bool) -> Vec<Bytes> {
        let all = pictures();
        // Later pictures go on from each other in a circle; only a key frame begins anew.
        let at = match self.next {
            _ if is_key_frame => 0,
            next if next >= all.len() => 1,
            next => next,
        };
        self.next = at + 1;
        let number = self.shown | LONG_NUMBER;
        self.shown = (self.shown + 1) & !LONG_NUMBER;
        let packet = |(n, piece): (usize, &[u8])| {
            let first = if n == 0 { EXTENDED | BEGINS } else { EXTENDED };
            let [high, low] = number.to_be_bytes();
            Bytes::from([&[first, HAS_NUMBER, high, low], piece].concat())
        };
        all[at].chunks(PIECE).enumerate().map(packet).collect()
    }
}

/// Does this packet begin a picture that needs no other? (RFC 6386, 9.1: the first bit of a frame says it.)
pub(crate) fn begins_key_frame(payload: &[u8]) -> bool {
    payload[0] & BEGINS != 0 && payload[4] & 1 == 0
}

fn pictures() -> Vec<&'static [u8]> {
    let mut rest = &FILE[HEADER..];
    let mut pictures = Vec::new();
    while let Some((header, body)) = rest.split_at_checked(PICTURE_HEADER) {
        let length = u32::from_le_bytes(*header.first_chunk().unwrap()) as usize;
        let (picture, after) = body.split_at(length);
        pictures.push(picture);
        rest = after;
    }
    pictures
}

#[test]
fn the_film_is_vp8_whose_first_picture_needs_no_other() {
    assert!(FILE.starts_with(b"DKIF") && &FILE[8..12] == b"VP80");
    let all = pictures();
    assert_eq!(all.len(), 25);
    // The start code of a key frame, and the size of the picture (RFC 6386, 9.1).
    assert_eq!(&all[0][3..6], [0x9d, 0x01, 0x2a]);
    assert_eq!(all.iter().filter(|picture| picture[0] & 1 == 0).count(), 1);
    let mut film = Film::default();
    let first = film.picture(true);
    assert!(first.len() > 1 && begins_key_frame(&first[0]) && !begins_key_frame(&first[1]));
    assert!(!begins_key_frame(&film.picture(false)[0]));
}
