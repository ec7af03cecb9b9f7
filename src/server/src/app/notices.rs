//! What citizens are told before they ask, and what agents have ready to say. Which notices are in force follows from the
//! directory and the clock; whoever listens to the topic `notices` hears when it is different from before and asks again.

use std::sync::{Arc, Weak};

use bangban_domain::org::{Kind, Notice, Record};
use bangban_protocol::{Answer, CannedAnswerView, EventBody, NoticeView, Topic, WireError};
use tokio::sync::Notify;

use super::{App, forbidden};
use crate::auth::{Principal, Staff};

/// Could other notices be in force after such a change?
pub(super) fn concerns(changed: &[Kind]) -> bool {
    let decides = |kind: &Kind| matches!(kind, Kind::Notice | Kind::Unit | Kind::Team | Kind::Item);
    changed.iter().any(decides)
}

fn view((record, notice): (&Record, &Notice)) -> NoticeView {
    NoticeView {
        id: record.id.clone(),
        version: record.version,
        text: notice.text.clone(),
        text_en: notice.text_en.clone(),
        level: notice.level,
        from: notice.from,
        to: notice.to,
    }
}

impl App {
    fn teams_of(&self, staff: &Staff) -> Vec<String> {
        let account = self.accounts.get(staff.id);
        account.map(|account| account.teams.iter().map(|one| one.team.clone()).collect()).unwrap_or_default()
    }

    /// The notices for a citizen who asks about an item, or for a member of staff.
    pub(super) fn list_notices(&self, who: &Principal, item: Option<&str>) -> Answer {
        let (catalogue, now) = (self.catalogue(), self.clock.now());
        let found = match who {
            Principal::Citizen(_) => catalogue.directory().notices_about(item, now),
            Principal::Staff(staff) => catalogue.directory().notices_of(&self.teams_of(staff), now),
        };
        Answer::Notices { notices: found.into_iter().map(view).collect() }
    }

    /// The prepared texts of one's teams.
    pub(super) fn list_canned_answers(&self, who: &Principal) -> Result<Answer, WireError> {
        let Principal::Staff(staff) = who else { return Err(forbidden()) };
        let catalogue = self.catalogue();
        let found = catalogue.directory().canned_answers_of(&self.teams_of(staff)).into_iter();
        let view = |(code, answer): (&str, &bangban_domain::org::CannedAnswer)| CannedAnswerView {
            code: code.to_owned(),
            title: answer.title.clone(),
            text: answer.text.clone(),
        };
        Ok(Answer::CannedAnswers { answers: found.map(view).collect() })
    }
}

/// Says when other notices are in force: after a change, which rings, and when one begins or ends.
pub(super) async fn tell_of_notices(app: Weak<App>, rung: Arc<Notify>) {
    loop {
        let Some((clock, stopping, next)) = app.upgrade().map(|app| {
            let (clock, now) = (app.clock.clone(), app.clock.now());
            (clock, app.stopping.clone(), app.catalogue().directory().next_notice_change(now))
        }) else {
            return;
        };
        let begins_or_ends = async {
            match next {
                Some(at) => clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stopping.cancelled() => return,
            () = rung.notified() => {}
            () = begins_or_ends => {}
        }
        let Some(app) = app.upgrade() else { return };
        app.hub.tell(Topic::Notices, EventBody::NoticesChanged {});
    }
}
