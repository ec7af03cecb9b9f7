//! The telephones as the configuration has them.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use bangban_domain::call::Number;
use bangban_media::audio::Mixer;
use bangban_telephony::{Config as Sip, Event, Login, PhoneBook, Secret, Telephony, Transport, Trunk};
use tokio::sync::mpsc;

use crate::config::{Config, ConfigError, Telephony as Keys, TrunkKeys};

/// Passwords of telephones on desks, by user name.
struct Passwords(BTreeMap<String, String>);

impl PhoneBook for Passwords {
    fn secret(&self, user: &str) -> Option<Secret> {
        self.0.get(user).cloned().map(Secret::Password)
    }
}

fn value(key: &'static str, problem: impl Into<String>) -> ConfigError {
    ConfigError::Value { key, problem: problem.into() }
}

/// The telephones; `None`: there are none here.
///
/// # Errors
/// Names the key, or the address that cannot be listened to.
pub(super) async fn start(
    config: &Config,
    mixer: &Mixer,
    heard: mpsc::Sender<Event>,
) -> anyhow::Result<Option<Telephony>> {
    if !config.telephony.enabled {
        return Ok(None);
    }
    let passwords = Arc::new(Passwords(read_passwords(&config.telephony.phones_file).await?));
    let telephony = Telephony::start(telephony_config(&config.telephony)?, passwords, mixer.clone(), heard).await;
    Ok(Some(telephony.context("telephony.listen")?))
}

async fn read_passwords(path: &str) -> anyhow::Result<BTreeMap<String, String>> {
    if path.is_empty() {
        return Ok(BTreeMap::new());
    }
    let text = tokio::fs::read_to_string(path).await.context("telephony.phones_file")?;
    // What is wrong with it may be a password: only where is told.
    serde_json::from_str(&text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        anyhow::anyhow!("telephony.phones_file: no JSON object of texts (line {line}, column {column})")
    })
}

/// What the telephony is told.
///
/// # Errors
/// Names the key.
pub(crate) fn telephony_config(keys: &Keys) -> Result<Sip, ConfigError> {
    let number = Number::parse(&keys.number).ok_or_else(|| value("telephony.number", "must be a number"))?;
    let mut sip = Sip::new(keys.address()?, number);
    if !keys.public.is_empty() {
        let public: IpAddr = keys.public.parse().map_err(|_| value("telephony.public", "must be an address"))?;
        sip.public = Some(public);
    }
    sip.trunks = keys.trunks.iter().map(trunk).collect::<Result<_, _>>()?;
    let network =
        |text: &String| text.parse().map_err(|_| value("telephony.phones", "must be networks such as \"10.0.0.0/8\""));
    sip.phones = keys.phones.iter().map(network).collect::<Result<_, _>>()?;
    sip.realm.clone_from(&keys.realm);
    sip.timing.t1 = Duration::from_millis(keys.t1_ms);
    sip.ticket_header = Some(keys.ticket_header.clone()).filter(|header| !header.is_empty());
    Ok(sip)
}

fn trunk(keys: &TrunkKeys) -> Result<Trunk, ConfigError> {
    let key = "telephony.trunks";
    let address = keys.address.parse().map_err(|_| value(key, "address must be an address and port"))?;
    let mut trunk = Trunk::new(&keys.name, address);
    if keys.tcp {
        trunk.transport = Transport::Tcp;
    }
    let network =
        |text: &String| text.parse().map_err(|_| value(key, "sources must be networks such as \"192.0.2.0/24\""));
    trunk.sources = keys.sources.iter().map(network).collect::<Result<_, _>>()?;
    if !keys.user.is_empty() {
        trunk.login = Some(Login { user: keys.user.clone(), password: keys.password.clone() });
    }
    if keys.registers && keys.user.is_empty() {
        return Err(value(key, "registers needs user and password"));
    }
    trunk.registers = keys.registers;
    if !keys.number.is_empty() {
        trunk.number = Some(Number::parse(&keys.number).ok_or_else(|| value(key, "number must be one"))?);
    }
    Ok(trunk)
}
