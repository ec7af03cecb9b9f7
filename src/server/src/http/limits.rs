//! How many requests one address may make, by class of route, and how many WebSockets it may have open. What one person
//! may do is counted elsewhere (`session/rates.rs`), over all their addresses.

use std::sync::{Arc, Mutex, PoisonError};

use bangban_domain::{Timestamp, time::Millis};
use dashmap::{DashMap, Entry};

use crate::throttle::{Address, Buckets, Rate};

/// What kind of route is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Pages and their files, the configuration, health.
    Pages,
    /// Log-ins of staff.
    Login,
    /// Everything else below `/api`.
    Api,
    /// Uploads and downloads.
    Files,
    /// Openings of WebSockets.
    Sockets,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 5] = [Self::Pages, Self::Login, Self::Api, Self::Files, Self::Sockets];

    /// The class of a path.
    #[must_use]
    pub fn of(path: &str) -> Self {
        match path {
            "/ws" => Self::Sockets,
            "/api/config" | "/api/docs" | "/api/openapi.json" => Self::Pages,
            _ if is_below(path, "/api/staff/login") || is_below(path, "/api/staff/oidc") => Self::Login,
            _ if ["/api/files", "/api/knowledge/files", "/files"].iter().any(|folder| is_below(path, folder)) => {
                Self::Files
            }
            _ if is_below(path, "/api") => Self::Api,
            _ => Self::Pages,
        }
    }

    /// As in the configuration and the metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pages => "pages",
            Self::Login => "login",
            Self::Api => "api",
            Self::Files => "files",
            Self::Sockets => "sockets",
        }
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// See the module.
pub struct AddressLimits {
    /// One for each class; `None`: no limit.
    buckets: [Option<Mutex<Buckets<Address>>>; 5],
    open: Arc<DashMap<Address, u32>>,
    most_open: u32,
}

impl AddressLimits {
    /// The rate of each class, a burst of 0 being none; and how many WebSockets of one address may be open, 0 being any
    /// number.
    #[must_use]
    pub fn new(rate: impl Fn(Class) -> Rate, most_open: u32) -> Self {
        let buckets = Class::ALL.map(|class| {
            let rate = rate(class);
            (rate.burst > 0).then(|| Mutex::new(Buckets::new(rate)))
        });
        Self { buckets, open: Arc::default(), most_open }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// The time after which it would be let in.
    pub fn take(&self, now: Timestamp, address: Address, class: Class) -> Result<(), Millis> {
        match &self.buckets[class as usize] {
            // A bucket is whole after every call, so a panic elsewhere has not harmed it.
            Some(buckets) => buckets.lock().unwrap_or_else(PoisonError::into_inner).take_or_wait(now, address, false),
            None => Ok(()),
        }
    }

    /// Counts a WebSocket, until what is given back is dropped. `None`: there are too many.
    #[must_use]
    pub fn open(&self, address: Address) -> Option<OpenSocket> {
        if self.most_open == 0 {
            return Some(OpenSocket(None));
        }
        let mut open = self.open.entry(address).or_insert(0);
        if *open >= self.most_open {
            return None;
        }
        *open += 1;
        Some(OpenSocket(Some((Arc::clone(&self.open), address))))
    }
}

/// A WebSocket that counts.
#[derive(Debug)]
pub struct OpenSocket(Option<(Arc<DashMap<Address, u32>>, Address)>);

impl Drop for OpenSocket {
    fn drop(&mut self) {
        let Some((open, address)) = self.0.take() else { return };
        if let Entry::Occupied(mut count) = open.entry(address) {
            *count.get_mut() = count.get().saturating_sub(1);
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn address(text: &str) -> Address {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn every_route_is_of_one_class() {
        for (path, class) in [
            ("/", Class::Pages),
            ("/console", Class::Pages),
            ("/assets/main-1a2b.js", Class::Pages),
            ("/readyz", Class::Pages),
            ("/api/config", Class::Pages),
            ("/api/openapi.json", Class::Pages),
            ("/apix", Class::Pages),
            ("/filesystem", Class::Pages),
            ("/api", Class::Api),
            ("/api/demo/token", Class::Api),
            ("/api/admin/teams", Class::Api),
            ("/api/filesystem", Class::Api),
            ("/api/staff/login", Class::Login),
            ("/api/staff/login/code", Class::Login),
            ("/api/staff/session/renew", Class::Api),
            ("/api/files", Class::Files),
            ("/api/files/fl_1/finish", Class::Files),
            ("/files/fl_1/thumb", Class::Files),
            ("/files/answers/fl_1/thumb", Class::Files),
            ("/api/knowledge/files", Class::Files),
            ("/api/knowledge/entries", Class::Api),
            ("/ws", Class::Sockets),
        ] {
            assert_eq!(Class::of(path), class, "{path}");
        }
        for (place, class) in Class::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, place);
        }
    }

    #[test]
    fn classes_and_addresses_are_counted_apart_and_a_network_is_one() {
        let rate = |class| Rate { burst: if class == Class::Api { 0 } else { 2 }, per_second: 1 };
        let limits = AddressLimits::new(rate, 0);
        let mine = address("2001:db8:1:2::1");
        assert_eq!(limits.take(NOW, mine, Class::Login), Ok(()));
        assert_eq!(limits.take(NOW, address("2001:db8:1:2::9"), Class::Login), Ok(()));
        assert_eq!(limits.take(NOW, mine, Class::Login), Err(1_000), "the same network");
        assert_eq!(limits.take(NOW, mine, Class::Pages), Ok(()), "another class");
        assert_eq!(limits.take(NOW, address("2001:db8:1:3::1"), Class::Login), Ok(()), "another network");
        for _ in 0..10_000 {
            assert_eq!(limits.take(NOW, mine, Class::Api), Ok(()), "not limited");
        }
    }

    #[test]
    fn sockets_count_as_long_as_they_are_open_and_nobody_is_remembered_without_one() {
        let limits = AddressLimits::new(|_| Rate { burst: 1, per_second: 1 }, 2);
        let mine = address("198.51.100.7");
        let (first, second) = (limits.open(mine), limits.open(mine));
        assert!(first.is_some() && second.is_some());
        assert!(limits.open(mine).is_none());
        assert!(limits.open(address("198.51.100.8")).is_some());
        drop(first);
        let third = limits.open(mine);
        assert!(third.is_some());
        drop((second, third));
        assert!(limits.open.is_empty());
    }
}
