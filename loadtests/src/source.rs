//! Source addresses. One address has some 28 000 ports to the same server, and searching a free one among many costs
//! the kernel time; loopback has 16 million addresses, so every few connections get one of their own.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process,
};

/// Connections that share an address.
const PER_ADDRESS: u32 = 64;

/// Where connection number `n` comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source(pub(crate) u32);

/// Agents' source addresses begin here, so that they do not share the citizens'.
const AGENTS: u32 = 1_000_000;

impl Source {
    /// Of agent number `n`.
    pub(crate) const fn agent(n: u32) -> Self {
        Self(AGENTS + n)
    }

    /// Different in every run, so that one run's dying connections are not in the way of the next.
    pub(crate) fn address(self) -> SocketAddr {
        let [_, _, run, _] = (process::id() << 8).to_be_bytes();
        let [_, _, high, low] = (self.0 / PER_ADDRESS + 256).to_be_bytes();
        // 127.0.0.x is left to others.
        SocketAddr::from((Ipv4Addr::new(127, run.clamp(1, 254), high, low), 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shared_by_few() {
        assert_eq!(Source(0).address(), Source(63).address());
        assert_ne!(Source(63).address(), Source(64).address());
        assert!((0..1_000_000).step_by(64).all(|n| Source(n).address().ip().is_loopback()));
    }
}
