//! What the ingress reads: an app with the routes of its active versions. Includes the table `routes`, which is written
//! by `activate`.

use crate::{App, Store, StoreError};
use picloud_shared::{
    ids::{AppId, ScriptId, VersionId},
    names::{AppSlug, ScriptName},
    route::Route,
};

/// An app as it answers requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// The app.
    pub app: App,
    /// Every route of its active versions, in no particular order.
    pub routes: Vec<DeployedRoute>,
}

/// A route, and which version answers it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct DeployedRoute {
    /// The route.
    #[sqlx(try_from = "String")]
    pub route: Route,
    /// Whose it is.
    #[sqlx(try_from = "String")]
    pub script: ScriptId,
    /// The script's name.
    #[sqlx(try_from = "String")]
    pub name: ScriptName,
    /// The active version.
    #[sqlx(try_from = "String")]
    pub version: VersionId,
    /// Its number.
    pub number: i64,
}

#[derive(sqlx::FromRow)]
struct RevisionRow {
    #[sqlx(try_from = "String")]
    id: AppId,
    revision: i64,
}

impl Store {
    /// An app with all its routes, as they are at one moment. `None` when there is no such app.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn deployment(&self, slug: &AppSlug) -> Result<Option<Deployment>, StoreError> {
        let mut transaction = self.inner.pool.begin_read().await?;
        let app: Option<App> = with_db!(self, &mut transaction, db => {
            sqlx::query_as(
                "SELECT id, slug, name, debug, limits, outbound, cors, revision, created_at FROM apps WHERE slug = $1",
            )
            .bind(slug.as_str())
            .fetch_optional(db)
            .await?
        });
        let Some(app) = app else { return Ok(None) };
        let routes = with_db!(self, &mut transaction, db => {
            sqlx::query_as(
                "SELECT r.route, s.id AS script, s.name, v.id AS version, v.number
                 FROM routes r
                 JOIN scripts s ON s.id = r.script_id
                 JOIN versions v ON v.script_id = s.id AND v.number = s.active
                 WHERE r.app_id = $1",
            )
            .bind(app.id.to_string())
            .fetch_all(db)
            .await?
        });
        transaction.commit().await?;
        Ok(Some(Deployment { app, routes }))
    }

    /// Which app has this name, and its revision, for caches in other processes than the one that changed it. Both: another
    /// app may have got the name of one that was deleted, and come to the same revision.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn app_revision(&self, slug: &AppSlug) -> Result<Option<(AppId, i64)>, StoreError> {
        let row: Option<RevisionRow> = with_db!(self, read, db => {
            sqlx::query_as("SELECT id, revision FROM apps WHERE slug = $1").bind(slug.as_str()).fetch_optional(db).await?
        });
        Ok(row.map(|row| (row.id, row.revision)))
    }
}
