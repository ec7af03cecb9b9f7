//! A ZIP archive, written part by part (APPNOTE.TXT 6.3.10). Parts are stored as they are: pictures are compressed already,
//! and the rest is small. Without ZIP64: at most 4 GiB and 65 535 parts.

use bangban_domain::Timestamp;
use flate2::Crc;

/// More would not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the archive would be larger than 4 GiB or have more than 65535 parts")]
pub(super) struct Full;

struct Part {
    name: String,
    crc: u32,
    size: u32,
    offset: u32,
    time: (u16, u16),
}

/// See the module.
#[derive(Default)]
pub(super) struct Zip {
    parts: Vec<Part>,
    offset: u32,
}

/// Date and time of MS-DOS, in Shanghai.
fn dos_time(at: Timestamp) -> (u16, u16) {
    let zone = jiff::tz::Offset::constant(8).to_time_zone();
    let Ok(at) = jiff::Timestamp::from_millisecond(at.0) else { return (0x21, 0) };
    let at = at.to_zoned(zone);
    let date = (u16::try_from(at.year()).unwrap_or(1980).saturating_sub(1980) << 9)
        | (u16::from(at.month().unsigned_abs()) << 5)
        | u16::from(at.day().unsigned_abs());
    let time = (u16::from(at.hour().unsigned_abs()) << 11)
        | (u16::from(at.minute().unsigned_abs()) << 5)
        | (u16::from(at.second().unsigned_abs()) / 2);
    (date, time)
}

/// What local and central headers have in common.
fn common(part: &Part, length: u16, into: &mut Vec<u8>) {
    // Version 2.0; names are UTF-8; stored.
    for number in [20, 0x0800, 0, part.time.1, part.time.0] {
        into.extend(number.to_le_bytes());
    }
    for number in [part.crc, part.size, part.size] {
        into.extend(number.to_le_bytes());
    }
    into.extend(length.to_le_bytes());
    into.extend(0_u16.to_le_bytes());
}

impl Zip {
    /// The header of the next part; its bytes follow.
    ///
    /// # Errors
    /// [`Full`].
    pub(super) fn part(&mut self, name: &str, bytes: &[u8], at: Timestamp) -> Result<Vec<u8>, Full> {
        let mut crc = Crc::new();
        crc.update(bytes);
        let size = u32::try_from(bytes.len()).map_err(|_| Full)?;
        let length = u16::try_from(name.len()).map_err(|_| Full)?;
        let part = Part { name: name.to_owned(), crc: crc.sum(), size, offset: self.offset, time: dos_time(at) };
        let mut header = b"PK\x03\x04".to_vec();
        common(&part, length, &mut header);
        header.extend(name.as_bytes());
        let written = u32::try_from(header.len()).map_err(|_| Full)?.checked_add(size).ok_or(Full)?;
        self.offset = self.offset.checked_add(written).ok_or(Full)?;
        if self.parts.len() >= usize::from(u16::MAX) {
            return Err(Full);
        }
        self.parts.push(part);
        Ok(header)
    }

    /// What comes behind the last part.
    ///
    /// # Errors
    /// [`Full`].
    pub(super) fn end(self) -> Result<Vec<u8>, Full> {
        let mut end = Vec::new();
        for part in &self.parts {
            let length = u16::try_from(part.name.len()).map_err(|_| Full)?;
            end.extend(b"PK\x01\x02\x14\x00");
            common(part, length, &mut end);
            // No comment, first disk, no attributes.
            end.extend([0; 10]);
            end.extend(part.offset.to_le_bytes());
            end.extend(part.name.as_bytes());
        }
        let size = u32::try_from(end.len()).map_err(|_| Full)?;
        let count = u16::try_from(self.parts.len()).map_err(|_| Full)?;
        end.extend(b"PK\x05\x06\0\0\0\0");
        end.extend(count.to_le_bytes());
        end.extend(count.to_le_bytes());
        end.extend(size.to_le_bytes());
        end.extend(self.offset.to_le_bytes());
        end.extend(0_u16.to_le_bytes());
        Ok(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of a small archive, compared with what `python3 -m zipfile` and `unzip -t` take: see `serving/privacy.rs`.
    #[test]
    fn the_directory_names_every_part_and_where_it_is() {
        let mut zip = Zip::default();
        let mut bytes = Vec::new();
        // 2026-11-28 12:00:00 in Shanghai.
        let at = Timestamp(1_795_838_400_000);
        for (name, text) in [("person.json", "{}"), ("文件/a.txt", "hello")] {
            bytes.extend(zip.part(name, text.as_bytes(), at).unwrap());
            bytes.extend(text.as_bytes());
        }
        let directory = bytes.len();
        bytes.extend(zip.end().unwrap());
        let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let end = bytes.len() - 22;
        assert_eq!(&bytes[end..end + 4], b"PK\x05\x06");
        assert_eq!((number(end + 16) as usize, bytes[end + 10]), (directory, 2));
        // CRC-32 of "hello".
        let second = 30 + "person.json".len() + 2;
        assert_eq!((&bytes[second..second + 4], number(second + 14)), (&b"PK\x03\x04"[..], 0x3610_a686));
        assert_eq!(dos_time(at), (((2026 - 1980) << 9) | (11 << 5) | 28, 12 << 11));
    }
}
