//! Which telephones are registered where (RFC 3261, section 10.3). Without I/O and clock; bounded.
//!
//! A telephone is rung on the flow that its registration came by, and not at the address that it believes to have: behind
//! a NAT, or by TCP, nothing else reaches it (RFC 5626, section 5.3).

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::config::Transport;

/// Longer addresses are not kept.
const MAX_CONTACT: usize = 255;

/// The way to a telephone: what its registration came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Flow {
    pub(crate) transport: Transport,
    pub(crate) peer: SocketAddr,
}

/// Where a telephone says it is: what stands in its `Contact`, without parameters of the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contact {
    /// The whole address: what an INVITE names.
    pub(crate) uri: String,
    /// Its user, host and port: by these two addresses are the same.
    pub(crate) place: Place,
}

/// User, host and port of an address, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) user: String,
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

#[derive(Debug, Clone)]
struct Binding {
    contact: Contact,
    flow: Flow,
    call_id: String,
    cseq: u32,
    ends_at: Instant,
}

/// What a REGISTER asks for.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) user: String,
    pub(crate) call_id: String,
    pub(crate) cseq: u32,
    pub(crate) flow: Flow,
    pub(crate) ask: Ask,
}

#[derive(Debug, Clone)]
pub(crate) enum Ask {
    /// What is registered?
    List,
    /// `Contact: *` with `Expires: 0`.
    RemoveAll,
    /// These, each for so many seconds; 0 removes it.
    Keep(Vec<(Contact, Option<u32>)>),
}

/// Why nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// 423 with `Min-Expires`.
    TooBrief {
        /// In seconds.
        least: u32,
    },
    /// An older request than one that was done already (RFC 3261, section 10.3, item 7).
    OutOfOrder,
    /// As many telephones as may be.
    Full,
    /// More addresses at once than one telephone may have, or one that is too long.
    TooMany,
}

/// What is registered now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Registered {
    /// Addresses and how many seconds they still hold, newest first.
    pub(crate) contacts: Vec<(String, u32)>,
    /// The telephone can be rung, and could not before.
    pub(crate) is_new: bool,
    /// It could be rung, and cannot any more.
    pub(crate) is_gone: bool,
}

pub(crate) struct Registrar {
    least: Duration,
    most: Duration,
    max_phones: usize,
    max_contacts: usize,
    phones: BTreeMap<String, Vec<Binding>>,
}

impl Registrar {
    pub(crate) fn new(least: Duration, most: Duration, max_phones: usize, max_contacts: usize) -> Self {
        Self { least, most, max_phones, max_contacts: max_contacts.max(1), phones: BTreeMap::new() }
    }

    /// Carries out a REGISTER of somebody who has proven to be `request.user`; all of it or nothing.
    ///
    /// # Errors
    /// [`Refused`]; nothing has changed then.
    pub(crate) fn register(&mut self, now: Instant, request: Request) -> Result<Registered, Refused> {
        let old = self.phones.get(&request.user).cloned().unwrap_or_default();
        let was_there = old.iter().any(|binding| binding.ends_at > now);
        let mut bindings: Vec<Binding> = old.into_iter().filter(|binding| binding.ends_at > now).collect();
        match &request.ask {
            Ask::List => {}
            Ask::RemoveAll => {
                if bindings.iter().any(|binding| request.is_older_than(binding)) {
                    return Err(Refused::OutOfOrder);
                }
                bindings.clear();
            }
            Ask::Keep(contacts) => self.keep(now, &request, contacts, &mut bindings)?,
        }
        if !bindings.is_empty() && !self.phones.contains_key(&request.user) && self.phones.len() >= self.max_phones {
            return Err(Refused::Full);
        }
        let contacts = bindings
            .iter()
            .rev()
            .map(|binding| (binding.contact.uri.clone(), seconds(binding.ends_at.saturating_duration_since(now))))
            .collect();
        let is_there = !bindings.is_empty();
        if is_there {
            self.phones.insert(request.user, bindings);
        } else {
            self.phones.remove(&request.user);
        }
        Ok(Registered { contacts, is_new: is_there && !was_there, is_gone: was_there && !is_there })
    }

    fn keep(
        &self,
        now: Instant,
        request: &Request,
        contacts: &[(Contact, Option<u32>)],
        bindings: &mut Vec<Binding>,
    ) -> Result<(), Refused> {
        if contacts.len() > self.max_contacts || contacts.iter().any(|(contact, _)| contact.uri.len() > MAX_CONTACT) {
            return Err(Refused::TooMany);
        }
        for (contact, wanted) in contacts {
            let wanted = wanted.map_or(self.most, |seconds| Duration::from_secs(seconds.into()));
            if !wanted.is_zero() && wanted < self.least {
                return Err(Refused::TooBrief { least: seconds(self.least) });
            }
            if let Some(at) = bindings.iter().position(|binding| binding.contact.place == contact.place) {
                if request.is_older_than(&bindings[at]) {
                    return Err(Refused::OutOfOrder);
                }
                bindings.remove(at);
            }
            if wanted.is_zero() {
                continue;
            }
            // A telephone that was switched off leaves its old place behind; the oldest gives way.
            if bindings.len() == self.max_contacts {
                bindings.remove(0);
            }
            bindings.push(Binding {
                contact: contact.clone(),
                flow: request.flow,
                call_id: request.call_id.clone(),
                cseq: request.cseq,
                ends_at: now + wanted.min(self.most),
            });
        }
        Ok(())
    }

    /// Where a telephone can be rung, newest first.
    pub(crate) fn ways_to(&self, now: Instant, user: &str) -> Vec<(String, Flow)> {
        self.phones.get(user).map_or_else(Vec::new, |bindings| {
            let there = bindings.iter().rev().filter(|binding| binding.ends_at > now);
            there.map(|binding| (binding.contact.uri.clone(), binding.flow)).collect()
        })
    }

    /// The way to the telephone that believes to be there.
    pub(crate) fn flow_to(&self, place: &Place) -> Option<Flow> {
        let mut all = self.phones.values().flatten();
        all.find(|binding| binding.contact.place == *place).map(|binding| binding.flow)
    }

    /// Is that where a registered telephone is?
    pub(crate) fn knows(&self, flow: Flow) -> bool {
        self.phones.values().flatten().any(|binding| binding.flow == flow)
    }

    /// When the next registration ends.
    pub(crate) fn next_end(&self) -> Option<Instant> {
        self.phones.values().flatten().map(|binding| binding.ends_at).min()
    }

    /// Removes what has ended; the telephones that cannot be rung any more.
    pub(crate) fn end(&mut self, now: Instant) -> Vec<String> {
        self.retain(|binding| binding.ends_at > now)
    }

    /// A connection has closed: nobody can be reached by it.
    pub(crate) fn closed(&mut self, flow: Flow) -> Vec<String> {
        self.retain(|binding| binding.flow != flow)
    }

    /// The telephone is none of ours any more. Was it registered?
    pub(crate) fn forget(&mut self, user: &str) -> bool {
        self.phones.remove(user).is_some()
    }

    fn retain(&mut self, stays: impl Fn(&Binding) -> bool) -> Vec<String> {
        let mut gone = Vec::new();
        self.phones.retain(|user, bindings| {
            bindings.retain(&stays);
            if bindings.is_empty() {
                gone.push(user.clone());
            }
            !bindings.is_empty()
        });
        gone
    }

    /// Telephones that are registered.
    pub(crate) fn len(&self) -> usize {
        self.phones.len()
    }
}

impl Request {
    fn is_older_than(&self, binding: &Binding) -> bool {
        self.call_id == binding.call_id && self.cseq <= binding.cseq
    }
}

/// Whole seconds, at least 1 of what is not nothing.
fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    fn contact(host: &str) -> Contact {
        let place = Place { user: "8001".to_owned(), host: host.to_owned(), port: Some(5060) };
        Contact { uri: format!("sip:8001@{host}:5060"), place }
    }

    fn flow(port: u16) -> Flow {
        Flow { transport: Transport::Udp, peer: SocketAddr::from(([192, 0, 2, 1], port)) }
    }

    fn keep(cseq: u32, host: &str, seconds: u32) -> Request {
        Request {
            user: "8001".to_owned(),
            call_id: format!("call-{host}"),
            cseq,
            flow: flow(u16::try_from(cseq).unwrap()),
            ask: Ask::Keep(vec![(contact(host), Some(seconds))]),
        }
    }

    struct Desk {
        registrar: Registrar,
        began: Instant,
    }

    impl Desk {
        fn new() -> Self {
            let registrar = Registrar::new(Duration::from_secs(60), Duration::from_secs(3600), 2, 4);
            Self { registrar, began: now() }
        }

        fn at(&self, millis: u64) -> Instant {
            self.began + Duration::from_millis(millis)
        }

        fn ask(&mut self, millis: u64, request: Request) -> Result<Registered, Refused> {
            let now = self.at(millis);
            self.registrar.register(now, request)
        }
    }

    #[test]
    fn a_registration_holds_to_its_last_millisecond() {
        let mut desk = Desk::new();
        let told = desk.ask(0, keep(1, "a", 60)).unwrap();
        assert_eq!(
            told,
            Registered { contacts: vec![("sip:8001@a:5060".to_owned(), 60)], is_new: true, is_gone: false }
        );
        assert_eq!(desk.registrar.ways_to(desk.at(59_999), "8001"), [("sip:8001@a:5060".to_owned(), flow(1))]);
        assert_eq!(desk.registrar.ways_to(desk.at(60_000), "8001"), []);
        assert_eq!(desk.registrar.next_end(), Some(desk.at(60_000)));
        let (before, then) = (desk.at(59_999), desk.at(60_000));
        assert!(desk.registrar.end(before).is_empty());
        assert_eq!(desk.registrar.end(then), ["8001"]);
        assert_eq!((desk.registrar.len(), desk.registrar.next_end()), (0, None));
    }

    #[test]
    fn times_of_59_s_are_refused_and_those_over_an_hour_cut() {
        let mut desk = Desk::new();
        assert_eq!(desk.ask(0, keep(1, "a", 59)), Err(Refused::TooBrief { least: 60 }));
        assert_eq!(desk.registrar.len(), 0);
        assert_eq!(desk.ask(0, keep(1, "a", 7_200)).unwrap().contacts[0].1, 3_600);
        let mut silent = keep(2, "a", 0);
        silent.ask = Ask::Keep(vec![(contact("a"), None)]);
        assert_eq!(desk.ask(0, silent).unwrap().contacts[0].1, 3_600);
    }

    #[test]
    fn registering_again_moves_the_flow_and_says_nothing_new() {
        let mut desk = Desk::new();
        desk.ask(0, keep(1, "a", 60)).unwrap();
        let again = desk.ask(1_000, keep(2, "a", 60)).unwrap();
        assert!(!again.is_new && !again.is_gone);
        assert_eq!(desk.registrar.ways_to(desk.at(2_000), "8001"), [("sip:8001@a:5060".to_owned(), flow(2))]);
        assert!(desk.registrar.knows(flow(2)) && !desk.registrar.knows(flow(1)));
        assert_eq!(desk.registrar.flow_to(&contact("a").place), Some(flow(2)));
        assert_eq!(desk.ask(1_000, keep(2, "a", 60)), Err(Refused::OutOfOrder));
        // Another call is another telephone in the same place: it was restarted.
        let mut restarted = keep(1, "a", 60);
        restarted.call_id = "other".to_owned();
        assert!(desk.ask(1_000, restarted).is_ok());
    }

    #[test]
    fn it_can_be_rung_in_several_places_and_the_oldest_of_five_gives_way() {
        let mut desk = Desk::new();
        for (n, host) in ["a", "b", "c", "d", "e"].iter().enumerate() {
            desk.ask(0, keep(u32::try_from(n).unwrap() + 1, host, 60)).unwrap();
        }
        let ways: Vec<String> = desk.registrar.ways_to(desk.at(1), "8001").into_iter().map(|(uri, _)| uri).collect();
        assert_eq!(ways, ["sip:8001@e:5060", "sip:8001@d:5060", "sip:8001@c:5060", "sip:8001@b:5060"]);
    }

    #[test]
    fn zero_removes_one_and_a_star_all() {
        let mut desk = Desk::new();
        desk.ask(0, keep(1, "a", 60)).unwrap();
        desk.ask(0, keep(1, "b", 60)).unwrap();
        let one = desk.ask(0, keep(2, "a", 0)).unwrap();
        assert_eq!((one.contacts.len(), one.is_gone), (1, false));
        let mut star = keep(1, "b", 0);
        star.ask = Ask::RemoveAll;
        assert_eq!(desk.ask(0, star.clone()), Err(Refused::OutOfOrder));
        star.cseq = 2;
        assert!(desk.ask(0, star).unwrap().is_gone);
        let mut list = keep(9, "b", 0);
        list.ask = Ask::List;
        assert_eq!(desk.ask(0, list).unwrap().contacts, []);
    }

    #[test]
    fn a_closed_connection_takes_its_telephones_along() {
        let mut desk = Desk::new();
        desk.ask(0, keep(1, "a", 60)).unwrap();
        desk.ask(0, keep(2, "b", 60)).unwrap();
        assert!(desk.registrar.closed(flow(1)).is_empty());
        assert_eq!(desk.registrar.closed(flow(2)), ["8001"]);
    }

    #[test]
    fn the_third_telephone_of_two_is_refused_and_one_that_is_forgotten_makes_room() {
        let mut desk = Desk::new();
        for user in ["1", "2"] {
            desk.ask(0, Request { user: user.to_owned(), ..keep(1, "a", 60) }).unwrap();
        }
        let third = Request { user: "3".to_owned(), ..keep(1, "a", 60) };
        assert_eq!(desk.ask(0, third.clone()), Err(Refused::Full));
        assert!(desk.registrar.forget("1") && !desk.registrar.forget("1"));
        assert!(desk.ask(0, third).is_ok());
        let mut many = keep(3, "a", 60);
        many.ask = Ask::Keep(vec![(contact("a"), None); 5]);
        assert_eq!(desk.ask(0, many), Err(Refused::TooMany));
    }
}
