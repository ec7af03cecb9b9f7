//! Three-way calls: what the topics `calls` and `call:ID` tell, and the parts of the command `call`. docs/calls.md has the
//! conversation around it.
//!
//! A page subscribes `calls` once: it tells what concerns its person (who rings them, which calls they are in, what they have
//! to wrap up; a supervisor also all calls of their units). Of a call that it shows it subscribes `call:ID`.
//!
//! Sound goes from the page to the server by one media connection for each call: the page makes an offer with one line of sound
//! (PCMA) and sends it with `answer` (who is rung), or with `connect` (the caller's page, and any page that loads anew within
//! 20 s).

use bangban_domain::{
    AgentId, CallId, ConversationId, TaskId, Timestamp,
    call::{
        CallDeed, CallEnd, CallOrigin, CallPart, Cause, DeclineReason, Disposition, Goal, Place, RequestEnd, Standing,
        Supervision,
    },
};
use serde::{Deserialize, Serialize};

use crate::{PersonView, QualityLight};

/// What somebody does with a call. The leg numbers are those of the call's view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum CallAct {
    // --- how calls begin ---------------------------------------------------------------------------------------
    /// The citizen speaks from the browser in their own conversation: the agent who serves it is rung, or one is asked for.
    /// Answered by `call_opened`, or by `out_of_hours`; `connect` comes next.
    Start {
        /// The conversation.
        conversation: ConversationId,
    },
    /// Who serves a conversation has its citizen rung: they are rung themselves first. Answered by `call_opened`.
    Place {
        /// The conversation.
        conversation: ConversationId,
        /// Where.
        to: CallTo,
    },

    /// Has somebody rung who was promised a call-back after a call in which nobody was reached; staff of its team, and who
    /// watches it. Answered by `call_opened`.
    CallBack {
        /// The call of before.
        call: CallId,
        /// Where; `left`: by the number that they called from.
        to: CallTo,
    },

    // --- sound, and whoever is rung ----------------------------------------------------------------------------
    /// The page shows that it is rung: without it the ring is over after 2 s.
    Rings {
        /// The call.
        call: CallId,
    },
    /// What the page's media connection needs; before `answer` and `connect`. Answered by `call_ready`.
    Prepare {
        /// The call.
        call: CallId,
    },
    /// Takes a call that rings here, with this page's sound. Answered by `call_sound`.
    Answer {
        /// The call.
        call: CallId,
        /// The offer of the page's media connection; at most 64 KiB with its frame.
        sdp: String,
    },
    /// Does not take it.
    Decline {
        /// The call.
        call: CallId,
        /// Why; whoever asked sees it, and it is counted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        reason: Option<DeclineReason>,
    },
    /// A media connection for the leg that one has: the caller's first, or that of a page that has loaded anew. Answered by
    /// `call_sound`.
    Connect {
        /// The call.
        call: CallId,
        /// The offer.
        sdp: String,
    },
    /// Hangs up for oneself, as with any telephone.
    HangUp {
        /// The call.
        call: CallId,
    },

    // --- who leads it ------------------------------------------------------------------------------------------
    /// Has somebody rung.
    Request {
        /// The call.
        call: CallId,
        /// Whom.
        who: CallWho,
        /// What for; never `direct`.
        goal: Goal,
        /// All candidates at once, instead of one after the other.
        #[serde(default)]
        at_once: bool,
    },
    /// Stops ringing them.
    StopRequest {
        /// The call.
        call: CallId,
    },
    /// All talk with each other.
    Merge {
        /// The call.
        call: CallId,
    },
    /// From the caller to who is consulted, or back.
    Swap {
        /// The call.
        call: CallId,
    },
    /// Leaves the others talking; while somebody is being rung: puts the caller through.
    Leave {
        /// The call.
        call: CallId,
    },
    /// Comes back to a call that one has left.
    Return {
        /// The call.
        call: CallId,
        /// Those who came in the meantime are let go.
        #[serde(default)]
        takes_back: bool,
    },
    /// Somebody hears music, and is not heard.
    Hold {
        /// The call.
        call: CallId,
        /// Whose leg.
        leg: u16,
    },
    /// ... no longer.
    Resume {
        /// The call.
        call: CallId,
        /// Whose leg.
        leg: u16,
    },
    /// Silences somebody, perhaps oneself, or no longer.
    Mute {
        /// The call.
        call: CallId,
        /// Whose leg.
        leg: u16,
        /// From now on?
        muted: bool,
    },
    /// Is heard by one colleague only; absent: by all again.
    Whisper {
        /// The call.
        call: CallId,
        /// Whose leg.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        to: Option<u16>,
    },
    /// Takes somebody out; never the caller.
    Drop {
        /// The call.
        call: CallId,
        /// Whose leg.
        leg: u16,
    },
    /// Presses keys towards somebody's telephone system.
    Dial {
        /// The call.
        call: CallId,
        /// Whose leg.
        leg: u16,
        /// 1..=32 of `0`-`9`, `*`, `#`.
        digits: String,
    },
    /// A virtual window with a code that one reads out; who serves the call's conversation. Answered by `window_code`.
    OpenWindow {
        /// The call.
        call: CallId,
    },
    /// Ends it for all.
    End {
        /// The call.
        call: CallId,
    },
    /// What the call was; who led it, within 60 s of leaving it.
    WrapUp {
        /// The call.
        call: CallId,
        /// What.
        disposition: Disposition,
        /// For colleagues; at most 2000 characters.
        #[serde(default)]
        note: String,
        /// Number of the work order that was made elsewhere; at most 64 characters, needed with `work_order` and only there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        work_order: Option<String>,
    },

    // --- supervisors, within their units -----------------------------------------------------------------------
    /// Listens, whispers to the operator or joins in: one is rung oneself first.
    Supervise {
        /// The call.
        call: CallId,
        /// How.
        mode: Supervision,
    },
    /// Leads the call from now on; who listens already.
    TakeOver {
        /// The call.
        call: CallId,
    },
}

/// Where a citizen is rung.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CallTo {
    /// On the page with their conversation.
    Browser,
    /// By the telephone number that they left with a promised call-back; nobody is shown it.
    Left,
    /// By a number that they said.
    Number {
        /// 5 to 20 digits; blanks, `+` and `-` may stand in it.
        number: String,
    },
}

// Numbers are in no log.
impl std::fmt::Debug for CallTo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Browser => "Browser",
            Self::Left => "Left",
            Self::Number { .. } => "Number(***)",
        })
    }
}

/// Who is to be rung.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CallWho {
    /// Whoever is on duty for an item in a district, then its numbers.
    Item {
        /// Code of the item.
        item: String,
        /// Code of the district; absent: the city.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        district: Option<String>,
    },
    /// Whoever is on duty for a unit, then its numbers.
    Department {
        /// Code of the unit.
        department: String,
        /// Code of the district; absent: the city.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        district: Option<String>,
    },
    /// A telephone of the directory.
    Telephone {
        /// Code of its record.
        telephone: String,
    },
    /// One colleague.
    Agent {
        /// Who.
        agent: AgentId,
    },
    /// A telephone that is not in the directory.
    Number {
        /// 5 to 20 digits; blanks, `+` and `-` may stand in it.
        number: String,
        /// Code of the unit whose it is: by this the figures are told apart.
        department: String,
    },
}

impl std::fmt::Debug for CallWho {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Item { item, district } => write!(f, "Item({item}, {district:?})"),
            Self::Department { department, district } => write!(f, "Department({department}, {district:?})"),
            Self::Telephone { telephone } => write!(f, "Telephone({telephone})"),
            Self::Agent { agent } => write!(f, "Agent({agent})"),
            Self::Number { department, .. } => write!(f, "Number(***, {department})"),
        }
    }
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// The citizen is not there yet: who had them rung is rung first.
    Placing,
    /// The caller hears music: nobody is there yet, or nobody any more.
    Waiting,
    /// Somebody of the staff's side is with the caller, or has them on hold.
    Talking,
    /// Over but for a prompt or the rating.
    Closing,
    /// Over; nothing comes after it.
    Ended,
}

/// The call of a conversation, as the conversation's view has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct CallBrief {
    /// Which; its topic has the rest.
    pub call: CallId,
    /// Where it stands; never `ended`.
    pub state: CallState,
    /// Where from.
    pub origin: CallOrigin,
    /// Since when.
    pub since: Timestamp,
}

/// What concerns one person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct CallsView {
    /// Rises with every change.
    pub version: u64,
    /// Who rings them now.
    pub rings: Vec<RingView>,
    /// Calls that they are in.
    pub mine: Vec<CallId>,
    /// Calls that they led and may come back to.
    pub left: Vec<CallId>,
    /// What they have to say about calls that they led.
    pub wrap_ups: Vec<WrapUpView>,
    /// Who is to be called back after a call in which nobody was reached, the first due one first.
    pub owed: Vec<OwedCallView>,
    /// Their telephone on the desk is registered: it rings instead of the page.
    pub has_telephone: bool,
    /// Calls that wait for somebody of their teams, first priority first, then the oldest.
    pub waiting: Vec<LiveCallView>,
    /// All calls that they may watch, oldest first; empty for who watches none.
    pub live: Vec<LiveCallView>,
}

/// Somebody is rung.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct RingView {
    /// Which call.
    pub call: CallId,
    /// Which leg they will be.
    pub leg: u16,
    /// As what.
    pub part: CallPart,
    /// Who asks for them; absent: the queue, or the direct line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub by: Option<PersonView>,
    /// Who calls, as one may know it.
    pub caller: String,
    /// Code of the item, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub item: Option<String>,
    /// The item's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub item_name: Option<String>,
    /// The conversation, which one may read before one speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub conversation: Option<ConversationId>,
    /// Rule 5.
    pub is_first: bool,
    /// The telephone on the desk rings, not the page.
    pub on_telephone: bool,
    /// Since when.
    pub since: Timestamp,
    /// Nobody answers for them then.
    pub until: Timestamp,
}

/// A wrap-up that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct WrapUpView {
    /// Of which call.
    pub call: CallId,
    /// Since when.
    pub since: Timestamp,
    /// They are asked for nothing else until then.
    pub until: Timestamp,
}

/// Somebody is to be called back (rule 6: within 24 h).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct OwedCallView {
    /// After which call.
    pub call: CallId,
    /// Part of which conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub conversation: Option<ConversationId>,
    /// Code of the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub item: Option<String>,
    /// The item's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub item_name: Option<String>,
    /// Code of the unit that was not reached; absent: no operator was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub department: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub department_name: Option<String>,
    /// Who is to be called back, as staff see them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub caller: String,
    /// Since when.
    pub since: Timestamp,
    /// By then.
    pub due_at: Timestamp,
    /// Best by the reader.
    pub is_mine: bool,
    /// The task that it is, with the version that a step names (`POST /api/tasks/{id}/step`).
    pub task: TaskId,
    /// See [`OwedCallView::task`].
    pub version: u64,
    /// Who has taken it on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub assignee: Option<PersonView>,
    /// How often they were rung in vain.
    pub tried: u64,
}

/// A call in the list of supervisors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct LiveCallView {
    /// Which.
    pub call: CallId,
    /// Where it stands.
    pub state: CallState,
    /// Where from.
    pub origin: CallOrigin,
    /// Code of the team whose queue it is of.
    pub team: String,
    /// Code of the item, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub item: Option<String>,
    /// The item's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub item_name: Option<String>,
    /// Rule 5.
    pub is_first: bool,
    /// Who calls, as one may know it.
    pub caller: String,
    /// Since when it rings or stands.
    pub since: Timestamp,
    /// Since when somebody has spoken with the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub answered_at: Option<Timestamp>,
    /// Staff in it, who leads it first.
    pub people: Vec<PersonView>,
    /// Somebody of a department is being rung.
    pub is_requesting: bool,
}

/// A call, as this reader may know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct CallView {
    /// Which.
    pub call: CallId,
    /// Rises with every change.
    pub version: u64,
    /// Where it stands.
    pub state: CallState,
    /// Where from.
    pub origin: CallOrigin,
    /// Part of which conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub conversation: Option<ConversationId>,
    /// Code of the team whose queue it is of.
    pub team: String,
    /// Code of the item, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub item: Option<String>,
    /// The item's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub item_name: Option<String>,
    /// Rule 5.
    pub is_first: bool,
    /// Who calls: a name as staff see it, or a number with its middle hidden; empty for the caller.
    pub caller: String,
    /// What came with the call from the city's system; staff only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub ticket: Option<String>,
    /// It rang here, or was begun.
    pub began_at: Timestamp,
    /// Somebody spoke with the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub answered_at: Option<Timestamp>,
    /// With `ended`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub ended_at: Option<Timestamp>,
    /// With `ended`: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub ended_because: Option<CallEnd>,
    /// Who is in it, by leg.
    pub legs: Vec<CallLegView>,
    /// Who is being rung beside requests: an operator, who comes back, a supervisor, the citizen; staff only.
    pub rung: Vec<CallAttemptView>,
    /// Requests for professionals, oldest first; staff only.
    pub requests: Vec<CallRequestView>,
    /// As what this reader is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub standing: Option<Standing>,
    /// The reader's own leg.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub mine: Option<u16>,
    /// What this reader may do in it.
    pub may: Vec<CallDeed>,
}

/// Where somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum CallPlace {
    /// With the caller.
    Bridge,
    /// With the operator, where the caller does not hear them.
    Aside,
    /// With nobody.
    Hold,
}

impl From<Place> for CallPlace {
    fn from(place: Place) -> Self {
        match place {
            Place::Bridge => Self::Bridge,
            Place::Aside => Self::Aside,
            Place::Hold => Self::Hold,
        }
    }
}

/// Somebody in a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct CallLegView {
    /// Number of the leg.
    pub leg: u16,
    /// As what.
    pub part: CallPart,
    /// As this reader may call them; empty for the caller to themselves.
    pub name: String,
    /// The member of staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub agent: Option<AgentId>,
    /// Where.
    pub place: CallPlace,
    /// The page is reloading, or its sound is interrupted.
    pub is_away: bool,
    /// Nobody hears them.
    pub is_muted: bool,
    /// Only this leg hears them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub whispers_to: Option<u16>,
    /// Since when.
    pub since: Timestamp,
    /// How their sound is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub quality: Option<QualityLight>,
}

/// One attempt to reach somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct CallAttemptView {
    /// Which leg it is to become.
    pub leg: u16,
    /// As what.
    pub part: CallPart,
    /// Whom: a name, or a department's number as it is dialled.
    pub who: String,
    /// The member of staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub agent: Option<AgentId>,
    /// 1, 2, ...: those that are rung at the same moment are of one round.
    pub round: u32,
    /// Since when.
    pub since: Timestamp,
    /// Until then, while it rings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub until: Option<Timestamp>,
    /// The other side says that it rings.
    pub is_ringing: bool,
    /// What became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub cause: Option<Cause>,
    /// Declined: why, if they said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub declined: Option<DeclineReason>,
}

/// A request for a professional.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct CallRequestView {
    /// 1, 2, ... in the call.
    pub number: u32,
    /// A professional, or a fourth party.
    pub part: CallPart,
    /// Code of the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub item: Option<String>,
    /// Code of the unit.
    pub department: String,
    /// Its name.
    pub department_name: String,
    /// All candidates at once.
    pub at_once: bool,
    /// How many there are.
    pub candidates: u32,
    /// When.
    pub asked_at: Timestamp,
    /// When it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub ended_at: Option<Timestamp>,
    /// How.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub result: Option<RequestEnd>,
    /// Who was rung, oldest first.
    pub attempts: Vec<CallAttemptView>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_no_log() {
        let number = "021-6888 0001".to_owned();
        let act = CallAct::Request {
            call: CallId::new(1),
            who: CallWho::Number { number: number.clone(), department: "hrss".to_owned() },
            goal: Goal::Consult,
            at_once: false,
        };
        let place = CallAct::Place { conversation: ConversationId::new(1), to: CallTo::Number { number } };
        let written = format!("{act:?} {place:?}");
        assert!(!written.contains("6888") && written.contains("hrss"), "{written}");
    }

    #[test]
    fn an_act_reads_as_its_name_and_fields() {
        let act: CallAct = serde_json::from_str(
            r#"{"type":"request","call":"cl_00000000000000000000000000000001","who":{"type":"item","item":"zgzj"},"goal":"consult"}"#,
        )
        .unwrap();
        let who = CallWho::Item { item: "zgzj".to_owned(), district: None };
        assert_eq!(act, CallAct::Request { call: CallId::new(1), who, goal: Goal::Consult, at_once: false });
    }
}
