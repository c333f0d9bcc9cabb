//! Topics, their events, and dead letters.

use crate::{Client, Result};
use picloud_shared::{
    api::{DeadLetter, Delivery, DeliveryState, Page, Publish, Published, Replay, Replayed, Topic},
    ids::DeliveryId,
    names::{AppSlug, ScriptName, TopicName},
};
use reqwest::Method;

/// Which dead letters to list; all when nothing is given.
#[derive(Clone, Debug, Default)]
pub struct DeadLetterFilter {
    /// Only those before this one: [`Page::next`] of the page before.
    pub before: Option<String>,
    /// At most so many.
    pub limit: Option<u32>,
}

/// Which deliveries to list; all that have not ended when nothing is given.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// Only those of this topic.
    pub topic: Option<TopicName>,
    /// Only those to this script.
    pub script: Option<ScriptName>,
    /// Only those that are so far.
    pub state: Option<DeliveryState>,
    /// Only those before this one: [`Page::next`] of the page before.
    pub before: Option<String>,
    /// At most so many.
    pub limit: Option<u32>,
}

impl Client {
    /// The topics that scripts of an app are subscribed to, and those that have deliveries.
    pub async fn topics(&self, app: &AppSlug) -> Result<Vec<Topic>> {
        self.fetch_all(&["apps", app.as_str(), "topics"], "after").await
    }

    /// Publishes an event; it is stored when this returns.
    pub async fn publish(&self, app: &AppSlug, topic: &TopicName, event: &Publish) -> Result<Published> {
        let url = self.endpoint(&["apps", app.as_str(), "topics", topic.as_str()]);
        self.fetch(self.request(Method::POST, url).json(event)).await
    }

    /// One page of an app's deliveries that have not ended, the latest event first.
    pub async fn deliveries(&self, app: &AppSlug, filter: &DeliveryFilter) -> Result<Page<Delivery>> {
        let mut url = self.endpoint(&["apps", app.as_str(), "deliveries"]);
        url.query_pairs_mut()
            .extend_pairs(filter.topic.as_ref().map(|topic| ("topic", topic.as_str())))
            .extend_pairs(filter.script.as_ref().map(|script| ("script", script.as_str())))
            .extend_pairs(filter.state.map(|state| ("state", state.as_str())))
            .extend_pairs(filter.before.as_ref().map(|before| ("before", before)))
            .extend_pairs(filter.limit.map(|limit| ("limit", limit.to_string())));
        self.fetch(self.request(Method::GET, url)).await
    }

    /// One delivery that has not ended, with its payload.
    pub async fn delivery(&self, app: &AppSlug, id: DeliveryId) -> Result<Delivery> {
        let url = self.endpoint(&["apps", app.as_str(), "deliveries", &id.to_string()]);
        self.fetch(self.request(Method::GET, url)).await
    }

    /// One page of an app's dead letters, the latest event first.
    pub async fn dead_letters(&self, app: &AppSlug, filter: &DeadLetterFilter) -> Result<Page<DeadLetter>> {
        let mut url = self.endpoint(&["apps", app.as_str(), "dead-letters"]);
        url.query_pairs_mut()
            .extend_pairs(filter.before.as_ref().map(|before| ("before", before)))
            .extend_pairs(filter.limit.map(|limit| ("limit", limit.to_string())));
        self.fetch(self.request(Method::GET, url)).await
    }

    /// Has one dead letter delivered again.
    pub async fn replay_dead_letter(&self, app: &AppSlug, id: DeliveryId) -> Result<Replayed> {
        let url = self.endpoint(&["apps", app.as_str(), "dead-letters", &id.to_string(), "replay"]);
        self.fetch(self.request(Method::POST, url)).await
    }

    /// Has all dead letters of an app, or of one topic, delivered again.
    pub async fn replay_dead_letters(&self, app: &AppSlug, replay: &Replay) -> Result<Replayed> {
        let url = self.endpoint(&["apps", app.as_str(), "dead-letters", "replay"]);
        self.fetch(self.request(Method::POST, url).json(replay)).await
    }

    /// Deletes one dead letter.
    pub async fn delete_dead_letter(&self, app: &AppSlug, id: DeliveryId) -> Result<()> {
        let url = self.endpoint(&["apps", app.as_str(), "dead-letters", &id.to_string()]);
        self.execute(self.request(Method::DELETE, url)).await
    }
}
