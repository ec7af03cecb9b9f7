//! ITU-T G.711 between codes of 8 bits and samples of 16: tables, made when the program is built.

use super::Codec;

const fn decode_ulaw(code: u8) -> i16 {
    let code = !code;
    let magnitude = (((code & 0x0f) as i16) << 3) + 0x84;
    let magnitude = (magnitude << ((code & 0x70) >> 4)) - 0x84;
    if code & 0x80 == 0 { magnitude } else { -magnitude }
}

const fn decode_alaw(code: u8) -> i16 {
    let code = code ^ 0x55;
    let segment = (code & 0x70) >> 4;
    let mantissa = ((code & 0x0f) as i16) << 4;
    let magnitude = match segment {
        0 => mantissa + 8,
        1 => mantissa + 0x108,
        _ => (mantissa + 0x108) << (segment - 1),
    };
    if code & 0x80 == 0 { -magnitude } else { magnitude }
}

/// `sample` has 14 bits.
const fn encode_ulaw(sample: i32) -> u8 {
    const BIAS: i32 = 0x21;
    const CLIP: i32 = 8_159;
    let (magnitude, mask) = if sample < 0 { (-sample, 0x7f) } else { (sample, 0xff) };
    let magnitude = (if magnitude > CLIP { CLIP } else { magnitude }) + BIAS;
    let mut segment = 0;
    while segment < 8 && magnitude > (0x40 << segment) - 1 {
        segment += 1;
    }
    let code = if segment == 8 { 0x7f } else { (segment << 4) | ((magnitude >> (segment + 1)) & 0x0f) };
    (code ^ mask) as u8
}

/// `sample` has 13 bits.
const fn encode_alaw(sample: i32) -> u8 {
    let (magnitude, mask) = if sample < 0 { (-sample - 1, 0x55) } else { (sample, 0xd5) };
    let mut segment = 0;
    while segment < 8 && magnitude > (0x20 << segment) - 1 {
        segment += 1;
    }
    let mantissa = (if segment < 2 { magnitude >> 1 } else { magnitude >> segment }) & 0x0f;
    let code = if segment == 8 { 0x7f } else { (segment << 4) | mantissa };
    (code ^ mask) as u8
}

const fn decoder(codec: Codec) -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = match codec {
            Codec::Pcma => decode_alaw(code as u8),
            Codec::Pcmu => decode_ulaw(code as u8),
        };
        code += 1;
    }
    table
}

/// By sample, of which A-law needs 13 bits and µ-law 14.
const fn encoder<const N: usize>(codec: Codec) -> [u8; N] {
    let mut table = [0; N];
    let mut at = 0;
    while at < N {
        let sample = at as i32 - N as i32 / 2;
        table[at] = match codec {
            Codec::Pcma => encode_alaw(sample),
            Codec::Pcmu => encode_ulaw(sample),
        };
        at += 1;
    }
    table
}

static FROM_ALAW: [i16; 256] = decoder(Codec::Pcma);
static FROM_ULAW: [i16; 256] = decoder(Codec::Pcmu);
static TO_ALAW: [u8; 1 << 13] = encoder(Codec::Pcma);
static TO_ULAW: [u8; 1 << 14] = encoder(Codec::Pcmu);

/// As many samples as there are codes, or as there is room for.
pub(crate) fn decode(codec: Codec, codes: &[u8], samples: &mut [i16]) {
    let table = match codec {
        Codec::Pcma => &FROM_ALAW,
        Codec::Pcmu => &FROM_ULAW,
    };
    for (sample, code) in samples.iter_mut().zip(codes) {
        *sample = table[usize::from(*code)];
    }
}

/// As many codes as there are samples, or as there is room for.
pub(crate) fn encode(codec: Codec, samples: &[i16], codes: &mut [u8]) {
    let pairs = codes.iter_mut().zip(samples);
    match codec {
        Codec::Pcma => pairs.for_each(|(code, sample)| *code = TO_ALAW[place(*sample, 3) & 0x1fff]),
        Codec::Pcmu => pairs.for_each(|(code, sample)| *code = TO_ULAW[place(*sample, 2) & 0x3fff]),
    }
}

/// Where a sample stands in a table of those shortened by some bits.
const fn place(sample: i16, bits: u32) -> usize {
    ((sample as u16 ^ 0x8000) >> bits) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What another program makes of it (scripts/g711_reference.py).
    const REFERENCE: &str = include_str!("testdata/g711.tsv");

    fn reference(what: &str, law: &str) -> Vec<(i32, i32)> {
        let rows = REFERENCE.lines().filter_map(|line| {
            let mut cells = line.split('\t');
            let is_it = cells.next() == Some(what) && cells.next() == Some(law);
            is_it.then(|| cells.map(|cell| cell.parse().unwrap()).collect::<Vec<i32>>())
        });
        rows.map(|cells| (cells[0], cells[1])).collect()
    }

    fn encoded(codec: Codec, sample: i16) -> u8 {
        let mut code = [0];
        encode(codec, &[sample], &mut code);
        code[0]
    }

    fn decoded(codec: Codec, code: u8) -> i16 {
        let mut sample = [0];
        decode(codec, &[code], &mut sample);
        sample[0]
    }

    #[test]
    fn every_code_and_every_sample_is_as_the_reference_has_it() {
        for (law, codec) in [("a", Codec::Pcma), ("u", Codec::Pcmu)] {
            let codes = reference("decode", law);
            assert_eq!(codes.len(), 256);
            for (code, sample) in codes {
                assert_eq!(i32::from(decoded(codec, code as u8)), sample, "{law} {code}");
            }
            let steps = reference("encode", law);
            assert!(steps.len() >= 255, "{}", steps.len());
            let mut step = 0;
            for sample in i16::MIN..=i16::MAX {
                if steps.get(step + 1).is_some_and(|(from, _)| *from == i32::from(sample)) {
                    step += 1;
                }
                assert_eq!(i32::from(encoded(codec, sample)), steps[step].1, "{law} {sample}");
            }
        }
    }

    #[test]
    fn silence_is_silent_and_there_and_back_is_the_same() {
        assert_eq!((encoded(Codec::Pcma, 0), encoded(Codec::Pcmu, 0)), (0xd5, 0xff));
        for codec in [Codec::Pcma, Codec::Pcmu] {
            for code in 0..=255 {
                let sample = decoded(codec, code);
                assert_eq!(decoded(codec, encoded(codec, sample)), sample, "{codec:?} {code}");
            }
        }
    }
}
