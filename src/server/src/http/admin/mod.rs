//! Administration: who may see and change what is administered. Every change is one unit: the record and a line of the audit
//! log with what was there before.

pub(super) mod alerts;
pub(super) mod conversations;
pub(super) mod items;
pub(super) mod me;
pub(super) mod records;
pub(super) mod roster;

/// Longest record, in bytes: an item with all its aliases.
pub(super) const MAX_RECORD: usize = 256 * 1024;

/// Longest file of items: more than 100 000 of them.
pub(super) const MAX_FILE: usize = 64 * 1024 * 1024;
