//! The API's edges, over a real SQLite store and without a socket: what is refused, how, and in which shape. What
//! scripts really do is tested with the whole server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod authorisation;
mod conditions;
mod dashboard;
mod domains;
mod errors;
mod flow;
mod invitations;
mod late;
mod members;
mod openapi;
mod origin;
mod releases;
mod server;
mod settings;
mod setup;
mod support;
mod tokens;
mod users;
