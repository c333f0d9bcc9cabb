//! Schedules.

use crate::{Client, Result};
use picloud_shared::{
    api::{ScheduleRun, ScheduleState},
    ids::ScheduleId,
    names::AppSlug,
};
use reqwest::Method;

impl Client {
    /// The schedules of an app's active versions, by script.
    pub async fn schedules(&self, app: &AppSlug) -> Result<Vec<ScheduleState>> {
        self.fetch_all(&["apps", app.as_str(), "schedules"], "after").await
    }

    /// Runs one now, as if it were due; the event is stored when this returns.
    pub async fn run_schedule(&self, app: &AppSlug, id: ScheduleId) -> Result<ScheduleRun> {
        let url = self.endpoint(&["apps", app.as_str(), "schedules", &id.to_string(), "run"]);
        self.fetch(self.request(Method::POST, url)).await
    }
}
