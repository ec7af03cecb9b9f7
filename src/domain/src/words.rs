//! The closed vocabularies of DOMAIN "Words" and "Life of a conversation" that rows, frames and rules share.

/// Declares an enum whose variants have one text form, in rows and on the wire alike.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
        $(#[$doc])*
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The text form that rows and frames carry.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The value with this text form.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        // By hand, because the derive macro does not see through this macro what the variants are renamed to.
        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .enum_values(Some(Self::ALL.iter().map(|word| word.as_str())))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use words;

words! {
    /// Where a conversation stands in its life (DOMAIN "Life of a conversation").
    Stage {
        /// 小申 answers.
        Bot = "bot",
        /// The citizen asked for a human and nobody has been offered the conversation at this moment.
        Waiting = "waiting",
        /// One agent is looking at the offer.
        Offered = "offered",
        /// An agent has accepted.
        Serving = "serving",
        /// The citizen ended it; the agent still owes the outcome.
        WrapUp = "wrap_up",
        /// A message was left out of hours; the call-back enters the queue at its slot.
        CallBack = "call_back",
        /// Over; a citizen who writes again within 7 days continues it.
        Closed = "closed",
    }
}

words! {
    /// How a conversation ended.
    Outcome {
        /// 小申 solved it: no human was asked.
        SolvedByBot = "solved_by_bot",
        /// The agent solved it.
        Solved = "solved",
        /// The agent could not solve it.
        Unsolved = "unsolved",
        /// The citizen left before an end.
        Abandoned = "abandoned",
        /// Out of hours: a message with a receipt was left and has been dealt with.
        LeftMessage = "left_message",
        /// Legal advice, litigation, complaint: handed on to its own channel with a receipt; in no rate.
        OutOfScope = "out_of_scope",
        /// Misuse; in no rate.
        Abuse = "abuse",
    }
}

words! {
    /// The channel that an out-of-scope case is handed on to (DOMAIN "Scope").
    HandOnChannel {
        /// 12348 公共法律服务.
        LegalAdvice = "legal_advice",
        /// 人民法院诉讼服务 12368.
        Litigation = "litigation",
        /// 12345 / 12388 投诉举报.
        Complaint = "complaint",
        /// 信访.
        Petition = "petition",
    }
}

words! {
    /// What an agent chose to be; whether they are busy is derived from their load.
    AgentStatus {
        /// Takes offers while below capacity.
        Online = "online",
        /// 小休: keeps their conversations, gets no offers.
        Break = "break",
        /// Not at work.
        Offline = "offline",
    }
}

words! {
    /// What a member of staff may do.
    Role {
        /// 帮办人员: serves the queues of their teams.
        Agent = "agent",
        /// 业务部门专业人员: is reached for their own items.
        Professional = "professional",
        /// 12345 话务员.
        Operator = "operator",
        /// 班长 / 督导.
        Supervisor = "supervisor",
        /// 知识库维护人员.
        Editor = "editor",
        /// 领导干部.
        Leader = "leader",
        /// Looks at figures and logs and changes nothing.
        Auditor = "auditor",
        /// Administers organisation, accounts and policies.
        Admin = "admin",
    }
}

words! {
    /// How a member of staff has shown who they are.
    SignIn {
        /// Staff number and password.
        Password = "password",
        /// ... and a code of the second factor.
        Totp = "totp",
        /// ... and a recovery code.
        Recovery = "recovery",
        /// By the organisation's own log-in (OpenID Connect).
        Oidc = "oidc",
    }
}

words! {
    /// Why a session of a member of staff has ended.
    SessionEnd {
        /// By themselves, in that browser.
        LoggedOut = "logged_out",
        /// By themselves from another device, or by an administrator.
        Revoked = "revoked",
        /// A refresh token came a second time: somebody has a copy.
        Replayed = "replayed",
        /// The password was changed or reset.
        Password = "password",
        /// The second factor was reset.
        Factor = "factor",
        /// The account was closed.
        Closed = "closed",
    }
}

words! {
    /// Who may ask: a person or an enterprise (rule 5).
    CitizenKind {
        /// 自然人.
        Person = "person",
        /// 法人 / 企业.
        Enterprise = "enterprise",
    }
}

words! {
    /// Where the request came from (rule 3: measured together, reported apart).
    Channel {
        /// Portal on a PC.
        Pc = "pc",
        /// Portal or app on a phone.
        Mobile = "mobile",
        /// A service hall, which of the two below was not said: what was opened before they were told apart.
        Hall = "hall",
        /// A kiosk in a service hall, at which one stands alone.
        Kiosk = "kiosk",
        /// A counter of a service hall, at which a clerk sits.
        Counter = "counter",
        /// A telephone that rang the hotline (docs/calls.md). No page opens one.
        Call = "call",
    }
}

words! {
    /// The language of a citizen.
    Language {
        /// Simplified Chinese.
        Chinese = "zh-CN",
        /// English.
        English = "en",
    }
}

words! {
    /// Steps of the first-response clock (rule 1).
    SlaStep {
        /// Nothing to report yet.
        Running = "running",
        /// 30 s by default: the agents see it.
        Warned = "warned",
        /// 45 s by default: the supervisors see it.
        Alerted = "alerted",
        /// 60 s by default: the promise is broken.
        Breached = "breached",
    }
}

words! {
    /// Why an offer ended without an assignment.
    OfferEnd {
        /// 15 s passed without an answer.
        Missed = "missed",
        /// The agent declined.
        Declined = "declined",
        /// The agent is no longer free: paused, went offline, lost, or was filled by something else.
        AgentUnavailable = "agent_unavailable",
        /// The citizen cancelled or the conversation closed.
        ConversationGone = "conversation_gone",
        /// Whoever asked for the transfer took it back.
        TransferCancelled = "transfer_cancelled",
        /// It was shown to several, and a colleague was quicker.
        Taken = "taken",
    }
}

words! {
    /// Why a conversation stands in the queue.
    QueuedBecause {
        /// The citizen asked for a human.
        Asked = "asked",
        /// The slot of a promised call-back began.
        CallBackDue = "call_back_due",
        /// Its agent was gone for 20 s and it was still owed its first response.
        AgentSuspect = "agent_suspect",
        /// Its agent was gone for 60 s.
        AgentLost = "agent_lost",
        /// Its agent ended their shift and it was still owed its first response.
        AgentOffline = "agent_offline",
        /// Its agent had accepted a call and did not come to the telephone.
        AgentNotThere = "agent_not_there",
        /// It waited when the server stopped.
        Restarted = "restarted",
    }
}

words! {
    /// What has become of a receipt.
    ReceiptState {
        /// The promise stands.
        Open = "open",
        /// The message was dealt with by an agent, or the case was handed on.
        Done = "done",
        /// The citizen took it back.
        Cancelled = "cancelled",
    }
}

words! {
    /// What a file is to people, by which it is checked and shown.
    FileKind {
        /// A picture or screenshot, with a thumbnail.
        Image = "image",
        /// A document to download.
        File = "file",
        /// A recorded voice message.
        Voice = "voice",
    }
}

words! {
    /// Where a file stands. Whether a message carries it is written beside it.
    FileState {
        /// Its bytes are coming.
        Uploading = "uploading",
        /// Checked and stored.
        Ready = "ready",
        /// Refused, cancelled or given up; its bytes are deleted, the row counts for the quota until it expires.
        Gone = "gone",
    }
}

words! {
    /// What 小申 made of a question in scope. What was none (small talk, danger, complaints, "a person, please") has no turn.
    BotTurn {
        /// Answered with an official answer.
        Answered = "answered",
        /// Offered answers to choose from.
        Clarified = "clarified",
        /// Had none.
        NotFound = "not_found",
        /// Proposed an official answer to a person who checks it.
        Proposed = "proposed",
    }
}

impl Outcome {
    /// Out of scope and abuse are counted apart and are in no rate (DOMAIN "Scope").
    #[must_use]
    pub const fn is_in_rates(self) -> bool {
        match self {
            Self::OutOfScope | Self::Abuse => false,
            Self::SolvedByBot | Self::Solved | Self::Unsolved | Self::Abandoned | Self::LeftMessage => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_and_the_row_form_are_the_same_text() {
        for stage in Stage::ALL {
            assert_eq!(serde_json::to_string(stage).unwrap(), format!("\"{stage}\""));
            assert_eq!(Stage::parse(stage.as_str()), Some(*stage));
        }
        assert_eq!(Stage::parse("lost"), None);
    }
}
