//! The table `releases`: what each deploy has left, the whole of it, so that going back to one is deploying it again.

use crate::{
    NewRelease, Store, StoreError,
    pool::Transaction,
    rows::{Json, Optional, to_json},
};
use picloud_shared::{
    api::{Changes, DeployScript, Release},
    ids::AppId,
    limit_rules::LimitValues,
    names::{ScriptName, TopicName, Username},
    route::Route,
    schedule::Schedule,
    time::TimestampMs,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Releases of an app that are kept.
pub const RELEASES: i64 = 20;

/// The whole of what a release left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReleaseContent {
    /// By name.
    pub scripts: Vec<DeployScript>,
    /// Those that the app sets itself.
    pub limits: LimitValues,
}

#[derive(sqlx::FromRow)]
struct ReleaseRow {
    number: i64,
    changes: Vec<u8>,
    brings_back: Option<i64>,
    #[sqlx(try_from = "Option<String>")]
    author: Optional<Username>,
    created_at: TimestampMs,
}

#[derive(sqlx::FromRow)]
struct ContentRow {
    #[sqlx(try_from = "String")]
    name: ScriptName,
    #[sqlx(try_from = "Vec<u8>")]
    source: String,
    #[sqlx(try_from = "String")]
    routes: Json<Vec<Route>>,
    #[sqlx(try_from = "String")]
    topics: Json<Vec<TopicName>>,
    #[sqlx(try_from = "String")]
    schedules: Json<Vec<Schedule>>,
}

impl From<ContentRow> for DeployScript {
    fn from(ContentRow { name, source, routes, topics, schedules }: ContentRow) -> Self {
        Self { name, source, routes: Some(routes.0), topics: topics.0, schedules: schedules.0 }
    }
}

impl Store {
    /// The releases of an app that are kept, latest first.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn releases(&self, app: AppId) -> Result<Vec<Release>, StoreError> {
        let rows: Vec<ReleaseRow> = with_db!(self, read, db => {
            sqlx::query_as(
                "SELECT r.number, r.changes, r.brings_back, u.username AS author, r.created_at
                 FROM releases r LEFT JOIN users u ON u.id = r.author WHERE r.app_id = $1 ORDER BY r.number DESC",
            )
            .bind(app.to_string())
            .fetch_all(db)
            .await?
        });
        rows.into_iter()
            .map(|ReleaseRow { number, changes, brings_back, author, created_at }| {
                let changes = parsed(&changes, "changes", number)?;
                Ok(Release { number, changes, brings_back, author: author.0, created_at })
            })
            .collect()
    }

    /// The whole of what a release left; without a number, of the one before the latest. With its number.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn release_content(
        &self,
        app: AppId,
        number: Option<i64>,
    ) -> Result<Option<(i64, ReleaseContent)>, StoreError> {
        let row: Option<(i64, Vec<u8>)> = with_db!(self, read, db => {
            sqlx::query_as(
                "SELECT number, manifest FROM releases WHERE app_id = $1 AND number = COALESCE($2,
                    (SELECT MAX(before.number) FROM releases before WHERE before.app_id = $1 AND before.number <
                        (SELECT MAX(latest.number) FROM releases latest WHERE latest.app_id = $1)))",
            )
            .bind(app.to_string())
            .bind(number)
            .fetch_optional(db)
            .await?
        });
        row.map(|(number, manifest)| Ok((number, parsed(&manifest, "manifest", number)?))).transpose()
    }

    /// The number of the latest one; 0 for none.
    pub(crate) async fn latest_release(&self, transaction: &mut Transaction, app: AppId) -> Result<i64, StoreError> {
        Ok(with_db!(self, transaction, db => {
            sqlx::query_scalar("SELECT COALESCE(MAX(number), 0) FROM releases WHERE app_id = $1")
                .bind(app.to_string())
                .fetch_one(db)
                .await?
        }))
    }

    /// Keeps what a deploy has left, and of earlier ones the newest.
    pub(crate) async fn insert_release(
        &self,
        transaction: &mut Transaction,
        app: AppId,
        number: i64,
        changes: &Changes,
        new: &NewRelease,
    ) -> Result<(), StoreError> {
        let manifest = self.content_in(transaction, app).await?;
        let (manifest, changes) = (to_json(&manifest)?, to_json(changes)?);
        with_db!(self, &mut *transaction, db => {
            sqlx::query(
                "INSERT INTO releases (app_id, number, manifest, changes, brings_back, author, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(app.to_string())
            .bind(number)
            .bind(manifest.as_bytes())
            .bind(changes.as_bytes())
            .bind(new.brings_back)
            .bind(new.author.map(|author| author.to_string()))
            .bind(new.now)
            .execute(db)
            .await?;
        });
        with_db!(self, transaction, db => {
            sqlx::query("DELETE FROM releases WHERE app_id = $1 AND number <= $2")
                .bind(app.to_string())
                .bind(number - RELEASES)
                .execute(db)
                .await?;
        });
        Ok(())
    }

    async fn content_in(&self, transaction: &mut Transaction, app: AppId) -> Result<ReleaseContent, StoreError> {
        let rows: Vec<ContentRow> = with_db!(self, &mut *transaction, db => {
            sqlx::query_as(
                "SELECT s.name, v.source, v.routes, v.topics, v.schedules
                 FROM scripts s JOIN versions v ON v.script_id = s.id AND v.number = s.active
                 WHERE s.app_id = $1 ORDER BY s.name",
            )
            .bind(app.to_string())
            .fetch_all(db)
            .await?
        });
        let limits = self.own_limits(transaction, app).await?;
        Ok(ReleaseContent { scripts: rows.into_iter().map(DeployScript::from).collect(), limits })
    }
}

fn parsed<T: DeserializeOwned>(json: &[u8], what: &str, number: i64) -> Result<T, StoreError> {
    serde_json::from_slice(json).map_err(|e| StoreError::Corrupt(format!("the {what} of release {number}: {e}")))
}
