//! What comes and goes leaves nothing. A program of its own with one test, because it counts the threads of the process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]

use bangban_domain::{ParticipantId, WindowId, window::Medium};
use bangban_media::{Config, Event, Lines, Sfu};

/// A browser's offer of a voice, a camera and a screen.
fn offer() -> (String, Lines) {
    let mut sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2\r\n".to_owned();
    let fingerprint = ["AB"; 32].join(":");
    for (mid, kind, payload, codec) in
        [(0, "audio", 111, "opus/48000/2"), (1, "video", 96, "VP8/90000"), (2, "video", 96, "VP8/90000")]
    {
        sdp += &format!(
            "m={kind} 9 UDP/TLS/RTP/SAVPF {payload}\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
             a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef01234567\r\na=fingerprint:sha-256 {fingerprint}\r\n\
             a=setup:actpass\r\na=mid:{mid}\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:{payload} {codec}\r\n\
             a=ssrc:{} cname:x\r\n",
            1_000 + mid
        );
    }
    let lines = [("0", Medium::Voice), ("1", Medium::Camera), ("2", Medium::Screen)];
    (sdp, lines.map(|(mid, medium)| (mid.to_owned(), medium)).to_vec())
}

fn threads_and_files() -> (usize, usize) {
    let count = |folder| std::fs::read_dir(folder).unwrap().count();
    (count("/proc/self/task"), count("/proc/self/fd"))
}

#[tokio::test]
async fn a_thousand_windows_come_and_go_and_leave_nothing() {
    let at_first = threads_and_files();
    let (sender, mut events) = tokio::sync::mpsc::channel(10_000);
    let config = Config { bind: "127.0.0.1:0".parse().unwrap(), public: None, threads: 2 };
    let sfu = Sfu::start(&config, &sender).unwrap();
    let before = threads_and_files();
    assert_eq!(before.0, at_first.0 + 2);
    let (offer, lines) = offer();
    for n in 1..=1_000 {
        let (window, who) = (WindowId::new(n), ParticipantId::new(n));
        sfu.join(window, who, offer.clone(), lines.clone()).await.unwrap();
        sfu.publish(window, who, Medium::Screen, true).await.unwrap();
        assert_eq!(sfu.counters().peers, 1);
        // One way or the other.
        if n % 4 < 2 {
            sfu.leave(window, who).await.unwrap();
        } else {
            sfu.close(window).await.unwrap();
        }
    }
    let counters = sfu.counters();
    assert_eq!((counters.windows, counters.peers, counters.failed, counters.panics), (0, 0, 0, 0));
    assert_eq!(threads_and_files(), before);
    drop(sfu);
    assert_eq!(threads_and_files(), at_first);
    let told = std::iter::from_fn(|| events.try_recv().ok()).collect::<Vec<_>>();
    assert!(told.iter().all(|event| !matches!(event, Event::Link { .. })), "closing is not failing: {told:?}");
}
