//! What somebody wants becomes an input of the rules, and what goes past the rules is put beside it.

use std::sync::Arc;

use aws_lc_rs::rand;
use bangban_domain::{
    AgentId, ConversationId, ParticipantId, Timestamp, WindowId,
    conversation::at_most,
    time::{DAY, Millis},
    window::{
        Code, Connection, ConsentText, FieldKind, FieldRef, Input, MAX_NAME, Origin, Person, Refusal, Seat, Source,
        State,
    },
    words::{FileKind, Stage},
};
use bangban_protocol::{Answer, Command, ErrorCode, EventBody, FormContext, MediaLine, ThreadBody, WireError};
use bangban_store::{Change, FileChange, FileOwner};
use metrics::counter;

use super::{
    Wish,
    effects::origin_of,
    forbidden, internal,
    media::MediaOrder,
    not_found,
    owner::{Batch, Owner, Proposed},
    refused,
};
use crate::{auth::Principal, desk::new_id, hub::Socket};

/// Nobody plans further ahead.
const BOOK_AHEAD: Millis = 30 * DAY;
/// Longest note of a clerk at a field or a proposal, in characters.
const MAX_NOTE: usize = 200;
/// Longest proposed value.
const MAX_VALUE: usize = 1_000;
/// So many codes are rolled until one is free: of a million few are taken at a time.
const ROLLS: usize = 20;
/// A part of the media lines of a description: see `bangban_media::MAX_MEDIA`.
const MAX_LINES: usize = 3;

/// Who somebody is to the rules.
pub(super) const fn person(who: &Principal) -> Person {
    match who {
        Principal::Citizen(citizen) => Person::Citizen(citizen.id),
        Principal::Staff(staff) => Person::Staff(staff.id),
    }
}

impl Owner {
    pub(super) async fn obey(
        &mut self,
        who: &Principal,
        socket: &Arc<Socket>,
        wish: Wish,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        batch.actor = Some(person(who));
        match wish {
            Wish::Look(window) => self.look(who, socket, window, batch),
            Wish::Frames { window, page, frames } => self.pass_frames(socket, window, page, frames, now, batch),
            Wish::Command(command) => self.command(who, socket, command, now, batch).await,
        }
    }

    async fn command(
        &mut self,
        who: &Principal,
        socket: &Arc<Socket>,
        command: Command,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let by = person(who);
        let input = match command {
            Command::AskWindow { conversation, origin } => {
                return self.ask(by, conversation, origin, now, batch).await;
            }
            Command::BookWindow { conversation, at } => return self.book(by, conversation, at, now, batch).await,
            Command::EnterWindowCode { code } => return self.enter_code(who, &code, now, batch).await,
            Command::MakeWindowCode { window } => return self.make_code(by, window, now, batch),
            Command::CheckWindow { window } => return self.check(by, window, now),
            Command::TakeSeat { window, seat } => return self.take_seat(by, socket, window, seat, now, batch),
            Command::ConnectWindow { window, sdp, lines } => {
                return self.connect(socket, window, sdp, lines, true, batch);
            }
            Command::RestartWindowLink { window, sdp, lines } => {
                return self.connect(socket, window, sdp, lines, false, batch);
            }
            Command::AnswerWindowOffer { window, number, sdp } => {
                let place = (window, self.participant(socket, window)?);
                batch.media.push(MediaOrder::Answer { place, number, sdp });
                return Ok(Answer::Done);
            }
            Command::KeepSnapshot { window, file } => {
                return self.keep_snapshot(who, socket, window, file, now, batch).await;
            }
            Command::Highlight { window, field, note } => {
                let note = self::note(note)?;
                let one = self.participant(socket, window)?;
                let input = Input::Highlighted { window, by: one, field: field_of(&field)? };
                self.decide(input, now, batch)?;
                batch.events.push((window, Some(EventBody::Highlighted { by: one, field, note })));
                return Ok(Answer::Done);
            }
            Command::Propose { window, field, kind, value, note } => {
                return self.propose(socket, window, (field, kind), value, note, now, batch);
            }
            Command::InviteToWindow { window, agent } => {
                self.check_invited(by, agent)?;
                Input::Invited { window, by, who: agent }
            }
            Command::AnswerWindow { window, accepts } => Input::Answered { window, by, accepts },
            Command::CancelWindow { window } => Input::Cancelled { window, by },
            Command::Consent { window, purpose, text, version } => {
                let text = ConsentText { id: text, version };
                Input::Consented { window, by, purpose, text }
            }
            Command::WithdrawConsent { window, purpose } => Input::ConsentWithdrawn { window, by, purpose },
            seated => {
                let input = self.seated_input(socket, seated)?;
                self.decide(input, now, batch)?;
                return Ok(Answer::Done);
            }
        };
        self.decide(input, now, batch).map_err(|error| hidden(by, error))?;
        Ok(Answer::Done)
    }

    /// What only somebody does who sits there.
    fn seated_input(&self, socket: &Socket, command: Command) -> Result<Input, WireError> {
        let one = |window| self.participant(socket, window);
        Ok(match command {
            Command::Publish { window, medium, on } => Input::Published { window, by: one(window)?, medium, is_on: on },
            Command::LeaveWindow { window } => Input::Left { window, participant: one(window)? },
            Command::EndWindow { window } => Input::Ended { window, by: one(window)? },
            Command::RemoveFromWindow { window, participant } => {
                Input::Removed { window, by: one(window)?, participant }
            }
            Command::Point { window, at } => Input::Pointed { window, by: one(window)?, at: at.into() },
            Command::Draw { window, number, stroke } => {
                Input::Drawn { window, by: one(window)?, number, stroke: stroke.into() }
            }
            Command::UndoInk { window } => Input::Undone { window, by: one(window)? },
            Command::ClearInk { window } => Input::Cleared { window, by: one(window)? },
            Command::FreezeWindow { window, frozen } => Input::Frozen { window, by: one(window)?, is_frozen: frozen },
            Command::Browse { window, on } => Input::BrowseChanged { window, by: one(window)?, is_on: on },
            Command::SeeForm { window, context } => {
                check_context(&context)?;
                Input::FormSeen { window, by: one(window)?, context: context.into() }
            }
            Command::AnswerProposal { window, proposal, accepts } => {
                Input::ProposalAnswered { window, by: one(window)?, proposal, accepts }
            }
            Command::Bind { window, kind } => Input::Bound { window, by: one(window)?, kind },
            _ => return Err(WireError::new(ErrorCode::BadRequest, "not a command for a window")),
        })
    }

    /// Who sits on this page.
    fn participant(&self, socket: &Socket, window: WindowId) -> Result<ParticipantId, WireError> {
        let connection = Connection(socket.number());
        let found = self.core.seated(window).find(|one| one.connection == Some(connection));
        match found {
            Some(one) => Ok(one.participant),
            None if self.core.state(window).is_none() => Err(not_found()),
            None => Err(WireError { detail: "take a seat first".to_owned(), ..forbidden() }),
        }
    }

    // --- how windows begin --------------------------------------------------------------------------------------

    /// Whose conversation it is and who serves it, for one of the two.
    fn sides(
        &self,
        by: Person,
        conversation: ConversationId,
    ) -> Result<(bangban_domain::CitizenId, AgentId, bangban_domain::words::Channel), WireError> {
        let gone = || WireError::new(ErrorCode::NotFound, "no such conversation");
        let live = self.world.shared.live.get(&conversation).ok_or_else(gone)?;
        if matches!(by, Person::Citizen(citizen) if citizen != live.citizen) {
            return Err(gone());
        }
        let served = live.view.agent.as_ref().filter(|_| live.view.stage == Stage::Serving);
        let is_agent = matches!(by, Person::Staff(staff) if served.is_none_or(|agent| agent.id != staff));
        if is_agent {
            return Err(WireError::new(ErrorCode::Forbidden, "only the agent who serves the conversation may"));
        }
        let agent = served.ok_or_else(|| WireError::new(ErrorCode::InvalidStage, "nobody serves the conversation"))?;
        Ok((live.citizen, agent.id, live.channel))
    }

    async fn ask(
        &mut self,
        by: Person,
        conversation: ConversationId,
        origin: Origin,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let (citizen, agent, channel) = self.sides(by, conversation)?;
        let origin = origin_of(origin, channel)
            .filter(|origin| *origin != Origin::Code || matches!(by, Person::Staff(_)))
            .ok_or_else(|| WireError::field("origin", "not from where the conversation is"))?;
        let citizen = (origin != Origin::Code).then_some(citizen);
        let window = WindowId::new(new_id());
        let input = Input::Asked { window, conversation, origin, by, citizen, agent };
        self.begin(window, conversation, citizen, input, now, batch).await
    }

    async fn book(
        &mut self,
        by: Person,
        conversation: ConversationId,
        at: Timestamp,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let (citizen, agent, _) = self.sides(by, conversation)?;
        if at.since(now) > BOOK_AHEAD {
            return Err(WireError::field("at", "at most 30 days ahead"));
        }
        let window = WindowId::new(new_id());
        let input = Input::Booked { window, conversation, by, citizen, agent, at };
        self.begin(window, conversation, Some(citizen), input, now, batch).await
    }

    async fn begin(
        &mut self,
        window: WindowId,
        conversation: ConversationId,
        citizen: Option<bangban_domain::CitizenId>,
        input: Input,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let room = self.room(conversation, citizen, now, now).await.map_err(|error| internal(&error))?;
        self.rooms.insert(window, room);
        let begun = self.decide(input, now, batch);
        if begun.is_err() {
            self.rooms.remove(&window);
        }
        begun?;
        Ok(Answer::OpenedWindow { window })
    }

    // --- codes --------------------------------------------------------------------------------------------------

    fn make_code(
        &mut self,
        by: Person,
        window: WindowId,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        for _ in 0..ROLLS {
            let code = roll()?;
            let mut out = Vec::new();
            match self.core.handle(now, Input::CodeMade { window, by, code }, &mut out) {
                Err(Refusal::CodeTaken) => self.carry_out(out, batch),
                Err(refusal) => {
                    self.carry_out(out, batch);
                    return Err(hidden(by, refused(&refusal)));
                }
                Ok(()) => {
                    self.carry_out(out, batch);
                    let Some(State::Asked { until }) = self.core.state(window) else { return Err(not_found()) };
                    return Ok(Answer::WindowCode { code: code.to_string(), until });
                }
            }
        }
        Err(super::busy())
    }

    async fn enter_code(
        &mut self,
        who: &Principal,
        code: &str,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let Principal::Citizen(citizen) = who else { return Err(forbidden()) };
        let code = Code::parse(code).ok_or_else(|| WireError::field("code", "six digits"))?;
        let name = self.citizen_name(Some(citizen.id)).await.map_err(|error| internal(&error))?;
        // An address has few visitors an hour (`citizen.anonymous_per_hour`), so that guessing is slow from there too; a
        // service hall with one address is not held up by who mistypes.
        let source = Source(citizen.id.raw());
        let mut out = Vec::new();
        let entered = self.core.handle(now, Input::CodeEntered { code, source, citizen: citizen.id }, &mut out);
        let window = out.iter().find_map(|effect| match effect {
            bangban_domain::window::Effect::CitizenKnown { window, .. } => Some(*window),
            _ => None,
        });
        self.carry_out(out, batch);
        entered.map_err(|refusal| refused(&refusal))?;
        let window = window.ok_or_else(not_found)?;
        if let Some(room) = self.rooms.get_mut(&window) {
            room.citizen_name = name;
        }
        Ok(Answer::OpenedWindow { window })
    }

    // --- seats and media ----------------------------------------------------------------------------------------

    fn take_seat(
        &mut self,
        by: Person,
        socket: &Arc<Socket>,
        window: WindowId,
        seat: Seat,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let conversation = self.rooms.get(&window).map(|room| room.conversation).ok_or_else(not_found)?;
        let supervises = seat == Seat::Supervisor && self.supervises(by, conversation);
        let number = socket.number();
        // Known before the rules say who sits there; forgotten again if they say no.
        let is_new = !self.sitting.contains_key(&number);
        if is_new {
            self.sitting.insert(number, (Arc::clone(socket), std::collections::BTreeSet::new()));
        }
        let before = self.is_on_seat(window, by);
        let participant = ParticipantId::new(new_id());
        let connection = Connection(number);
        let joined =
            self.decide(Input::Joined { window, who: by, seat, participant, connection, supervises }, now, batch);
        if let Err(error) = joined {
            if is_new {
                self.sitting.remove(&number);
            }
            return Err(hidden(by, error));
        }
        self.world.shared.windows.sitting.insert(number);
        let one = self.participant(socket, window)?;
        let (ice_servers, policy) = self.media.ice(one, now);
        Ok(Answer::Seated { participant: one, resumed: before == Some(seat), ice_servers, policy })
    }

    /// What it takes to see whether pictures and voices would come through.
    fn check(&self, by: Person, window: WindowId, now: Timestamp) -> Result<Answer, WireError> {
        let kept = self.core.kept(window).ok_or_else(not_found)?;
        if !self.may_look(by, &kept) {
            return Err(hidden(by, forbidden()));
        }
        self.media.check(now)
    }

    /// The media thread's answer is the command's (see [`Owner::turn`]).
    fn connect(
        &self,
        socket: &Socket,
        window: WindowId,
        sdp: String,
        lines: Vec<MediaLine>,
        is_new: bool,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let place = (window, self.participant(socket, window)?);
        if lines.len() > MAX_LINES {
            return Err(WireError::field("lines", format!("at most {MAX_LINES}")));
        }
        batch.media.push(MediaOrder::Offer { place, sdp, lines, is_new });
        Ok(Answer::Done)
    }

    fn check_invited(&self, by: Person, agent: AgentId) -> Result<(), WireError> {
        let unknown =
            || WireError { field: Some("agent".to_owned()), ..WireError::new(ErrorCode::NotFound, "no such agent") };
        let Person::Staff(me) = by else { return Err(forbidden()) };
        let account = self.world.rights.accounts.get(agent).filter(|account| account.is_active).ok_or_else(unknown)?;
        let can_serve = crate::auth::has_desk(&account.grants);
        if can_serve && self.world.rights.sees_colleague(me, agent) { Ok(()) } else { Err(unknown()) }
    }

    async fn keep_snapshot(
        &mut self,
        who: &Principal,
        socket: &Socket,
        window: WindowId,
        file: bangban_domain::FileId,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let by = self.participant(socket, window)?;
        let conversation = self.rooms.get(&window).map(|room| room.conversation).ok_or_else(not_found)?;
        let owner = match who {
            Principal::Citizen(citizen) => FileOwner::Citizen(citizen.id),
            Principal::Staff(staff) => FileOwner::Staff(staff.id),
        };
        let client_id = format!("snapshot-{file}");
        let row = self.world.files.to_send(owner, conversation, file, &client_id).await?;
        let picture = row.sides.filter(|_| row.kind == FileKind::Image && row.attached_as.is_none());
        let (width, height) = picture.ok_or_else(|| WireError::field("file", "not a picture that can be kept"))?;
        self.decide(Input::SnapshotTaken { window, by, file }, now, batch)?;
        let attach = FileChange::Attach { file, client_id: client_id.clone() };
        batch.unit.changes.push(Change::File(attach));
        let body = ThreadBody::Image { file, name: row.name, size: row.size, width, height };
        self.say(conversation, now, &body, batch);
        if let Some(entry) = batch.unit.entries.last_mut() {
            entry.client_id = Some(client_id);
        }
        Ok(Answer::Done)
    }

    // --- co-browse ----------------------------------------------------------------------------------------------

    #[expect(clippy::too_many_arguments, reason = "the fields of one command")]
    fn propose(
        &mut self,
        socket: &Socket,
        window: WindowId,
        (field, kind): (String, FieldKind),
        value: String,
        note: Option<String>,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        at_most("value", &value, MAX_VALUE)
            .map_err(|error| WireError::field(error.field, error.problem.to_string()))?;
        let note = self::note(note)?;
        let by = self.participant(socket, window)?;
        let mut out = Vec::new();
        let proposed = Input::Proposed { window, by, field: field_of(&field)?, kind };
        let result = self.core.handle(now, proposed, &mut out);
        let number = out.iter().find_map(|effect| match effect {
            bangban_domain::window::Effect::Proposed { proposal, .. } => Some(*proposal),
            _ => None,
        });
        self.carry_out(out, batch);
        result.map_err(|refusal| refused(&refusal))?;
        let until = now + self.proposal_stands();
        if let (Some(number), Some(room)) = (number, self.rooms.get_mut(&window)) {
            room.proposals.insert(number, Proposed { field, value, note, until });
            batch.dirty.insert(window);
        }
        Ok(Answer::Done)
    }

    fn pass_frames(
        &mut self,
        socket: &Socket,
        window: WindowId,
        page: u32,
        frames: String,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let one = self.participant(socket, window)?;
        let is_citizen = self.core.seated(window).any(|other| other.participant == one && other.seat == Seat::Citizen);
        if !is_citizen {
            return Err(forbidden());
        }
        if self.core.form(window).is_none() {
            return Err(refused(&Refusal::NotBrowsing));
        }
        let Some(room) = self.rooms.get_mut(&window) else { return Err(not_found()) };
        if !room.page.take(now, frames.len()) {
            counter!("bangban_window_frames_total", "result" => "too_much").increment(1);
            return Err(WireError::new(ErrorCode::RateLimited, "too much of the page at once"));
        }
        counter!("bangban_window_frames_total", "result" => "passed").increment(1);
        batch.events.push((window, Some(EventBody::Frames { page, frames })));
        Ok(Answer::Done)
    }
}

/// Strangers do not learn that there is such a window.
fn hidden(by: Person, error: WireError) -> WireError {
    if matches!(by, Person::Citizen(_)) && error.code == ErrorCode::Forbidden && error.field.is_none() {
        return not_found();
    }
    error
}

/// Six digits of the system's randomness.
fn roll() -> Result<Code, WireError> {
    let none = || WireError::new(ErrorCode::Internal, "the system gives no random numbers");
    // Numbers beyond the last whole million would make some codes likelier than others.
    let fair = u32::MAX - u32::MAX % Code::COUNT;
    loop {
        let mut bytes = [0; 4];
        rand::fill(&mut bytes).map_err(|_| none())?;
        let number = u32::from_le_bytes(bytes);
        if number < fair {
            return Code::new(number % Code::COUNT).ok_or_else(none);
        }
    }
}

fn note(note: Option<String>) -> Result<Option<String>, WireError> {
    if let Some(text) = &note {
        at_most("note", text, MAX_NOTE).map_err(|error| WireError::field(error.field, error.problem.to_string()))?;
    }
    Ok(note.filter(|text| !text.is_empty()))
}

fn field_of(field: &str) -> Result<FieldRef, WireError> {
    let length = field.chars().count();
    if (1..=MAX_NAME).contains(&length) {
        Ok(FieldRef(field.to_owned()))
    } else {
        Err(WireError::field("field", format!("1 to {MAX_NAME} characters")))
    }
}

fn check_context(context: &FormContext) -> Result<(), WireError> {
    let FormContext { item, step, field, error } = context;
    let texts = [item.as_deref(), Some(step.as_str()), field.as_deref(), error.as_deref()];
    if texts.into_iter().flatten().any(|text| text.chars().count() > MAX_NAME) {
        return Err(WireError::field("context", format!("names have at most {MAX_NAME} characters")));
    }
    // What a person wrote has no place there.
    if texts.into_iter().flatten().any(bangban_domain::privacy::has_number) {
        counter!("bangban_window_frames_total", "result" => "personal").increment(1);
        return Err(WireError::field("context", "something personal stands in it"));
    }
    Ok(())
}
