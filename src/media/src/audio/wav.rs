//! As much of WAV as recordings of prompts need: one channel, 8 kHz, PCM of 16 bits, A-law or µ-law.

use super::{Codec, RATE, g711};

/// Longer is no prompt: 5 min.
const LONGEST: usize = 300 * RATE as usize;

const PCM: u16 = 1;
const ALAW: u16 = 6;
const ULAW: u16 = 7;

/// The samples of a file.
///
/// # Errors
/// What is wrong with it, for who put it there.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<i16>, String> {
    let is_wav = bytes.get(..4) == Some(b"RIFF") && bytes.get(8..12) == Some(b"WAVE");
    let mut rest = bytes.get(12..).filter(|_| is_wav).ok_or("not a WAV file")?;
    let mut format = None;
    while let Some((header, body)) = rest.split_at_checked(8) {
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        // Programs that write into a pipe do not know how long it will be.
        let chunk = body.get(..length).unwrap_or(body);
        match &header[..4] {
            b"fmt " => format = Some(parse_format(chunk)?),
            b"data" => return samples(format.ok_or("no format before the samples")?, chunk),
            _ => {}
        }
        rest = body.get(length.next_multiple_of(2)..).unwrap_or(&[]);
    }
    Err("no samples".to_owned())
}

fn parse_format(chunk: &[u8]) -> Result<u16, String> {
    let word = |at: usize| chunk.get(at..at + 2).map(|two| u16::from_le_bytes([two[0], two[1]]));
    let rate = chunk.get(4..8).map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]));
    match (word(0), word(2), rate, word(14)) {
        (Some(PCM), Some(1), Some(RATE), Some(16)) => Ok(PCM),
        (Some(law @ (ALAW | ULAW)), Some(1), Some(RATE), Some(8)) => Ok(law),
        (Some(format), Some(channels), Some(rate), Some(bits)) => Err(format!(
            "format {format}, {channels} channels, {rate} Hz, {bits} bits; one channel of 8000 Hz is wanted, PCM of 16 bits, A-law or µ-law"
        )),
        _ => Err("the format is cut off".to_owned()),
    }
}

fn samples(format: u16, chunk: &[u8]) -> Result<Vec<i16>, String> {
    let samples: Vec<i16> = match format {
        PCM => chunk.chunks_exact(2).take(LONGEST + 1).map(|two| i16::from_le_bytes([two[0], two[1]])).collect(),
        law => {
            let codec = if law == ALAW { Codec::Pcma } else { Codec::Pcmu };
            let codes = &chunk[..chunk.len().min(LONGEST + 1)];
            let mut samples = vec![0; codes.len()];
            g711::decode(codec, codes, &mut samples);
            samples
        }
    };
    match samples.len() {
        0 => Err("no samples".to_owned()),
        1..=LONGEST => Ok(samples),
        _ => Err("longer than 300 s".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wav(format: u16, channels: u16, rate: u32, bits: u16, samples: &[u8]) -> Vec<u8> {
        let mut bytes = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0".to_vec();
        bytes.extend(format.to_le_bytes());
        bytes.extend(channels.to_le_bytes());
        bytes.extend(rate.to_le_bytes());
        bytes.extend([0; 6]);
        bytes.extend(bits.to_le_bytes());
        bytes.extend(b"data");
        bytes.extend((samples.len() as u32).to_le_bytes());
        bytes.extend(samples);
        bytes
    }

    #[test]
    fn three_formats_are_read() {
        assert_eq!(read(&wav(PCM, 1, 8_000, 16, &[1, 0, 0xff, 0xff])), Ok(vec![1, -1]));
        assert_eq!(read(&wav(ALAW, 1, 8_000, 8, &[0xd5, 0])), Ok(vec![8, -5_504]));
        assert_eq!(read(&wav(ULAW, 1, 8_000, 8, &[0xff])), Ok(vec![0]));
        let mut piped = wav(PCM, 1, 8_000, 16, &[1, 0]);
        let at = piped.len() - 6;
        piped[at..at + 4].fill(0xff);
        assert_eq!(read(&piped), Ok(vec![1]));
    }

    #[test]
    fn what_cannot_be_played_is_said() {
        let why = |bytes: &[u8]| read(bytes).unwrap_err();
        assert!(why(&wav(PCM, 2, 44_100, 16, &[0; 4])).starts_with("format 1, 2 channels, 44100 Hz, 16 bits"));
        assert_eq!(why(b"ID3"), "not a WAV file");
        assert_eq!(why(&wav(PCM, 1, 8_000, 16, &[])), "no samples");
        assert_eq!(why(&wav(ALAW, 1, 8_000, 8, &vec![0; LONGEST + 1])), "longer than 300 s");
        assert!(read(&wav(ALAW, 1, 8_000, 8, &vec![0; LONGEST])).is_ok());
    }

    proptest! {
        #[test]
        fn no_bytes_harm(at in 0usize..60, value: u8, cut in 0usize..70) {
            let mut bytes = wav(PCM, 1, 8_000, 16, &[1; 8]);
            bytes[at] = value;
            let _ = read(&bytes[..bytes.len().min(cut)]);
            let _ = read(&bytes);
        }
    }
}
