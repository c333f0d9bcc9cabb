//! Orders that are worked off as events, and the report of them that the clock makes.

use super::{call, refuses};
use crate::support::{TestApp, until};
use picloud_client::DeadLetterFilter;
use picloud_shared::{api::Publish, names::TopicName};
use serde_json::json;

async fn ordered(picloud: &TestApp, item: &str, card: &str) -> String {
    let made = call(picloud, "POST /orders", &json!({"item": item, "card": card}).to_string()).await;
    assert_eq!(made.status, 202, "{}", made.text);
    format!("/{}", made.header("location"))
}

async fn until_it_is(picloud: &TestApp, order: &str, status: &str) {
    let is_so = async || (call(picloud, &format!("GET {order}"), "").await.json()["status"] == status).then_some(());
    until(&format!("{order} to be {status}"), is_so).await;
}

pub(super) async fn orders(picloud: &TestApp) {
    for bad in ["", "[]", "{}", r#"{"item": "teapot"}"#, r#"{"item": "", "card": "1"}"#] {
        refuses(picloud, "POST /orders", bad, 400).await;
    }
    refuses(picloud, "GET /orders/x", "", 404).await;
    refuses(picloud, &format!("GET /orders/{}", "x".repeat(36)), "", 404).await;
    let order = ordered(picloud, "teapot", "4242").await;
    until_it_is(picloud, &order, "shipped").await;
    assert!(!call(picloud, &format!("GET {order}"), "").await.text.contains("4242"), "the card is not told");
    refuses(picloud, &format!("PATCH {order}"), r#"{"card": "1"}"#, 409).await;
}

/// A declined card becomes a dead letter, and is charged once the card is another.
pub(super) async fn orders_charge(picloud: &TestApp) {
    let app = "demo".parse().expect("a slug");
    let order = ordered(picloud, "kettle", "0000").await;
    let letter = until("a dead letter", async || {
        let filter = DeadLetterFilter::default();
        picloud.client.dead_letters(&app, &filter).await.expect("a list").items.into_iter().next()
    })
    .await;
    assert_eq!(
        (letter.topic.as_ref().map(TopicName::as_str), letter.script.as_str(), letter.attempts),
        (Some("orders.placed"), "orders_charge", 5)
    );
    assert!(letter.error.contains("the card was declined"), "{}", letter.error);
    until_it_is(picloud, &order, "placed").await;
    assert_eq!(call(picloud, &format!("PATCH {order}"), r#"{"card": "4242"}"#).await.status, 200);
    assert_eq!(picloud.client.replay_dead_letter(&app, letter.id).await.expect("it is replayed").replayed, 1);
    until_it_is(picloud, &order, "shipped").await;
}

/// An event that comes again changes nothing.
pub(super) async fn orders_ship(picloud: &TestApp) {
    let order = ordered(picloud, "cup", "4242").await;
    until_it_is(picloud, &order, "shipped").await;
    let app = "demo".parse().expect("a slug");
    let id = order.rsplit('/').next().expect("an id");
    let again = Publish { payload: json!({"id": id}), key: None, delay: None };
    picloud.client.publish(&app, &"orders.paid".parse().expect("a topic"), &again).await.expect("it is published");
    until("it to arrive", async || {
        let topics = picloud.client.topics(&app).await.expect("a list");
        topics.iter().all(|topic| topic.waiting == 0 && topic.dead == 0).then_some(())
    })
    .await;
    until_it_is(picloud, &order, "shipped").await;
}

/// Made by the clock, or by hand as here.
pub(super) async fn report(picloud: &TestApp) {
    refuses(picloud, "GET /report", "", 404).await;
    let order = ordered(picloud, "teapot", "4242").await;
    until_it_is(picloud, &order, "shipped").await;
    let app = "demo".parse().expect("a slug");
    let schedules = picloud.client.schedules(&app).await.expect("a list");
    let [schedule] = &schedules[..] else { panic!("one example has a schedule: {schedules:?}") };
    assert_eq!(schedule.schedule.as_str(), "0 6 * * MON Europe/Berlin, missed: run-once");
    picloud.client.run_schedule(&app, schedule.id).await.expect("it is stored");
    until("the report", async || {
        let report = call(picloud, "GET /report", "").await;
        (report.status == 200 && report.json()["orders"]["shipped"].as_i64() >= Some(1)).then_some(())
    })
    .await;
}

pub(super) async fn report_latest(picloud: &TestApp) {
    let report = call(picloud, "GET /report", "").await.json();
    assert!(report["made_for"].as_str().is_some_and(|time| time.ends_with('Z')), "{report}");
}
