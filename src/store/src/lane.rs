//! One writing connection: it carries out batches one after the other, comes back by itself after it was lost, and
//! never leaves open whether a batch was committed.
//!
//! Two rules make that safe:
//! - The first statement of every transaction writes the batch's number into the lane's row of `lease`, where the epoch
//!   is ours. Changes nothing: another process has taken over, and this one stops for good.
//! - A connection that is lost while `COMMIT` is on its way leaves the outcome open. The lane then waits until it is
//!   connected again and reads the number back: that answers the question exactly. Until then nobody is told anything.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use sqlx::{AnyConnection, Connection as _, Row as _};
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};

use crate::{
    StoreError,
    batch::{self, Done},
    heads::Heads,
    place::Place,
    sql::Statements,
    writer::Waiting,
};

/// First and longest pause between two attempts to connect.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// One attempt to connect, with the wait for a transaction of the lost connection; no longer than a batch may take.
const RECONNECT: Duration = Duration::from_secs(10);

/// What all lanes and the writer know of each other.
pub(crate) struct Health {
    /// Which lanes are connected.
    connected: Vec<AtomicBool>,
    /// One of them has gone or come back.
    pub(crate) changed: Notify,
    /// Nobody waits for lost connections any more.
    pub(crate) stopping: watch::Sender<bool>,
}

impl Health {
    pub(crate) fn new(lanes: usize) -> Self {
        let connected = (0..lanes).map(|_| AtomicBool::new(false)).collect();
        Self { connected, changed: Notify::new(), stopping: watch::channel(false).0 }
    }

    pub(crate) fn is_connected(&self, lane: usize) -> bool {
        self.connected[lane].load(Ordering::Acquire)
    }

    /// Is no lane connected?
    pub(crate) fn is_down(&self) -> bool {
        self.connected.iter().all(|connected| !connected.load(Ordering::Acquire))
    }

    fn set(&self, lane: usize, connected: bool) {
        self.connected[lane].store(connected, Ordering::Release);
        self.changed.notify_one();
    }
}

pub(crate) struct Lane {
    no: usize,
    name: String,
    place: Arc<Place>,
    health: Arc<Health>,
    epoch: i64,
    /// Number of the last batch that was begun.
    batch: i64,
    connection: Option<AnyConnection>,
    /// Last number that a conversation got, for all lanes.
    numbers: Arc<AtomicI64>,
    /// Has nobody taken over?
    is_owner: bool,
    statements: Statements,
}

/// Why a transaction did not end well.
enum Failure {
    /// It was not carried out.
    Refused(StoreError),
    /// The connection was lost while it committed.
    Open(StoreError),
}

impl Lane {
    /// The first lane takes the database over: what an earlier process still has on its way can no longer be committed.
    pub(crate) async fn take_over(
        place: Arc<Place>,
        health: Arc<Health>,
        mut connection: AnyConnection,
        node: &str,
    ) -> Result<Vec<Self>, StoreError> {
        let mut lanes = Vec::new();
        let numbers = Arc::new(AtomicI64::new(0));
        let mut tx = connection.begin().await?;
        for no in 0..place.engine.lanes() {
            let name = format!("writer/{no}");
            let row = sqlx::query(
                "INSERT INTO lease (name, node, epoch, batch) VALUES ($1, $2, 1, 0) \
                 ON CONFLICT (name) DO UPDATE SET node = excluded.node, epoch = lease.epoch + 1 RETURNING epoch, batch",
            )
            .bind(name.as_str())
            .bind(node)
            .fetch_one(&mut *tx)
            .await?;
            lanes.push(Self {
                no,
                name,
                place: Arc::clone(&place),
                health: Arc::clone(&health),
                epoch: row.try_get("epoch")?,
                batch: row.try_get("batch")?,
                connection: None,
                numbers: Arc::clone(&numbers),
                is_owner: true,
                statements: Statements::new(place.engine),
            });
        }
        // Only now: an earlier process has nothing on its way any more.
        let last = sqlx::query_scalar("SELECT COALESCE(MAX(no), 0) FROM conversation").fetch_one(&mut *tx).await?;
        numbers.store(last, Ordering::Relaxed);
        tx.commit().await?;
        let mut first = Some(connection);
        for lane in &mut lanes {
            let connection = match first.take() {
                Some(connection) => connection,
                None => place.connect().await?,
            };
            lane.connected(connection);
        }
        Ok(lanes)
    }

    fn connected(&mut self, connection: AnyConnection) {
        self.connection = Some(connection);
        self.health.set(self.no, true);
    }

    fn lost(&mut self) {
        if self.connection.take().is_some() {
            self.health.set(self.no, false);
        }
    }

    /// How often the database has been taken over, this time included.
    pub(crate) const fn epoch(&self) -> i64 {
        self.epoch
    }

    pub(crate) const fn no(&self) -> usize {
        self.no
    }

    pub(crate) const fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    pub(crate) const fn is_owner(&self) -> bool {
        self.is_owner
    }

    /// Is this the lane that holds the lock?
    fn holds_lock(&self) -> bool {
        self.no == 0
    }

    /// One attempt to come back; tells which batch of this lane was committed last.
    async fn reconnect(&mut self) -> Result<i64, StoreError> {
        let slow = |_| StoreError::Unavailable("no answer within the time to connect".to_owned());
        timeout(RECONNECT.min(self.place.patience()), self.reconnect_at_leisure()).await.map_err(slow)?
    }

    async fn reconnect_at_leisure(&mut self) -> Result<i64, StoreError> {
        let mut connection = self.place.connect().await?;
        let row =
            sqlx::query(self.place.engine.last_batch()).bind(self.name.as_str()).fetch_one(&mut connection).await?;
        if row.try_get::<i64, _>("epoch")? != self.epoch {
            self.is_owner = false;
            return Err(StoreError::NotOwner);
        }
        if self.holds_lock() {
            match self.place.lock(&mut connection).await {
                Ok(()) => {}
                // The database has not noticed yet that our old connection is gone, or somebody is about to take over.
                Err(StoreError::Locked { .. }) => {
                    return Err(StoreError::Unavailable("waiting for the lock of the lost connection".to_owned()));
                }
                Err(other) => return Err(other),
            }
        }
        let batch = row.try_get("batch")?;
        self.connected(connection);
        Ok(batch)
    }

    /// Tries until it is connected again; ends early when another process has taken over or the store is closed.
    pub(crate) async fn come_back(&mut self) -> Result<i64, StoreError> {
        let mut stopping = self.health.stopping.subscribe();
        let mut pause = PAUSE.0;
        loop {
            match self.reconnect().await {
                Ok(batch) => {
                    tracing::info!(lane = self.name, "the writer is connected again");
                    return Ok(batch);
                }
                Err(StoreError::NotOwner) => return Err(StoreError::NotOwner),
                Err(error) => tracing::warn!(%error, lane = self.name, "the writer cannot connect"),
            }
            tokio::select! {
                () = sleep(pause) => pause = (pause * 2).min(PAUSE.1),
                _ = stopping.wait_for(|stopping| *stopping) => return Err(StoreError::Unknown),
            }
        }
    }

    /// Carries out units in one transaction and commits it. Whatever is returned is certain, but for
    /// [`StoreError::Unknown`].
    ///
    /// A connection that turns out to be lost before the commit is replaced once, so that a restart of the database in
    /// a quiet moment is not noticed.
    pub(crate) async fn commit(&mut self, units: &[Waiting], heads: &mut Heads) -> Result<Done, StoreError> {
        let mut is_first = true;
        loop {
            if self.connection.is_none() {
                self.reconnect().await?;
            }
            let mut done = None;
            let attempt = timeout(self.place.patience(), self.attempt(units, heads, &mut done)).await;
            let failure = attempt.unwrap_or_else(|_| {
                // Where it hangs is not known; if all the work was done, it may be in the commit.
                let error = StoreError::Unavailable("no answer within the time for a batch".to_owned());
                Err(if done.is_some() { Failure::Open(error) } else { Failure::Refused(error) })
            });
            match (failure, done) {
                (Ok(()), Some(done)) => return Ok(done),
                (Ok(()), None) => return Err(StoreError::Closed),
                (Err(Failure::Open(error)), Some(done)) => {
                    self.lost();
                    tracing::warn!(%error, lane = self.name, "the connection was lost during a commit");
                    // Without the lease the answer is the new owner's to give.
                    let last = self.come_back().await.map_err(|_| StoreError::Unknown)?;
                    if last == self.batch {
                        return Ok(done);
                    }
                    // It is certain now that nothing of it was done. A database that fails at every commit (a full disk
                    // may show itself so) must not keep the batch for ever.
                    if !is_first {
                        return Err(error);
                    }
                    is_first = false;
                }
                (Err(Failure::Open(error) | Failure::Refused(error)), _) => {
                    if !matches!(error, StoreError::Unavailable(_)) {
                        return Err(error);
                    }
                    self.lost();
                    if !is_first {
                        return Err(error);
                    }
                    is_first = false;
                }
            }
            heads.clear();
        }
    }

    async fn attempt(&mut self, units: &[Waiting], heads: &mut Heads, done: &mut Option<Done>) -> Result<(), Failure> {
        let Some(connection) = &mut self.connection else { return Err(Failure::Refused(StoreError::Closed)) };
        self.batch += 1;
        let refused = |error: sqlx::Error| Failure::Refused(error.into());
        let mut tx = connection.begin().await.map_err(refused)?;
        let ours = sqlx::query("UPDATE lease SET batch = $1 WHERE name = $2 AND epoch = $3")
            .bind(self.batch)
            .bind(self.name.as_str())
            .bind(self.epoch)
            .execute(&mut *tx)
            .await
            .map_err(refused)?;
        if ours.rows_affected() == 0 {
            self.is_owner = false;
            return Err(Failure::Refused(StoreError::NotOwner));
        }
        match batch::carry_out(&mut tx, &mut self.statements, units, heads, &self.numbers).await {
            Ok(result) => *done = Some(result),
            Err(error) => {
                // A connection on which even this fails must not be used again.
                if tx.rollback().await.is_err() {
                    self.lost();
                }
                return Err(Failure::Refused(error));
            }
        }
        match tx.commit().await {
            Ok(()) => Ok(()),
            Err(error) if StoreError::denies_commit(&error) => {
                self.lost();
                Err(refused(error))
            }
            Err(error) => Err(Failure::Open(error.into())),
        }
    }
}
