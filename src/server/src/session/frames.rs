//! Texts of frames, both ways.

use axum::extract::ws::Utf8Bytes;
use bangban_domain::ConversationId;
use bangban_protocol::{Answer, Command, ErrorCode, Frame, MAX_FRAME, MAX_PAGE_FRAME, Request, WireError};
use serde::Deserialize;
use serde_json::Value;

/// As JSON.
pub(super) fn text_of(frame: &Frame) -> Utf8Bytes {
    match serde_json::to_string(frame) {
        Ok(text) => text.into(),
        Err(error) => {
            tracing::error!(%error, "a frame cannot be written as JSON");
            Utf8Bytes::from_static("{}")
        }
    }
}

/// The answer to a request.
pub(super) fn reply(reference: u32, result: Result<Answer, WireError>) -> Utf8Bytes {
    text_of(&match result {
        Ok(ok) => Frame::Reply { reference, ok },
        Err(error) => Frame::Failure { reference, error },
    })
}

/// The request, or its number (0 if unreadable) and what is wrong with it.
pub(super) fn parse(text: &str) -> Result<Request, (u32, WireError)> {
    if text.len() > MAX_FRAME && !is_piece_of_a_page(text) {
        let detail = format!("a frame has at most {MAX_FRAME} bytes");
        return Err((reference(text), WireError::new(ErrorCode::TooLarge, detail)));
    }
    if let Ok(send) = serde_json::from_str::<OnlySend>(text) {
        return Ok(send.into());
    }
    serde_json::from_str(text).map_err(|error| {
        let field = culprit(text, &error);
        (reference(text), WireError { field, ..WireError::new(ErrorCode::BadRequest, error.to_string()) })
    })
}

/// A [`Request`] to send a message, by far the most frequent one. As a command among others it would be kept in parts until
/// its `type` is known, which takes three times as long. What is not like this is read again, as any command.
#[derive(Deserialize)]
struct OnlySend {
    #[serde(rename = "ref")]
    reference: u32,
    body: SendBody,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SendBody {
    #[serde(rename = "type")]
    _kind: SendType,
    conversation: ConversationId,
    client_id: String,
    text: String,
    #[serde(default)]
    entry: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum SendType {
    Send,
}

impl From<OnlySend> for Request {
    fn from(OnlySend { reference, body }: OnlySend) -> Self {
        let SendBody { conversation, client_id, text, entry, .. } = body;
        Self { reference, body: Command::Send { conversation, client_id, text, entry } }
    }
}

/// Pages come in larger pieces than anything else.
fn is_piece_of_a_page(text: &str) -> bool {
    #[derive(Deserialize)]
    struct OnlyBody {
        body: OnlyType,
    }
    #[derive(Deserialize)]
    struct OnlyType {
        #[serde(rename = "type")]
        _kind: Piece,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Piece {
        SendFrames,
    }
    text.len() <= MAX_PAGE_FRAME
        && serde_json::from_str::<OnlyBody>(text).is_ok_and(|OnlyBody { body: OnlyType { .. } }| true)
}

fn reference(text: &str) -> u32 {
    #[derive(Deserialize)]
    struct OnlyRef {
        #[serde(rename = "ref")]
        reference: u32,
    }
    serde_json::from_str::<OnlyRef>(text).map_or(0, |only| only.reference)
}

/// Bodies with more fields than any command has are not searched.
const MAX_FIELDS: usize = 12;

/// The field that is wrong, in the client's spelling. serde does not say it for a wrong type: it is the one without which
/// the complaint is another.
fn culprit(text: &str, error: &serde_json::Error) -> Option<String> {
    if let Some(missing) = missing(&error.to_string()) {
        return Some(missing);
    }
    let request: Value = serde_json::from_str(text).ok()?;
    let complaint = serde_json::from_value::<Request>(request.clone()).err()?.to_string();
    let fields = request.get("body")?.as_object()?;
    if fields.len() > MAX_FIELDS {
        return None;
    }
    fields.keys().map(String::as_str).find_map(|field| {
        let mut without = request.clone();
        without.get_mut("body")?.as_object_mut()?.remove(field);
        let changed =
            serde_json::from_value::<Request>(without).err().is_none_or(|other| other.to_string() != complaint);
        changed.then(|| field.to_owned())
    })
}

fn missing(complaint: &str) -> Option<String> {
    let (_, rest) = complaint.split_once("missing field `")?;
    rest.split_once('`').map(|(field, _)| field.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let id = "cv_00000000000000000000000000000001";
        for (text, reference, field) in [
            ("nonsense".to_owned(), 0, None),
            (r#"{"ref":3}"#.to_owned(), 3, Some("body")),
            (r#"{"body":{"type":"finish"}}"#.to_owned(), 0, Some("conversation")),
            (r#"{"ref":4,"body":{"type":"dance"}}"#.to_owned(), 4, Some("type")),
            (r#"{"ref":5,"body":{"conversation":"x"}}"#.to_owned(), 5, Some("type")),
            (format!(r#"{{"ref":6,"body":{{"type":"read","conversation":"{id}"}}}}"#), 6, Some("seq")),
            (format!(r#"{{"ref":7,"body":{{"type":"read","conversation":"{id}","seq":"9"}}}}"#), 7, Some("seq")),
            (r#"{"ref":8,"body":{"type":"read","conversation":"x","seq":9}}"#.to_owned(), 8, Some("conversation")),
            (r#"{"ref":9,"body":{"type":"subscribe","topic":"x"}}"#.to_owned(), 9, Some("topic")),
            (format!(r#"{{"ref":10,"body":{{"type":"rate","conversation":"{id}","stars":300}}}}"#), 10, Some("stars")),
        ] {
            let (number, error) = parse(&text).unwrap_err();
            assert_eq!((number, error.field.as_deref()), (reference, field), "{text}: {error}");
            assert_eq!(error.code, ErrorCode::BadRequest);
        }
    }

    #[test]
    fn a_message_is_read_as_any_other_command() {
        let id = "cv_00000000000000000000000000000001";
        let whole = format!(r#""conversation":"{id}","clientId":"a","text":"x\n“好”\u0000""#);
        for (body, is_message) in [
            (format!(r#"{{"type":"send",{whole}}}"#), true),
            (format!(r#"{{{whole},"type":"send"}}"#), true),
            (format!(r#"{{"type":"send",{whole},"entry":"e","more":[1]}}"#), true),
            (format!(r#"{{"type":"send",{whole},"entry":null}}"#), true),
            (format!(r#"{{"type":"send",{whole},"entry":5}}"#), false),
            (format!(r#"{{"type":"send",{whole},{whole}}}"#), false),
            (format!(r#"{{"type":"leave",{whole}}}"#), false),
            (r#"{"type":"send"}"#.to_owned(), false),
        ] {
            let text = format!(r#"{{"ref":7,"body":{body}}}"#);
            let quickly = serde_json::from_str::<OnlySend>(&text).ok().map(Request::from);
            assert_eq!(quickly, serde_json::from_str(&text).ok(), "{text}");
            assert_eq!(parse(&text).is_ok(), is_message, "{text}");
        }
    }

    #[test]
    fn a_frame_has_at_most_64_kib() {
        let frame = |length: usize| {
            let head = r#"{"ref":7,"body":{"type":"search_knowledge","query":""#;
            format!("{head}{}\"}}}}", "x".repeat(length - head.len() - 3))
        };
        assert!(parse(&frame(64 * 1024)).is_ok());
        let (number, error) = parse(&frame(64 * 1024 + 1)).unwrap_err();
        assert_eq!((number, error.code), (7, ErrorCode::TooLarge));
    }

    #[test]
    fn a_piece_of_a_page_has_more() {
        let frame = |length: usize, kind: &str| {
            let window = "wn_00000000000000000000000000000001";
            let head = format!(r#"{{"ref":7,"body":{{"type":"{kind}","window":"{window}","page":1,"frames":""#);
            format!("{head}{}\"}}}}", "x".repeat(length - head.len() - 3))
        };
        assert!(parse(&frame(MAX_PAGE_FRAME, "send_frames")).is_ok());
        for (length, kind) in [(MAX_PAGE_FRAME + 1, "send_frames"), (MAX_FRAME + 1, "draw")] {
            assert_eq!(parse(&frame(length, kind)).unwrap_err().1.code, ErrorCode::TooLarge, "{kind}");
        }
    }
}
