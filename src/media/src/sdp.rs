//! What may stand in a description that a browser sends, before anything parses it in earnest.

use crate::Refused;

/// A browser's offer of three own media and nine that it receives is below 30 kB.
pub const MAX_SDP: usize = 64 * 1024;
/// A browser has one candidate for each of its addresses and protocols.
pub const MAX_CANDIDATES: usize = 64;
/// Three of its own, nine of the others, and some that are over.
pub const MAX_MEDIA: usize = 24;
/// Chromium writes some 40 lines for each medium.
const MAX_LINES: usize = 4_000;

/// Is it a description that could be a browser's?
///
/// # Errors
/// [`Refused::TooLarge`] names what there is too much of, [`Refused::NotSdp`] what is none at all.
pub(crate) fn check(sdp: &str) -> Result<(), Refused> {
    if sdp.len() > MAX_SDP {
        return Err(Refused::TooLarge { what: "sdp", most: MAX_SDP });
    }
    if !sdp.starts_with("v=0") {
        return Err(Refused::NotSdp);
    }
    for (what, most, prefix) in
        [("candidates", MAX_CANDIDATES, "a=candidate:"), ("media", MAX_MEDIA, "m="), ("lines", MAX_LINES, "")]
    {
        if sdp.lines().filter(|line| line.starts_with(prefix)).count() > most {
            return Err(Refused::TooLarge { what, most });
        }
    }
    Ok(())
}

/// The media lines of a description: kind and `mid`.
pub(crate) fn media(sdp: &str) -> impl Iterator<Item = (&str, &str)> {
    sdp.split("\nm=").skip(1).filter_map(|section| {
        let kind = section.split_whitespace().next()?;
        let mid = section.lines().find_map(|line| line.strip_prefix("a=mid:"))?;
        Some((kind, mid.trim_end()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sdp(media: usize, candidates: usize) -> String {
        let mut text = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n".to_owned();
        for n in 0..media {
            text += &format!("m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:{n}\r\n");
        }
        text + &"a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n".repeat(candidates)
    }

    #[test]
    fn a_browsers_description_passes_and_one_more_of_anything_does_not() {
        assert_eq!(check(&sdp(MAX_MEDIA, MAX_CANDIDATES)), Ok(()));
        let what = |text: &str| match check(text) {
            Err(Refused::TooLarge { what, .. }) => what,
            other => panic!("{other:?}"),
        };
        assert_eq!(what(&sdp(MAX_MEDIA + 1, 0)), "media");
        assert_eq!(what(&sdp(1, MAX_CANDIDATES + 1)), "candidates");
        assert_eq!(what(&sdp(1, 10_000)), "sdp");
        assert_eq!(what(&format!("v=0\r\n{}", "a\r\n".repeat(MAX_LINES))), "lines");
        assert_eq!(check("GET / HTTP/1.1"), Err(Refused::NotSdp));
        assert_eq!(check(""), Err(Refused::NotSdp));
    }

    #[test]
    fn media_lines_have_a_kind_and_a_mid() {
        let text =
            "v=0\r\nm=audio 9 X 1\r\na=mid:0\r\nm=video 9 X 2\r\na=sendonly\r\na=mid:camera\r\nm=video 9 X 3\r\n";
        assert_eq!(media(text).collect::<Vec<_>>(), [("audio", "0"), ("video", "camera")]);
    }
}
