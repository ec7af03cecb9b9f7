//! Reading without writing: what a command beside a running server may do, and the reads of audit and retention that both
//! share.

use bangban_domain::org::Kind;
use sqlx::{AnyPool, Row as _};

use crate::{Database, Store, StoreError, place::Place};

/// Connections that can read only. Cheap to clone.
#[derive(Clone)]
pub struct Archive {
    pub(crate) readers: AnyPool,
}

impl Archive {
    /// Opens a database that is there, also beside the server that owns it.
    ///
    /// # Errors
    /// [`StoreError::Url`], [`StoreError::Missing`], and whatever the database says.
    pub async fn open(database: &Database) -> Result<Self, StoreError> {
        let place = Place::try_from(database)?;
        if !place.is_there() {
            return Err(StoreError::Missing(place.shown.clone()));
        }
        Ok(Self { readers: place.readers().await? })
    }

    /// Codes and bodies (JSON) of all records of a kind, in the order in which they were made.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn bodies(&self, kind: Kind) -> Result<Vec<(String, String)>, StoreError> {
        let sql = "SELECT id, body FROM record WHERE kind = $1 ORDER BY no";
        let rows = sqlx::query(sql).bind(kind.as_str()).fetch_all(&self.readers).await?;
        rows.iter().map(|row| Ok((row.try_get("id")?, row.try_get("body")?))).collect()
    }
}

impl Store {
    /// Reads without the writer.
    #[must_use]
    pub fn archive(&self) -> Archive {
        Archive { readers: self.readers.clone() }
    }
}
