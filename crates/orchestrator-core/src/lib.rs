//! Event ingress and dispatch: an HTTP request finds its app and route, is admitted, runs, is answered and recorded; an
//! event of a topic, or of a schedule that is due, is delivered until it has arrived or is given up.
//! Reaches the executor through a trait and the data through the store; changes no script and signs nobody in: it knows
//! tokens that others made.

mod address;
mod cors;
mod dead_letter_bound;
mod deliveries;
mod deployments;
mod domains;
mod error;
mod ingress;
mod looks;
mod outlive;
mod recorder;
mod request;
mod response;
mod retention;
mod visitors;

pub use deliveries::{DeliverySettings, Dispatcher};
pub use ingress::{Ingress, Settings};
pub use recorder::{Recorder, Writer};
pub use retention::Retention;
