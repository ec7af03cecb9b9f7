//! How well it goes, per connection and medium: what a quality light and the window's record are made of.

use std::time::{Duration, Instant};

use crate::shard::TELL_QUALITY;
use bangban_domain::{ParticipantId, window::Medium};
use str0m::stats::{MediaEgressStats, MediaIngressStats, PeerStats};

/// Of one medium in one direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LegQuality {
    /// Whose: the browser's own, or of whom it receives.
    pub participant: Option<ParticipantId>,
    /// What.
    pub medium: Medium,
    /// Bits a second, what was sent twice included.
    pub bitrate: u64,
    /// Share of packets that were lost on the way, 0 to 1, before repair; `None`: nobody has said.
    pub loss: Option<f32>,
    /// How unevenly packets come, as who receives them reports it (RFC 3550, 6.4.1); `None`: nobody has said.
    pub jitter: Option<Duration>,
    /// There and back; `None`: nobody has said.
    pub round_trip: Option<Duration>,
    /// Packets that were asked for again since the last time.
    pub nacks: u64,
    /// Pictures that were asked for anew since the last time.
    pub key_frames: u64,
}

/// Of one connection.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Quality {
    /// What the browser sends.
    pub sends: Vec<LegQuality>,
    /// What it receives.
    pub receives: Vec<LegQuality>,
    /// There and back, as the connection itself measures it.
    pub round_trip: Option<Duration>,
    /// Share of all packets that were lost towards the browser.
    pub loss: Option<f32>,
}

/// What is known of one connection since it was told last.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    now: Totals,
    before: Totals,
    /// Of the connection; comes before what is known of its media.
    whole: Option<PeerStats>,
    told_at: Option<Instant>,
}

type Key = (Option<ParticipantId>, Medium);

/// Counted since the beginning.
#[derive(Debug, Clone, Default, PartialEq)]
struct Totals(Vec<(Key, Total)>);

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Total {
    bytes: u64,
    nacks: u64,
    key_frames: u64,
    loss: Option<f32>,
    jitter: Option<Duration>,
    round_trip: Option<Duration>,
}

impl Totals {
    fn put(&mut self, key: Key, total: Total) {
        match self.0.iter_mut().find(|(other, _)| *other == key) {
            Some((_, old)) => *old = total,
            None => self.0.push((key, total)),
        }
    }

    fn get(&self, key: Key) -> Total {
        self.0.iter().find(|(other, _)| *other == key).map(|(_, total)| *total).unwrap_or_default()
    }
}

fn jitter(medium: Medium, ticks: u32) -> Duration {
    Duration::from_secs_f64(f64::from(ticks) / f64::from(crate::peer::ticks(crate::peer::kind(medium))))
}

impl Gauge {
    pub(crate) fn sends(&mut self, medium: Medium, stats: &MediaIngressStats) {
        let total = Total {
            bytes: stats.bytes,
            nacks: stats.nacks,
            key_frames: stats.plis,
            loss: stats.loss,
            jitter: Some(jitter(medium, stats.jitter)),
            round_trip: stats.rtt,
        };
        self.now.put((None, medium), total);
    }

    pub(crate) fn receives(&mut self, (source, medium): (ParticipantId, Medium), stats: &MediaEgressStats) {
        let total = Total {
            bytes: stats.bytes,
            nacks: stats.nacks,
            key_frames: stats.plis,
            loss: stats.loss,
            jitter: stats.remote.as_ref().map(|remote| jitter(medium, remote.jitter)),
            round_trip: stats.rtt,
        };
        self.now.put((Some(source), medium), total);
    }

    pub(crate) fn whole(&mut self, stats: PeerStats) {
        self.whole = Some(stats);
    }

    /// What there is to tell, if anything; counting begins anew.
    pub(crate) fn tell(&mut self, now: Instant) -> Option<Quality> {
        let whole = self.whole.take()?;
        // A repeat counts as received in the report on a stream (RFC 3550, 6.4.1), so what was lost of pictures is known from
        // the numbers of the way only, which all packets of a browser share (transport-wide congestion control).
        let way = whole.ingress_loss_fraction;
        let since = self.told_at.map_or(TELL_QUALITY, |at| now.saturating_duration_since(at));
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX).max(1);
        let leg = |(key, total): &(Key, Total)| {
            let before = self.before.get(*key);
            LegQuality {
                participant: key.0,
                medium: key.1,
                bitrate: total.bytes.saturating_sub(before.bytes).saturating_mul(8_000) / millis,
                loss: match key {
                    (None, Medium::Camera | Medium::Screen) => way.or(total.loss),
                    (None, Medium::Voice) | (Some(_), _) => total.loss,
                },
                jitter: total.jitter,
                round_trip: total.round_trip,
                nacks: total.nacks.saturating_sub(before.nacks),
                key_frames: total.key_frames.saturating_sub(before.key_frames),
            }
        };
        let (receives, sends) = self.now.0.iter().map(leg).partition(|leg| leg.participant.is_some());
        self.before = std::mem::take(&mut self.now);
        self.told_at = Some(now);
        Some(Quality { sends, receives, round_trip: whole.rtt, loss: whole.egress_loss_fraction })
    }
}

#[cfg(test)]
mod tests {
    use str0m::media::Mid;

    use super::*;

    fn whole(now: Instant) -> PeerStats {
        PeerStats {
            peer_bytes_rx: 0,
            peer_bytes_tx: 0,
            bytes_rx: 0,
            bytes_tx: 0,
            timestamp: now,
            bwe_tx: None,
            egress_loss_fraction: Some(0.25),
            ingress_loss_fraction: None,
            rtt: Some(Duration::from_millis(40)),
            selected_candidate_pair: None,
        }
    }

    fn sent(now: Instant, bytes: u64, nacks: u64) -> MediaIngressStats {
        MediaIngressStats {
            mid: Mid::from("0"),
            rid: None,
            bytes,
            packets: 0,
            firs: 0,
            plis: 0,
            nacks,
            jitter: 900,
            rtt: None,
            loss: None,
            timestamp: now,
            remote: None,
        }
    }

    #[test]
    fn what_is_told_is_what_came_since_the_last_time() {
        let (mut gauge, now) = (Gauge::default(), crate::clock::now());
        assert_eq!(gauge.tell(now), None, "nothing was measured");
        gauge.whole(whole(now));
        gauge.sends(Medium::Screen, &sent(now, 625_000, 3));
        let first = gauge.tell(now).unwrap();
        assert_eq!((first.round_trip, first.loss), (Some(Duration::from_millis(40)), Some(0.25)));
        let leg = first.sends[0];
        assert_eq!((leg.bitrate, leg.nacks, leg.jitter), (1_000_000, 3, Some(Duration::from_millis(10))));
        assert_eq!(gauge.tell(now), None, "told once");
        let later = now + Duration::from_secs(10);
        gauge.whole(whole(later));
        gauge.sends(Medium::Screen, &sent(later, 1_250_000, 4));
        let second = gauge.tell(later).unwrap().sends[0];
        assert_eq!((second.bitrate, second.nacks), (500_000, 1));
    }
    #[test]
    fn what_is_lost_of_pictures_on_the_way_here_is_told_as_it_was_before_its_repair() {
        let (mut gauge, now) = (Gauge::default(), crate::clock::now());
        let reported = MediaIngressStats { loss: Some(0.01), ..sent(now, 1_000, 9) };
        for (way, medium, expected) in [
            (Some(0.2), Medium::Screen, Some(0.2)),
            (Some(0.2), Medium::Camera, Some(0.2)),
            (Some(0.2), Medium::Voice, Some(0.01)),
            (None, Medium::Screen, Some(0.01)),
        ] {
            gauge.whole(PeerStats { ingress_loss_fraction: way, ..whole(now) });
            gauge.sends(medium, &reported);
            assert_eq!(gauge.tell(now).unwrap().sends[0].loss, expected, "{way:?} {medium:?}");
        }
    }
}
