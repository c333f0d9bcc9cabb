//! Every case of the store, written once and run on SQLite and on PostgreSQL under two names.

#![expect(clippy::unwrap_used, reason = "the cases are functions beside the tests that call them")]

mod apps;
mod audit;
mod commit;
mod dead_letters;
mod delivery_model;
mod deployments;
mod domains;
mod due;
mod empty;
mod files;
mod fixture;
mod gone;
mod gone_deliveries;
mod imports;
mod invitations;
mod invocations;
mod kv;
mod leaving;
mod members;
mod open;
mod releases;
mod retention;
mod schedules;
mod scripts;
mod secrets;
mod stats;
mod tail;
mod tokens;
mod topics;
mod users;
mod vars;
mod warrants;
