//! Every case of the store, written once and run on SQLite and on PostgreSQL under two names.

#![expect(clippy::unwrap_used, reason = "the cases are functions beside the tests that call them")]

mod apps;
mod commit;
mod delivery_model;
mod deployments;
mod domains;
mod files;
mod fixture;
mod imports;
mod invocations;
mod kv;
mod leaving;
mod open;
mod releases;
mod schedules;
mod scripts;
mod secrets;
mod topics;
mod users;
mod vars;
