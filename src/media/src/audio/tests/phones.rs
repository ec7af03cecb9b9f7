//! Telephones.

use std::time::Instant;

use bangban_domain::call::Prompt;

use super::*;
use crate::audio::{Direction, Refused, StartError};

const CALLER: f32 = 440.0;
const OPERATOR: f32 = 800.0;
const PROFESSIONAL: f32 = 1_300.0;

fn three(line: &Line) -> [Phone; 3] {
    [
        Phone::join(line, 1, Codec::Pcma, Some(CALLER)),
        Phone::join(line, 2, Codec::Pcmu, Some(OPERATOR)),
        Phone::join(line, 3, Codec::Pcma, Some(PROFESSIONAL)),
    ]
}

#[test]
fn each_of_three_hears_the_others_and_not_themselves() {
    let line = Line::new(30_000, |_| {});
    let [mut caller, mut operator, mut professional] = three(&line);
    line.mixer.set_mix(leg(1).call, all(&[1, 2, 3]));
    settle(&mut [&mut caller, &mut operator, &mut professional]);
    for (phone, own) in [(&caller, CALLER), (&operator, OPERATOR), (&professional, PROFESSIONAL)] {
        for tone in [CALLER, OPERATOR, PROFESSIONAL] {
            let level = phone.level(tone);
            if tone == own {
                assert!(level <= UNHEARD, "own {own}: {level}");
            } else {
                assert!(level >= HEARD, "{tone} at {own}: {level}");
            }
        }
    }
    let counters = line.mixer.counters();
    assert_eq!((counters.legs, counters.conferences, counters.ports_in_use), (3, 1, 3));
    assert!(counters.received >= 150 && counters.sent >= 150 && counters.stray == 0, "{counters:?}");
}

#[test]
fn a_consultation_is_private_and_merging_and_leaving_hold_at_once() {
    let line = Line::new(30_100, |_| {});
    let [mut caller, mut operator, mut professional] = three(&line);
    let mut consult = all(&[2, 3]);
    consult.push(Ear { leg: leg(1), hears: Vec::new(), sound: Sound::Music });
    line.mixer.set_mix(leg(1).call, consult);
    settle(&mut [&mut caller, &mut operator, &mut professional]);
    assert!(operator.level(PROFESSIONAL) >= HEARD && professional.level(OPERATOR) >= HEARD);
    for (phone, tone) in [(&operator, CALLER), (&professional, CALLER), (&caller, OPERATOR), (&caller, PROFESSIONAL)] {
        assert!(phone.level(tone) <= -35.0, "{tone}: {}", phone.level(tone));
    }
    let is_music = |phone: &Phone| {
        let mean: i64 = phone.heard[phone.heard.len() - 8_000..].iter().map(|one| i64::from(one.unsigned_abs())).sum();
        mean / 8_000 > 100
    };
    assert!(is_music(&caller), "who waits hears music");

    // The professional whispers to the operator.
    let mut whisper = all(&[1, 2, 3]);
    whisper[0].hears = vec![leg(2)];
    line.mixer.set_mix(leg(1).call, whisper);
    settle(&mut [&mut caller, &mut operator, &mut professional]);
    assert!(caller.level(PROFESSIONAL) <= UNHEARD && operator.level(PROFESSIONAL) >= HEARD);
    assert!(professional.level(CALLER) >= HEARD);

    // The operator leaves: they have no ear, and are not heard.
    line.mixer.set_mix(leg(1).call, all(&[1, 3]));
    settle(&mut [&mut caller, &mut operator, &mut professional]);
    assert!(caller.level(PROFESSIONAL) >= HEARD && caller.level(OPERATOR) <= UNHEARD);
    assert!(operator.heard[operator.heard.len() - 8_000..].iter().all(|sample| sample.unsigned_abs() <= 8));

    // Who is closed is gone, the others go on.
    line.mixer.close(leg(2));
    settle(&mut [&mut caller, &mut professional]);
    assert!(caller.level(PROFESSIONAL) >= HEARD && professional.level(CALLER) >= HEARD);
}

#[test]
fn a_prompt_goes_over_what_is_heard_and_its_end_is_told() {
    let mut line = Line::new(30_200, |_| {});
    let mut caller = Phone::join(&line, 1, Codec::Pcma, None);
    let mut operator = Phone::join(&line, 2, Codec::Pcma, Some(OPERATOR));
    line.mixer.set_mix(leg(1).call, all(&[1, 2]));
    settle(&mut [&mut caller, &mut operator]);
    let before = caller.level(OPERATOR);
    line.mixer.play(leg(1), Prompt::Thanks);
    pass(&mut [&mut caller, &mut operator], 80);
    let during = caller.level(OPERATOR);
    assert!((-14.0..-10.0).contains(&(during - before)), "12 dB softer: {before} {during}");
    assert!(operator.level(OPERATOR) <= UNHEARD, "nobody else hears it");
    pass(&mut [&mut caller, &mut operator], 200);
    assert!((caller.level(OPERATOR) - before).abs() < 1.0);
    let told = line.wait_for(|event| matches!(event, AudioEvent::PromptEnded(_)));
    assert_eq!(told, AudioEvent::PromptEnded(leg(1)));
}

#[test]
fn keys_go_both_ways_as_events() {
    let mut line = Line::new(30_300, |_| {});
    let mut phone = Phone::join(&line, 1, Codec::Pcma, None);
    pass(&mut [&mut phone], 3);
    line.mixer.dial(leg(1), "12#");
    pass(&mut [&mut phone], 50);
    let ended: Vec<_> = phone.keys.iter().filter(|(_, is_end, _)| *is_end).map(|(key, _, at)| (*key, *at)).collect();
    assert_eq!(ended.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [1, 1, 1, 2, 2, 2, 11, 11, 11]);
    assert!(ended[0].1 == ended[2].1 && ended[3].1 == ended[0].1 + 1_600, "{ended:?}");
    // The first packet of the 5 is lost, the 9 comes three times.
    phone.send(101, 50_000, &[5, 0x8a, 3, 32]);
    (0..3).for_each(|_| phone.send(101, 60_000, &[9, 10, 0, 160]));
    phone.send(101, 70_000, &[10, 10, 0, 160]);
    for key in ['5', '9', '*'] {
        let told = line.wait_for(|event| matches!(event, AudioEvent::Digit(..)));
        assert_eq!(told, AudioEvent::Digit(leg(1), key));
    }
}

#[test]
fn where_events_are_not_taken_keys_are_tones() {
    let line = Line::new(30_400, |_| {});
    let mut phone = Phone::join(&line, 1, Codec::Pcma, None);
    line.mixer
        .connect_rtp(leg(1), RtpRemote { dtmf: None, ..RtpRemote::new(phone.rtp.local_addr().unwrap()) })
        .unwrap();
    pass(&mut [&mut phone], 3);
    line.mixer.dial(leg(1), "1");
    pass(&mut [&mut phone], 20);
    let begin = phone.heard.iter().position(|sample| sample.unsigned_abs() > 500).unwrap();
    let heard = &phone.heard[begin..begin + 700];
    assert!(level(heard, 697.0) > -25.0 && level(heard, 1_209.0) > -25.0 && level(heard, 1_477.0) < -35.0);
}

#[test]
fn sound_from_elsewhere_is_not_heard() {
    let line = Line::new(30_500, |_| {});
    let mut caller = Phone::join(&line, 1, Codec::Pcma, Some(CALLER));
    let mut operator = Phone::join(&line, 2, Codec::Pcma, None);
    line.mixer.set_mix(leg(1).call, all(&[1, 2]));
    // Another host, from the beginning.
    let intruder = UdpSocket::bind("127.0.0.2:0").unwrap();
    let mut hum = Hum { hertz: 2_000.0, at: 0 };
    let mut bytes = [0; 256];
    for n in 0..70u16 {
        let codes = hum.frame(Codec::Pcma);
        let packet = Packet {
            is_marked: false,
            payload_type: 8,
            number: n,
            timestamp: u32::from(n) * 160,
            ssrc: 66,
            payload: &codes,
        };
        let length = packet.write(&mut bytes).unwrap();
        intruder.send_to(&bytes[..length], caller.server).unwrap();
        pass(&mut [&mut caller, &mut operator], 1);
    }
    assert!(operator.level(CALLER) >= HEARD && operator.level(2_000.0) <= UNHEARD);
    // Once settled, not even another port of the same host.
    let length = 12 + FRAME;
    let other_port = UdpSocket::bind("127.0.0.1:0").unwrap();
    other_port.send_to(&bytes[..length], caller.server).unwrap();
    pass(&mut [&mut caller, &mut operator], 5);
    let counters = line.mixer.counters();
    assert!(counters.stray >= 65, "{counters:?}");
    let heard_here = caller.heard.len();
    settle(&mut [&mut caller, &mut operator]);
    assert!(caller.heard.len() > heard_here, "its own sound still goes to it");
}

#[test]
fn who_is_silent_is_lost_and_who_is_held_has_more_time() {
    let mut line = Line::new(30_600, |config| {
        config.rtp_timeout = Duration::from_millis(300);
        config.held_timeout = Duration::from_millis(900);
    });
    let talking = Phone::join(&line, 1, Codec::Pcma, None);
    let held = Phone::join(&line, 2, Codec::Pcma, None);
    line.mixer.connect_rtp(leg(2), RtpRemote { direction: Direction::SendOnly, ..held.remote }).unwrap();
    #[expect(clippy::disallowed_methods, reason = "how long it took is what is tested")]
    let begin = Instant::now();
    let lost = |event: &AudioEvent| matches!(event, AudioEvent::MediaLost(_));
    assert_eq!(line.wait_for(lost), AudioEvent::MediaLost(leg(1)));
    assert!(begin.elapsed() >= Duration::from_millis(280));
    assert_eq!(line.wait_for(lost), AudioEvent::MediaLost(leg(2)));
    assert!(begin.elapsed() >= Duration::from_millis(880));
    drop(talking);
}

#[test]
fn who_speaks_is_told_and_how_it_went() {
    let mut line = Line::new(30_700, |_| {});
    let mut phone = Phone::join(&line, 1, Codec::Pcma, Some(CALLER));
    pass(&mut [&mut phone], 30);
    assert_eq!(line.wait_for(|_| true), AudioEvent::Heard(leg(1)));
    phone.hum = None;
    pass(&mut [&mut phone], 50);
    assert_eq!(line.wait_for(|_| true), AudioEvent::Silent(leg(1)));
    line.mixer.close(leg(1));
    let told = line.wait_for(|event| matches!(event, AudioEvent::Quality { .. }));
    let AudioEvent::Quality { quality, is_last: true, .. } = told else { panic!("{told:?}") };
    assert_eq!((quality.received, quality.lost, quality.late), (30, 0, 0));
    assert_eq!(quality.concealed, 3, "the end was not announced");
}

#[test]
fn after_a_thousand_legs_nothing_is_left() {
    let mut line = Line::new(31_000, |config| {
        config.rtp_ports = 31_000..=33_999;
        config.threads = 2;
    });
    let files = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    // Whatever is opened once.
    let once = line.mixer.open_rtp(leg(0)).unwrap();
    assert_eq!(line.mixer.open_rtp(leg(0)), Ok(once), "the same again");
    line.mixer.close(leg(0));
    line.wait_for(|event| matches!(event, AudioEvent::Quality { .. }));
    let target = UdpSocket::bind("127.0.0.1:0").unwrap();
    for n in 0..1_000u16 {
        let leg = LegId { call: CallId::new(u128::from(n) % 7), no: n + 1 };
        let address = line.mixer.open_rtp(leg).unwrap();
        assert_ne!(address, once, "2 s have not passed");
        line.mixer.connect_rtp(leg, RtpRemote::new(target.local_addr().unwrap())).unwrap();
        line.mixer.set_mix(leg.call, vec![Ear { leg, hears: Vec::new(), sound: Sound::Music }]);
        line.mixer.play(leg, Prompt::Rate);
        line.mixer.close(leg);
        line.mixer.set_mix(leg.call, Vec::new());
    }
    (0..1_000).for_each(|_| {
        line.wait_for(|event| matches!(event, AudioEvent::Quality { .. }));
    });
    let until = |is_so: &dyn Fn() -> bool| {
        (0..6_000).any(|_| {
            is_so() || {
                std::thread::park_timeout(Duration::from_millis(10));
                false
            }
        })
    };
    assert!(until(&|| line.mixer.counters().legs == 0 && line.mixer.counters().conferences == 0));
    assert!(until(&|| files() < 100), "{} files are open", files());
    assert!(until(&|| line.mixer.counters().ports_in_use == 0));
}

#[test]
fn what_cannot_be_is_refused_and_named() {
    let line = Line::new(30_800, |config| config.rtp_ports = 30_800..=30_803);
    let remote = || RtpRemote::new("192.0.2.1:4000".parse().unwrap());
    let connect = |remote| line.mixer.connect_rtp(leg(1), remote);
    assert_eq!(connect(remote()), Err(Refused::UnknownLeg));
    line.mixer.open_rtp(leg(1)).unwrap();
    line.mixer.open_rtp(leg(2)).unwrap();
    assert_eq!(line.mixer.open_rtp(leg(3)), Err(Refused::NoPort));
    let bad = |field| Err(Refused::BadRemote { field });
    assert_eq!(connect(RtpRemote { address: "[2001:db8::1]:4000".parse().unwrap(), ..remote() }), bad("address"));
    assert_eq!(connect(RtpRemote { address: "224.0.0.1:4000".parse().unwrap(), ..remote() }), bad("address"));
    assert_eq!(connect(RtpRemote { rtcp: "239.1.1.1:4001".parse().ok(), ..remote() }), bad("rtcp"));
    assert_eq!(connect(RtpRemote { dtmf: Some(95), ..remote() }), bad("dtmf"));
    assert_eq!(connect(RtpRemote { address: "0.0.0.0:0".parse().unwrap(), ..remote() }), Ok(()), "the old way to hold");
    let start = |change: &dyn Fn(&mut MixerConfig)| {
        let mut config = MixerConfig { bind: Ipv4Addr::LOCALHOST.into(), ..MixerConfig::default() };
        change(&mut config);
        Mixer::start(config, mpsc::channel(1).0).map(|_| ())
    };
    assert!(matches!(start(&|config| config.rtp_ports = 1..=2), Err(StartError::NoPorts(1, 2))));
    assert!(matches!(start(&|config| config.public = Ipv4Addr::UNSPECIFIED.into()), Err(StartError::NoAddress(_))));
    assert!(matches!(start(&|config| config.prompts = Some("/nowhere".into())), Err(StartError::Prompt { .. })));
}
