//! Which trunk a call goes by, and whose call it is that comes in. Without I/O and clock.
//!
//! A trunk is up once it has answered an OPTIONS, whatever the answer (a PBX that does not know OPTIONS says so), and down
//! when it has missed two, or says 503. A call that got nothing from a trunk within a second makes it the last choice until it
//! answers again.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::config::Trunk;

#[derive(Debug)]
struct One {
    name: String,
    ip: IpAddr,
    port: u16,
    sources: Vec<IpNet>,
    /// Pings without answer, one after the other.
    missed: u32,
    /// A call got nothing from it.
    is_suspect: bool,
    /// What was told of it; `None`: nothing yet, and it is as good as up, or the first calls after a start would find no trunk.
    is_up: Option<bool>,
}

impl One {
    fn takes(&self, ip: IpAddr) -> bool {
        self.ip == ip || self.sources.iter().any(|net| net.contains(&ip))
    }

    fn tell(&mut self, is_up: bool) -> bool {
        self.is_up.replace(is_up) != Some(is_up)
    }

    fn rank(&self) -> u8 {
        match (self.is_up, self.is_suspect) {
            (Some(false), _) => 2,
            (_, true) => 1,
            (_, false) => 0,
        }
    }
}

/// The trunks and how they are.
#[derive(Debug)]
pub(crate) struct Trunks {
    all: Vec<One>,
    pings_missed: u32,
}

impl Trunks {
    pub(crate) fn new(trunks: &[Trunk], pings_missed: u32) -> Self {
        let one = |trunk: &Trunk| One {
            name: trunk.name.clone(),
            ip: trunk.address.ip(),
            port: trunk.address.port(),
            sources: trunk.sources.clone(),
            missed: 0,
            is_suspect: false,
            is_up: None,
        };
        Self { all: trunks.iter().map(one).collect(), pings_missed: pings_missed.max(1) }
    }

    /// In which order a call tries them, by index: those that work, those in doubt, and only when there is nothing else those
    /// that are down.
    pub(crate) fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.all.len()).collect();
        order.sort_by_key(|at| self.all[*at].rank());
        if order.first().is_some_and(|first| self.all[*first].rank() < 2) {
            order.retain(|at| self.all[*at].rank() < 2);
        }
        order
    }

    /// Whose call it is that comes from there: the trunk of exactly this address, else one with this host or network.
    pub(crate) fn of_source(&self, ip: IpAddr, port: u16) -> Option<&str> {
        let exact = self.all.iter().find(|one| one.ip == ip && one.port == port);
        exact.or_else(|| self.all.iter().find(|one| one.takes(ip))).map(|one| one.name.as_str())
    }

    /// May a trunk be there?
    pub(crate) fn knows(&self, ip: IpAddr) -> bool {
        self.all.iter().any(|one| one.takes(ip))
    }

    /// It has answered an OPTIONS with this status. Whether it is up, if that is news.
    pub(crate) fn answered(&mut self, at: usize, status: u16) -> Option<bool> {
        let one = self.all.get_mut(at)?;
        // 503: about to stop, or full (RFC 3261, section 21.5.4).
        let is_up = status != 503;
        one.missed = 0;
        one.is_suspect = false;
        one.tell(is_up).then_some(is_up)
    }

    /// It has not answered one. `false` if it is down from now on.
    pub(crate) fn missed(&mut self, at: usize) -> Option<bool> {
        let most = self.pings_missed;
        let one = self.all.get_mut(at)?;
        one.missed = one.missed.saturating_add(1);
        (one.missed >= most && one.tell(false)).then_some(false)
    }

    /// A call got nothing from it.
    pub(crate) fn was_silent(&mut self, at: usize) {
        if let Some(one) = self.all.get_mut(at) {
            one.is_suspect = true;
        }
    }

    /// How many are known to work.
    pub(crate) fn up(&self) -> usize {
        self.all.iter().filter(|one| one.is_up == Some(true)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trunks() -> Trunks {
        let mut second = Trunk::new("second", "192.0.2.2:5060".parse().unwrap());
        second.sources = vec!["198.51.100.0/28".parse().unwrap()];
        Trunks::new(&[Trunk::new("first", "192.0.2.1:5060".parse().unwrap()), second], 2)
    }

    #[test]
    fn calls_go_by_the_first_until_it_has_missed_two_pings() {
        let mut trunks = trunks();
        assert_eq!(trunks.order(), [0, 1]);
        assert_eq!((trunks.answered(0, 200), trunks.answered(1, 405)), (Some(true), Some(true)));
        assert_eq!((trunks.answered(0, 200), trunks.up()), (None, 2));
        assert_eq!((trunks.missed(0), trunks.order()), (None, vec![0, 1]));
        assert_eq!((trunks.missed(0), trunks.order()), (Some(false), vec![1]));
        assert_eq!((trunks.missed(0), trunks.up()), (None, 1));
        assert_eq!((trunks.answered(0, 200), trunks.order()), (Some(true), vec![0, 1]));
        // One answer between two misses: it is there.
        assert_eq!((trunks.missed(0), trunks.answered(0, 200), trunks.missed(0)), (None, None, None));
    }

    #[test]
    fn one_that_says_503_is_down_at_once() {
        let mut trunks = trunks();
        assert_eq!((trunks.answered(0, 503), trunks.order()), (Some(false), vec![1]));
    }

    #[test]
    fn one_from_which_a_call_got_nothing_comes_last_until_it_answers() {
        let mut trunks = trunks();
        trunks.was_silent(0);
        assert_eq!(trunks.order(), [1, 0]);
        trunks.was_silent(1);
        assert_eq!(trunks.order(), [0, 1]);
        trunks.answered(0, 200);
        assert_eq!(trunks.order(), [0, 1]);
    }

    #[test]
    fn when_all_are_down_they_are_tried_nevertheless() {
        let mut trunks = trunks();
        for at in [0, 0, 1, 1] {
            trunks.missed(at);
        }
        assert_eq!((trunks.up(), trunks.order()), (0, vec![0, 1]));
        assert_eq!(Trunks::new(&[], 2).order(), Vec::<usize>::new());
    }

    #[test]
    fn a_call_is_the_trunks_from_whose_address_host_or_network_it_comes() {
        let trunks = trunks();
        let of = |ip: &str, port| trunks.of_source(ip.parse().unwrap(), port);
        assert_eq!(of("192.0.2.1", 5060), Some("first"));
        assert_eq!(of("192.0.2.1", 40_000), Some("first"));
        assert_eq!(of("198.51.100.15", 5060), Some("second"));
        assert_eq!(of("198.51.100.16", 5060), None);
        assert!(trunks.knows("192.0.2.2".parse().unwrap()) && !trunks.knows("192.0.2.3".parse().unwrap()));
    }
}
