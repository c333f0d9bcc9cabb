//! What the services and their clients have in common: ids, names, limits, the API's wire types, and the traits
//! through which the services reach each other. No HTTP server, no SQL, no wasm.

#[macro_use]
mod schema;

pub mod activity;
pub mod api;
pub mod bodies;
pub mod cors;
pub mod declarations;
pub mod domains;
pub mod events;
pub mod executor;
pub mod histogram;
pub mod ids;
pub mod imports;
pub mod limit_rules;
pub mod limits;
pub mod names;
pub mod one_time;
pub mod outbound;
pub mod outcome;
pub mod place;
pub mod precondition;
pub mod proxies;
pub mod route;
pub mod routes;
pub mod schedule;
pub mod sealed;
pub mod tally;
pub mod target;
pub mod time;
pub mod token;
