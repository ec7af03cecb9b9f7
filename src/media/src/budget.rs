//! How many datagrams an address may send that are nobody's. Whoever floods us with them is not looked at any more for a
//! while, at the price of one look into a table of bounded size; windows that stand are not asked.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

/// A browser that begins sends a handful; an address may have many browsers behind it.
const PER_SECOND: u32 = 50;
const AT_ONCE: u32 = 200;
/// Addresses that are remembered. When there are more, nobody new is looked at until some have been silent.
const MAX_ADDRESSES: usize = 4_096;
/// Whoever was silent for so long has all of its budget again and need not be remembered.
const FORGET: Duration = Duration::from_secs(AT_ONCE as u64 / PER_SECOND as u64);

#[derive(Debug)]
struct Account {
    left: f64,
    at: Instant,
}

#[derive(Debug, Default)]
pub(crate) struct Budget {
    accounts: HashMap<IpAddr, Account>,
    swept_at: Option<Instant>,
}

impl Budget {
    /// One more datagram of nobody: may it be looked at?
    pub(crate) fn take(&mut self, now: Instant, from: IpAddr) -> bool {
        if self.accounts.len() >= MAX_ADDRESSES {
            // Not more often than it can help, so that a flood from everywhere does not make us sweep all the time.
            if self.swept_at.is_none_or(|at| now.duration_since(at) >= FORGET) {
                self.swept_at = Some(now);
                self.accounts.retain(|_, account| now.duration_since(account.at) < FORGET);
            }
            if self.accounts.len() >= MAX_ADDRESSES && !self.accounts.contains_key(&from) {
                return false;
            }
        }
        let account = self.accounts.entry(from).or_insert(Account { left: f64::from(AT_ONCE), at: now });
        let rest = now.duration_since(account.at).as_secs_f64() * f64::from(PER_SECOND);
        account.left = (account.left + rest).min(f64::from(AT_ONCE));
        account.at = now;
        if account.left < 1.0 {
            return false;
        }
        account.left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(n: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(n))
    }

    #[test]
    fn two_hundred_at_once_and_fifty_a_second() {
        let (mut budget, now) = (Budget::default(), crate::clock::now());
        let taken = |budget: &mut Budget, at| (0..1_000).filter(|_| budget.take(at, address(1))).count();
        assert_eq!(taken(&mut budget, now), 200);
        assert!(budget.take(now, address(2)), "another address has its own");
        assert_eq!(taken(&mut budget, now + Duration::from_secs(1)), 50);
        assert_eq!(taken(&mut budget, now + Duration::from_secs(3_600)), 200);
    }

    #[test]
    fn a_flood_from_everywhere_is_bounded_and_passes() {
        let (mut budget, now) = (Budget::default(), crate::clock::now());
        let looked_at = (0..100_000).filter(|n| budget.take(now, address(*n))).count();
        assert_eq!((looked_at, budget.accounts.len()), (MAX_ADDRESSES, MAX_ADDRESSES));
        assert!(budget.take(now + FORGET, address(200_000)));
    }
}
