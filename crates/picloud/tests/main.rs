//! PiCloud as a whole: the real binary as a process of its own, on free ports, with its own data directory, on SQLite
//! and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod abuse;
mod check;
mod cli;
mod cors;
mod crash;
mod dev;
mod documentation;
mod domains;
mod examples;
mod files;
mod first_start;
mod fuel;
mod fuzz;
mod gone;
mod http;
mod identity;
mod imports;
mod invoke;
mod limits;
mod members;
mod quotas;
mod records;
mod results;
mod schedules;
mod secrets;
mod stats;
mod support;
mod tail;
mod testing;
mod topics;
mod tour;
mod uploads;
