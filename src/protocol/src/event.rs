//! What happens on topics, and the state that a subscription starts from.

use bangban_domain::{CallId, ParticipantId, Timestamp, WindowId, window::ProposalEndedBecause};
use serde::{Deserialize, Serialize};

use crate::{
    AgentView, AlertsView, BoardView, CallBackView, CallView, CallsView, ColleagueView, ContinuationView,
    ConversationContext, ConversationView, InkChange, MediaLeg, MediaLink, Party, PersonView, Point, StandingStroke,
    ThreadEntry, WindowView,
};

/// Body of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum EventBody {
    /// `conversation` and `notes`: a durable entry; the frame's `seq` is the entry's.
    Entry {
        /// The entry.
        entry: ThreadEntry,
    },
    /// `conversation`: the state beside the thread; replaces the earlier one if its `version` is higher. Not kept.
    Conversation {
        /// The state.
        view: ConversationView,
    },
    /// `conversation`: somebody types. Forgotten by the receiver after 6 s.
    Typing {
        /// Who.
        from: Party,
        /// Still?
        typing: bool,
    },
    /// `conversation`: somebody has seen everything up to `seq`.
    Read {
        /// Who.
        by: Party,
        /// Up to where.
        seq: u64,
    },
    /// `conversation`: is the citizen connected?
    CitizenPresence {
        /// At least one tab?
        online: bool,
    },
    /// `notes`: other members of staff read the conversation now. Not kept.
    Monitors {
        /// All who listen, who serves it included.
        people: Vec<PersonView>,
    },
    /// `agent`: the whole state; replaces the earlier one. `seq` counts them.
    Agent {
        /// The state.
        view: AgentView,
    },
    /// `agent`: what the others of one's teams do. Replaces these parts of the state, and leaves the others as they are. `seq`
    /// counts on.
    AgentSurroundings {
        /// See [`AgentView::waiting`].
        waiting: u32,
        /// See [`AgentView::colleagues`]; null: as before.
        colleagues: Option<Vec<ColleagueView>>,
        /// See [`AgentView::call_backs`]; null: as before.
        call_backs: Option<Vec<CallBackView>>,
    },
    /// `board`: the whole state; replaces the earlier one. `seq` counts them.
    Board {
        /// The state.
        view: BoardView,
    },
    /// `alerts`: the whole state; replaces the earlier one. `seq` counts them.
    Alerts {
        /// The state.
        view: AlertsView,
    },
    /// `notices`: others are in force than before; `list_notices` tells which.
    NoticesChanged {},
    /// `continuation`: replaces the earlier one.
    Continuation {
        /// The state.
        view: ContinuationView,
    },
    /// `window`: the whole state, as this reader may know it; replaces the earlier one.
    Window {
        /// The state.
        view: Box<WindowView>,
    },
    /// `window`: somebody points at a place of the picture. Forgotten by the receiver after 2 s.
    Pointed {
        /// Who.
        by: ParticipantId,
        /// On which picture.
        picture: u32,
        /// Where.
        at: Point,
    },
    /// `window`: somebody draws, or wipes away.
    Inked {
        /// Who.
        by: ParticipantId,
        /// On which picture.
        picture: u32,
        /// What.
        change: InkChange,
    },
    /// `window`: a clerk points at a field of the citizen's page.
    Highlighted {
        /// Who.
        by: ParticipantId,
        /// Which field.
        field: String,
        /// What there is to say of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        note: Option<String>,
    },
    /// `window`: a proposed value does not stand any more. New ones come with the view.
    ProposalEnded {
        /// Which.
        proposal: u32,
        /// Why.
        because: ProposalEndedBecause,
    },
    /// `window`, clerks only: a piece of the citizen's page.
    Frames {
        /// Counts the loads of the page.
        page: u32,
        /// A JSON array of events of rrweb, as the page masked them.
        frames: String,
    },
    /// `window`, the citizen only: somebody has come who has not seen the page, so all of it is needed again.
    FramesWanted {},
    /// `agent`: a colleague asks one in beside them. Told again to every page that comes while it stands.
    WindowInvited {
        /// In which window; its topic has the rest.
        window: WindowId,
        /// Who asks.
        by: PersonView,
    },
    /// `session`: the server has to send more at once than before; answered with `answer_window_offer`.
    WindowOffer {
        /// In which window.
        window: WindowId,
        /// Which offer.
        number: u32,
        /// The description.
        sdp: String,
    },
    /// `session`: all that one receives in a window now. Lines that are not here carry nothing.
    WindowLegs {
        /// In which window.
        window: WindowId,
        /// Whose media is where.
        legs: Vec<MediaLeg>,
    },
    /// `session`: one's own media connection has changed.
    WindowLink {
        /// In which window.
        window: WindowId,
        /// How it is.
        link: MediaLink,
    },
    /// `session`: this connection does not sit in the window any more, because another page of the same person does.
    WindowReplaced {
        /// In which window.
        window: WindowId,
    },
    /// `calls`: all that concerns this person; replaces the earlier one.
    Calls {
        /// The state.
        view: Box<CallsView>,
    },
    /// `call`: the whole state, as this reader may know it; replaces the earlier one.
    Call {
        /// The state.
        view: Box<CallView>,
    },
    /// `call`: somebody begins to speak, or has been silent for 600 ms.
    CallHeard {
        /// Whose leg.
        leg: u16,
        /// Do they speak?
        speaking: bool,
    },
    /// `session`: one's own sound in a call has changed.
    CallLink {
        /// In which call.
        call: CallId,
        /// How it is; after `over`: `connect` anew.
        link: MediaLink,
    },
    /// `session`: the sound of one's leg is on another page of the same person from now on.
    CallReplaced {
        /// In which call.
        call: CallId,
    },
    /// `session`: the link lives.
    Tick {
        /// The server's clock.
        now: Timestamp,
    },
}

/// State at the position of a `subscribed` reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Snapshot {
    /// `conversation`.
    Conversation {
        /// The state beside the thread.
        view: ConversationView,
        /// Oldest first. Everything after the asked position, or the last 100.
        entries: Vec<ThreadEntry>,
        /// `true`: `entries` replace what the client has (first subscription, or too much was missed).
        /// `false`: `entries` follow what the client has.
        reset: bool,
        /// With `reset`: is there more before these?
        more: bool,
    },
    /// `notes`: staff only.
    Notes {
        /// Citizen, item and earlier conversations.
        context: ConversationContext,
        /// As above.
        entries: Vec<ThreadEntry>,
        /// As above.
        reset: bool,
        /// The unsent text that this agent saved.
        draft: String,
        /// Members of staff who read the conversation now, who serves it included.
        monitors: Vec<PersonView>,
    },
    /// `agent`.
    Agent {
        /// The state.
        view: AgentView,
    },
    /// `board`.
    Board {
        /// The state.
        view: BoardView,
    },
    /// `alerts`.
    Alerts {
        /// The state.
        view: AlertsView,
    },
    /// `notices`: which are in force depends on who asks about what; `list_notices` tells.
    Notices {},
    /// `continuation`.
    Continuation {
        /// The state.
        view: ContinuationView,
    },
    /// `calls`.
    Calls {
        /// The state.
        view: Box<CallsView>,
    },
    /// `call`.
    Call {
        /// The state.
        view: Box<CallView>,
    },
    /// `window`.
    Window {
        /// The state.
        view: Box<WindowView>,
        /// What stands on the picture, oldest first.
        strokes: Vec<StandingStroke>,
    },
}
