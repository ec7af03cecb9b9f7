//! Migrations: forward only, the same files for both databases.

use sqlx::{
    AnyConnection,
    migrate::{Migrate as _, Migrator},
};

use crate::{Database, StoreError, place::Place};

static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// One migration that this program knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Its number.
    pub version: i64,
    /// Its name.
    pub description: String,
    /// Was the database there before?
    pub was_applied: bool,
}

pub(crate) async fn run(connection: &mut AnyConnection) -> Result<(), StoreError> {
    Ok(MIGRATOR.run_direct(None, connection, false).await?)
}

/// Applies what is missing, or with `dry` only says what would be.
///
/// A server that is running holds the lock: it must have ended, because a migration may take away what it uses.
///
/// # Errors
/// [`StoreError::Locked`] if a server or another migration has the database, and whatever the database says.
pub async fn migrate(database: &Database, dry: bool) -> Result<Vec<Migration>, StoreError> {
    let place = Place::try_from(database)?;
    let mut applied = Vec::new();
    let _lock = if dry { None } else { place.lock_file()? };
    if !dry || place.is_there() {
        let mut connection = place.connect().await?;
        if !dry {
            place.lock(&mut connection).await?;
        }
        let known = connection.list_applied_migrations(&MIGRATOR.table_name).await;
        // Before the first migration there is no list of them.
        applied = known.unwrap_or_default();
        if !dry {
            run(&mut connection).await?;
        }
    }
    let all = MIGRATOR
        .iter()
        .map(|migration| Migration {
            version: migration.version,
            description: migration.description.to_string(),
            was_applied: applied.iter().any(|one| one.version == migration.version),
        })
        .collect();
    Ok(all)
}

/// Can the database be reached, and would it keep what it acknowledges? An SQLite file that is not there yet is made at
/// the first start.
///
/// # Errors
/// Says what is wrong.
pub async fn check(database: &Database) -> Result<(), StoreError> {
    let place = Place::try_from(database)?;
    if place.is_there() {
        place.connect().await?;
    }
    Ok(())
}
