//! `[calls]` and `[telephony]`: three-way calls (docs/calls.md).

use std::{
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    path::PathBuf,
};

use bangban_domain::call::Number;
use bangban_media::audio::MixerConfig;
use serde::Deserialize;

use super::ConfigError;

/// `[calls]`: rules, and sound.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calls {
    /// Are there any?
    pub enabled: bool,
    /// Code of the team that takes the hotline's calls.
    pub team: String,
    /// How long one party is rung.
    pub ring_seconds: u32,
    /// The next candidate is rung beside one who has been rung for so long; 0: never.
    pub parallel_after_seconds: u32,
    /// How long an operator may wrap up.
    pub wrap_up_seconds: u32,
    /// Within so many hours somebody who was not reached is called back.
    pub call_back_hours: u32,
    /// Calls at once; 0: as many as come.
    pub most_calls: usize,
    /// What callers are told to wait when there is no room.
    pub retry_after_seconds: u32,
    /// The machine's address of the ports for sound.
    pub listen: String,
    /// What telephones and browsers are told to send to; empty: found out.
    pub public: String,
    /// UDP ports for telephones, `first-last`.
    pub rtp_ports: String,
    /// The one UDP port of all browsers; 0: any that is free.
    pub browser_port: u16,
    /// The browsers' port as they are told it; 0: the same.
    pub browser_public_port: u16,
    /// Mixing threads.
    pub threads: usize,
    /// A folder with recordings in place of ours; empty: ours.
    pub prompts: String,
    /// Do mixing threads ask for real time?
    pub realtime: bool,
    /// Of `[telephony]`: our own number.
    #[serde(skip)]
    own_number: Option<Number>,
    /// Of `[telephony]`: the numbers of the line for enterprises.
    #[serde(skip)]
    enterprise: Vec<Number>,
}

/// `[telephony]`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telephony {
    /// Are there telephones?
    pub enabled: bool,
    /// Where SIP is listened to, by UDP and TCP.
    pub listen: String,
    /// Our address as telephones and the PBX reach it; empty: that of `listen`.
    pub public: String,
    /// Our own number.
    pub number: String,
    /// Numbers of the line for enterprises (rule 5).
    pub enterprise_numbers: Vec<String>,
    /// Ways to the telephone network, best first.
    pub trunks: Vec<TrunkKeys>,
    /// Networks from which telephones on desks may register.
    pub phones: Vec<String>,
    /// A JSON file with the passwords of these telephones by user name, which is the staff number; empty: none.
    pub phones_file: String,
    /// The realm of these passwords.
    pub realm: String,
    /// The header that carries the hotline's ticket; empty: none.
    pub ticket_header: String,
    /// T1 of SIP (RFC 3261, section 17.1.1.1), in milliseconds.
    pub t1_ms: u64,
}

impl std::fmt::Debug for Telephony {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telephony")
            .field("enabled", &self.enabled)
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}

/// One of `telephony.trunks`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrunkKeys {
    /// Its name in logs.
    pub name: String,
    /// Address and port.
    pub address: String,
    /// By TCP instead of UDP.
    #[serde(default)]
    pub tcp: bool,
    /// Networks from which its calls come, beside its address.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Name at the trunk; empty: no password.
    #[serde(default)]
    pub user: String,
    /// Password there.
    #[serde(default)]
    pub password: String,
    /// Do we register?
    #[serde(default)]
    pub registers: bool,
    /// The number that is shown by this trunk; empty: `telephony.number`.
    #[serde(default)]
    pub number: String,
}

fn value(key: &'static str, problem: impl Into<String>) -> ConfigError {
    ConfigError::Value { key, problem: problem.into() }
}

fn address(key: &'static str, text: &str) -> Result<IpAddr, ConfigError> {
    text.parse().map_err(|_| value(key, format!("{text:?} is not an address such as \"192.0.2.1\"")))
}

fn number(key: &'static str, text: &str) -> Result<Number, ConfigError> {
    // A number is not repeated in what is logged.
    Number::parse(text).ok_or_else(|| value(key, "must be a number of 5 to 20 digits"))
}

impl Calls {
    /// The ports and threads of the sound. `public` is unspecified when it is to be found out.
    ///
    /// # Errors
    /// Names the key.
    pub fn mixer(&self) -> Result<MixerConfig, ConfigError> {
        let bind = address("calls.listen", &self.listen)?;
        let public = if self.public.is_empty() { bind } else { address("calls.public", &self.public)? };
        let wanted = !self.prompts.is_empty();
        Ok(MixerConfig {
            threads: self.threads,
            rtp_ports: self.ports()?,
            bind,
            public,
            browser_port: self.browser_port,
            browser_public_port: self.browser_public_port,
            prompts: wanted.then(|| PathBuf::from(&self.prompts)),
            is_realtime_wanted: self.realtime,
            ..MixerConfig::default()
        })
    }

    fn ports(&self) -> Result<RangeInclusive<u16>, ConfigError> {
        let wrong =
            || value("calls.rtp_ports", "must be two ports such as \"20000-23999\", with an even one and the next");
        let (first, last) = self.rtp_ports.split_once('-').ok_or_else(wrong)?;
        let (first, last): (u16, u16) =
            (first.trim().parse().map_err(|_| wrong())?, last.trim().parse().map_err(|_| wrong())?);
        if first == 0 || last <= first {
            return Err(wrong());
        }
        Ok(first..=last)
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.mixer()?;
        let between = |key, seconds: u32, least: u32, most: u32| {
            let problem = format!("must be {least} to {most}");
            if (least..=most).contains(&seconds) { Ok(()) } else { Err(value(key, problem)) }
        };
        between("calls.ring_seconds", self.ring_seconds, 5, 120)?;
        between("calls.parallel_after_seconds", self.parallel_after_seconds, 0, 120)?;
        between("calls.wrap_up_seconds", self.wrap_up_seconds, 5, 3_600)?;
        between("calls.call_back_hours", self.call_back_hours, 1, 24 * 7)?;
        between("calls.retry_after_seconds", self.retry_after_seconds, 1, 3_600)?;
        if !(1..=64).contains(&self.threads) {
            return Err(value("calls.threads", "must be 1 to 64"));
        }
        Ok(())
    }

    /// What `[telephony]` says of numbers.
    pub(super) fn know(&mut self, telephony: &Telephony) -> Result<(), ConfigError> {
        let own = (!telephony.number.is_empty()).then(|| number("telephony.number", &telephony.number)).transpose()?;
        self.own_number = own;
        let numbers = telephony.enterprise_numbers.iter();
        self.enterprise = numbers.map(|text| number("telephony.enterprise_numbers", text)).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// What is shown to whom we ring.
    #[must_use]
    pub fn shown_number(&self) -> Option<Number> {
        self.own_number.clone()
    }

    /// Was the line for enterprises called?
    #[must_use]
    pub fn is_enterprise(&self, called: &Number) -> bool {
        self.enterprise.contains(called)
    }
}

impl Telephony {
    /// Where SIP is listened to.
    ///
    /// # Errors
    /// Names the key.
    pub fn address(&self) -> Result<SocketAddr, ConfigError> {
        let problem = || format!("{:?} is not an address and port such as \"192.0.2.1:5060\"", self.listen);
        self.listen.parse().map_err(|_| value("telephony.listen", problem()))
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if !self.enabled {
            return Ok(());
        }
        self.address()?;
        number("telephony.number", &self.number)?;
        if !(50..=2_000).contains(&self.t1_ms) {
            return Err(value("telephony.t1_ms", "must be 50 to 2000"));
        }
        crate::calls::telephony_config(self).map(drop)
    }
}
