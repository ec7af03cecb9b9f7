//! The closed vocabularies of calls.

use crate::words::words;

words! {
    /// Where a call comes from.
    CallOrigin {
        /// A telephone rang the hotline.
        Hotline = "hotline",
        /// The citizen speaks from a browser.
        Browser = "browser",
        /// "Call me": who serves the conversation has the citizen rung.
        CallMe = "call_me",
        /// A promised call-back.
        CallBack = "call_back",
    }
}

words! {
    /// What somebody is in a call.
    CallPart {
        /// Who is helped.
        Caller = "caller",
        /// 话务员: leads the call.
        Operator = "operator",
        /// 业务部门专业人员: the third party.
        Professional = "professional",
        /// The fourth party.
        Guest = "guest",
        /// 班长: listens, whispers, joins in.
        Supervisor = "supervisor",
    }
}

words! {
    /// As what somebody gives a command.
    Standing {
        /// Leads the call.
        Operator = "operator",
        /// Was put through.
        Professional = "professional",
        /// The fourth party.
        Guest = "guest",
        /// Led it and has left.
        FormerOperator = "former_operator",
        /// May watch the calls of this place.
        Supervisor = "supervisor",
    }
}

words! {
    /// What somebody may do; see [`Standing::allows`].
    CallDeed {
        /// Have professionals rung, and stop it.
        Request = "request",
        /// Merge, swap, hold, let go on: who talks with whom.
        Arrange = "arrange",
        /// Take somebody out of the call.
        Drop = "drop",
        /// Silence another party.
        Silence = "silence",
        /// Silence themselves.
        MuteSelf = "mute_self",
        /// Be heard by one colleague only.
        Whisper = "whisper",
        /// Press keys towards somebody's telephone system.
        Dial = "dial",
        /// Leave the others talking.
        Leave = "leave",
        /// Come back, or take the call back.
        Return = "return",
        /// Go on in a thread or a virtual window.
        Continue = "continue",
        /// End it for all.
        End = "end",
        /// Listen, whisper to the operator, join in.
        Supervise = "supervise",
        /// Lead the call from now on.
        TakeOver = "take_over",
    }
}

impl Standing {
    /// Who may do what. The operator leads; a professional or guest never takes the caller out of the call.
    #[must_use]
    pub const fn allows(self, deed: CallDeed) -> bool {
        match deed {
            CallDeed::Request
            | CallDeed::Arrange
            | CallDeed::Drop
            | CallDeed::Silence
            | CallDeed::Dial
            | CallDeed::Leave => matches!(self, Self::Operator),
            CallDeed::MuteSelf | CallDeed::Whisper => {
                matches!(self, Self::Operator | Self::Professional | Self::Guest)
            }
            CallDeed::Continue => matches!(self, Self::Operator | Self::Professional),
            CallDeed::Return => matches!(self, Self::FormerOperator),
            CallDeed::End => matches!(self, Self::Operator | Self::Supervisor),
            CallDeed::Supervise | CallDeed::TakeOver => matches!(self, Self::Supervisor),
        }
    }
}

words! {
    /// What is to become of who is reached.
    Goal {
        /// They talk with the operator alone first; the caller hears music.
        Consult = "consult",
        /// They join.
        Join = "join",
        /// The operator leaves at once, the caller is put through (blind transfer).
        PutThrough = "put_through",
        /// 三方直转: put through without an operator, who only listens until both talk.
        Direct = "direct",
    }
}

words! {
    /// How candidates are rung.
    Order {
        /// One after the other.
        InOrder = "in_order",
        /// All; who answers first is put through.
        AtOnce = "at_once",
    }
}

words! {
    /// How a telephone says that nobody will answer.
    Failure {
        /// Speaks already.
        Busy = "busy",
        /// Does not want to.
        Declined = "declined",
        /// Rang, and nobody came.
        NoAnswer = "no_answer",
        /// Not there: no such number, not registered, switched off.
        Unreachable = "unreachable",
        /// The way there is full.
        Congested = "congested",
        /// Anything else that broke.
        Broken = "broken",
    }
}

impl Failure {
    /// What a final status of SIP (RFC 3261, section 21) says.
    #[must_use]
    pub const fn of_sip(status: u16) -> Self {
        match status {
            486 | 600 => Self::Busy,
            603 | 607 => Self::Declined,
            408 => Self::NoAnswer,
            404 | 410 | 480 | 484 | 604 => Self::Unreachable,
            503 | 504 => Self::Congested,
            _ => Self::Broken,
        }
    }

    /// The same as the cause of an attempt.
    #[must_use]
    pub const fn cause(self) -> Cause {
        match self {
            Self::Busy => Cause::Busy,
            Self::Declined => Cause::Declined,
            Self::NoAnswer => Cause::NoAnswer,
            Self::Unreachable => Cause::Unreachable,
            Self::Congested => Cause::Congested,
            Self::Broken => Cause::Broken,
        }
    }
}

words! {
    /// What became of an attempt to reach somebody: each has exactly one.
    Cause {
        /// They came.
        Answered = "answered",
        /// Spoke already, or was still wrapping up.
        Busy = "busy",
        /// Did not want to.
        Declined = "declined",
        /// Rang for its whole time.
        NoAnswer = "no_answer",
        /// Nothing was heard of the other side.
        NoProgress = "no_progress",
        /// Not there.
        Unreachable = "unreachable",
        /// The way there was full.
        Congested = "congested",
        /// Broke.
        Broken = "broken",
        /// Another candidate answered.
        Elsewhere = "elsewhere",
        /// Who leads the call stopped it, or it was not needed any more.
        Cancelled = "cancelled",
        /// The caller had gone.
        CallerGone = "caller_gone",
        /// The node died.
        NodeLost = "node_lost",
    }
}

impl Cause {
    /// Was it up to the one who was rung, and not to us or to the caller?
    #[must_use]
    pub const fn is_verdict(self) -> bool {
        match self {
            Self::Answered
            | Self::Busy
            | Self::Declined
            | Self::NoAnswer
            | Self::NoProgress
            | Self::Unreachable
            | Self::Congested
            | Self::Broken => true,
            Self::Elsewhere | Self::Cancelled | Self::CallerGone | Self::NodeLost => false,
        }
    }
}

words! {
    /// Why somebody who was rung on their page does not want to come. A telephone says no reason.
    DeclineReason {
        /// 正忙: cannot speak now.
        Busy = "busy",
        /// 非本人业务: somebody else answers for this.
        NotMine = "not_mine",
        /// 其他: anything else.
        Other = "other",
    }
}

words! {
    /// What became of a request for a professional.
    RequestEnd {
        /// One of them answered.
        Reached = "reached",
        /// None did: a call-back is owed.
        NobodyReached = "nobody_reached",
        /// The operator stopped it.
        Cancelled = "cancelled",
        /// The caller hung up.
        CallerGone = "caller_gone",
        /// The node died.
        NodeLost = "node_lost",
    }
}

words! {
    /// How a leg that stood came to its end.
    LegEnd {
        /// They hung up.
        HungUp = "hung_up",
        /// We hung up: the call was over for them.
        Released = "released",
        /// The operator or a supervisor took them out.
        Dropped = "dropped",
        /// Their sound or connection had gone.
        Lost = "lost",
        /// The node died.
        NodeLost = "node_lost",
    }
}

words! {
    /// Why a call is over.
    CallEnd {
        /// It came to its end.
        Completed = "completed",
        /// The caller hung up before anybody spoke with them.
        Abandoned = "abandoned",
        /// The caller hung up.
        CallerHungUp = "caller_hung_up",
        /// The caller's sound or connection had gone.
        CallerLost = "caller_lost",
        /// Who was to be rung could not be, or the one who had it rung did not come.
        NotReached = "not_reached",
        /// No operators at this hour; a call-back is owed.
        NoOperators = "no_operators",
        /// A supervisor ended it.
        EndedBySupervisor = "ended_by_supervisor",
        /// As long as a call may be.
        TooLong = "too_long",
        /// The node died; the caller is called back at once.
        NodeLost = "node_lost",
    }
}

words! {
    /// What somebody hears who hears nobody.
    Sound {
        /// Nothing.
        Silence = "silence",
        /// 等待音乐.
        Music = "music",
        /// 回铃音: somebody is being rung for them.
        Ringback = "ringback",
    }
}

words! {
    /// What is said or sounded once.
    Prompt {
        /// This call is recorded.
        Recorded = "recorded",
        /// Somebody has come.
        JoinTone = "join_tone",
        /// Somebody has gone.
        LeaveTone = "leave_tone",
        /// Nobody of the department could be reached; you will be called back within 24 hours.
        NobodyReached = "nobody_reached",
        /// No operators at this hour; you will be called back.
        NoOperators = "no_operators",
        /// An operator comes back to you.
        OperatorComes = "operator_comes",
        /// Please rate with 1 to 5.
        Rate = "rate",
        /// Thank you.
        Thanks = "thanks",
    }
}

words! {
    /// How a supervisor takes part.
    Supervision {
        /// Hears what the operator hears, and the operator.
        Listen = "listen",
        /// ... and is heard by the operator alone.
        Whisper = "whisper",
        /// ... and by everybody with whom the operator talks.
        Barge = "barge",
    }
}

words! {
    /// What an operator says of a call that they led.
    Disposition {
        /// Done in the call.
        Solved = "solved",
        /// A professional did it.
        PutThrough = "put_through",
        /// 工单: a work order was made.
        WorkOrder = "work_order",
        /// Somebody will call back.
        CallBack = "call_back",
        /// Belongs to another channel.
        OutOfScope = "out_of_scope",
        /// Nobody spoke, or nothing was meant.
        NoMatter = "no_matter",
        /// Abuse.
        Abuse = "abuse",
    }
}

words! {
    /// How a wrap-up ended.
    WrapUpEnd {
        /// The operator said what the call was.
        Done = "done",
        /// The time was over.
        TimedOut = "timed_out",
        /// The operator is in the call again.
        Returned = "returned",
    }
}
