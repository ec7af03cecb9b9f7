//! One tick of a call of three telephones, without I/O: three packets taken, three mixed and written. The budget is 2 µs.
//!
//! `cargo bench -p bangban-media --bench mixer`

use std::{hint::black_box, net::SocketAddr};

use bangban_domain::{
    CallId,
    call::{Ear, LegId, Sound},
};
use bangban_media::audio::{Conference, FRAME, Outgoing, Patience, Prompts, RtpRemote, Seed};
use criterion::{Criterion, criterion_group, criterion_main};

fn conference(legs: u16) -> Conference<()> {
    let call = CallId::new(1);
    let mut conference = Conference::new(call, Prompts::built_in());
    let patience = Patience { talking: 30_000_000, held: 300_000_000 };
    for no in 1..=legs {
        let seed = Seed { ssrc: u32::from(no), number: 0, timestamp: 0 };
        conference.open_phone(0, no, (), seed, patience);
        conference.connect(0, no, RtpRemote::new(address(no)));
    }
    let leg = |no| LegId { call, no };
    let others = |no| (1..=legs).filter(|other| *other != no).map(leg).collect();
    conference.set_mix((1..=legs).map(|no| Ear { leg: leg(no), hears: others(no), sound: Sound::Silence }).collect());
    conference
}

fn address(no: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 10_000 + no))
}

fn packet(tick: u32) -> [u8; 12 + FRAME] {
    let mut bytes = [0x2a; 12 + FRAME];
    bytes[..2].copy_from_slice(&[0x80, 8]);
    bytes[2..4].copy_from_slice(&(tick as u16).to_be_bytes());
    bytes[4..8].copy_from_slice(&(tick * FRAME as u32).to_be_bytes());
    bytes
}

fn tick(criterion: &mut Criterion) {
    for legs in [2, 3, 6] {
        let mut conference = conference(legs);
        let mut tick = 0u32;
        criterion.bench_function(&format!("tick of {legs} telephones"), |bencher| {
            bencher.iter(|| {
                tick += 1;
                let (micros, packet) = (u64::from(tick) * 20_000, packet(tick));
                for no in 1..=legs {
                    assert!(conference.receive(micros, no, address(no), &packet));
                }
                let mut sent = 0;
                conference.tick(micros, |_, (), outgoing| {
                    if let Outgoing::Rtp(_, bytes) = outgoing {
                        sent += black_box(bytes).len();
                    }
                });
                conference.tell(|_| true);
                sent
            });
        });
    }
}

criterion_group!(benches, tick);
criterion_main!(benches);
