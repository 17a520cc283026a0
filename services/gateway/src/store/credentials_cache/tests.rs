//! The cache against a real database, with a clock that the test moves.

use super::*;
use contracts::Service;
use futures_util::future::join_all;
use sqlx::postgres::PgPoolOptions;
use testkit::TestDatabase;
use uuid::Uuid;

const LOOKUP: &str = "ins_0123456789ab";
const ID: Uuid = Uuid::from_u128(7);
const TTL: Duration = Duration::from_secs(5);

/// A cache over a database with one credential, reached over one connection.
async fn cache() -> (TestDatabase, CredentialsCache) {
    let database = TestDatabase::create(Service::Gateway).await;
    let pool = database.pool();
    for statement in [
        "insert into organizations (id, slug, name, lex_aliases, lex_tier, api_enabled, monthly_event_quota,
             requests_per_minute_per_key, requests_per_minute_per_organization, created_at, updated_at)
         values ($1, 'acme', 'Acme', '{}', 'standard', true, 1, 1, 1, now(), now())",
        "insert into api_clients (organization_id, id, name, redirect_uris, contact_email, status, rate_limit_tier,
             created_at, updated_at)
         values ($1, $1, 'c', '{}', 'a@b.co', 'ACTIVE', 'STANDARD', now(), now())",
        "insert into credentials (organization_id, client_id, id, kind, name, scopes, created_at)
         values ($1, $1, $1, 'platform_key', 'k', '{}', now())",
        "insert into credential_secrets (lookup, credential_id, hash, created_at)
         values ('ins_0123456789ab', $1, 'x', now())",
    ] {
        sqlx::query(statement).bind(ID).execute(&pool).await.unwrap();
    }
    let options = pool.connect_options().as_ref().clone();
    let single = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
    let cache = CredentialsCache::new(single, testkit::process().clock, TTL);
    (database, cache)
}

async fn is_revoked(cache: &CredentialsCache) -> bool {
    cache.by_lookup(LOOKUP).await.unwrap()[0].revoked_at.is_some()
}

async fn revoke(database: &TestDatabase) {
    sqlx::query("update credentials set revoked_at = now()").execute(&database.pool()).await.unwrap();
}

#[tokio::test]
async fn a_query_that_began_before_a_change_is_not_taken_for_news_after_it() {
    let (database, cache) = cache().await;
    let organization = OrganizationId::new(ID);
    // No query gets any further than its beginning.
    let connection = cache.0.database.acquire().await.unwrap();
    let early = cache.by_lookup(LOOKUP);
    let change = async {
        tokio::task::yield_now().await;
        cache.forget(organization);
        // It finds the early query under way and joins it.
        let late = cache.by_lookup(LOOKUP);
        let release = async {
            tokio::task::yield_now().await;
            drop(connection);
        };
        let (late, ()) = tokio::join!(late, release);
        late
    };
    let (early, late) = tokio::join!(early, change);
    assert_eq!((early.unwrap().len(), late.unwrap().len()), (1, 1));
    let remembered = cache.0.known.get(&Question::Lookup(LOOKUP.to_owned())).await.unwrap();
    assert_eq!(remembered.age.change, 1, "the later request asked again");

    // The same when nobody joins: what the early query brought is not used.
    let connection = cache.0.database.acquire().await.unwrap();
    cache.forget(organization);
    let early = cache.by_lookup(LOOKUP);
    let change = async {
        tokio::task::yield_now().await;
        cache.forget(organization);
        drop(connection);
    };
    assert_eq!(tokio::join!(early, change).0.unwrap().len(), 1);
    revoke(&database).await;
    assert!(is_revoked(&cache).await);
}

#[tokio::test]
async fn what_is_remembered_is_used_until_it_is_old_or_its_organisation_changes() {
    let (database, cache) = cache().await;
    assert!(!is_revoked(&cache).await);
    revoke(&database).await;
    assert!(!is_revoked(&cache).await);
    let other = OrganizationId::new(Uuid::from_u128(8));
    cache.forget(other);
    assert!(!is_revoked(&cache).await, "the change was another organisation's");
    cache.forget(OrganizationId::new(ID));
    assert!(is_revoked(&cache).await);

    let restore = async || {
        sqlx::query("update credentials set revoked_at = null").execute(&database.pool()).await.unwrap();
    };
    restore().await;
    assert!(is_revoked(&cache).await);
    cache.forget_everything();
    assert!(!is_revoked(&cache).await);

    revoke(&database).await;
    cache.0.clock.advance(TimeDelta::seconds(5) - TimeDelta::microseconds(1));
    assert!(!is_revoked(&cache).await);
    cache.0.clock.advance(TimeDelta::microseconds(1));
    assert!(is_revoked(&cache).await);
    // A clock that is set back does not make it young again.
    restore().await;
    cache.0.clock.advance(TimeDelta::hours(-1));
    assert!(!is_revoked(&cache).await);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_neither_fills_the_memory_nor_pushes_a_credential_out() {
    let (database, cache) = cache().await;
    let inner = Arc::into_inner(cache.0).unwrap();
    let unknown = Cache::builder().max_capacity(50).build();
    let known = Cache::builder().max_capacity(50).build();
    let cache = CredentialsCache(Arc::new(Inner { known, unknown, ..inner }));
    assert!(!is_revoked(&cache).await);
    for _ in 0..10 {
        let flood = (0..100).map(|_| async {
            let made_up = format!("ins_{}", testkit::unique_id().simple());
            assert!(cache.by_lookup(&made_up).await.unwrap().is_empty());
        });
        join_all(flood).await;
    }
    revoke(&database).await;
    assert!(!is_revoked(&cache).await, "it is remembered still");
    cache.0.unknown.run_pending_tasks().await;
    assert!(cache.0.unknown.entry_count() <= 50);
    assert_eq!(cache.0.known.entry_count(), 1);
}

#[tokio::test]
async fn what_is_made_after_it_was_asked_for_in_vain_is_found_at_once() {
    let (database, cache) = cache().await;
    let find = async || cache.by_lookup("ins_ba9876543210").await.unwrap().len();
    assert_eq!(find().await, 0);
    sqlx::query("insert into credential_secrets (lookup, credential_id, hash, created_at) values ('ins_ba9876543210', $1, 'x', now())")
        .bind(ID)
        .execute(&database.pool())
        .await
        .unwrap();
    assert_eq!(find().await, 0, "it is remembered as unknown");
    cache.forget(OrganizationId::new(ID));
    assert_eq!(find().await, 1);
    // By its id there are two of it.
    assert_eq!(cache.by_id(CredentialId::new(ID)).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_failure_is_told_to_all_who_waited_and_not_remembered() {
    let (database, cache) = cache().await;
    let rename = async |from: &str, to: &str| {
        let statement = format!("alter table gateway.{from} rename to {to}");
        let pool = PgPool::connect(&database.url("postgres")).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&pool).await.unwrap();
    };
    rename("credential_secrets", "elsewhere").await;
    let answers = join_all((0..3).map(|_| cache.by_lookup(LOOKUP))).await;
    assert!(answers.iter().all(Result::is_err));
    rename("elsewhere", "credential_secrets").await;
    assert!(!is_revoked(&cache).await);
}
