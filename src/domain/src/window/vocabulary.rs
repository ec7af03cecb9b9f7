//! The closed vocabularies of windows, and who may do what in one.

use crate::words::words;

words! {
    /// Where somebody sits. Each seat is there once; nobody sits unseen.
    Seat {
        /// 办事人.
        Citizen = "citizen",
        /// The agent who serves the conversation.
        Agent = "agent",
        /// A clerk whom the agent has asked in: beside the citizen in a hall, or of another office.
        SecondClerk = "second_clerk",
        /// 班长 / 督导: sees and hears, shows and says nothing.
        Supervisor = "supervisor",
    }
}

words! {
    /// What somebody lets the others see or hear.
    Medium {
        /// Their face.
        Camera = "camera",
        /// What they say.
        Voice = "voice",
        /// Their screen, or a tab of it; one in a window at a time.
        Screen = "screen",
    }
}

words! {
    /// What a citizen agrees to, each by itself and each with its own text (DOMAIN "Law"). Recording, once there is any,
    /// is one more of these.
    Purpose {
        /// The window: camera and voice.
        Window = "window",
        /// Their screen is seen.
        Screen = "screen",
        /// The page on which they fill in a form is seen, with what is in its fields masked.
        CoBrowse = "co_browse",
    }
}

words! {
    /// Where a window was opened from (rule 3: measured together, reported apart).
    #[cfg_attr(feature = "ts", ts(rename = "WindowOrigin"))]
    Origin {
        /// The conversation, from a page or the app.
        Conversation = "conversation",
        /// A counter of a service hall.
        Hall = "hall",
        /// A kiosk of a service hall.
        Kiosk = "kiosk",
        /// A code that the agent has told somebody, by telephone for instance.
        Code = "code",
        /// A time that was agreed upon.
        Booking = "booking",
    }
}

words! {
    /// Why a window has ended.
    EndedBecause {
        /// The citizen hung up.
        CitizenLeft = "citizen_left",
        /// The agent hung up, and no second clerk was there.
        StaffLeft = "staff_left",
        /// The supervisor ended it.
        SupervisorEnded = "supervisor_ended",
        /// Who was asked said no.
        Declined = "declined",
        /// Who was asked said nothing in time.
        NotAnswered = "not_answered",
        /// Everybody agreed, and one side did not come.
        NobodyCame = "nobody_came",
        /// The citizen's connection did not come back in time.
        CitizenLost = "citizen_lost",
        /// No clerk's connection came back in time.
        StaffLost = "staff_lost",
        /// The citizen took the consent to the window back.
        ConsentWithdrawn = "consent_withdrawn",
        /// Whoever asked for it, or had booked it, took that back before it began.
        Cancelled = "cancelled",
        /// Its conversation was closed.
        ConversationClosed = "conversation_closed",
    }
}

words! {
    /// Why somebody is no longer on a seat.
    UnseatedBecause {
        /// They left.
        Left = "left",
        /// Their connection did not come back in time.
        Lost = "lost",
        /// The agent or the supervisor showed them out.
        Removed = "removed",
        /// The conversation is another agent's now.
        HandedOver = "handed_over",
        /// The window ended.
        Ended = "ended",
    }
}

words! {
    /// Why a code is no longer good.
    CodeEndedBecause {
        /// It was entered.
        Used = "used",
        /// Nobody entered it in time.
        Expired = "expired",
        /// A newer one was made.
        Replaced = "replaced",
        /// Its window ended.
        WindowEnded = "window_ended",
    }
}

words! {
    /// What has become of a proposed value.
    ProposalEndedBecause {
        /// The citizen took it over.
        Accepted = "accepted",
        /// The citizen did not want it.
        Declined = "declined",
        /// Nobody said anything in time.
        Expired = "expired",
        /// The citizen is on another page now, or has stopped.
        PageChanged = "page_changed",
    }
}

words! {
    /// What stands at a place of a form, as the page says.
    FieldKind {
        /// Something to write.
        Text = "text",
        /// Something to choose.
        Choice = "choice",
        /// A password or a one-time code.
        Secret = "secret",
        /// 提交.
        Submit = "submit",
        /// 签名.
        Sign = "sign",
        /// 支付.
        Pay = "pay",
        /// 人脸核验.
        Face = "face",
    }
}

impl FieldKind {
    /// May a clerk propose a value for it? What binds or identifies the citizen they do themselves, always.
    #[must_use]
    pub const fn takes_proposals(self) -> bool {
        match self {
            Self::Text | Self::Choice => true,
            Self::Secret | Self::Submit | Self::Sign | Self::Pay | Self::Face => false,
        }
    }
}

words! {
    /// What somebody may do on their seat; see [`Seat::allows`].
    Deed {
        /// Let their face be seen.
        ShowFace = "show_face",
        /// Speak.
        Speak = "speak",
        /// Let their screen be seen.
        ShareScreen = "share_screen",
        /// Point at a place of the picture.
        Point = "point",
        /// Draw on it, and take their own strokes back.
        Draw = "draw",
        /// Wipe all strokes away.
        Clear = "clear",
        /// Hold the picture, and let it go on.
        Freeze = "freeze",
        /// Put the picture into the thread.
        Snapshot = "snapshot",
        /// Let a page that is being filled in be seen, and say where one is.
        Browse = "browse",
        /// Point at a field of that page.
        Highlight = "highlight",
        /// Propose a value for a field.
        Propose = "propose",
        /// Take a proposed value over, or refuse it.
        AnswerProposal = "answer_proposal",
        /// Press, sign, pay, show the face: what binds or identifies.
        Bind = "bind",
        /// Ask a second clerk in.
        Invite = "invite",
        /// Show a second clerk out.
        Remove = "remove",
        /// Make a code by which somebody takes the citizen's seat.
        MakeCode = "make_code",
        /// End it for all.
        End = "end",
    }
}

impl Seat {
    /// Who may do what. Only the citizen ever binds themselves; a supervisor looks and listens.
    #[must_use]
    pub const fn allows(self, deed: Deed) -> bool {
        match deed {
            Deed::ShowFace
            | Deed::Speak
            | Deed::ShareScreen
            | Deed::Point
            | Deed::Draw
            | Deed::Freeze
            | Deed::Snapshot => matches!(self, Self::Citizen | Self::Agent | Self::SecondClerk),
            Deed::Clear => matches!(self, Self::Citizen | Self::Agent),
            Deed::Browse | Deed::AnswerProposal | Deed::Bind => matches!(self, Self::Citizen),
            Deed::Highlight | Deed::Propose => matches!(self, Self::Agent | Self::SecondClerk),
            Deed::Invite | Deed::MakeCode => matches!(self, Self::Agent),
            Deed::Remove => matches!(self, Self::Agent | Self::Supervisor),
            Deed::End => matches!(self, Self::Citizen | Self::Agent | Self::Supervisor),
        }
    }
}

impl Medium {
    /// What one does who publishes it.
    #[must_use]
    pub const fn deed(self) -> Deed {
        match self {
            Self::Camera => Deed::ShowFace,
            Self::Voice => Deed::Speak,
            Self::Screen => Deed::ShareScreen,
        }
    }
}
