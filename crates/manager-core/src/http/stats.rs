//! What invocations come to, by time.

use super::{
    access::{Access, Viewer},
    error::ApiError,
    extract::Query,
};
use crate::Manager;
use axum::extract::State;
use picloud_shared::{
    api::{ScriptStats, Stats, StatsBucket, StatsRange, StatsSums},
    names::ScriptName,
    tally::{HOUR, MINUTE, Sums},
    time::{TimestampMs, now_ms},
};
use picloud_store::{BusyScript, StatsOf};
use serde::Deserialize;
use utoipa::IntoParams;

/// Scripts that are told of an app.
const SCRIPTS: u32 = 10;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only this script's.
    script: Option<ScriptName>,
    /// How far back: an hour by the minute, 24 hours by ten minutes, 7 days by the hour, or 30 days by four hours.
    #[serde(default)]
    #[param(inline, required = false)]
    range: StatsRange,
}

/// What the invocations of an app, or of one script, come to by time. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/stats",
    tag = "invocations",
    operation_id = "show_stats",
    params(Filter),
    responses((status = 200, description = "The sums, by time and together", body = Stats))
)]
pub(super) async fn show(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Query(Filter { script, range }): Query<Filter>,
) -> Result<axum::Json<Stats>, ApiError> {
    let (width_ms, count) = range.buckets();
    let now = now_ms();
    let until = now - now.rem_euclid(width_ms) + width_ms;
    let from = until - width_ms * count;
    let of = match &script {
        None => StatsOf::App(app.id),
        Some(name) => {
            let (script, _) = manager.store.active_version(app.id, name).await?.ok_or(ApiError::NotFound("script"))?;
            StatsOf::Script(script)
        }
    };
    // Hours where they are fine enough, and minutes, which are not kept for long, where they are not.
    let stored = if width_ms % HOUR == 0 { HOUR } else { MINUTE };
    let rows = manager.store.stats(of, stored, from, until).await?;
    let scripts = match of {
        // By the hour, the first one whole, unless that is all there is: fewer rows to add up.
        StatsOf::App(app) => {
            let width = if range == StatsRange::Hour { MINUTE } else { HOUR };
            manager.store.busiest_scripts(app, width, from - from.rem_euclid(width), until, SCRIPTS).await?
        }
        StatsOf::Script(_) => Vec::new(),
    };
    let (buckets, total) = in_buckets(rows, from, width_ms, count);
    let scripts = scripts.into_iter().map(seen).collect();
    Ok(axum::Json(Stats { from, until, width_ms, buckets, total, scripts }))
}

fn in_buckets(
    rows: Vec<(TimestampMs, Sums)>,
    from: TimestampMs,
    width_ms: i64,
    count: i64,
) -> (Vec<StatsBucket>, StatsSums) {
    let mut rows = rows.into_iter().peekable();
    let mut all = Sums::default();
    let bucket = |n: i64| {
        let (start, end) = (from + n * width_ms, from + (n + 1) * width_ms);
        let mut sums = Sums::default();
        while let Some((_, more)) = rows.next_if(|(at, _)| *at < end) {
            sums.merge(&more);
        }
        all.merge(&sums);
        StatsBucket { start, sums: told(&sums) }
    };
    let buckets = (0..count).map(bucket).collect();
    (buckets, told(&all))
}

fn told(sums: &Sums) -> StatsSums {
    let percentile = |percent| sums.latency.percentile(percent).map(|us| i64::try_from(us).unwrap_or(i64::MAX));
    StatsSums {
        requests: sums.requests,
        errors: sums.errors,
        fuel: sums.fuel,
        duration_us: sums.duration_us,
        memory_bytes: sums.memory_bytes,
        p50_us: percentile(50),
        p95_us: percentile(95),
        p99_us: percentile(99),
    }
}

fn seen(BusyScript { script, requests, errors, fuel }: BusyScript) -> ScriptStats {
    ScriptStats { script, requests, errors, fuel }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_one_bucket_and_in_the_total() {
        let sums = |requests| Sums { requests, memory_bytes: requests, ..Sums::default() };
        let rows = vec![(100, sums(1)), (109, sums(2)), (110, sums(4)), (139, sums(8))];
        let (buckets, total) = in_buckets(rows, 100, 10, 4);
        let told: Vec<_> = buckets.iter().map(|bucket| (bucket.start, bucket.sums.requests)).collect();
        assert_eq!(told, [(100, 3), (110, 4), (120, 0), (130, 8)]);
        assert_eq!((total.requests, total.memory_bytes, total.p50_us), (15, 8, None));
    }
}
