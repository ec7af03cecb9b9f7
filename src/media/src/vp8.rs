//! As much of VP8 (RFC 7741) as it takes to know where a picture begins that needs no other.

/// Does this packet begin a key frame?
#[must_use]
pub(crate) fn begins_key_frame(payload: &[u8]) -> bool {
    key_frame(payload).unwrap_or(false)
}

fn key_frame(payload: &[u8]) -> Option<bool> {
    const EXTENDED: u8 = 0x80;
    const BEGINS_PARTITION: u8 = 0x10;
    const PARTITION: u8 = 0x0f;
    const NOT_KEY: u8 = 0x01;
    let first = *payload.first()?;
    if first & BEGINS_PARTITION == 0 || first & PARTITION != 0 {
        return Some(false);
    }
    let mut at = 1;
    if first & EXTENDED != 0 {
        let fields = *payload.get(1)?;
        at = 2;
        if fields & 0x80 != 0 {
            // The picture's number has 7 bits, or 15.
            at += if payload.get(2)? & 0x80 != 0 { 2 } else { 1 };
        }
        at += usize::from(fields & 0x40 != 0);
        at += usize::from(fields & 0x30 != 0);
    }
    Some(payload.get(at)? & NOT_KEY == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_frames_are_told_from_others() {
        for (what, payload, expected) in [
            ("plain key frame", &[0x10, 0x50][..], true),
            ("plain inter frame", &[0x10, 0x51], false),
            ("not the first packet", &[0x00, 0x50], false),
            ("second partition", &[0x11, 0x50], false),
            ("short picture number", &[0x90, 0x80, 0x05, 0x50], true),
            ("long picture number, as Chromium", &[0x90, 0x80, 0x85, 0x01, 0x50], true),
            ("long picture number, inter", &[0x90, 0x80, 0x85, 0x01, 0x51], false),
            ("all fields, as Firefox", &[0x90, 0xf0, 0x85, 0x01, 0x02, 0x03, 0x50], true),
            ("all fields, inter", &[0x90, 0xf0, 0x85, 0x01, 0x02, 0x03, 0x51], false),
            ("nothing", &[], false),
            ("cut off", &[0x90, 0x80, 0x85], false),
        ] {
            assert_eq!(begins_key_frame(payload), expected, "{what}");
        }
    }
}
