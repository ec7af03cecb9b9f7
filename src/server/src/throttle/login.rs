//! Wrong passwords. Each attempt is counted for the staff number and for the address that it came from; too many within
//! the window lock that one for a while, right password or not.
//!
//! ```text
//! admit ──> underway ──right──> the login's wrong ones are forgotten
//!    │          └──wrong, or never finished──> counted ──the last allowed one──> locked until `lock` has passed
//!    ├──locked──> refused, with the time to wait
//!    └──as many under way as may still be wrong──> has to wait for one of them
//! ```
//! Attempts under way count as if they were wrong, so that a hundred at once are not a hundred free guesses.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    net::IpAddr,
};

use bangban_domain::{
    Timestamp,
    time::{MINUTE, Millis},
};

/// The numbers; defaults are those of `config/default.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginPolicy {
    /// So many wrong passwords for one staff number lock it.
    pub per_login: u32,
    /// So many from one address lock the address.
    pub per_address: u32,
    /// Within this span.
    pub window: Millis,
    /// For this long.
    pub lock: Millis,
}

impl Default for LoginPolicy {
    fn default() -> Self {
        Self { per_login: 5, per_address: 30, window: 15 * MINUTE, lock: 15 * MINUTE }
    }
}

/// At most so many staff numbers and so many addresses are remembered; beyond, the tenth that was wrong longest ago is
/// forgotten. To push one out takes thousands of attempts, from hundreds of addresses.
const REMEMBERED: usize = 10_000;

/// Why an attempt may not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooMany {
    /// Too many were wrong; the same attempt may succeed after this span from now.
    Locked(Millis),
    /// Nothing is locked, but if all that are under way were wrong, there would be too many: when one of them is finished,
    /// this may go on.
    Underway,
}

/// Whom an address stands for: an IPv4 address, or an IPv6 network of 64 bits, which is what one customer gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address(u64);

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(four) => Self(u32::from(four).into()),
            IpAddr::V6(six) => Self((u128::from(six) >> 64) as u64),
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct LoginThrottle {
    policy: LoginPolicy,
    logins: Records<String>,
    addresses: Records<Address>,
}

impl LoginThrottle {
    /// Nobody has tried yet.
    #[must_use]
    pub fn new(policy: LoginPolicy) -> Self {
        Self { policy, logins: Records(HashMap::new()), addresses: Records(HashMap::new()) }
    }

    /// May this attempt go on? If so, [`LoginThrottle::finish`] must follow.
    ///
    /// # Errors
    /// Says for what to wait.
    pub fn admit(&mut self, now: Timestamp, login: &str, address: Address) -> Result<(), TooMany> {
        self.addresses.may(now, &address, self.policy.per_address, self.policy.window)?;
        self.logins.may(now, login, self.policy.per_login, self.policy.window)?;
        self.addresses.begin(now, address, self.policy.window);
        self.logins.begin(now, login.to_owned(), self.policy.window);
        Ok(())
    }

    /// What became of an admitted attempt. Gives the end of the lock, if the staff number is locked by it.
    pub fn finish(&mut self, now: Timestamp, login: &str, address: Address, was_right: bool) -> Option<Timestamp> {
        let LoginPolicy { per_login, per_address, window, lock } = self.policy;
        if was_right {
            // The address's stay: whoever has one account must not wash away guesses at others.
            self.addresses.end(&address);
            self.logins.forget(login);
            None
        } else {
            self.addresses.wrong(now, &address, per_address, window, lock);
            self.logins.wrong(now, login, per_login, window, lock)
        }
    }

    /// An admitted attempt was right, and more has to be shown: what was wrong before stays counted, or whoever has the
    /// password could guess at the second factor without end.
    pub fn halfway(&mut self, login: &str, address: Address) {
        self.addresses.end(&address);
        self.logins.end(login);
    }

    /// A lock that was there before this process.
    pub fn lock(&mut self, login: &str, until: Timestamp) {
        self.logins.0.entry(login.to_owned()).or_default().locked_until = Some(until);
    }

    /// Forgets all wrong attempts at a staff number.
    pub fn lift(&mut self, login: &str) {
        if let Some(record) = self.logins.0.get_mut(login) {
            record.wrong.clear();
            record.locked_until = None;
        }
    }

    /// The end of a staff number's lock, if it is locked.
    #[must_use]
    pub fn locked_until(&self, login: &str, now: Timestamp) -> Option<Timestamp> {
        self.logins.0.get(login)?.locked_until.filter(|until| *until > now)
    }
}

#[derive(Debug, Default)]
struct Record {
    /// When, oldest first; none older than the window.
    wrong: VecDeque<Timestamp>,
    underway: u32,
    locked_until: Option<Timestamp>,
}

impl Record {
    fn expire(&mut self, now: Timestamp, window: Millis) {
        while self.wrong.front().is_some_and(|at| now.since(*at) >= window) {
            self.wrong.pop_front();
        }
        self.locked_until = self.locked_until.filter(|until| *until > now);
    }

    /// The later, the longer it is to be remembered.
    fn last(&self) -> Option<Timestamp> {
        self.wrong.back().copied().max(self.locked_until)
    }

    fn is_blank(&self) -> bool {
        self.wrong.is_empty() && self.underway == 0 && self.locked_until.is_none()
    }
}

#[derive(Debug)]
struct Records<K>(HashMap<K, Record>);

impl<K: Hash + Eq + Clone> Records<K> {
    fn may<Q>(&mut self, now: Timestamp, key: &Q, limit: u32, window: Millis) -> Result<(), TooMany>
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let Some(record) = self.0.get_mut(key) else { return Ok(()) };
        record.expire(now, window);
        if let Some(until) = record.locked_until {
            return Err(TooMany::Locked(until.since(now)));
        }
        if record.wrong.len() + record.underway as usize >= limit as usize {
            return Err(TooMany::Underway);
        }
        Ok(())
    }

    fn begin(&mut self, now: Timestamp, key: K, window: Millis) {
        if self.0.len() >= REMEMBERED && !self.0.contains_key(&key) {
            self.make_room(now, window);
        }
        self.0.entry(key).or_default().underway += 1;
    }

    fn make_room(&mut self, now: Timestamp, window: Millis) {
        self.0.retain(|_, record| {
            record.expire(now, window);
            !record.is_blank()
        });
        if self.0.len() < REMEMBERED {
            return;
        }
        // A tenth at once, so that this is not done for every attempt of a flood.
        let idle = self.0.values().filter(|record| record.underway == 0);
        let mut ages: Vec<Option<Timestamp>> = idle.map(Record::last).collect();
        if ages.len() > REMEMBERED / 10 {
            let (_, &mut youngest, _) = ages.select_nth_unstable(REMEMBERED / 10 - 1);
            self.0.retain(|_, record| record.underway > 0 || record.last() > youngest);
        }
    }

    fn end<Q>(&mut self, key: &Q)
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let Some(record) = self.0.get_mut(key) else { return };
        record.underway = record.underway.saturating_sub(1);
        if record.is_blank() {
            self.0.remove(key);
        }
    }

    fn forget<Q>(&mut self, key: &Q)
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if let Some(record) = self.0.get_mut(key) {
            record.wrong.clear();
        }
        self.end(key);
    }

    fn wrong<Q>(&mut self, now: Timestamp, key: &Q, limit: u32, window: Millis, lock: Millis) -> Option<Timestamp>
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let record = self.0.get_mut(key)?;
        record.expire(now, window);
        record.underway = record.underway.saturating_sub(1);
        record.wrong.push_back(now);
        if record.wrong.len() < limit as usize {
            return None;
        }
        record.wrong.clear();
        record.locked_until = Some(now + lock);
        record.locked_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_password_does_not_wash_away_wrong_codes_and_a_lock_outlives_the_process() {
        let address = Address::from(std::net::IpAddr::from([192, 0, 2, 1]));
        let mut throttle = LoginThrottle::new(LoginPolicy { per_login: 3, ..LoginPolicy::default() });
        for n in 1..=3 {
            throttle.admit(BEGIN, "a", address).unwrap();
            throttle.halfway("a", address);
            throttle.admit(BEGIN, "a", address).unwrap();
            let locked = throttle.finish(BEGIN, "a", address, false);
            assert_eq!(locked, (n == 3).then_some(BEGIN + LoginPolicy::default().lock), "{n}");
        }
        assert!(matches!(throttle.admit(BEGIN, "a", address), Err(TooMany::Locked(_))));
        let until = throttle.locked_until("a", BEGIN).unwrap();
        let mut next = LoginThrottle::new(LoginPolicy::default());
        next.lock("a", until);
        assert!(matches!(next.admit(BEGIN, "a", address), Err(TooMany::Locked(_))));
        next.lift("a");
        assert_eq!((next.admit(BEGIN, "a", address), next.locked_until("a", BEGIN)), (Ok(()), None));
    }

    const BEGIN: Timestamp = Timestamp(1_800_000_000_000);
    const WINDOW: Millis = 15 * MINUTE;

    fn address(n: u8) -> Address {
        IpAddr::from([10, 0, 0, n]).into()
    }

    fn throttle() -> LoginThrottle {
        LoginThrottle::new(LoginPolicy::default())
    }

    /// One wrong attempt; says whether it was admitted.
    fn guess(throttle: &mut LoginThrottle, now: Timestamp, login: &str, from: Address) -> Result<(), TooMany> {
        throttle.admit(now, login, from)?;
        throttle.finish(now, login, from, false);
        Ok(())
    }

    #[test]
    fn the_fifth_wrong_password_within_fifteen_minutes_locks_the_login_for_fifteen_minutes() {
        let mut throttle = throttle();
        for n in 0..4 {
            assert_eq!(guess(&mut throttle, BEGIN + n, "a", address(1)), Ok(()), "wrong password {n}");
        }
        let fifth = BEGIN + WINDOW - 1;
        assert_eq!(guess(&mut throttle, fifth, "a", address(2)), Ok(()), "from anywhere");
        for (later, expected) in [
            (0, Err(TooMany::Locked(WINDOW))),
            (1, Err(TooMany::Locked(WINDOW - 1))),
            (WINDOW - 1, Err(TooMany::Locked(1))),
            (WINDOW, Ok(())),
        ] {
            assert_eq!(throttle.admit(fifth + later, "a", address(3)), expected, "{later} ms after the fifth");
        }
        assert_eq!(throttle.admit(fifth, "b", address(1)), Ok(()), "others are not concerned");
    }

    #[test]
    fn four_wrong_passwords_and_those_that_are_fifteen_minutes_old_lock_nothing() {
        let mut throttle = throttle();
        for n in 0..4 {
            guess(&mut throttle, BEGIN + n, "a", address(1)).unwrap();
        }
        // The first is out of the window now, so this is again the fourth.
        guess(&mut throttle, BEGIN + WINDOW, "a", address(1)).unwrap();
        assert_eq!(throttle.admit(BEGIN + WINDOW, "a", address(1)), Ok(()));
    }

    #[test]
    fn after_the_lock_the_count_begins_anew() {
        let mut throttle = throttle();
        for n in 0..5 {
            guess(&mut throttle, BEGIN + n, "a", address(1)).unwrap();
        }
        let unlocked = BEGIN + 4 + WINDOW;
        for n in 0..5 {
            assert_eq!(guess(&mut throttle, unlocked + n, "a", address(1)), Ok(()), "wrong password {n}");
        }
        assert_eq!(throttle.admit(unlocked + 4, "a", address(1)), Err(TooMany::Locked(WINDOW)));
    }

    #[test]
    fn the_right_password_forgets_the_wrong_ones_of_the_login_but_not_of_the_address() {
        let mut throttle = throttle();
        for n in 0..29 {
            let login = format!("staff{}", n % 10);
            guess(&mut throttle, BEGIN + n, &login, address(1)).unwrap();
        }
        throttle.admit(BEGIN + 30, "own", address(1)).unwrap();
        throttle.finish(BEGIN + 30, "own", address(1), true);
        guess(&mut throttle, BEGIN + 31, "x", address(1)).unwrap();
        assert_eq!(throttle.admit(BEGIN + 31, "own", address(1)), Err(TooMany::Locked(WINDOW)), "30th");
        assert_eq!(throttle.admit(BEGIN + 31, "own", address(2)), Ok(()), "from elsewhere");

        let mut throttle = self::throttle();
        for n in 0..4 {
            guess(&mut throttle, BEGIN + n, "a", address(1)).unwrap();
        }
        throttle.admit(BEGIN + 5, "a", address(1)).unwrap();
        throttle.finish(BEGIN + 5, "a", address(1), true);
        for n in 6..10 {
            assert_eq!(guess(&mut throttle, BEGIN + n, "a", address(1)), Ok(()), "wrong password {n}");
        }
    }

    #[test]
    fn the_thirtieth_wrong_password_from_one_address_locks_the_address() {
        let mut throttle = throttle();
        for n in 0..30 {
            assert_eq!(guess(&mut throttle, BEGIN + n, &format!("staff{n}"), address(1)), Ok(()), "{n}");
        }
        assert_eq!(throttle.admit(BEGIN + 29, "new", address(1)), Err(TooMany::Locked(WINDOW)));
        assert_eq!(throttle.admit(BEGIN + 29 + WINDOW, "new", address(1)), Ok(()));
    }

    #[test]
    fn guesses_at_the_same_time_are_no_more_than_guesses_one_after_the_other() {
        let mut throttle = throttle();
        for n in 0..5 {
            assert_eq!(throttle.admit(BEGIN, "a", address(1)), Ok(()), "{n}");
        }
        assert_eq!(throttle.admit(BEGIN, "a", address(1)), Err(TooMany::Underway));
        throttle.finish(BEGIN, "a", address(1), true);
        assert_eq!(throttle.admit(BEGIN, "a", address(1)), Ok(()), "one is finished, the next may go on");
        // They were all right: consoles of one agent.
        for _ in 0..5 {
            throttle.finish(BEGIN, "a", address(1), true);
        }
        assert_eq!(throttle.admit(BEGIN, "a", address(1)), Ok(()));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_goes_when_it_is_old() {
        let mut throttle = throttle();
        for n in 0..REMEMBERED + 500 {
            let from = IpAddr::from(u32::try_from(n).unwrap().to_be_bytes());
            guess(&mut throttle, BEGIN + i64::try_from(n).unwrap(), &format!("staff{n}"), from.into()).unwrap();
        }
        for (count, what) in [(throttle.logins.0.len(), "logins"), (throttle.addresses.0.len(), "addresses")] {
            assert!((REMEMBERED * 9 / 10..=REMEMBERED).contains(&count), "{count} {what}");
        }
        for (login, expected) in [("staff999", false), ("staff1000", true), ("staff10499", true)] {
            assert_eq!(throttle.logins.0.contains_key(login), expected, "{login}");
        }
        // What is out of the window goes first, all of it.
        let later = BEGIN + i64::try_from(REMEMBERED).unwrap() + 2 * WINDOW;
        for n in 0..600 {
            guess(
                &mut throttle,
                later,
                &format!("late{n}"),
                IpAddr::from([11, 0, (n / 250) as u8, (n % 250) as u8]).into(),
            )
            .unwrap();
        }
        let late = throttle.logins.0.len();
        assert!(late <= 600 && throttle.logins.0.keys().all(|login| login.starts_with("late")), "{late}");
        // A right password leaves nothing behind.
        throttle.admit(later, "right", address(2)).unwrap();
        throttle.finish(later, "right", address(2), true);
        assert_eq!(throttle.logins.0.len(), late);
    }

    #[test]
    fn an_ipv6_network_is_one_address_and_an_ipv4_address_is_the_same_in_either_dress() {
        let address = |text: &str| Address::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(address("2001:db8:1:2::1"), address("2001:db8:1:2:ffff::9"));
        assert_ne!(address("2001:db8:1:2::1"), address("2001:db8:1:3::1"));
        assert_eq!(address("10.0.0.1"), address("::ffff:10.0.0.1"));
        assert_ne!(address("10.0.0.1"), address("10.0.0.2"));
    }
}
