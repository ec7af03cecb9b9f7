//! Session timers (RFC 4028): how a dead telephone is noticed that sends no BYE. Without I/O and clock.
//!
//! Both roles: what is agreed when we are called and when we call, and when something is due. A side that does not know
//! session timers is asked for life instead (OPTIONS in the dialog), as often as a session would have been refreshed.

use std::time::{Duration, Instant};

/// A session that is not refreshed ends so long before its time, or a third of it (RFC 4028, section 10).
const MARGIN: Duration = Duration::from_secs(32);
/// More than a day is no session timer.
const MOST: u32 = 86_400;

/// Who refreshes, as it stands in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refresher {
    /// Who called.
    Uac,
    /// Who was called.
    Uas,
}

/// What the headers of a request or answer say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Said {
    /// `Session-Expires`, in seconds.
    pub(crate) expires: Option<u32>,
    /// Its parameter.
    pub(crate) refresher: Option<Refresher>,
    /// `Min-SE`, in seconds.
    pub(crate) least: Option<u32>,
    /// `Supported` has `timer`.
    pub(crate) is_supported: bool,
}

/// `1800;refresher=uac`.
pub(crate) fn read_expires(value: &str) -> Option<(u32, Option<Refresher>)> {
    let mut parts = value.split(';').map(str::trim);
    let seconds = parts.next()?.parse().ok()?;
    let refresher = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        match (name.trim().eq_ignore_ascii_case("refresher"), value.trim().to_ascii_lowercase().as_str()) {
            (true, "uac") => Some(Refresher::Uac),
            (true, "uas") => Some(Refresher::Uas),
            _ => None,
        }
    });
    Some((seconds, refresher))
}

/// What we want.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) interval: Duration,
    pub(crate) least: Duration,
}

impl Wanted {
    fn interval_secs(self) -> u32 {
        u32::try_from(self.interval.as_secs()).unwrap_or(MOST).clamp(1, MOST)
    }

    fn least_secs(self) -> u32 {
        u32::try_from(self.least.as_secs()).unwrap_or(MOST)
    }
}

/// How life is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// We refresh the session.
    WeRefresh,
    /// They do.
    TheyRefresh,
    /// They know no session timers: we ask for life.
    WeAsk,
}

/// What was agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Agreed {
    pub(crate) interval: Duration,
    pub(crate) way: Way,
}

impl Agreed {
    /// The value of `Session-Expires` in the answer to a request of theirs; `None`: it has no place there.
    pub(crate) fn answer(&self) -> Option<String> {
        let refresher = match self.way {
            Way::WeRefresh => "uas",
            Way::TheyRefresh => "uac",
            Way::WeAsk => return None,
        };
        Some(format!("{};refresher={refresher}", self.interval.as_secs()))
    }
}

/// 422: shorter than we take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooShort {
    /// The value of `Min-SE`.
    pub(crate) least: u32,
}

/// They call, or refresh (RFC 4028, section 9).
///
/// # Errors
/// [`TooShort`] when they could ask for more.
pub(crate) fn called(said: Said, wanted: Wanted) -> Result<Agreed, TooShort> {
    let least = wanted.least_secs();
    if let Some(expires) = said.expires
        && expires < least
        && said.is_supported
    {
        return Err(TooShort { least });
    }
    // Never more than they ask for, never less than they or we take.
    let floor = least.max(said.least.unwrap_or(0)).min(MOST);
    let interval = said.expires.map_or(wanted.interval_secs(), |expires| expires.min(wanted.interval_secs()));
    let interval = Duration::from_secs(interval.max(floor).into());
    let way = match (said.is_supported, said.expires, said.refresher) {
        (true, _, Some(Refresher::Uas)) => Way::WeRefresh,
        (true, _, _) => Way::TheyRefresh,
        // A proxy on the way has asked (section 8.1).
        (false, Some(_), _) => Way::WeRefresh,
        (false, None, _) => Way::WeAsk,
    };
    Ok(Agreed { interval, way })
}

/// They have answered our call or refresh (RFC 4028, section 7.2).
pub(crate) fn answered(said: Said, wanted: Wanted) -> Agreed {
    let Some(expires) = said.expires else {
        return Agreed { interval: wanted.interval, way: Way::WeAsk };
    };
    let way = match said.refresher {
        Some(Refresher::Uas) => Way::TheyRefresh,
        Some(Refresher::Uac) | None => Way::WeRefresh,
    };
    Agreed { interval: Duration::from_secs(expires.clamp(1, MOST).into()), way }
}

/// They say that our interval is too short (422); what to ask for next. `None`: it was not, or is absurd (section 7.4).
pub(crate) fn longer(said: Said, asked: Duration) -> Option<Duration> {
    let least = said.least.filter(|least| *least <= MOST)?;
    (Duration::from_secs(least.into()) > asked).then(|| Duration::from_secs(least.into()))
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// To refresh the session.
    Refresh,
    /// To ask for life.
    Ask,
    /// Nothing was heard: the call is over.
    Over,
}

/// One session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionTimer {
    agreed: Agreed,
    /// When life was last shown.
    lived_at: Instant,
    /// We have tried.
    has_tried: bool,
    /// ... and are to try again then.
    again_at: Option<Instant>,
}

impl SessionTimer {
    pub(crate) const fn new(now: Instant, agreed: Agreed) -> Self {
        Self { agreed, lived_at: now, has_tried: false, again_at: None }
    }

    /// What is due when.
    pub(crate) fn due(&self) -> (Instant, Due) {
        let over = self.lived_at + self.agreed.interval - MARGIN.min(self.agreed.interval / 3);
        let due = match self.agreed.way {
            Way::TheyRefresh => return (over, Due::Over),
            Way::WeRefresh => Due::Refresh,
            Way::WeAsk => Due::Ask,
        };
        match (self.has_tried, self.again_at) {
            // Half way (section 10); the answer, or none, says the rest.
            (false, _) => (self.lived_at + self.agreed.interval / 2, due),
            (true, Some(again_at)) if again_at < over => (again_at, due),
            (true, _) => (over, Due::Over),
        }
    }

    /// We have begun to refresh or ask.
    pub(crate) const fn tried(&mut self) {
        self.has_tried = true;
        self.again_at = None;
    }

    /// They could not answer now: once more then.
    pub(crate) const fn try_again(&mut self, at: Instant) {
        self.again_at = Some(at);
    }

    /// Life was shown: the session begins anew, by what was agreed with it.
    pub(crate) const fn lived(&mut self, now: Instant, agreed: Agreed) {
        *self = Self::new(now, agreed);
    }

    /// Life was shown by an answer that agreed nothing new.
    pub(crate) const fn lived_as_before(&mut self, now: Instant) {
        *self = Self::new(now, self.agreed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    const WANTED: Wanted = Wanted { interval: Duration::from_secs(1800), least: Duration::from_secs(90) };

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn supported(expires: Option<u32>, refresher: Option<Refresher>) -> Said {
        Said { expires, refresher, least: None, is_supported: true }
    }

    #[test]
    fn headers_are_read() {
        assert_eq!(read_expires("1800"), Some((1800, None)));
        assert_eq!(read_expires("1800 ; Refresher=UAS;x=1"), Some((1800, Some(Refresher::Uas))));
        assert_eq!(read_expires("90;refresher=uac"), Some((90, Some(Refresher::Uac))));
        assert_eq!(read_expires("90;refresher=me"), Some((90, None)));
        assert_eq!(read_expires("soon"), None);
    }

    /// RFC 4028, section 9 and table 2.
    #[test]
    fn who_refreshes_when_we_are_called() {
        use Refresher::{Uac, Uas};
        let none = Said::default();
        for (said, interval, way) in [
            (supported(Some(600), Some(Uac)), 600, Way::TheyRefresh),
            (supported(Some(600), Some(Uas)), 600, Way::WeRefresh),
            (supported(Some(600), None), 600, Way::TheyRefresh),
            (supported(None, None), 1800, Way::TheyRefresh),
            (supported(Some(7200), None), 1800, Way::TheyRefresh),
            (Said { least: Some(2400), ..supported(Some(7200), None) }, 2400, Way::TheyRefresh),
            (supported(Some(90), None), 90, Way::TheyRefresh),
            (Said { expires: Some(600), ..none }, 600, Way::WeRefresh),
            (Said { expires: Some(30), ..none }, 90, Way::WeRefresh),
            (none, 1800, Way::WeAsk),
        ] {
            assert_eq!(called(said, WANTED), Ok(Agreed { interval: secs(interval), way }), "{said:?}");
        }
    }

    #[test]
    fn a_session_of_89_s_is_too_short_and_one_of_90_is_not() {
        assert_eq!(called(supported(Some(89), None), WANTED), Err(TooShort { least: 90 }));
        assert!(called(supported(Some(90), None), WANTED).is_ok());
    }

    #[test]
    fn who_refreshes_when_we_have_called() {
        use Refresher::{Uac, Uas};
        for (said, interval, way) in [
            (supported(Some(600), Some(Uac)), 600, Way::WeRefresh),
            (supported(Some(600), Some(Uas)), 600, Way::TheyRefresh),
            (supported(Some(600), None), 600, Way::WeRefresh),
            (supported(None, None), 1800, Way::WeAsk),
            (Said::default(), 1800, Way::WeAsk),
        ] {
            assert_eq!(answered(said, WANTED), Agreed { interval: secs(interval), way }, "{said:?}");
        }
    }

    #[test]
    fn a_422_is_followed_when_it_asks_for_more() {
        let said = |least| Said { least, ..Said::default() };
        assert_eq!(longer(said(Some(3600)), secs(1800)), Some(secs(3600)));
        assert_eq!(longer(said(Some(1800)), secs(1800)), None);
        assert_eq!(longer(said(None), secs(1800)), None);
        assert_eq!(longer(said(Some(90_000)), secs(1800)), None);
    }

    #[test]
    fn the_answer_names_the_refresher_by_its_part_in_the_request() {
        let agreed = |way| Agreed { interval: secs(600), way };
        assert_eq!(agreed(Way::WeRefresh).answer().as_deref(), Some("600;refresher=uas"));
        assert_eq!(agreed(Way::TheyRefresh).answer().as_deref(), Some("600;refresher=uac"));
        assert_eq!(agreed(Way::WeAsk).answer(), None);
    }

    /// Section 10: half of it to refresh; without refresh it ends 32 s before its time, or after two thirds of it.
    #[test]
    fn a_session_is_refreshed_at_half_and_over_32_s_before_its_end() {
        let began = now();
        let agreed = |seconds, way| Agreed { interval: secs(seconds), way };
        let mut ours = SessionTimer::new(began, agreed(1800, Way::WeRefresh));
        assert_eq!(ours.due(), (began + secs(900), Due::Refresh));
        ours.tried();
        assert_eq!(ours.due(), (began + secs(1768), Due::Over));
        ours.try_again(began + secs(903));
        assert_eq!(ours.due(), (began + secs(903), Due::Refresh));
        ours.try_again(began + secs(1769));
        assert_eq!(ours.due(), (began + secs(1768), Due::Over));
        ours.lived_as_before(began + secs(901));
        assert_eq!(ours.due(), (began + secs(901 + 900), Due::Refresh));

        let mut theirs = SessionTimer::new(began, agreed(1800, Way::TheyRefresh));
        assert_eq!(theirs.due(), (began + secs(1768), Due::Over));
        theirs.lived(began + secs(900), agreed(90, Way::TheyRefresh));
        assert_eq!(theirs.due(), (began + secs(900 + 60), Due::Over));

        let asked = SessionTimer::new(began, agreed(60, Way::WeAsk));
        assert_eq!(asked.due(), (began + secs(30), Due::Ask));
    }
}
