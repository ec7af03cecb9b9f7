//! Which connection of a thread a datagram is for: by the address that it comes from, once that was believed, and by the name
//! (ufrag) that a request is signed for. Both media threads of windows and the voice thread ask here.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
};

use crate::stun;

/// Addresses from which one browser may be heard: one per network that it has.
const MAX_ADDRESSES: usize = 8;

/// By what one connection is known.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// The oldest first.
    pub(crate) addresses: VecDeque<SocketAddr>,
    /// The name under which its requests come.
    pub(crate) ufrag: Option<String>,
}

/// Whose a datagram may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose<'a> {
    /// It comes from an address that was believed to be this connection's.
    Known(usize),
    /// It is a request that names this connection, from an address that is not its own yet: anybody may know a name that we
    /// gave out.
    Asked(usize),
    /// Nobody's here; whom it names, if it is a request.
    Nobody(Option<&'a str>),
}

/// By what the connections of a thread are known.
#[derive(Debug, Default)]
pub(crate) struct Senders {
    by_address: HashMap<SocketAddr, usize>,
    by_ufrag: HashMap<String, usize>,
    known: HashMap<usize, Known>,
}

impl Senders {
    /// Whose a datagram is. Requests are signed for somebody: behind one address there may be somebody else by now.
    pub(crate) fn whose<'a>(&self, source: &SocketAddr, bytes: &'a [u8]) -> Whose<'a> {
        let known = self.by_address.get(source).copied();
        let ufrag = stun::local_ufrag(bytes);
        let asked = ufrag.and_then(|ufrag| self.by_ufrag.get(ufrag)).copied();
        match (asked, known) {
            (Some(asked), known) if known != Some(asked) => Whose::Asked(asked),
            (_, Some(known)) => Whose::Known(known),
            (_, None) => Whose::Nobody(ufrag),
        }
    }

    /// The address is this connection's from now on, and nobody else's. The one that is given up for it, if there are too
    /// many.
    pub(crate) fn believe(&mut self, id: usize, source: SocketAddr) -> Option<SocketAddr> {
        if let Some(known) = self.by_address.insert(source, id).and_then(|old| self.known.get_mut(&old)) {
            known.addresses.retain(|address| *address != source);
        }
        let addresses = &mut self.known.entry(id).or_default().addresses;
        addresses.push_back(source);
        let given_up = if addresses.len() > MAX_ADDRESSES { addresses.pop_front() } else { None };
        if let Some(address) = &given_up {
            self.by_address.remove(address);
        }
        given_up
    }

    /// The name of a connection from now on; `false`: it had it already. The name before is nobody's.
    pub(crate) fn name(&mut self, id: usize, ufrag: &str) -> bool {
        let known = self.known.entry(id).or_default();
        if known.ufrag.as_deref() == Some(ufrag) {
            return false;
        }
        if let Some(old) = known.ufrag.replace(ufrag.to_owned()) {
            self.by_ufrag.remove(&old);
        }
        self.by_ufrag.insert(ufrag.to_owned(), id);
        true
    }

    /// The name of a connection.
    pub(crate) fn name_of(&self, id: usize) -> Option<&str> {
        self.known.get(&id)?.ufrag.as_deref()
    }

    /// The connection is over; what it was known by.
    pub(crate) fn forget(&mut self, id: usize) -> Known {
        let known = self.known.remove(&id).unwrap_or_default();
        for address in &known.addresses {
            self.by_address.remove(address);
        }
        if let Some(ufrag) = &known.ufrag {
            self.by_ufrag.remove(ufrag);
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stun::tests::request;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[test]
    fn a_request_names_whom_it_is_for_and_everything_else_goes_by_its_address() {
        let mut senders = Senders::default();
        assert!(senders.name(1, "first") && senders.name(2, "second") && !senders.name(2, "second"));
        let (to_first, to_second, packet) = (request("first:x"), request("second:x"), [0x80; 20]);
        assert_eq!(senders.whose(&address(1), &to_first), Whose::Asked(1));
        assert_eq!(senders.whose(&address(1), &packet), Whose::Nobody(None));
        assert_eq!(senders.whose(&address(1), &request("third:x")), Whose::Nobody(Some("third")));
        assert_eq!(senders.believe(1, address(1)), None);
        assert_eq!(senders.whose(&address(1), &to_first), Whose::Known(1));
        assert_eq!(senders.whose(&address(1), &packet), Whose::Known(1));
        assert_eq!(senders.whose(&address(1), &request("third:x")), Whose::Known(1), "the library refuses it");
        assert_eq!(senders.whose(&address(1), &to_second), Whose::Asked(2), "somebody else behind the same address");
        senders.believe(2, address(1));
        assert_eq!(senders.whose(&address(1), &packet), Whose::Known(2));
        assert_eq!(senders.forget(1), Known { addresses: VecDeque::new(), ufrag: Some("first".to_owned()) });
        assert_eq!(senders.whose(&address(1), &packet), Whose::Known(2), "it was not the first's any more");
    }

    #[test]
    fn an_ice_restart_gives_a_new_name_and_the_old_one_is_nobodys() {
        let mut senders = Senders::default();
        senders.name(1, "old");
        senders.name(1, "new");
        assert_eq!(senders.whose(&address(1), &request("old:x")), Whose::Nobody(Some("old")));
        assert_eq!(senders.whose(&address(1), &request("new:x")), Whose::Asked(1));
        assert_eq!(senders.name_of(1), Some("new"));
        senders.forget(1);
        assert_eq!(senders.whose(&address(1), &request("new:x")), Whose::Nobody(Some("new")));
    }

    #[test]
    fn of_more_than_eight_addresses_the_oldest_is_given_up() {
        let mut senders = Senders::default();
        assert!((1..=8).all(|port| senders.believe(1, address(port)).is_none()));
        assert_eq!(senders.believe(1, address(9)), Some(address(1)));
        assert_eq!(senders.whose(&address(1), &[0x80; 20]), Whose::Nobody(None));
        assert_eq!(senders.forget(1).addresses, (2..=9).map(address).collect::<VecDeque<_>>());
        assert!((1..=9).all(|port| senders.whose(&address(port), &[0x80; 20]) == Whose::Nobody(None)));
        assert!(senders.by_address.is_empty() && senders.by_ufrag.is_empty() && senders.known.is_empty());
    }
}
