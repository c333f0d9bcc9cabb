//! Which apps have deliveries that are due, and when the next will be. What cannot be read of an app holds up no other's.

use crate::{Store, StoreError, gone::script_is_there, pool::Transaction};
use picloud_shared::{ids::AppId, limit_rules::LimitValues, outbound::AllowedHosts};
use sqlx::QueryBuilder;
use std::{collections::BTreeMap, fmt::Display};

/// Deliveries that one look goes through, the soonest first: where they are not all due, no other is.
const SOONEST: i64 = 100;

/// An app with deliveries that wait or run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppDeliveries {
    /// The app.
    pub app: AppId,
    /// The limits that it sets itself.
    pub limits: LimitValues,
    /// The hosts that its scripts may reach.
    pub outbound: AllowedHosts,
    /// Milliseconds until the first may be claimed; not positive when it may be now.
    pub due_in_ms: i64,
}

/// What one look has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// In the order of their ids.
    pub apps: Vec<AppDeliveries>,
    /// Apps that have deliveries, and of which what these need cannot be read, and why.
    pub unreadable: Vec<String>,
}

#[derive(sqlx::FromRow)]
struct AppRow {
    app: String,
    limits: String,
    outbound: String,
    /// `None` when all that it has are of deleted scripts.
    #[sqlx(default)]
    due_at: Option<i64>,
}

impl AppRow {
    fn read(self, now: i64) -> Result<Option<AppDeliveries>, String> {
        let Self { app: id, limits, outbound, due_at } = self;
        let what = |what, why: &dyn Display| format!("app {id}: its {what} cannot be read: {why}");
        let app = id.parse().map_err(|why| what("id", &why))?;
        let limits = limits.try_into().map_err(|why| what("limits", &why))?;
        let outbound = outbound.try_into().map_err(|why| what("hosts", &why))?;
        Ok(due_at.map(|due_at| AppDeliveries { app, limits, outbound, due_in_ms: due_at - now }))
    }
}

impl Due {
    fn of(rows: Vec<AppRow>, now: i64) -> Self {
        let mut due = Self::default();
        for row in rows {
            match row.read(now) {
                Ok(app) => due.apps.extend(app),
                Err(why) => due.unreadable.push(why),
            }
        }
        due
    }
}

impl Store {
    /// The apps that have deliveries that are due, and that or those which have the next. Where not many wait, it is all that have
    /// any.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn apps_with_deliveries(&self) -> Result<Due, StoreError> {
        let mut transaction = self.inner.pool.begin_read().await?;
        let now = self.database_time(&mut transaction).await?;
        let soonest: Vec<(i64, String)> = with_db!(self, &mut transaction, db => {
            sqlx::query_as(concat!(
                "SELECT due_at, app_id FROM deliveries WHERE due_at IS NOT NULL AND ",
                script_is_there!(),
                " ORDER BY due_at LIMIT $1",
            ))
            .bind(SOONEST)
            .fetch_all(db)
            .await?
        });
        let many = i64::try_from(soonest.len()).is_ok_and(|found| found == SOONEST);
        let all_due = soonest.last().is_some_and(|(last, _)| *last <= now);
        // There may be apps that have something due behind what many others have.
        let near = if many && all_due { None } else { Some(self.apps_of(&mut transaction, soonest).await?) };
        let due = match near.map(|rows| Due::of(rows, now)) {
            // Nor is it known what comes behind that of an app that is left out.
            Some(due) if !many || due.unreadable.is_empty() => due,
            _ => Due::of(self.all_with_deliveries(&mut transaction).await?, now),
        };
        transaction.commit().await?;
        Ok(due)
    }

    /// The apps of these deliveries, which stand in the order in which they are due.
    async fn apps_of(
        &self,
        transaction: &mut Transaction,
        soonest: Vec<(i64, String)>,
    ) -> Result<Vec<AppRow>, StoreError> {
        let mut first: BTreeMap<String, i64> = BTreeMap::new();
        for (due_at, app) in soonest {
            first.entry(app).or_insert(due_at);
        }
        if first.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<AppRow> = with_db!(self, transaction, db => {
            let mut query = QueryBuilder::new("SELECT id AS app, limits, outbound FROM apps WHERE id IN (");
            push_list!(query, first.keys());
            query.push(") ORDER BY id").build_query_as().persistent(false).fetch_all(db).await?
        });
        Ok(rows.into_iter().map(|row| AppRow { due_at: first.get(&row.app).copied(), ..row }).collect())
    }

    /// All apps that have any, from one to the next by the index, instead of going through all deliveries.
    async fn all_with_deliveries(&self, transaction: &mut Transaction) -> Result<Vec<AppRow>, StoreError> {
        Ok(with_db!(self, transaction, db => {
            sqlx::query_as(concat!(
                "WITH RECURSIVE waiting (app_id) AS (
                    SELECT MIN(app_id) FROM deliveries WHERE dead_at IS NULL
                    UNION ALL
                    SELECT (SELECT MIN(d.app_id) FROM deliveries d WHERE d.dead_at IS NULL AND d.app_id > w.app_id)
                    FROM waiting w WHERE w.app_id IS NOT NULL
                 )
                 SELECT a.id AS app, a.limits, a.outbound, (
                    SELECT MIN(d.due_at) FROM deliveries d WHERE d.app_id = a.id AND d.dead_at IS NULL AND ",
                script_is_there!(),
                ") AS due_at FROM waiting w JOIN apps a ON a.id = w.app_id WHERE NOT a.gone ORDER BY a.id",
            ))
            .fetch_all(db)
            .await?
        }))
    }
}
