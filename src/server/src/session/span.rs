//! The span of a command in the log. A span costs as much as reading a message, and hardly any message leaves a line: so
//! a command gets its span only when there is something to write.

use std::sync::Arc;

use bangban_domain::ConversationId;
use tracing::Span;

use crate::auth::Principal;

tokio::task_local! {
    static CURRENT: Labels;
}

/// What the lines about a command say of it.
#[derive(Debug, Clone)]
pub(super) struct Labels {
    pub(super) reference: u32,
    pub(super) name: &'static str,
    pub(super) conversation: Option<ConversationId>,
    pub(super) who: Arc<Principal>,
}

impl Labels {
    pub(super) fn span(&self) -> Span {
        tracing::info_span!(
            "command",
            "ref" = self.reference,
            command = self.name,
            conversation = self.conversation.map(tracing::field::display),
            principal = %self.who,
        )
    }

    /// Does a part of the command; [`command_span`] knows meanwhile whose part it is.
    pub(super) fn carry<T>(&self, part: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self.clone(), part)
    }
}

/// To be entered for a line about the command that is being carried out. None where a span is entered already, or where
/// no command is.
#[must_use]
pub fn command_span() -> Span {
    if Span::current().is_none() {
        CURRENT.try_with(Labels::span).unwrap_or_else(|_| Span::none())
    } else {
        Span::none()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Mutex, PoisonError},
    };

    use bangban_domain::{CitizenId, Timestamp, words::CitizenKind};

    use super::*;
    use crate::auth::Citizen;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_about_a_command_says_whose_it_is_and_only_once() {
        let who = Principal::Citizen(Citizen {
            id: CitizenId::new(5),
            name: "张伟".to_owned(),
            kind: CitizenKind::Person,
            level: String::new(),
            phone: None,
            credit_code: None,
            language: None,
            anonymous: false,
            continuation: None,
            expires_at: Timestamp(0),
        });
        let conversation = Some(ConversationId::new(7));
        let labels = Labels { reference: 9, name: "send", conversation, who: Arc::new(who) };
        let writer = Lines::default();
        let made = writer.clone();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || made.clone()).finish();
        tracing::subscriber::with_default(log, || {
            labels.carry(|| command_span().in_scope(|| tracing::error!("alone")));
            labels.span().in_scope(|| labels.carry(|| command_span().in_scope(|| tracing::error!("inside"))));
            command_span().in_scope(|| tracing::error!("outside"));
        });
        let text = String::from_utf8(writer.0.lock().unwrap().clone()).unwrap();
        let line = |what: &str| text.lines().find(|line| line.ends_with(what)).unwrap().to_owned();
        let span = format!(
            "command{{ref=9 command=\"send\" conversation={} principal={}}}",
            ConversationId::new(7),
            CitizenId::new(5)
        );
        for what in ["alone", "inside"] {
            assert_eq!(line(what).matches(&span).count(), 1, "{text}");
        }
        assert!(!line("outside").contains("command{"), "{text}");
        assert!(!text.contains("张伟"));
    }
}
