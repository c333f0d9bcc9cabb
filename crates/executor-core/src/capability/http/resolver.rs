//! From names to the addresses that are connected to: the check lies between the look-up and the connection, with
//! nothing that could look the name up again.

use super::lookups::Lookups;
use picloud_shared::{ids::AppId, outbound::is_public};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::sync::Arc;

tokio::task_local! {
    /// The app that sends the request which is being sent: a client tells its resolver a name and no more.
    pub(super) static SENDER: AppId;
}

/// None of a name's addresses is public.
#[derive(Debug, thiserror::Error)]
#[error("this name has no public address")]
pub(super) struct NotPublic;

/// For a client.
pub(super) struct Resolver {
    pub(super) lookups: Arc<Lookups>,
    /// Whether addresses that are not public are left out.
    pub(super) public_only: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        // Here and not in what follows: a client that gets another connection meanwhile goes on connecting in a task of its own.
        let app = SENDER.try_with(|app| *app);
        let (lookups, public_only) = (Arc::clone(&self.lookups), self.public_only);
        Box::pin(async move {
            let mut addresses = lookups.find(app?, name.as_str()).await?;
            let there_are = !addresses.is_empty();
            addresses.retain(|address| !public_only || is_public(address.ip()));
            if there_are && addresses.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
