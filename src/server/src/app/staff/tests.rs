//! Sessions under a clock that the test moves: renewal, theft, idleness, the second factor.

use bangban_domain::{
    AgentId, Timestamp,
    time::{HOUR, MINUTE, SECOND},
    words::{Role, SessionEnd, SignIn},
};
use bangban_store::{Change, StaffChange, StaffRow, Unit};
use tempfile::TempDir;

use super::{Author, NoRenewal, SignedIn};
use crate::{
    app::App,
    auth::Principal,
    clock::{Clock, ManualClock},
    config::Config,
    load::LoadAgents,
    staff::{Caller, Totp, step_at},
};

struct Office {
    _dir: TempDir,
    hand: ManualClock,
    app: std::sync::Arc<App>,
}

const ME: AgentId = AgentId::new(1);

fn caller() -> Caller {
    Caller { device: "Firefox".to_owned(), address: "192.0.2.1".to_owned() }
}

impl Office {
    async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::load(None).unwrap();
        config.data.dir = dir.path().to_owned();
        let (clock, hand) = Clock::manual(Timestamp(1_800_000_000_000));
        let app = App::start(&config, clock, false, LoadAgents::default()).await.unwrap();
        let row = StaffRow::new(ME, "agent1001", "李敏").with_role(Role::Supervisor);
        let changes = vec![Change::Staff(row)];
        app.store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
        app.read_accounts().await;
        Self { _dir: dir, hand, app }
    }

    async fn log_in(&self) -> SignedIn {
        let account = self.app.accounts.get(ME).unwrap();
        self.app.begin_session(&account, SignIn::Password, &caller()).await.unwrap()
    }

    /// The next refresh token, if there is one.
    async fn renew(&self, refresh: &str) -> Option<SignedIn> {
        match self.app.renew_session(refresh, &caller()).await {
            Ok(next) => Some(next),
            Err(NoRenewal::Over) => None,
            Err(NoRenewal::Failed(error)) => panic!("{error:#}"),
        }
    }

    async fn is_good(&self, token: &str) -> bool {
        matches!(self.app.auth.identify(token, self.app.clock.now()).await, Ok(Principal::Staff(_)))
    }

    async fn actions(&self) -> Vec<String> {
        let lines = self.app.store.audit_before(u64::MAX, 50).await.unwrap();
        // What the server does by itself at its first start is not of interest here.
        let of_staff = lines.into_iter().rev().filter(|line| line.kind != "organisation");
        of_staff.map(|line| line.action).collect()
    }
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_a_second_time_only_for_two_tabs_at_once() {
    let office = Office::open().await;
    let first = office.log_in().await;
    let second = office.renew(&first.refresh).await.unwrap();
    assert_ne!(first.refresh, second.refresh);
    // Another tab, or an answer that was lost.
    office.hand.advance(30 * SECOND - 1);
    let sibling = office.renew(&first.refresh).await.unwrap();
    assert!(office.is_good(&sibling.reply.token).await);
    office.hand.advance(1);
    // Half a minute after its first use somebody has a copy: everybody is out, whoever that was.
    assert!(office.renew(&first.refresh).await.is_none());
    assert!(office.renew(&second.refresh).await.is_none() && office.renew(&sibling.refresh).await.is_none());
    for token in [&first.reply.token, &second.reply.token, &sibling.reply.token] {
        assert!(!office.is_good(token).await);
    }
    assert_eq!(office.actions().await, ["staff.login", "staff.session_end"]);
    let line = office.app.store.audit_before(u64::MAX, 1).await.unwrap().remove(0);
    assert!(line.detail.contains("replayed") && line.address.as_deref() == Some("192.0.2.1"), "{line:?}");
    assert!(office.renew("nonsense").await.is_none());
}

#[tokio::test]
async fn a_session_ends_when_nobody_renews_it_and_after_its_hours_in_any_case() {
    let office = Office::open().await;
    let idle = office.log_in().await;
    office.hand.advance(2 * HOUR);
    assert!(office.renew(&idle.refresh).await.is_none(), "two hours asleep");
    let mut kept = office.log_in().await;
    assert_eq!(kept.lasts, 2 * HOUR);
    for _ in 0..11 {
        office.hand.advance(HOUR);
        kept = office.renew(&kept.refresh).await.unwrap();
    }
    assert_eq!(kept.lasts, HOUR, "the cookie does not promise more");
    office.hand.advance(55 * MINUTE);
    kept = office.renew(&kept.refresh).await.unwrap();
    let ends_at = office.app.clock.now() + 5 * MINUTE;
    assert_eq!(kept.reply.expires_at, ends_at, "no token outlives its session");
    office.hand.advance(5 * MINUTE);
    assert!(office.renew(&kept.refresh).await.is_none() && !office.is_good(&kept.reply.token).await);
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_a_revoked_one_is_over_at_once_and_after_a_restart() {
    let office = Office::open().await;
    let [mine, other] = [office.log_in().await, office.log_in().await];
    let account = office.app.accounts.get(ME).unwrap();
    let Ok(Principal::Staff(me)) = office.app.auth.identify(&mine.reply.token, office.app.clock.now()).await else {
        panic!("refused")
    };
    let by = (Author::Agent(ME), None);
    office.app.set_password(&account, "hash".to_owned(), false, by, Some(me.session)).await.unwrap();
    assert!(office.is_good(&mine.reply.token).await && !office.is_good(&other.reply.token).await);
    assert!(office.renew(&other.refresh).await.is_none());
    // What was read from the rows again says the same.
    office.app.read_accounts().await;
    assert!(office.is_good(&mine.reply.token).await && !office.is_good(&other.reply.token).await);
    let sessions = office.app.accounts.sessions_of(ME);
    office.app.end_sessions(&account, &sessions, SessionEnd::Revoked, Author::System, None).await.unwrap();
    assert!(!office.is_good(&mine.reply.token).await && office.renew(&mine.refresh).await.is_none());
}

#[tokio::test]
async fn a_code_and_a_recovery_code_are_taken_once() {
    let office = Office::open().await;
    let account = office.app.accounts.get(ME).unwrap();
    let totp = Totp::random().unwrap();
    let now = step_at(office.app.clock.now());
    let recovery = office.app.set_totp(&account, &totp, now, "192.0.2.1").await.unwrap();
    assert_eq!(recovery.len(), 10);
    let sealed = office.app.accounts.get(ME).unwrap().totp.clone().unwrap();
    assert!(!sealed.contains(&totp.base32()));
    let take = async |code: &str| {
        let account = office.app.accounts.get(ME).unwrap();
        office.app.take_code(&account, code).await.unwrap()
    };
    assert_eq!(take(&totp.code(now)).await, None, "used at the enrolment");
    office.hand.advance(30 * SECOND);
    let code = totp.code(now + 1);
    assert_eq!(take(&format!("{} {}", &code[..3], &code[3..])).await, Some(SignIn::Totp));
    assert_eq!(take(&code).await, None, "a second time");
    assert_eq!(take(&recovery[0].to_uppercase()).await, Some(SignIn::Recovery));
    assert_eq!(take(&recovery[0]).await, None, "a second time");
    assert_eq!(take(&recovery[1].replace('-', "")).await, Some(SignIn::Recovery));
    assert_eq!(office.app.store.recoveries_left(ME).await.unwrap(), 8);
    assert_eq!(take("000000").await.or(take("zzzzz-zzzzz").await), None);
    // An administrator's reset ends the sessions; the codes are worth nothing.
    let session = office.log_in().await;
    let account = office.app.accounts.get(ME).unwrap();
    office.app.drop_totp(&account, Author::System, None).await.unwrap();
    assert!(!office.is_good(&session.reply.token).await);
    assert_eq!(take(&recovery[2]).await, None);
}

#[tokio::test]
async fn an_account_that_is_locked_on_another_node_is_locked_here_until_it_is_lifted_there_or_over() {
    let office = Office::open().await;
    let login = office.app.accounts.get(ME).unwrap().login.clone();
    let until = office.app.clock.now() + 15 * MINUTE;
    let elsewhere = async |until| {
        let locked = Change::Account(StaffChange::Locked { login: login.clone(), until });
        office.app.store.commit(Unit { changes: vec![locked], ..Unit::default() }).await.unwrap();
        office.app.catch_up_with_accounts().await.unwrap();
    };
    let is_locked = || office.app.door.locked_until(&login, office.app.clock.now());
    assert_eq!(is_locked(), None);
    elsewhere(until).await;
    assert_eq!(is_locked(), Some(until), "five wrong passwords there are not five more here");
    elsewhere(Timestamp(0)).await;
    assert_eq!(is_locked(), None, "an administrator has lifted it");
    elsewhere(until).await;
    office.hand.advance(15 * MINUTE);
    assert_eq!(is_locked(), None, "its time is over");
}

#[tokio::test]
async fn what_another_node_has_changed_is_noticed_without_its_word() {
    let office = Office::open().await;
    let here = office.log_in().await;
    office.app.catch_up_with_accounts().await.unwrap();
    assert!(office.is_good(&here.reply.token).await, "one's own changes are no surprise");
    let session = office.app.accounts.sessions_of(ME)[0].clone();
    // As another node does it: in the store only.
    let elsewhere = async |change| {
        office.app.store.commit(Unit { changes: vec![Change::Account(change)], ..Unit::default() }).await.unwrap();
    };
    let ended = StaffChange::Ended { session: session.id, at: office.app.clock.now(), why: SessionEnd::Revoked };
    elsewhere(ended).await;
    assert!(office.is_good(&here.reply.token).await, "not known here yet");
    office.app.catch_up_with_accounts().await.unwrap();
    assert!(!office.is_good(&here.reply.token).await);

    let account = office.app.accounts.get(ME).unwrap();
    let renamed = StaffRow { name: "李敏敏".to_owned(), version: 2, ..StaffRow::clone(&account) };
    elsewhere(StaffChange::Edited { row: Box::new(renamed), from: account.version }).await;
    office.app.catch_up_with_accounts().await.unwrap();
    assert_eq!(office.app.accounts.name(ME).as_deref(), Some("李敏敏"));
    assert!(!office.app.accounts.is_behind(&office.app.store).await.unwrap());
}
