//! The tables `apps` and `memberships`.

use crate::{Credential, Store, StoreError, commit::Change, pool::Transaction, rows::to_json};
use picloud_shared::{
    api::Role,
    cors::CorsSetting,
    ids::{AppId, UserId},
    limit_rules::{LimitChanges, LimitValues},
    limits::{APPS, USER_APPS},
    names::AppSlug,
    outbound::{AllowedHost, AllowedHosts},
    precondition::{Changed, Precondition},
    time::TimestampMs,
};
use sha2::{Digest, Sha256};

/// An app.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct App {
    /// The app's id.
    #[sqlx(try_from = "String")]
    pub id: AppId,
    /// Unique on the server.
    #[sqlx(try_from = "String")]
    pub slug: AppSlug,
    /// For people; any text.
    #[sqlx(try_from = "Vec<u8>")]
    pub name: String,
    /// Whether error answers of its endpoints tell the detail.
    pub debug: bool,
    /// The limits that it sets itself.
    #[sqlx(try_from = "String")]
    pub limits: LimitValues,
    /// The hosts that its scripts may reach.
    #[sqlx(try_from = "String")]
    pub outbound: AllowedHosts,
    /// What pages of other origins may do.
    #[sqlx(try_from = "String")]
    pub cors: CorsSetting,
    /// Grows with every change of the app, its scripts, routes, variables and secrets.
    pub revision: i64,
    /// When it was made.
    pub created_at: TimestampMs,
}

impl App {
    /// Differs when what can be set of the app itself differs; that its scripts change does not matter.
    pub fn tag(&self) -> String {
        let Self { id: _, slug: _, name, debug, limits, outbound, cors, revision: _, created_at: _ } = self;
        let settings = serde_json::to_vec(&(name, debug, limits, outbound, cors)).unwrap_or_default();
        hex::encode(&Sha256::digest(settings)[..16])
    }
}

/// Why an app was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateRefused {
    /// There is one of that slug.
    #[error("there is an app {0} already")]
    SlugTaken(AppSlug),
    /// The server has as many as it may.
    #[error("a server has at most {APPS} apps")]
    TooMany,
    /// The user has.
    #[error(
        "a user who is no administrator makes no more apps while {USER_APPS} that they made are there, or being removed"
    )]
    TooManyOfUser,
}

/// What PostgreSQL's advisory lock for making apps is taken by: any number that nothing else takes.
const APPS_LOCK: i64 = 0x7069_636c_6f75_6402;

/// Why an app was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateRefused {
    /// There is no such app.
    #[error("there is no such app")]
    NoSuchApp,
    /// Only an administrator opens it to an app.
    #[error("{0} may be a private address")]
    Private(AllowedHost),
    /// It is not as the caller saw it.
    #[error(transparent)]
    Changed(#[from] Changed),
}

/// An app, and what a user may do in it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Membership {
    /// The app.
    #[sqlx(flatten)]
    pub app: App,
    /// What the user may do in it.
    #[sqlx(try_from = "String")]
    pub role: Role,
}

impl Membership {
    fn capped(self, who: &Credential) -> Self {
        Self { role: who.role.map_or(self.role, |most| most.min(self.role)), ..self }
    }
}

/// An app to be made.
#[derive(Clone, Debug)]
pub struct NewApp {
    /// The app's id.
    pub id: AppId,
    /// Unique on the server.
    pub slug: AppSlug,
    /// For people; any text.
    pub name: String,
    /// Whether error answers of its endpoints tell the detail.
    pub debug: bool,
    /// Who becomes its owner.
    pub owner: Option<UserId>,
    /// When it is made.
    pub now: TimestampMs,
}

/// What to change of an app; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct AppChanges {
    /// For people; any text.
    pub name: Option<String>,
    /// Whether error answers of its endpoints tell the detail.
    pub debug: Option<bool>,
    /// Limits to set, or to have their defaults again.
    pub limits: LimitChanges,
    /// The hosts that its scripts may reach.
    pub outbound: Option<AllowedHosts>,
    /// The administrator who opens what is private, if one does; anybody may narrow what is public, and keep what was opened.
    pub opened_by: Option<UserId>,
    /// What pages of other origins may do.
    pub cors: Option<CorsSetting>,
}

/// The memberships of user $1, for whom $2 says whether it is an administrator, that is, an owner of every app; as token $3
/// shows them, of which $4 says whether it is for some apps alone.
macro_rules! select_memberships {
    ($rest:literal) => {
        concat!(
            "SELECT a.id, a.slug, a.name, a.debug, a.limits, a.outbound, a.cors, a.revision, a.created_at,
                CASE WHEN $2 THEN 'owner' ELSE m.role END AS role
             FROM apps a LEFT JOIN memberships m ON m.app_id = a.id AND m.user_id = $1
             WHERE NOT a.gone AND ($2 OR m.role IS NOT NULL)
                AND (NOT $4 OR EXISTS (SELECT 1 FROM token_apps t WHERE t.token_id = $3 AND t.app_id = a.id)) ",
            $rest
        )
    };
}

impl Store {
    /// Makes an app.
    ///
    /// # Errors
    /// When the database fails, or there is no such owner.
    pub async fn create_app(&self, new: NewApp) -> Result<Result<App, CreateRefused>, StoreError> {
        let mut transaction = self.begin().await?;
        // One after the other, so that two at once cannot pass a bound together.
        self.lock_apps(&mut transaction).await?;
        if let Some(refused) = self.too_many_apps(&mut transaction, new.owner).await? {
            return transaction.unchanged(Err(refused)).await;
        }
        let app: Option<App> = with_db!(self, &mut transaction, db => {
            sqlx::query_as(
                "INSERT INTO apps (id, slug, name, debug, revision, created_at, created_by)
                 VALUES ($1, $2, $3, $4, 1, $5, $6)
                 ON CONFLICT (slug) DO NOTHING
                 RETURNING id, slug, name, debug, limits, outbound, cors, revision, created_at",
            )
            .bind(new.id.to_string())
            .bind(new.slug.as_str())
            .bind(new.name.as_bytes())
            .bind(new.debug)
            .bind(new.now)
            .bind(new.owner.map(|owner| owner.to_string()))
            .fetch_optional(db)
            .await?
        });
        let Some(app) = app else { return transaction.unchanged(Err(CreateRefused::SlugTaken(new.slug))).await };
        if let Some(owner) = new.owner {
            with_db!(self, &mut transaction, db => {
                sqlx::query("INSERT INTO memberships (app_id, user_id, role) VALUES ($1, $2, $3)")
                    .bind(new.id.to_string())
                    .bind(owner.to_string())
                    .bind(Role::Owner.as_str())
                    .execute(db)
                    .await?;
            });
        }
        self.notify_changed(&mut transaction).await?;
        self.commit(transaction, &[Change::Apps]).await?;
        Ok(Ok(app))
    }

    async fn lock_apps(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        if let Transaction::Postgres(transaction) = transaction {
            self.count_query();
            sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(APPS_LOCK).execute(&mut **transaction).await?;
        }
        Ok(())
    }

    /// Why there may be no more apps, be it of all or of this user, if so. A user's count by who made them, so that giving them
    /// away makes no room; also those whose data is still there.
    async fn too_many_apps(
        &self,
        transaction: &mut Transaction,
        user: Option<UserId>,
    ) -> Result<Option<CreateRefused>, StoreError> {
        let (all, made): (i64, i64) = with_db!(self, transaction, db => {
            sqlx::query_as(
                "SELECT (SELECT COUNT(*) FROM apps WHERE NOT gone),
                    (SELECT COUNT(*) FROM apps a JOIN users u ON u.id = a.created_by
                        WHERE a.created_by = $1 AND NOT u.admin)",
            )
            .bind(user.map(|user| user.to_string()))
            .fetch_one(db)
            .await?
        });
        Ok(match (all >= APPS, made >= USER_APPS) {
            (true, _) => Some(CreateRefused::TooMany),
            (false, true) => Some(CreateRefused::TooManyOfUser),
            (false, false) => None,
        })
    }

    /// The apps that a user is a member of, by slug; for an administrator, all, as their owner. Of these, those that the
    /// token is for, with no higher role than it has.
    ///
    /// # Errors
    /// When the database fails, or a stored app does not parse.
    pub async fn apps_for(
        &self,
        who: &Credential,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Membership>, StoreError> {
        let memberships: Vec<Membership> = with_db!(self, read, db => {
            sqlx::query_as(select_memberships!("AND a.slug > $5 ORDER BY a.slug LIMIT $6"))
                .bind(who.user.id.to_string())
                .bind(who.user.admin)
                .bind(who.token.to_string())
                .bind(who.some_apps)
                .bind(after.unwrap_or_default())
                .bind(i64::from(limit))
                .fetch_all(db)
                .await?
        });
        Ok(memberships.into_iter().map(|membership| membership.capped(who)).collect())
    }

    /// One app as the bearer of a token sees it. `None` when there is no such app, the user is no member of it, or the
    /// token is not for it.
    ///
    /// # Errors
    /// When the database fails, or the stored app does not parse.
    pub async fn app_for(&self, who: &Credential, slug: &AppSlug) -> Result<Option<Membership>, StoreError> {
        let membership: Option<Membership> = with_db!(self, read, db => {
            sqlx::query_as(select_memberships!("AND a.slug = $5"))
                .bind(who.user.id.to_string())
                .bind(who.user.admin)
                .bind(who.token.to_string())
                .bind(who.some_apps)
                .bind(slug.as_str())
                .fetch_optional(db)
                .await?
        });
        Ok(membership.map(|membership| membership.capped(who)))
    }

    /// Whether there is any app.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_apps(&self) -> Result<bool, StoreError> {
        Ok(with_db!(self, read, db => {
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM apps WHERE NOT gone)").fetch_one(db).await?
        }))
    }

    /// Changes what is given, if the app's [tag](App::tag) is what the precondition asks for.
    ///
    /// # Errors
    /// When the database fails, or the stored app does not parse.
    pub async fn update_app(
        &self,
        id: AppId,
        changes: AppChanges,
        precondition: &Precondition,
    ) -> Result<Result<App, UpdateRefused>, StoreError> {
        let mut transaction = self.begin().await?;
        // Holds the row, so that of two changes of the limits none is lost.
        let app: Option<App> = with_db!(self, &mut transaction, db => {
            sqlx::query_as(
                "UPDATE apps SET revision = revision + 1 WHERE id = $1 AND NOT gone
                 RETURNING id, slug, name, debug, limits, outbound, cors, revision, created_at",
            )
            .bind(id.to_string())
            .fetch_optional(db)
            .await?
        });
        let Some(app) = app else { return transaction.unchanged(Err(UpdateRefused::NoSuchApp)).await };
        if let Err(changed) = precondition.check(Some(|| app.tag())) {
            return transaction.unchanged(Err(changed.into())).await;
        }
        // As the list is now, not as it was when the caller saw it: what an administrator has closed meanwhile stays closed.
        if let Some(host) = changes.outbound.as_ref().and_then(|hosts| hosts.opened_since(&app.outbound)) {
            let may = match changes.opened_by {
                Some(by) => self.is_admin_in(&mut transaction, by).await?,
                None => false,
            };
            if !may {
                return transaction.unchanged(Err(UpdateRefused::Private(host.clone()))).await;
            }
        }
        let before = app.tag();
        let name = changes.name.unwrap_or(app.name);
        let debug = changes.debug.unwrap_or(app.debug);
        let limits = app.limits.changed(&changes.limits);
        let outbound = changes.outbound.unwrap_or(app.outbound);
        let cors = changes.cors.unwrap_or(app.cors);
        let changed = App { name, debug, limits, outbound, cors, ..app };
        if changed.tag() == before {
            return transaction.unchanged(Ok(changed)).await;
        }
        with_db!(self, &mut transaction, db => {
            sqlx::query("UPDATE apps SET name = $2, debug = $3, limits = $4, outbound = $5, cors = $6 WHERE id = $1")
                .bind(id.to_string())
                .bind(changed.name.as_bytes())
                .bind(changed.debug)
                .bind(to_json(&changed.limits)?)
                .bind(to_json(&changed.outbound)?)
                .bind(to_json(&changed.cors)?)
                .execute(db)
                .await?;
        });
        self.notify_changed(&mut transaction).await?;
        self.commit(transaction, &[Change::Apps]).await?;
        Ok(Ok(changed))
    }

    /// The limits that an app sets itself.
    pub(crate) async fn own_limits(
        &self,
        transaction: &mut Transaction,
        app: AppId,
    ) -> Result<LimitValues, StoreError> {
        let limits: String = with_db!(self, transaction, db => {
            sqlx::query_scalar("SELECT limits FROM apps WHERE id = $1").bind(app.to_string()).fetch_one(db).await?
        });
        LimitValues::try_from(limits).map_err(|e| StoreError::Corrupt(format!("the limits of app {app}: {e}")))
    }

    /// Puts an app's own limits in the place of those before, under its row. `false` when they are the same.
    pub(crate) async fn set_limits(
        &self,
        transaction: &mut Transaction,
        app: AppId,
        limits: &LimitValues,
    ) -> Result<bool, StoreError> {
        if self.own_limits(transaction, app).await? == *limits {
            return Ok(false);
        }
        with_db!(self, transaction, db => {
            sqlx::query("UPDATE apps SET limits = $2 WHERE id = $1")
                .bind(app.to_string())
                .bind(to_json(limits)?)
                .execute(db)
                .await?;
        });
        Ok(true)
    }

    /// Deletes an app with everything it owns: from here on nobody finds it, its slug is free, and what it keeps is removed
    /// in steps by [`Store::remove_gone`]. `false` when there is no such app.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_app(&self, id: AppId) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        // From here on it gets no more scripts.
        if !self.lock_app(&mut transaction, id).await? {
            return transaction.unchanged(false).await;
        }
        self.bury_app(&mut transaction, id).await?;
        self.notify_domains(&mut transaction).await?;
        self.commit(transaction, &[Change::Apps, Change::Domains, Change::Gone]).await?;
        Ok(true)
    }

    /// Counts a change of an app and holds its row until the transaction ends, so that changes of one app happen one
    /// after the other. `false` when there is no such app.
    pub(crate) async fn lock_app(&self, transaction: &mut Transaction, app: AppId) -> Result<bool, StoreError> {
        let found = with_db!(self, transaction, db => {
            sqlx::query("UPDATE apps SET revision = revision + 1 WHERE id = $1 AND NOT gone")
                .bind(app.to_string())
                .execute(db)
                .await?
                .rows_affected()
        });
        self.notify_changed(transaction).await?;
        Ok(found == 1)
    }
}
