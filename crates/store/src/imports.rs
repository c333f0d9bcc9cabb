//! Which scripts of an app import which, and the sources of a version with all that it imports. What versions import is
//! written by `activate`.

use crate::{Store, StoreError, pool::Transaction, rows::Json};
use picloud_shared::{
    ids::{AppId, VersionId},
    imports::{ImportError, ImportGraph},
    limits::IMPORTS,
    names::ScriptName,
};
use sha2::{Digest, Sha256};
use sqlx::QueryBuilder;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The version of a script that answers, and is imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveVersion {
    /// The script's name.
    pub name: ScriptName,
    /// The version's id.
    pub version: VersionId,
    /// What its source imports itself.
    pub imports: BTreeSet<ScriptName>,
    /// Bytes of its source.
    pub bytes: usize,
    sha256: Vec<u8>,
}

impl ActiveVersion {
    /// Whether this is its source.
    pub fn is_of(&self, source: &str) -> bool {
        self.sha256 == Sha256::digest(source).as_slice()
    }
}

#[derive(sqlx::FromRow)]
struct ActiveRow {
    #[sqlx(try_from = "String")]
    name: ScriptName,
    #[sqlx(try_from = "String")]
    id: VersionId,
    #[sqlx(try_from = "String")]
    imports: Json<BTreeSet<ScriptName>>,
    #[sqlx(try_from = "i64")]
    bytes: usize,
    sha256: Vec<u8>,
}

impl From<ActiveRow> for ActiveVersion {
    fn from(row: ActiveRow) -> Self {
        Self { name: row.name, version: row.id, imports: row.imports.0, bytes: row.bytes, sha256: row.sha256 }
    }
}

/// `ActiveRow`s of one app.
const SELECT_ACTIVE: &str = "SELECT s.name, v.id, v.imports, CAST(LENGTH(v.source) AS BIGINT) AS bytes, v.sha256
    FROM scripts s JOIN versions v ON v.script_id = s.id AND v.number = s.active WHERE s.app_id = ";

impl Store {
    /// Every script of an app with its active version.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn active_versions(&self, app: AppId) -> Result<Vec<ActiveVersion>, StoreError> {
        let rows: Vec<ActiveRow> = with_db!(self, read, db => {
            QueryBuilder::new(SELECT_ACTIVE).push_bind(app.to_string()).build_query_as().fetch_all(db).await?
        });
        Ok(rows.into_iter().map(ActiveVersion::from).collect())
    }

    /// What a version's source imports itself, and the active versions of these and of all that they import, as far as
    /// there are any, as they are at one moment. `None` when there is no such version.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn imported(
        &self,
        app: AppId,
        version: VersionId,
    ) -> Result<Option<(BTreeSet<ScriptName>, Vec<ActiveVersion>)>, StoreError> {
        let mut transaction = self.inner.pool.begin_read().await?;
        let own: Option<String> = with_db!(self, &mut transaction, db => {
            sqlx::query_scalar("SELECT imports FROM versions WHERE id = $1")
                .bind(version.to_string())
                .fetch_optional(db)
                .await?
        });
        let Some(own) = own else { return Ok(None) };
        let Json(own) = Json::<BTreeSet<ScriptName>>::try_from(own)
            .map_err(|e| StoreError::Corrupt(format!("the imports of version {version}: {e}")))?;
        let mut found = BTreeMap::new();
        let mut wanted = own.clone();
        while !wanted.is_empty() && found.len() <= IMPORTS {
            let rows: Vec<ActiveRow> = with_db!(self, &mut transaction, db => {
                let mut query = QueryBuilder::new(SELECT_ACTIVE);
                query.push_bind(app.to_string()).push(" AND s.name IN (");
                push_list!(query, &wanted);
                query.push(")");
                query.build_query_as().persistent(false).fetch_all(db).await?
            });
            wanted.clear();
            for row in rows {
                wanted.extend(row.imports.0.iter().cloned());
                found.insert(row.name.clone(), ActiveVersion::from(row));
            }
            wanted.retain(|name| !found.contains_key(name));
        }
        transaction.commit().await?;
        Ok(Some((own, found.into_values().collect())))
    }

    /// The sources of versions, active or not, with the names of their scripts; those that there are, of scripts that were not
    /// deleted.
    ///
    /// # Errors
    /// When the database fails, or a source is not UTF-8.
    pub async fn sources(
        &self,
        versions: &[VersionId],
    ) -> Result<HashMap<VersionId, (ScriptName, String)>, StoreError> {
        let ids: Vec<String> = versions.iter().map(VersionId::to_string).collect();
        let rows: Vec<SourceRow> = with_db!(self, read, db => {
            let mut query = QueryBuilder::new(
                "SELECT v.id, s.name, v.source FROM versions v JOIN scripts s ON s.id = v.script_id
                 JOIN apps a ON a.id = s.app_id AND NOT a.gone WHERE v.id IN (",
            );
            push_list!(query, &ids);
            query.push(")");
            query.build_query_as().persistent(false).fetch_all(db).await?
        });
        Ok(rows.into_iter().map(|row| (row.id, (row.name, row.source))).collect())
    }

    /// Whether a script may import these, as a transaction sees it that holds the app's row.
    pub(crate) async fn may_import(
        &self,
        transaction: &mut Transaction,
        app: AppId,
        script: &ScriptName,
        imports: &BTreeSet<ScriptName>,
    ) -> Result<Result<(), ImportError>, StoreError> {
        if imports.is_empty() {
            return Ok(Ok(()));
        }
        let mut graph = self.import_graph(transaction, app).await?;
        graph.insert(script.clone(), imports.clone());
        Ok(graph.order(script).map(drop))
    }

    /// What the scripts of an app import, as a transaction sees it.
    pub(crate) async fn import_graph(
        &self,
        transaction: &mut Transaction,
        app: AppId,
    ) -> Result<ImportGraph, StoreError> {
        let rows: Vec<ActiveRow> = with_db!(self, transaction, db => {
            QueryBuilder::new(SELECT_ACTIVE).push_bind(app.to_string()).build_query_as().fetch_all(db).await?
        });
        let mut graph = ImportGraph::default();
        for row in rows {
            graph.insert(row.name, row.imports.0);
        }
        Ok(graph)
    }
}

#[derive(sqlx::FromRow)]
struct SourceRow {
    #[sqlx(try_from = "String")]
    id: VersionId,
    #[sqlx(try_from = "String")]
    name: ScriptName,
    #[sqlx(try_from = "Vec<u8>")]
    source: String,
}
