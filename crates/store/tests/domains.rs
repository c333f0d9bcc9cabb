//! Domains of apps.

use crate::fixture::{NOW, TestStore, cases, unknown};
use futures_util::future::join_all;
use picloud_shared::{domains::DomainName, limits::APP_DOMAINS};
use picloud_store::{AddRefused, Added, Domain, Store};
use std::time::Duration;

cases! {
    a_domain_is_added_listed_and_removed
    a_domain_is_one_apps
    a_deleted_app_frees_its_domains
    an_app_has_so_many_domains_and_no_more
    changes_of_domains_are_counted
}

fn name(name: &str) -> DomainName {
    name.parse().unwrap()
}

async fn a_domain_is_added_listed_and_removed(store: &TestStore) {
    let app = store.app("demo").await;
    assert!(store.domains(app.id).await.unwrap().is_empty() && store.all_domains().await.unwrap().is_empty());
    let add = async |domain: &str, now| store.add_domain(app.id, &name(domain), now).await.unwrap().unwrap();
    assert_eq!(add("b.example", NOW).await, Added { created_at: NOW, new: true });
    assert_eq!(add("a-1.example", NOW + 1).await, Added { created_at: NOW + 1, new: true });
    // Once more changes nothing.
    let revision = store.app_revision(&app.slug).await.unwrap();
    assert_eq!(add("b.example", NOW + 2).await, Added { created_at: NOW, new: false });
    assert_eq!(store.app_revision(&app.slug).await.unwrap(), revision);
    let domain = |domain: &str, created_at| Domain { domain: name(domain), created_at };
    assert_eq!(store.domains(app.id).await.unwrap(), [domain("a-1.example", NOW + 1), domain("b.example", NOW)]);
    let all = [(name("a-1.example"), app.slug.clone()), (name("b.example"), app.slug.clone())];
    assert_eq!(store.all_domains().await.unwrap(), all.into());
    assert!(store.has_domain(&name("b.example")).await.unwrap());
    assert!(!store.has_domain(&name("c.example")).await.unwrap());
    assert!(store.remove_domain(app.id, &name("b.example")).await.unwrap());
    assert!(!store.remove_domain(app.id, &name("b.example")).await.unwrap());
    assert!(!store.has_domain(&name("b.example")).await.unwrap());
}

async fn a_domain_is_one_apps(store: &TestStore) {
    let mut apps = Vec::new();
    for number in 0..8 {
        apps.push(store.app(&format!("app{number}")).await);
    }
    let own = name("shop.example");
    // However many come at once.
    let added = join_all(apps.iter().map(|app| store.add_domain(app.id, &own, NOW))).await;
    let winner = added.iter().position(|added| added.as_ref().unwrap().is_ok()).unwrap();
    let refused = added.iter().filter(|added| *added.as_ref().unwrap() == Err(AddRefused::Taken)).count();
    assert_eq!(refused, 7);
    assert_eq!(store.all_domains().await.unwrap(), [(own.clone(), apps[winner].slug.clone())].into());
    let other = &apps[(winner + 1) % 8];
    assert!(!store.remove_domain(other.id, &own).await.unwrap() && store.has_domain(&own).await.unwrap());
    assert!(store.remove_domain(apps[winner].id, &own).await.unwrap());
    assert!(store.add_domain(other.id, &own, NOW).await.unwrap().unwrap().new);
}

async fn a_deleted_app_frees_its_domains(store: &TestStore) {
    let (app, other) = (store.app("demo").await, store.app("other").await);
    let own = name("shop.example");
    store.add_domain(app.id, &own, NOW).await.unwrap().unwrap();
    assert!(store.delete_app(app.id).await.unwrap());
    assert_eq!(store.number("SELECT COUNT(*) FROM domains").await, 0);
    assert!(store.add_domain(other.id, &own, NOW).await.unwrap().unwrap().new);
    assert_eq!(store.add_domain(app.id, &own, NOW).await.unwrap(), Err(AddRefused::NoSuchApp));
    assert_eq!(store.add_domain(unknown().0, &name("a.example"), NOW).await.unwrap(), Err(AddRefused::NoSuchApp));
    assert!(!store.remove_domain(unknown().0, &own).await.unwrap());
}

async fn an_app_has_so_many_domains_and_no_more(store: &TestStore) {
    let app = store.app("demo").await;
    for number in 0..APP_DOMAINS - 1 {
        store.add_domain(app.id, &name(&format!("a{number}.example")), NOW).await.unwrap().unwrap();
    }
    // However many come at once.
    let names: Vec<_> = (0..8).map(|number| name(&format!("last{number}.example"))).collect();
    let added = join_all(names.iter().map(|name| store.add_domain(app.id, name, NOW))).await;
    assert_eq!(added.iter().filter(|added| added.as_ref().unwrap().is_ok()).count(), 1);
    assert_eq!(store.domains(app.id).await.unwrap().len(), APP_DOMAINS);
    let refused = store.add_domain(app.id, &name("more.example"), NOW).await.unwrap();
    assert_eq!(refused, Err(AddRefused::TooMany(APP_DOMAINS)));
    assert!(!store.has_domain(&name("more.example")).await.unwrap());
    assert!(!store.add_domain(app.id, &name("a0.example"), NOW).await.unwrap().unwrap().new);
}

async fn changes_of_domains_are_counted(store: &TestStore) {
    let mut seen = store.domains_revision();
    let mut grew = || {
        let before = std::mem::replace(&mut seen, store.domains_revision());
        seen > before
    };
    let app = store.app("demo").await;
    store.put(app.id, "greet", "1").await;
    assert!(!grew(), "nothing of this is about domains");
    store.add_domain(app.id, &name("a.example"), NOW).await.unwrap().unwrap();
    assert!(grew(), "add");
    store.remove_domain(app.id, &name("a.example")).await.unwrap();
    assert!(grew(), "remove");
    store.delete_app(app.id).await.unwrap();
    assert!(grew(), "delete");
}

/// Only PostgreSQL has others, which hear of it as soon as it is committed; what they say themselves tells them nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_processes_hear_of_what_changed() {
    let store = TestStore::postgres().await;
    let other = store.another().await;
    let mut wake = other.wake().await.unwrap();
    let numbers = |store: &Store| (store.revision(), store.domains_revision());
    // What is about deliveries is heard after all that was said before it.
    let all_heard = async |wake: &mut picloud_store::Wake| {
        store.execute("SELECT pg_notify('picloud_deliveries', '')").await;
        tokio::time::timeout(Duration::from_secs(60), wake.heard()).await.expect("it is heard").unwrap();
    };
    let before = numbers(&other);
    let app = store.app("demo").await;
    all_heard(&mut wake).await;
    let made = numbers(&other);
    assert!(made.0 > before.0 && made.1 == before.1, "{before:?} {made:?}");
    store.add_domain(app.id, &name("a.example"), NOW).await.unwrap().unwrap();
    all_heard(&mut wake).await;
    let added = numbers(&other);
    assert!(added.0 > made.0 && added.1 > made.1, "{made:?} {added:?}");
    store.delete_app(app.id).await.unwrap();
    all_heard(&mut wake).await;
    let deleted = numbers(&other);
    assert!(deleted.0 > added.0 && deleted.1 > added.1, "{added:?} {deleted:?}");

    other.delete_app(app.id).await.unwrap();
    let own = numbers(&other);
    all_heard(&mut wake).await;
    assert_eq!(numbers(&other), own, "its own message was taken for news");

    // What was said while its connection was gone may have been anything.
    store
        .execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'")
        .await;
    tokio::time::timeout(Duration::from_secs(60), wake.heard()).await.expect("it listens again").unwrap();
    let again = numbers(&other);
    assert!(again.0 > own.0 && again.1 > own.1, "{own:?} {again:?}");
}
