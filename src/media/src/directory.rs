//! Which media thread has whom. With more than one thread on one port the system gives a datagram to any of them; here
//! each finds whose it is. Only who owns a connection writes about it.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{PoisonError, RwLock},
};

#[derive(Debug, Default)]
pub(crate) struct Directory {
    addresses: RwLock<HashMap<SocketAddr, usize>>,
    ufrags: RwLock<HashMap<String, usize>>,
}

impl Directory {
    pub(crate) fn by_address(&self, address: &SocketAddr) -> Option<usize> {
        self.addresses.read().unwrap_or_else(PoisonError::into_inner).get(address).copied()
    }

    pub(crate) fn by_ufrag(&self, ufrag: &str) -> Option<usize> {
        self.ufrags.read().unwrap_or_else(PoisonError::into_inner).get(ufrag).copied()
    }

    pub(crate) fn put_address(&self, address: SocketAddr, shard: usize) {
        self.addresses.write().unwrap_or_else(PoisonError::into_inner).insert(address, shard);
    }

    pub(crate) fn remove_address(&self, address: &SocketAddr, shard: usize) {
        let mut addresses = self.addresses.write().unwrap_or_else(PoisonError::into_inner);
        // Somebody on another thread may have it by now.
        if addresses.get(address) == Some(&shard) {
            addresses.remove(address);
        }
    }

    pub(crate) fn put_ufrag(&self, ufrag: String, shard: usize) {
        self.ufrags.write().unwrap_or_else(PoisonError::into_inner).insert(ufrag, shard);
    }

    pub(crate) fn remove_ufrag(&self, ufrag: &str) {
        self.ufrags.write().unwrap_or_else(PoisonError::into_inner).remove(ufrag);
    }
}
