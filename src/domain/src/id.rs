//! Typed identifiers. On the wire and in rows an id is `prefix_` and 32 hexadecimal digits, so that a person who reads
//! a log knows what it names; in memory it is a `u128`, so that maps over ids stay small.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A text that is not an identifier of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an id of the form {prefix}_ and 32 hexadecimal digits")]
pub struct ParseIdError {
    /// What the id should begin with.
    pub prefix: &'static str,
}

/// `{:032x}`, in a fifth of its time: every message is written with half a dozen ids.
fn hex(number: u128) -> [u8; 32] {
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(number.to_be_bytes()) {
        pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
        pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
    }
    digits
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts", type = "string"))]
        pub struct $name(u128);

        impl $name {
            /// What the text form begins with.
            pub const PREFIX: &'static str = $prefix;

            /// Wraps a number that the caller made unique (the server uses UUID version 7, which sorts by time).
            #[must_use]
            pub const fn new(raw: u128) -> Self {
                Self(raw)
            }

            /// That number.
            #[must_use]
            pub const fn raw(self) -> u128 {
                self.0
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some(concat!("^", $prefix, "_[0-9a-f]{32}$")))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($prefix, "_"))?;
                f.write_str(str::from_utf8(&hex(self.0)).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.strip_prefix(concat!($prefix, "_"))
                    .filter(|hex| hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
                    .and_then(|hex| u128::from_str_radix(hex, 16).ok())
                    .map(Self)
                    .ok_or(ParseIdError { prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}

id!(
    /// One case of a citizen: bot, queue, human and rating.
    ConversationId, "cv"
);
id!(
    /// A person or enterprise that asks.
    CitizenId, "ct"
);
id!(
    /// A member of staff who can log in; called agent after the most frequent role.
    AgentId, "ag"
);
id!(
    /// One log-in of a member of staff in one browser.
    StaffSessionId, "ss"
);
id!(
    /// One offer of one conversation to one agent; never used twice, so that a late answer cannot hit another offer.
    OfferId, "of"
);
id!(
    /// One uploaded file, from its first byte to its deletion.
    FileId, "fl"
);

id!(
    /// A conversation that is handed to a second device of the same citizen by a one-time code.
    ContinuationId, "cn"
);

id!(
    /// One inspection of one conversation.
    InspectionId, "qi"
);

id!(
    /// One task with a deadline.
    TaskId, "tk"
);
id!(
    /// A registered policy.
    PolicyId, "po"
);
id!(
    /// One message of the outbox.
    NoticeId, "nt"
);
id!(
    /// One alert.
    AlertId, "al"
);
id!(
    /// One action that a citizen confirmed; also the key by which an office knows it.
    ActionId, "ac"
);

id!(
    /// One virtual window, from the question to its end.
    WindowId, "wn"
);
id!(
    /// One person on one seat of a virtual window; a page that is loaded anew keeps it.
    ParticipantId, "pt"
);

id!(
    /// One telephone call, from its first ring to its end; its legs are numbered within it.
    CallId, "cl"
);

/// Position of a team in the catalogue of this process. Rows and frames carry the team's code instead, because a
/// position changes with the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TeamId(pub u16);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_survives_a_round_trip() {
        let id = ConversationId::new(0x0199_aaaa_bbbb_7ccc_8ddd_eeee_ffff_0001);
        assert_eq!(id.to_string(), "cv_0199aaaabbbb7ccc8dddeeeeffff0001");
        assert_eq!(id.to_string().parse(), Ok(id));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<ConversationId>(&json).unwrap(), id);
    }

    #[test]
    fn digits_are_those_of_the_standard_library() {
        for n in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210, 1 << 127] {
            assert_eq!(str::from_utf8(&hex(n)).unwrap(), format!("{n:032x}"));
        }
    }

    #[test]
    fn another_kind_sign_or_length_is_refused() {
        for text in ["ag_0199aaaabbbb7ccc8dddeeeeffff0001", "cv_1", "cv_+199aaaabbbb7ccc8dddeeeeffff0001", ""] {
            assert_eq!(text.parse::<ConversationId>(), Err(ParseIdError { prefix: "cv" }), "{text}");
        }
    }
}
