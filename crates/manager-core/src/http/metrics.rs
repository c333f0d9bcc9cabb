//! `GET /metrics`, in Prometheus' text format: what goes on in this process. Nothing here is told by app, script or path: these are
//! as many as users like, and no business of whoever may ask.

use super::error::ApiError;
use crate::Manager;
use axum::{
    extract::State,
    http::{HeaderName, header},
};
use picloud_shared::{
    activity::{LATENCIES_US, Latencies},
    executor::Load,
};
use picloud_store::DeliveryCounts;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, prometheus_text},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};
use std::{
    fmt, fs,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering::Relaxed},
};

/// Bytes of a page of memory, on all machines that PiCloud runs on.
const PAGE_BYTES: i64 = 4_096;

/// The deliveries as they were counted last, and how many statements had been sent then. While none is, nothing has changed that
/// this process knows of: being watched costs an idle process no query.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted(Arc<Mutex<Option<(u64, DeliveryCounts)>>>);

/// `GET /metrics`.
pub(super) async fn metrics(
    State(manager): State<Manager>,
) -> Result<([(HeaderName, &'static str); 1], String), ApiError> {
    let deliveries = manager.counted.deliveries(&manager).await;
    let now = Now { load: manager.executor.load(), deliveries, manager };
    let mut registry = Registry::default();
    registry.register_collector(Box::new(now));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry).map_err(|error| ApiError::Internal(error.into()))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}

impl Counted {
    /// `None` while the database does not answer.
    async fn deliveries(&self, manager: &Manager) -> Option<DeliveryCounts> {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, counts)) = known
            && at == manager.store.queries()
        {
            return Some(counts);
        }
        // What is asked meanwhile is not in the counts, and has them counted again.
        let asked = manager.store.queries();
        let counts = manager.store.delivery_counts().await.ok()?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((asked + 1, counts));
        Some(counts)
    }
}

/// What there is to tell at one moment.
struct Now {
    manager: Manager,
    load: Load,
    deliveries: Option<DeliveryCounts>,
}

impl fmt::Debug for Now {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Now").field("load", &self.load).finish_non_exhaustive()
    }
}

impl Collector for Now {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let Self { manager, load, deliveries } = self;
        let activity = &manager.activity;
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        for (name, help, value) in [
            ("picloud_database_queries", "Statements sent to the database.", manager.store.queries()),
            (
                "picloud_image_hits",
                "Invocations that found their version compiled, or being compiled for another.",
                load.image_hits,
            ),
            ("picloud_image_misses", "Invocations that had their version compiled.", load.image_misses),
            ("picloud_instances_kept", "Invocations in an instance that had been kept.", load.instances_kept),
            ("picloud_instances_new", "Invocations in a new instance.", load.instances_new),
            ("picloud_fuel", "Fuel that invocations have burnt.", activity.fuel()),
            (
                "picloud_records_dropped",
                "Records that were not kept, as the database could not keep up.",
                activity.records_dropped.load(Relaxed),
            ),
            (
                "picloud_log_lines_dropped",
                "Log lines of requests that were not kept, for that reason or because of a limit.",
                activity.logs_dropped.load(Relaxed),
            ),
        ] {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        let mut gauges = vec![
            ("picloud_pool_slots", "Invocations that there may be at once.", number(load.slots)),
            ("picloud_pool_slots_free", "Invocations that there is room for now.", number(load.slots_free)),
            ("picloud_invocations_waiting", "Invocations that wait to begin.", number(load.waiting)),
            (
                "picloud_records_waiting",
                "Records that wait to be written.",
                number(activity.records_waiting.load(Relaxed)),
            ),
        ];
        gauges.push((
            "picloud_body_bytes",
            "Bytes of request bodies that are on their way, or not answered yet.",
            number(activity.bodies.used()),
        ));
        if let Some(DeliveryCounts { waiting, dead }) = deliveries {
            gauges.push(("picloud_deliveries_waiting", "Deliveries of events that wait or run.", *waiting));
            gauges.push(("picloud_dead_letters", "Deliveries of events that were given up.", *dead));
        }
        if let Some(bytes) = resident_bytes() {
            gauges.push(("process_resident_memory_bytes", "Resident memory size in bytes.", bytes));
        }
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }

        let help = "Invocations that have ended, by their outcome.";
        let mut outcomes = encoder.encode_descriptor("picloud_invocations", help, None, MetricType::Counter)?;
        for (outcome, count) in activity.outcomes() {
            ConstCounter::new(count).encode(outcomes.encode_family(&[("outcome", outcome)])?)?;
        }
        for (name, help, value) in [
            (
                "picloud_database_connections",
                "Connections to the database.",
                (|pool| i64::from(pool.open)) as fn(&picloud_store::PoolUsage) -> i64,
            ),
            ("picloud_database_connections_idle", "Those of them that nobody uses.", |pool| {
                i64::try_from(pool.idle).unwrap_or(i64::MAX)
            }),
        ] {
            let mut pools = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for pool in manager.store.pools() {
                ConstGauge::new(value(&pool)).encode(pools.encode_family(&[("pool", pool.name)])?)?;
            }
        }
        encode_latencies(encoder, &activity.latencies())
    }
}

fn encode_latencies(mut encoder: DescriptorEncoder, latencies: &Latencies) -> Result<(), fmt::Error> {
    const MICROSECONDS: f64 = 1e6;
    // What took longer than all of them is in the count.
    let ends = LATENCIES_US.iter().map(|us| *us as f64 / MICROSECONDS);
    let buckets: Vec<(f64, u64)> = ends.zip(latencies.counts).collect();
    let help = "What requests of apps took, from their first byte to their answer, those included that were refused.";
    encoder
        .encode_descriptor("picloud_request_seconds", help, None, MetricType::Histogram)?
        .encode_histogram::<[(&str, &str); 0]>(
            latencies.sum_us as f64 / MICROSECONDS,
            latencies.counts.iter().sum(),
            &buckets,
            None,
        )
}

/// What the kernel says; nothing elsewhere than on Linux.
fn resident_bytes() -> Option<i64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: i64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * PAGE_BYTES)
}
