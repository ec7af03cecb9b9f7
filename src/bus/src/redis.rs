//! The transport over Redis' pub/sub: one connection that listens, one that speaks, frames of one wake-up in one pipeline.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use redis::{
    AsyncConnectionConfig, Client, IntoConnectionInfo as _, RedisError,
    aio::{MultiplexedConnection, PubSub},
};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use crate::link::{LinkEvent, Running, TransportEnds};

/// Opening, and every answer, may take so long.
const PATIENCE: Duration = Duration::from_secs(2);

/// Pause before the second attempt; doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// So many frames go in one pipeline.
const PIPELINE: usize = 64;

/// The bus cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// Not an address of Redis. Says why, without the address: it may contain a password.
    #[error("not an address of Redis (redis://[user[:password]@]host[:port][/database]): {0}")]
    Address(#[source] RedisError),
    /// Redis is not there, or does not let us in.
    #[error("Redis cannot be reached: {0}")]
    Unreachable(#[source] RedisError),
}

/// Where Redis is.
#[derive(Clone, Default)]
pub struct Redis {
    /// `redis://[user[:password]@]host[:port][/database]`; `rediss://` for TLS.
    pub url: String,
    /// The password, if it is not part of the address.
    pub password: String,
    /// Pub/sub channel of all nodes that belong together.
    pub channel: String,
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis").field("channel", &self.channel).finish_non_exhaustive()
    }
}

impl Redis {
    /// Is the address one?
    ///
    /// # Errors
    /// [`BusError::Address`].
    pub fn validate(&self) -> Result<(), BusError> {
        self.way().map(|_| ())
    }

    /// Does Redis let us in and listen?
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn check(&self) -> Result<(), BusError> {
        self.way()?.open().await.map_err(BusError::Unreachable)?;
        Ok(())
    }

    pub(crate) fn way(&self) -> Result<Way, BusError> {
        let mut info = self.url.as_str().into_connection_info().map_err(BusError::Address)?;
        if !self.password.is_empty() {
            let settings = info.redis_settings().clone().set_password(&self.password);
            info = info.set_redis_settings(settings);
        }
        let client = Client::open(info).map_err(BusError::Address)?;
        Ok(Way { client, channel: self.channel.clone() })
    }
}

/// The way to Redis.
pub(crate) struct Way {
    client: Client,
    channel: String,
}

impl Way {
    pub(crate) fn run(self, ends: TransportEnds) -> Running {
        tokio::spawn(self.keep_open(ends))
    }

    /// Opens the link again and again, until the node's frames end.
    async fn keep_open(self, mut ends: TransportEnds) {
        let mut pause = PAUSE;
        let mut was_open = true;
        loop {
            match self.open().await {
                Ok((speaking, listening)) => {
                    tracing::info!("the bus is connected");
                    (pause, was_open) = (PAUSE, true);
                    if ends.events.send(LinkEvent::Opened).await.is_err() {
                        return;
                    }
                    match self.serve(speaking, listening, &mut ends).await {
                        Ok(Over::NodeEnds) => return,
                        Ok(Over::Reopen) => tracing::warn!("the bus carries nothing; it is connected anew"),
                        Err(error) => tracing::warn!(%error, "the bus is broken"),
                    }
                }
                // Once, not at every attempt.
                Err(error) if was_open => {
                    was_open = false;
                    tracing::warn!(%error, "the bus cannot be reached; trying on");
                }
                Err(_) => {}
            }
            if ends.events.send(LinkEvent::Broken).await.is_err() || ends.frames.is_closed() {
                return;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn open(&self) -> Result<(MultiplexedConnection, PubSub), RedisError> {
        let opening = async {
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(PATIENCE))
                .set_response_timeout(Some(PATIENCE));
            let speaking = self.client.get_multiplexed_async_connection_with_config(&config).await?;
            let mut listening = self.client.get_async_pubsub().await?;
            listening.subscribe(&self.channel).await?;
            Ok((speaking, listening))
        };
        timeout(2 * PATIENCE, opening)
            .await
            .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
    }

    async fn serve(
        &self,
        speaking: MultiplexedConnection,
        listening: PubSub,
        ends: &mut TransportEnds,
    ) -> Result<Over, RedisError> {
        let TransportEnds { events, frames, reopen } = ends;
        tokio::select! {
            result = self.speak(speaking, frames) => result,
            result = listen(listening, events) => result,
            () = reopen.notified() => Ok(Over::Reopen),
        }
    }

    async fn speak(
        &self,
        mut redis: MultiplexedConnection,
        frames: &mut mpsc::Receiver<Bytes>,
    ) -> Result<Over, RedisError> {
        let mut waiting = Vec::with_capacity(PIPELINE);
        while frames.recv_many(&mut waiting, PIPELINE).await > 0 {
            let mut pipeline = redis::pipe();
            for frame in waiting.drain(..) {
                pipeline.publish(&self.channel, &frame[..]).ignore();
            }
            pipeline.exec_async(&mut redis).await?;
        }
        Ok(Over::NodeEnds)
    }
}

/// Why a link is given up that did not break.
enum Over {
    NodeEnds,
    Reopen,
}

async fn listen(mut redis: PubSub, events: &mpsc::Sender<LinkEvent>) -> Result<Over, RedisError> {
    let mut messages = redis.on_message();
    while let Some(message) = messages.next().await {
        let bytes = Bytes::copy_from_slice(message.get_payload_bytes());
        if events.send(LinkEvent::Came(bytes)).await.is_err() {
            return Ok(Over::NodeEnds);
        }
    }
    Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into())
}
