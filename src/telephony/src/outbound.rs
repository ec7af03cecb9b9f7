//! A call that we make: to every place where a telephone is registered at once, or to a number by one trunk after the other.

use std::{sync::Arc, time::Duration};

use bangban_domain::call::{Failure, LegId, Number};
use rsipstack::{
    dialog::{
        authenticate::Credential,
        dialog::{DialogState, DialogStateReceiver},
        invitation::{InviteAsyncResult, InviteOption},
        invite_dialog::InviteDialog,
    },
    sip::{Header, Response, StatusCode, StatusCodeKind, Uri},
};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    Event, Target,
    clock::now,
    config::Transport,
    headers::{self, address_of, kind, of_session},
    identity,
    registrar::Flow,
    sdp::{self, Ours},
    shared::{Counts, LegOrder, Orders, Place, Shared, lock},
    talk::{Answered, Sound, Talk, connect},
    timers,
};

/// How often one place may ask for a longer session timer.
const MAX_LONGER: u8 = 2;

/// What is to be rung.
pub(crate) struct Wish {
    pub(crate) target: Target,
    pub(crate) caller: Option<Number>,
    pub(crate) ticket: Option<String>,
}

/// One way to whom is rung.
#[derive(Clone)]
struct Way {
    callee: Uri,
    flow: Flow,
    /// Whose number is shown.
    shown: Number,
    credential: Option<Credential>,
    trunk: Option<usize>,
    interval: Duration,
    longer: u8,
}

/// What is heard of a way.
enum Heard {
    /// Anything at all.
    Life,
    /// It rings.
    Rings,
    /// The end: its dialog, when it was answered.
    Final(Box<Outcome>),
}

struct Outcome {
    result: Result<Option<Response>, ()>,
    dialog: InviteDialog,
    states: DialogStateReceiver,
    heard_life: bool,
}

/// A way on which it is ringing.
struct Branch {
    way: Way,
    call_id: String,
    give_up: CancellationToken,
    heard_life: bool,
    is_over: bool,
}

/// Rings somebody, and talks when they answer.
pub(crate) async fn ring(shared: Arc<Shared>, leg: LegId, wish: Wish, orders: Orders, place: Place) {
    Counts::one(&shared.counts.rung);
    let ways = ways(&shared, &wish);
    let Some(ways) = ways.filter(|ways| !ways.is_empty()) else {
        drop(place);
        let why = match wish.target {
            Target::Phone(_) => Failure::Unreachable,
            Target::Number(_) => Failure::Congested,
        };
        tracing::info!(%leg, cause = why.as_str(), "no way to whom is to be rung");
        return shared.tell(Event::Failed(leg, why)).await;
    };
    let Ok(address) = shared.mixer.open_rtp(leg) else {
        drop(place);
        tracing::warn!(%leg, "no port for a call");
        return shared.tell(Event::Failed(leg, Failure::Congested)).await;
    };
    let ours = Ours { address, session: shared.number(), version: 1 };
    let (heard, hears) = mpsc::channel(32);
    let call = Outbound {
        shared,
        leg,
        wish,
        orders,
        ours,
        heard,
        hears,
        branches: Vec::new(),
        has_rung: false,
        status: None,
        is_final: false,
    };
    call.run(ways, place).await;
}

/// The ways in rounds: all of a round at once, the next when none of it will answer.
fn ways(shared: &Shared, wish: &Wish) -> Option<Vec<Vec<Way>>> {
    let interval = shared.config.timing.session;
    match &wish.target {
        Target::Phone(user) => {
            let there = lock(&shared.registrar).ways_to(now(), user);
            let shown = wish.caller.clone().unwrap_or_else(|| shared.config.number.clone());
            let way = |(uri, flow): (String, Flow)| {
                let callee = Uri::try_from(uri.as_str()).ok()?;
                let shown = shown.clone();
                Some(Way { callee, flow, shown, credential: None, trunk: None, interval, longer: 0 })
            };
            let round: Vec<Way> = there.into_iter().filter_map(way).collect();
            (!round.is_empty()).then(|| vec![round])
        }
        Target::Number(number) => {
            let way = |at: usize| {
                let trunk = shared.config.trunks.get(at)?;
                let transport = match trunk.transport {
                    Transport::Udp => "",
                    Transport::Tcp => ";transport=tcp",
                };
                let callee = format!("sip:{}@{}{transport}", number.as_str(), trunk.address);
                let own = trunk.number.as_ref().unwrap_or(&shared.config.number);
                Some(vec![Way {
                    callee: Uri::try_from(callee.as_str()).ok()?,
                    flow: Flow { transport: trunk.transport, peer: trunk.address },
                    shown: wish.caller.as_ref().unwrap_or(own).clone(),
                    credential: shared.credential(&trunk.name),
                    trunk: Some(at),
                    interval,
                    longer: 0,
                }])
            };
            Some(lock(&shared.trunks).order().into_iter().filter_map(way).collect())
        }
    }
}

struct Outbound {
    shared: Arc<Shared>,
    leg: LegId,
    wish: Wish,
    orders: Orders,
    ours: Ours,
    heard: mpsc::Sender<(usize, Heard)>,
    hears: mpsc::Receiver<(usize, Heard)>,
    branches: Vec<Branch>,
    has_rung: bool,
    /// The best reason of those that will not answer.
    status: Option<Failure>,
    /// The number itself said no: another trunk would hear the same.
    is_final: bool,
}

/// How a round ended.
enum Round {
    Answered(Box<(Outcome, Response, Way)>),
    /// Nobody answered, and the next trunk may do better.
    Next,
    /// Nobody will.
    Failed,
    /// We were told to stop.
    Ended {
        is_elsewhere: bool,
    },
}

impl Outbound {
    async fn run(mut self, rounds: Vec<Vec<Way>>, place: Place) {
        let last = rounds.len() - 1;
        for (n, ways) in rounds.into_iter().enumerate() {
            match self.round(ways, n < last).await {
                Round::Answered(answer) => {
                    let (outcome, response, way) = *answer;
                    return self.answered(outcome, &response, &way, place).await;
                }
                Round::Next => {}
                Round::Failed => break,
                Round::Ended { is_elsewhere } => {
                    self.give_up(None, is_elsewhere);
                    return drop(place);
                }
            }
        }
        self.give_up(None, false);
        drop(place);
        let why = self.status.unwrap_or(Failure::Unreachable);
        tracing::info!(leg = %self.leg, cause = why.as_str(), "not reached");
        self.shared.tell(Event::Failed(self.leg, why)).await;
    }

    async fn round(&mut self, ways: Vec<Way>, has_next: bool) -> Round {
        let first = self.branches.len();
        for way in ways {
            self.begin(way);
        }
        let patience = tokio::time::sleep(self.shared.config.timing.trunk_patience);
        tokio::pin!(patience);
        let mut is_patient = has_next;
        loop {
            if self.branches[first..].iter().all(|branch| branch.is_over) {
                return if has_next && !self.is_final { Round::Next } else { Round::Failed };
            }
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(LegOrder::End { is_elsewhere }) => return Round::Ended { is_elsewhere },
                    None => return Round::Ended { is_elsewhere: false },
                    Some(LegOrder::Take(_) | LegOrder::Refuse(_) | LegOrder::Accept) => {}
                },
                Some((at, heard)) = self.hears.recv() => {
                    if let Some(round) = self.hear(at, heard).await {
                        return round;
                    }
                }
                () = &mut patience, if is_patient => {
                    is_patient = false;
                    let silent: Vec<usize> =
                        (first..self.branches.len()).filter(|at| !self.branches[*at].heard_life).collect();
                    for at in silent {
                        self.silent(at);
                    }
                }
            }
        }
    }

    /// Nothing at all came from it: the next trunk is tried, and this one is the last choice until it answers again.
    fn silent(&mut self, at: usize) {
        let branch = &mut self.branches[at];
        branch.give_up.cancel();
        branch.is_over = true;
        if let Some(trunk) = branch.way.trunk {
            tracing::warn!(leg = %self.leg, trunk, "trunk says nothing");
            lock(&self.shared.trunks).was_silent(trunk);
        }
        self.fails(Failure::Congested);
    }

    async fn hear(&mut self, at: usize, heard: Heard) -> Option<Round> {
        match heard {
            Heard::Life => self.branches[at].heard_life = true,
            Heard::Rings => {
                self.branches[at].heard_life = true;
                if !std::mem::replace(&mut self.has_rung, true) {
                    self.shared.tell(Event::Ringing(self.leg)).await;
                }
            }
            Heard::Final(outcome) => return self.end(at, *outcome),
        }
        None
    }

    fn end(&mut self, at: usize, outcome: Outcome) -> Option<Round> {
        self.branches[at].is_over = true;
        let response = match &outcome.result {
            Ok(Some(response)) => response.clone(),
            Ok(None) | Err(()) => {
                self.fails(if outcome.heard_life { Failure::Broken } else { Failure::Unreachable });
                return None;
            }
        };
        match response.status_code.kind() {
            StatusCodeKind::Successful => {
                let way = self.branches[at].way.clone();
                return Some(Round::Answered(Box::new((outcome, response, way))));
            }
            _ if response.status_code == StatusCode::SessionIntervalTooSmall => {
                let mut way = self.branches[at].way.clone();
                let longer = timers::longer(headers::said(&response.headers), way.interval);
                if let Some(interval) = longer.filter(|_| way.longer < MAX_LONGER) {
                    way.interval = interval;
                    way.longer += 1;
                    self.begin(way);
                    return None;
                }
                self.fails(Failure::Broken);
            }
            _ => {
                let status = u16::from(response.status_code);
                tracing::info!(leg = %self.leg, status, "refused by the other side");
                // A timeout of the library: nobody was there at all.
                let is_nobody = status == 408 && !outcome.heard_life;
                // Only a fault of the way there is a reason to try another one.
                self.is_final |= !is_nobody && !(500..600).contains(&status);
                self.fails(if is_nobody { Failure::Unreachable } else { Failure::of_sip(status) });
                // 600 and 603 are for all places of a telephone (RFC 3261, section 21.6).
                if status >= 600 {
                    return Some(Round::Failed);
                }
            }
        }
        None
    }

    /// Of several places the reason that says most is told.
    fn fails(&mut self, why: Failure) {
        const ORDER: [Failure; 6] = [
            Failure::Busy,
            Failure::Declined,
            Failure::NoAnswer,
            Failure::Unreachable,
            Failure::Congested,
            Failure::Broken,
        ];
        let rank = |failure: Failure| ORDER.iter().position(|one| *one == failure);
        if self.status.is_none_or(|known| rank(why) < rank(known)) {
            self.status = Some(why);
        }
    }

    fn begin(&mut self, way: Way) {
        let at = self.branches.len();
        let give_up = CancellationToken::new();
        let mut branch =
            Branch { way, call_id: String::new(), give_up: give_up.clone(), heard_life: false, is_over: false };
        let (states, states_of) = self.shared.layer.new_dialog_state_channel();
        match self.shared.layer.do_invite_async(self.invite(&branch.way), states) {
            Ok((dialog, invited)) => {
                branch.call_id = dialog.id().call_id;
                let follow = Follow {
                    shared: Arc::clone(&self.shared),
                    at,
                    dialog,
                    invited,
                    states: states_of,
                    give_up,
                    heard: self.heard.clone(),
                };
                self.shared.tasks.spawn(follow.run());
            }
            Err(error) => {
                tracing::warn!(leg = %self.leg, error = kind(&error), "INVITE could not be made");
                branch.is_over = true;
                self.fails(Failure::Broken);
            }
        }
        self.branches.push(branch);
    }

    fn invite(&self, way: &Way) -> InviteOption {
        let config = &self.shared.config;
        let caller = self.shared.uri(way.shown.as_str(), Transport::Udp);
        let mut headers = of_session(way.interval, config.timing.session_least, None);
        if way.trunk.is_some() {
            headers.push(Header::PAssertedIdentity(format!("<{caller}>").into()));
        }
        if let Some(ticket) = &self.wish.ticket {
            headers.extend(identity::to_user_to_user(ticket).map(|value| Header::UserToUser(value.into())));
            let own = config.ticket_header.as_deref().zip(identity::to_own_header(ticket));
            headers.extend(own.map(|(name, value)| headers::other(name, &value)));
        }
        InviteOption {
            caller,
            callee: way.callee.clone(),
            destination: Some(address_of(way.flow.transport, way.flow.peer)),
            content_type: Some("application/sdp".to_owned()),
            offer: Some(self.ours.offer().into_bytes()),
            contact: self.shared.contact(way.flow.transport),
            credential: way.credential.clone(),
            headers: Some(headers),
            ..InviteOption::default()
        }
    }

    /// All but one ring no more.
    fn give_up(&mut self, but: Option<&str>, is_elsewhere: bool) {
        // From now on who follows an INVITE ends by itself what is answered; what was told already is ended here.
        self.hears.close();
        while let Ok((_, heard)) = self.hears.try_recv() {
            if let Heard::Final(outcome) = heard
                && matches!(&outcome.result, Ok(Some(response)) if response.status_code.kind() == StatusCodeKind::Successful)
            {
                self.shared.end_dialog(outcome.dialog, outcome.states, false);
            }
        }
        for branch in self.branches.iter().filter(|branch| !branch.is_over && but != Some(branch.call_id.as_str())) {
            if is_elsewhere {
                self.shared.outgoing.answered_elsewhere(&branch.call_id);
            }
            branch.give_up.cancel();
        }
    }

    async fn answered(mut self, outcome: Outcome, response: &Response, way: &Way, place: Place) {
        let Outcome { dialog, states, .. } = outcome;
        self.give_up(Some(&dialog.id().call_id), true);
        let sound =
            Sound { ours: self.ours, said: self.ours.offer(), signalled_from: way.flow.peer.ip(), is_held: false };
        let read = sdp::read(response.body()).map_err(crate::talk::NoSound::Unfit);
        let agreed = read.and_then(|remote| connect(&self.shared, self.leg, &sound, &remote).map(|()| remote.holds()));
        let is_held = match agreed {
            Ok(is_held) => is_held,
            Err(why) => {
                tracing::info!(leg = %self.leg, %why, "answer is of no use");
                self.shared.end_dialog(dialog, states, false);
                drop(place);
                return self.shared.tell(Event::Failed(self.leg, Failure::Broken)).await;
            }
        };
        Counts::one(&self.shared.counts.answered);
        self.shared.tell(Event::Answered(self.leg)).await;
        let wanted = timers::Wanted { interval: way.interval, ..self.shared.wanted() };
        let talk = Talk::new(Answered {
            agreed: timers::answered(headers::said(&response.headers), wanted),
            allows_update: headers::allows_update(&response.headers),
            shared: self.shared,
            leg: self.leg,
            dialog,
            states,
            orders: self.orders,
            sound,
            answer_in: None,
        });
        talk.run(is_held).await;
        drop(place);
    }
}

/// Follows one INVITE to its end, whatever becomes of the call: an answer that nobody waits for any more is ended.
struct Follow {
    shared: Arc<Shared>,
    at: usize,
    dialog: InviteDialog,
    invited: JoinHandle<InviteAsyncResult>,
    states: DialogStateReceiver,
    give_up: CancellationToken,
    heard: mpsc::Sender<(usize, Heard)>,
}

impl Follow {
    async fn run(mut self) {
        let mut heard_life = false;
        let result = loop {
            tokio::select! {
                // What was heard before the end is told before it.
                biased;
                () = self.give_up.cancelled() => break None,
                state = self.states.recv() => {
                    let heard = match state {
                        Some(DialogState::Trying(_)) => Heard::Life,
                        Some(DialogState::Early(..)) => Heard::Rings,
                        _ => continue,
                    };
                    heard_life = true;
                    // Nobody listens: the call is over, and we are about to be told so.
                    let _ = self.heard.send((self.at, heard)).await;
                }
                result = &mut self.invited => break Some(result),
            }
        };
        let result = match result {
            Some(result) => result,
            None => {
                // The library cancels what was sent, now or as soon as that may be, and ends what is answered nevertheless.
                self.invited.abort();
                (&mut self.invited).await
            }
        };
        let result: Result<Option<Response>, ()> = match result {
            Ok(Ok((_, response))) => Ok(response),
            Ok(Err(error)) => {
                tracing::debug!(error = kind(&error), "INVITE failed");
                Err(())
            }
            Err(_) => Err(()),
        };
        let is_answered =
            matches!(&result, Ok(Some(response)) if response.status_code.kind() == StatusCodeKind::Successful);
        if !is_answered {
            self.shared.layer.remove_dialog(&self.dialog.id());
        }
        if self.give_up.is_cancelled() {
            if is_answered {
                self.shared.end_dialog(self.dialog, self.states, false);
            }
            return;
        }
        let outcome = Outcome { result, dialog: self.dialog, states: self.states, heard_life };
        if let Err(mpsc::error::SendError((_, Heard::Final(outcome)))) =
            self.heard.send((self.at, Heard::Final(Box::new(outcome)))).await
            && is_answered
        {
            self.shared.end_dialog(outcome.dialog, outcome.states, false);
        }
    }
}
