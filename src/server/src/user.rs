//! `bangban user`: accounts from the command line, while no server runs on the database: the first administrator of a new
//! installation, and the way back in when nobody can log in any more. Each change is in the audit log.

use std::fmt::Write as _;

use anyhow::{Context as _, bail, ensure};
use bangban_domain::{
    AgentId, Timestamp,
    rights::Grant,
    words::{Role, SessionEnd},
};
use bangban_store::{Audit, Author, Change, Json, StaffChange, StaffRow, Store, Unit};
use clap::Subcommand;
use serde_json::value::to_raw_value;

use crate::{
    auth::hash_password,
    clock::Clock,
    config::Config,
    desk::new_id,
    staff::{change::is_city_admin, password},
};

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Makes an account and prints a password for its first log-in.
    Add {
        /// Staff number.
        login: String,
        /// Display name.
        #[arg(long)]
        name: String,
        /// What they may do.
        #[arg(long, value_parser = role)]
        role: Role,
        /// In this unit and below; without it, in the whole city.
        #[arg(long)]
        unit: Option<String>,
    },
    /// Lists all accounts.
    List,
    /// Gives an account one more right.
    Grant {
        /// Staff number.
        login: String,
        /// What they may do.
        #[arg(long, value_parser = role)]
        role: Role,
        /// In this unit and below; without it, in the whole city.
        #[arg(long)]
        unit: Option<String>,
        /// For these items only.
        #[arg(long = "item")]
        items: Vec<String>,
    },
    /// Prints a new password for one log-in; ends all sessions.
    Password {
        /// Staff number.
        login: String,
        /// Takes the second factor away too.
        #[arg(long)]
        no_totp: bool,
    },
    /// Lifts the lock after too many wrong passwords, and opens a closed account again.
    Unlock {
        /// Staff number.
        login: String,
    },
}

fn role(text: &str) -> Result<Role, String> {
    let all = || Role::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
    Role::parse(text).ok_or_else(|| format!("one of {}", all()))
}

/// Carries the command out; gives what is to be printed.
///
/// # Errors
/// One line that says why not.
pub async fn run(config: &Config, command: UserCommand) -> anyhow::Result<String> {
    let store = Store::open(&config.database(), 16, Box::new(|_| {}))
        .await
        .context("while a server runs, accounts are changed on its administration pages")?;
    let done = carry_out(&store, Clock::system().now(), command).await;
    store.close().await;
    done
}

async fn carry_out(store: &Store, now: Timestamp, command: UserCommand) -> anyhow::Result<String> {
    let staff = store.staff().await?;
    let find = |login: &str| {
        let found = staff.iter().find(|row| row.login == login).cloned();
        found.with_context(|| format!("there is no account {login:?}"))
    };
    match command {
        UserCommand::List => Ok(list(&staff, now)),
        UserCommand::Add { login, name, role, unit } => {
            let is_login = (2..=64).contains(&login.len())
                && login.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
            ensure!(is_login, "a staff number has 2 to 64 letters, digits, dots, lines or hyphens");
            ensure!((1..=50).contains(&name.trim().chars().count()), "a name has 1 to 50 characters");
            ensure!(staff.iter().all(|row| row.login != login), "there is an account {login:?} already");
            let password = password::one_time()?;
            let row = StaffRow {
                grants: vec![Grant { role, unit: unit.clone(), items: Vec::new() }],
                unit,
                password_hash: hash_password(&password)?,
                must_change: true,
                ..StaffRow::new(AgentId::new(new_id()), login, name.trim())
            };
            let detail = serde_json::json!({ "before": null, "after": { "login": row.login, "grants": row.grants } });
            let edited = StaffChange::Edited { row: Box::new(row.clone()), from: 0 };
            commit(store, now, &row, "staff.add", detail, vec![edited]).await?;
            Ok(format!("{} made; password for the first log-in: {password}\n", row.login))
        }
        UserCommand::Grant { login, role, unit, items } => {
            let before = find(&login)?;
            let grant = Grant { role, unit, items };
            if before.grants.contains(&grant) {
                bail!("{login} has this right already");
            }
            let mut row = before.clone();
            row.grants.push(grant);
            let detail =
                serde_json::json!({ "before": { "grants": before.grants }, "after": { "grants": row.grants } });
            let edited = StaffChange::Edited { row: Box::new(row.clone()), from: before.version };
            commit(store, now, &row, "staff.change", detail, vec![edited]).await?;
            Ok(format!("{login}: {}\n", rights(&row)))
        }
        UserCommand::Password { login, no_totp } => {
            let row = find(&login)?;
            let password = password::one_time()?;
            let mut changes =
                vec![StaffChange::Password { agent: row.id, hash: hash_password(&password)?, must_change: true }];
            if no_totp {
                changes.push(StaffChange::Totp { agent: row.id, secret: None, recovery: Vec::new(), step: 0 });
            }
            let open = store.open_sessions(now).await?;
            let open = open.into_iter().filter(|session| session.agent == row.id);
            changes.extend(open.map(|session| StaffChange::Ended {
                session: session.id,
                at: now,
                why: SessionEnd::Password,
            }));
            let detail = serde_json::json!({ "oneTime": true, "totpReset": no_totp });
            commit(store, now, &row, "staff.password", detail, changes).await?;
            Ok(format!("password of {login} for one log-in: {password}\n"))
        }
        UserCommand::Unlock { login } => {
            let before = find(&login)?;
            let mut changes = vec![StaffChange::Locked { login: login.clone(), until: Timestamp(0) }];
            if !before.is_active {
                let row = StaffRow { is_active: true, ..before.clone() };
                changes.push(StaffChange::Edited { row: Box::new(row), from: before.version });
            }
            let detail = serde_json::json!({ "wasActive": before.is_active });
            commit(store, now, &before, "staff.unlock", detail, changes).await?;
            Ok(format!("{login} may log in\n"))
        }
    }
}

async fn commit(
    store: &Store,
    now: Timestamp,
    row: &StaffRow,
    action: &'static str,
    detail: serde_json::Value,
    changes: Vec<StaffChange>,
) -> anyhow::Result<()> {
    let told = Audit {
        at: now,
        actor: Author::System,
        action,
        kind: "staff".to_owned(),
        subject: row.id.to_string(),
        unit: row.unit.clone(),
        reason: Some("command line".to_owned()),
        address: None,
        detail: Json(to_raw_value(&detail)?),
    };
    let mut changes: Vec<Change> = changes.into_iter().map(Change::Account).collect();
    changes.push(Change::Audit(told));
    store.commit(Unit { changes, ..Unit::default() }).await?;
    Ok(())
}

fn rights(row: &StaffRow) -> String {
    let one = |grant: &Grant| {
        let unit = grant.unit.as_deref().unwrap_or("city");
        if grant.items.is_empty() {
            format!("{} in {unit}", grant.role)
        } else {
            format!("{} in {unit} for {}", grant.role, grant.items.join(", "))
        }
    };
    let all: Vec<String> = row.grants.iter().map(one).collect();
    if all.is_empty() { "no rights".to_owned() } else { all.join("; ") }
}

fn list(staff: &[StaffRow], now: Timestamp) -> String {
    let mut text = String::new();
    for row in staff {
        let state = match row {
            StaffRow { is_active: false, .. } => "closed",
            StaffRow { locked_until, .. } if *locked_until > now => "locked",
            StaffRow { password_hash, .. } if password_hash.is_empty() => "no password",
            StaffRow { must_change: true, .. } => "one-time password",
            _ => "",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<20} {:<12} {:<18} {}", row.login, row.name, state, rights(row));
    }
    if !staff.iter().any(is_city_admin) {
        text += "There is no administrator of the city: bangban user add LOGIN --name NAME --role admin\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use bangban_store::Database;

    use super::*;
    use crate::auth::is_password;

    #[tokio::test]
    async fn a_new_installation_gets_its_first_administrator_and_a_way_back_in() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database { dir: dir.path().to_owned(), ..Database::default() };
        let store = Store::open(&database, 16, Box::new(|_| {})).await.unwrap();
        let now = Timestamp(1_800_000_000_000);
        let run = async |command| carry_out(&store, now, command).await.map_err(|error| error.to_string());
        assert!(run(UserCommand::List).await.unwrap().contains("no administrator"));
        let add = |login: &str| UserCommand::Add {
            login: login.to_owned(),
            name: "管理员".to_owned(),
            role: Role::Admin,
            unit: None,
        };
        let said = run(add("admin1")).await.unwrap();
        let password = said.trim().rsplit(' ').next().unwrap().to_owned();
        let of = async || store.staff().await.unwrap().into_iter().find(|row| row.login == "admin1").unwrap();
        let row = of().await;
        assert!(row.must_change && is_password(&password, &row.password_hash) && is_city_admin(&row));
        assert!(run(add("admin1")).await.unwrap_err().contains("already"));
        assert!(run(add("a b")).await.unwrap_err().contains("staff number"));
        let grant = || UserCommand::Grant {
            login: "admin1".to_owned(),
            role: Role::Supervisor,
            unit: Some("xuhui".to_owned()),
            items: Vec::new(),
        };
        assert_eq!(run(grant()).await.unwrap(), "admin1: admin in city; supervisor in xuhui\n");
        assert!(run(grant()).await.unwrap_err().contains("already"));
        let said = run(UserCommand::Password { login: "admin1".to_owned(), no_totp: true }).await.unwrap();
        let next = said.trim().rsplit(' ').next().unwrap();
        assert!(next != password && is_password(next, &of().await.password_hash));
        let locked = StaffChange::Locked { login: "admin1".to_owned(), until: now + 1 };
        store.commit(Unit { changes: vec![Change::Account(locked)], ..Unit::default() }).await.unwrap();
        assert!(run(UserCommand::List).await.unwrap().contains("locked"));
        run(UserCommand::Unlock { login: "admin1".to_owned() }).await.unwrap();
        assert_eq!(of().await.locked_until, Timestamp(0));
        assert!(run(UserCommand::Unlock { login: "nobody".to_owned() }).await.unwrap_err().contains("no account"));
        let actions: Vec<String> =
            store.audit_before(u64::MAX, 10).await.unwrap().into_iter().rev().map(|line| line.action).collect();
        assert_eq!(actions, ["staff.add", "staff.change", "staff.password", "staff.unlock"]);
    }
}
