//! PiCloud as a whole: the real binary as a process of its own, on free ports, with its own data directory, on SQLite
//! and on PostgreSQL.

mod cli;
mod crash;
mod documentation;
mod examples;
mod first_start;
mod fuel;
mod http;
mod limits;
mod records;
mod results;
mod support;
mod tour;
mod uploads;
