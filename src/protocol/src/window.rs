//! Virtual windows: what the topic `window:ID` tells, and the parts of its commands. docs/windows.md has the conversation
//! around it.

use bangban_domain::{
    ConversationId, ParticipantId, Timestamp, WindowId,
    call::sound::Light,
    window::{self, EndedBecause, Medium, Origin, Purpose, Seat},
};
use serde::{Deserialize, Serialize};

use crate::PersonView;

/// Where a window stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum WindowState {
    /// Its time is to come.
    Booked,
    /// Not everybody has said yes.
    Asked,
    /// Everybody has; who comes may sit down.
    Consented,
    /// Citizen and clerk see each other.
    Live,
    /// Over.
    Ended,
}

/// Who began it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum WindowSide {
    /// The citizen.
    Citizen,
    /// The agent who serves.
    Agent,
}

/// The window of a conversation, as the conversation's view has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct WindowBrief {
    /// Which; its topic has the rest.
    pub window: WindowId,
    /// Where it stands; never `ended`.
    pub state: WindowState,
    /// Who asked for it.
    pub asked_by: WindowSide,
    /// From where.
    pub origin: Origin,
    /// With `booked`: when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub at: Option<Timestamp>,
}

/// A window, as this reader may know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct WindowView {
    /// Which.
    pub window: WindowId,
    /// Of which conversation.
    pub conversation: ConversationId,
    /// Rises with every change.
    pub version: u64,
    /// Where it stands.
    pub state: WindowState,
    /// With `asked` and `consented`: until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub until: Option<Timestamp>,
    /// With `booked`: when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub at: Option<Timestamp>,
    /// With `live`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub live_since: Option<Timestamp>,
    /// With `ended`; nothing comes after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub ended_because: Option<EndedBecause>,
    /// From where it was opened.
    pub origin: Origin,
    /// Who asked for it.
    pub asked_by: WindowSide,
    /// Has the agent said yes?
    pub agent_agrees: bool,
    /// What the citizen has agreed to.
    pub consents: Vec<ConsentView>,
    /// What is to be read before one agrees, one for each purpose.
    pub texts: Vec<ConsentTextView>,
    /// Who serves.
    pub agent: PersonView,
    /// Who was asked in beside them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub invited: Option<PersonView>,
    /// Who sits there.
    pub seats: Vec<SeatView>,
    /// The same people speak by telephone: voices do not go through the window.
    pub in_call: bool,
    /// Number of the picture that strokes belong to.
    pub picture: u32,
    /// It is held.
    pub is_frozen: bool,
    /// The citizen's page is seen.
    pub is_browsing: bool,
    /// Where in the form the citizen is; for clerks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub form: Option<FormContext>,
    /// Name of the form's item, if the catalogue has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub form_item: Option<String>,
    /// Values that stand to be taken over, for the citizen and clerks.
    pub proposals: Vec<ProposalView>,
}

/// That the citizen agreed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct ConsentView {
    /// To what.
    pub purpose: Purpose,
    /// Version of the text.
    pub version: u32,
    /// When.
    pub at: Timestamp,
}

/// A text that one agrees to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct ConsentTextView {
    /// For what.
    pub purpose: Purpose,
    /// Its id and version: what `consent` names.
    pub id: String,
    /// See above.
    pub version: u32,
    /// The text in Chinese, which is the one that counts.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// Somebody on a seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct SeatView {
    /// Their id in this window.
    pub participant: ParticipantId,
    /// Which seat.
    pub seat: Seat,
    /// As this reader may call them; empty for a citizen to themselves.
    pub name: String,
    /// Is it the reader?
    pub is_me: bool,
    /// Their connection has gone; the seat is kept for a while.
    pub is_away: bool,
    /// What they let the others see and hear.
    pub media: Vec<Medium>,
    /// How well it goes for them; absent: not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub quality: Option<QualityLight>,
}

/// How well a connection goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum QualityLight {
    /// Nobody notices anything.
    Good,
    /// One notices, and can go on.
    Fair,
    /// It disturbs.
    Poor,
}

impl From<Light> for QualityLight {
    fn from(light: Light) -> Self {
        match light {
            Light::Good => Self::Good,
            Light::Fair => Self::Fair,
            Light::Poor => Self::Poor,
        }
    }
}

/// A value that a clerk proposes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct ProposalView {
    /// Its number.
    pub proposal: u32,
    /// For which field.
    pub field: String,
    /// What is to stand there.
    pub value: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub note: Option<String>,
    /// It stands until then.
    pub until: Timestamp,
}

// Values may be personal: no log has them.
impl std::fmt::Debug for ProposalView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProposalView").field("proposal", &self.proposal).finish_non_exhaustive()
    }
}

/// Where in a form the citizen is, as the page's own tags say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct FormContext {
    /// Code of the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub item: Option<String>,
    /// Which step.
    pub step: String,
    /// In which field they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub field: Option<String>,
    /// Code of what the form complains of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub error: Option<String>,
}

impl From<FormContext> for window::FormContext {
    fn from(FormContext { item, step, field, error }: FormContext) -> Self {
        Self { item, step, field: field.map(window::FieldRef), error }
    }
}

impl From<&window::FormContext> for FormContext {
    fn from(context: &window::FormContext) -> Self {
        let window::FormContext { item, step, field, error } = context.clone();
        Self { item, step, field: field.map(|field| field.0), error }
    }
}

/// A place of the picture, in parts of its width and height: 0 is the left or upper edge, 65 535 the right or lower one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct Point {
    /// From the left.
    pub x: u16,
    /// From above.
    pub y: u16,
}

impl From<Point> for window::Point {
    fn from(Point { x, y }: Point) -> Self {
        Self { x, y }
    }
}

impl From<window::Point> for Point {
    fn from(window::Point { x, y }: window::Point) -> Self {
        Self { x, y }
    }
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Stroke {
    /// A line; more of it may follow under the same number.
    Pen {
        /// 1..=256 at once.
        points: Vec<Point>,
    },
    /// A frame around something.
    Box {
        /// One corner.
        from: Point,
        /// The one across.
        to: Point,
    },
}

impl From<Stroke> for window::Stroke {
    fn from(stroke: Stroke) -> Self {
        match stroke {
            Stroke::Pen { points } => Self::Pen(points.into_iter().map(Into::into).collect()),
            Stroke::Box { from, to } => Self::Box(from.into(), to.into()),
        }
    }
}

impl From<&window::Stroke> for Stroke {
    fn from(stroke: &window::Stroke) -> Self {
        match stroke {
            window::Stroke::Pen(points) => Self::Pen { points: points.iter().copied().map(Into::into).collect() },
            window::Stroke::Box(from, to) => Self::Box { from: (*from).into(), to: (*to).into() },
        }
    }
}

/// A stroke as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct StandingStroke {
    /// Whose.
    pub by: ParticipantId,
    /// Its number among theirs.
    pub number: u32,
    /// All of it.
    pub stroke: Stroke,
}

impl From<&window::Standing> for StandingStroke {
    fn from(standing: &window::Standing) -> Self {
        Self { by: standing.by, number: standing.number, stroke: (&standing.stroke).into() }
    }
}

/// What changes on the picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum InkChange {
    /// A stroke, or more of one.
    Drawn {
        /// Its number among its author's.
        number: u32,
        /// Of a pen: what is new. Of a box: where it is now.
        stroke: Stroke,
    },
    /// A stroke is gone.
    Undone {
        /// Its number among its author's.
        number: u32,
    },
    /// All are gone.
    Cleared,
}

/// What one media line of a description carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct MediaLine {
    /// Its `mid`.
    pub mid: String,
    /// What.
    pub medium: Medium,
}

/// Whose media one media line of the server carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct MediaLeg {
    /// Its `mid`.
    pub mid: String,
    /// Whose.
    pub participant: ParticipantId,
    /// What.
    pub medium: Medium,
}

/// How one's own media connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum MediaLink {
    /// It stands.
    Up,
    /// Nothing comes any more; it may come back, by itself or with `restart_window_link`.
    Interrupted,
    /// It is forgotten: `connect_window` anew.
    Over,
}

/// A server that helps a browser to reach us, as `RTCPeerConnection` takes it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct IceServer {
    /// `turn:` or `turns:` addresses.
    pub urls: Vec<String>,
    /// When it ends, and whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub username: Option<String>,
    /// What proves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub credential: Option<String>,
}

// What is written down of it must not let anybody in.
impl std::fmt::Debug for IceServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IceServer").field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// A peer that answers connectivity checks (RFC 8445, 7) and nothing else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct MediaProbe {
    /// IP address of the media port.
    pub address: String,
    /// Its number, UDP.
    pub port: u16,
    /// `ice-ufrag` of the peer.
    pub ufrag: String,
    /// `ice-pwd` of the peer.
    pub password: String,
}

// What is written down of it must not let anybody ask.
impl std::fmt::Debug for MediaProbe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaProbe").field("address", &self.address).field("port", &self.port).finish_non_exhaustive()
    }
}

/// Which ways a browser may try.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum IcePolicy {
    /// Straight to us, and through the servers named.
    #[default]
    All,
    /// Only through the servers named.
    Relay,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strokes_and_places_come_back_as_they_went() {
        let points = vec![Point { x: 0, y: 65_535 }, Point { x: 7, y: 8 }];
        for stroke in [Stroke::Pen { points: points.clone() }, Stroke::Box { from: points[0], to: points[1] }] {
            let inside = window::Stroke::from(stroke.clone());
            assert_eq!(Stroke::from(&inside), stroke);
        }
        let context = FormContext {
            item: Some("residence-permit".to_owned()),
            step: "2".to_owned(),
            field: Some("name".to_owned()),
            error: None,
        };
        assert_eq!(FormContext::from(&window::FormContext::from(context.clone())), context);
    }

    #[test]
    fn what_is_written_down_has_neither_values_nor_passwords() {
        let proposal = ProposalView {
            proposal: 3,
            field: "name".to_owned(),
            value: "canary".to_owned(),
            note: Some("canary".to_owned()),
            until: Timestamp(1),
        };
        let server = IceServer {
            urls: vec!["turn:192.0.2.1".to_owned()],
            username: Some("canary".to_owned()),
            credential: Some("canary".to_owned()),
        };
        let written = format!("{proposal:?} {server:?}");
        assert!(!written.contains("canary") && written.contains("192.0.2.1"), "{written}");
    }
}
