//! What is said to an operator whose database cannot be used: one clear line each, and never a
//! password. And what protects a connection that leaves this machine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use onhand_core::Actor;
use onhand_engine::ManualClock;
use onhand_engine::committer::Config;
use onhand_engine::limits::OUTCOME_WINDOW_SECS;
use onhand_engine::postgres::{self, Database};

use crate::cluster::{Cluster, hand_over};
use crate::server::{Scratch, connect, connect_to, url_of};
use crate::world::{code, key, place};

/// How long a server may take to take in its settings.
const RELOAD_MAX: Duration = Duration::from_secs(60);

/// Has a server take in what was configured, and waits until it does: `pg_ctl` only sends it a
/// signal. The same process lets connections in, so that the next one finds the new settings.
fn reload(cluster: &Cluster) {
    let heard = || cluster.log().matches("received SIGHUP").count();
    let (before, begun) = (heard(), Instant::now());
    cluster.reload();
    while heard() == before {
        assert!(begun.elapsed() < RELOAD_MAX, "{}", cluster.log());
        std::thread::yield_now();
    }
}

async fn refused(url: &str) -> String {
    let refused = Database::open(url).await.unwrap_err().to_string();
    assert!(!refused.contains('\n'), "{refused}");
    assert!(!refused.contains("s3cret"), "{refused}");
    refused
}

async fn check(url: &str, wanted: &[&str]) {
    let refused = refused(url).await;
    for wanted in wanted {
        assert!(refused.contains(wanted), "{url}: {refused}, not {wanted}");
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_or_not_ready_is_refused_in_words() {
    check("postgresql://me:s3cret@127.0.0.1:1/shop", &["127.0.0.1:1/shop", "refused"]).await;
    check("postgresql://me:s3cret@nowhere.invalid/shop", &["nowhere.invalid:5432"]).await;
    check(&url_of("no_such_database"), &["no_such_database", "does not exist"]).await;
    let scratch = Scratch::empty().await;
    let missing = ["not up to date", "0001 foundation", "onhand migrate up", "--migrate"];
    check(&scratch.url(), &missing).await;
}

#[tokio::test]
async fn a_database_that_forgets_or_cannot_be_written_is_refused() {
    let scratch = Scratch::migrated().await;
    let admin = connect("postgres").await;
    for (setting, wanted) in [
        ("synchronous_commit = off", ["synchronous_commit = off", "does not keep"]),
        ("default_transaction_read_only = on", ["read-only", ""]),
    ] {
        let (name, value) = setting.split_once(" = ").unwrap();
        // Formatted SQL: names of databases and settings cannot be bound; these are the test's own.
        let sql = format!("ALTER DATABASE {} SET {name} = {value}", scratch.0);
        admin.batch_execute(&sql).await.unwrap();
        check(&scratch.url(), &wanted).await;
        // Formatted SQL: as above.
        let sql = format!("ALTER DATABASE {} RESET {name}", scratch.0);
        admin.batch_execute(&sql).await.unwrap();
    }
    Database::open(&scratch.url()).await.unwrap();
}

#[tokio::test]
async fn a_schema_of_a_newer_version_is_refused_unless_it_has_only_added() {
    let scratch = Scratch::migrated().await;
    let client = connect(&scratch.0).await;
    let newer = "INSERT INTO schema_migrations VALUES (99, 'wishlists', '\\x00', 1, 0)";
    client.batch_execute(newer).await.unwrap();
    Database::open(&scratch.url()).await.unwrap();
    client
        .batch_execute("UPDATE schema_migrations SET works_from = 99 WHERE version = 99")
        .await
        .unwrap();
    check(&scratch.url(), &["migration 99 (wishlists)", "newer version", "upgrade onhand"]).await;
    client.batch_execute("DELETE FROM schema_migrations WHERE version = 99").await.unwrap();
    client.batch_execute("UPDATE schema_migrations SET checksum = '\\x00'").await.unwrap();
    check(&scratch.url(), &["migration 1 (foundation)", "another form"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_migrate_at_the_same_time_do_it_once() {
    let scratch = Scratch::empty().await;
    let mut migrating = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let url = scratch.url();
        migrating.spawn(async move { Database::open_migrated(&url).await.map(|_| ()) });
    }
    for result in migrating.join_all().await {
        result.unwrap();
    }
    let client = connect(&scratch.0).await;
    let rows = client.query("SELECT version FROM schema_migrations", &[]).await.unwrap();
    let known = Database::open(&scratch.url()).await.unwrap().migrations().await.unwrap();
    assert_eq!(rows.len(), known.len());
    // Everything is dropped that was made, and nothing else.
    client.batch_execute("CREATE TABLE somebody_elses (id int)").await.unwrap();
    Database::open(&scratch.url()).await.unwrap().delete().await.unwrap();
    let left = "SELECT string_agg(tablename, ',') FROM pg_tables WHERE schemaname = 'public'";
    let left: Option<String> = client.query_one(left, &[]).await.unwrap().get(0);
    assert_eq!(left.as_deref(), Some("somebody_elses"));
}

#[tokio::test]
async fn a_server_that_does_not_let_us_in_says_why() {
    let cluster = Cluster::start(&["fsync = off"]);
    let admin = connect_to(&cluster.url("onhand", "postgres")).await;
    // PostgreSQL 13 would keep it as MD5.
    admin.batch_execute("SET password_encryption = 'scram-sha-256'").await.unwrap();
    admin.batch_execute("CREATE ROLE clerk LOGIN PASSWORD 's3cret'").await.unwrap();
    admin.batch_execute("CREATE DATABASE shop").await.unwrap();
    check(&cluster.url("onhand", "shop"), &["fsync = off", "does not keep"]).await;
    cluster.configure(&["fsync = on"]);
    reload(&cluster);
    Database::open_migrated(&cluster.url("onhand", "shop")).await.unwrap();
    check(&cluster.url("clerk", "shop"), &["permission denied", "schema_migrations"]).await;
    let scram = "host all all 127.0.0.1/32 scram-sha-256\n";
    std::fs::write(cluster.data().join("pg_hba.conf"), scram).unwrap();
    reload(&cluster);
    check(&cluster.url("clerk:wr0ng", "shop"), &["password authentication failed", "28P01"]).await;
    check(&cluster.url("clerk", "shop"), &["password"]).await;
    check(&cluster.url("clerk:s3cret", "shop"), &["permission denied"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_serves_needs_no_more_rights_than_the_document_says() {
    let cluster = Cluster::start(&[]);
    let owner = cluster.url("onhand", "postgres");
    Database::open_migrated(&owner).await.unwrap();
    let admin = connect_to(&owner).await;
    let grant = "CREATE ROLE clerk LOGIN; \
                 GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO clerk; \
                 GRANT TRUNCATE ON outcomes_0, outcomes_1, outcomes_2 TO clerk";
    admin.batch_execute(grant).await.unwrap();
    let database = Database::open(&cluster.url("clerk", "postgres")).await.unwrap();
    let database = onhand_engine::Database::Postgres(database);
    let start: onhand_core::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let clock = Arc::new(ManualClock::new(start));
    let config = Config { clock: clock.clone(), crash: None, policy: Arc::default() };
    let (submit, running, _) = database.start(config).unwrap();
    crate::migrating::shop(&submit).await;
    crate::migrating::receive(&submit, 10).await;
    // Four windows: each table of outcomes is emptied once.
    for number in 1..=4 {
        let (order, key) = (place(&[("tea", 1)]), Some(key(number)));
        assert_eq!(code(&submit.submit(order, Actor::Local, key).await), "ok", "{number}");
        clock.advance_secs(OUTCOME_WINDOW_SECS);
    }
    let leases = database.leases();
    assert!(leases.hold("sweeper", std::time::Duration::from_secs(1)).await);
    leases.release().await;
    drop(submit);
    running.join().unwrap().unwrap();
    let kept = "SELECT (SELECT count(*) FROM outcomes_0) + (SELECT count(*) FROM outcomes_1) \
                + (SELECT count(*) FROM outcomes_2)";
    assert_eq!(admin.query_one(kept, &[]).await.unwrap().get::<_, i64>(0), 2);
    let role = postgres::verify(&cluster.url("clerk", "postgres"), true).await.unwrap();
    assert_eq!(crate::backend::broken(&role), Vec::<String>::new());
}

/// A certificate authority of the test's own, and a certificate that is good for a name.
fn certificates(name: &str) -> (String, String, String) {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = authority.self_signed(&authority_key).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let names = vec![name.to_owned()];
    let certificate =
        rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    (root.pem(), certificate.pem(), key.serialize_pem())
}

#[tokio::test]
async fn a_protected_connection_is_only_made_to_who_can_prove_its_name() {
    let cluster = Cluster::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let (root, certificate, key) = certificates("localhost");
    let (stranger, _, _) = certificates("localhost");
    let trusted = folder.path().join("root.pem");
    let mistaken = folder.path().join("stranger.pem");
    std::fs::write(&trusted, root).unwrap();
    std::fs::write(&mistaken, stranger).unwrap();
    let named = |host: &str, root: &std::path::Path| {
        let root = root.display();
        let (port, mode) = (cluster.port, "sslmode=verify-full");
        format!("postgresql://onhand@{host}:{port}/postgres?{mode}&sslrootcert={root}")
    };
    check(&named("localhost", &trusted), &["TLS"]).await;
    for (name, text) in [("server.crt", certificate), ("server.key", key)] {
        let path = cluster.data().join(name);
        std::fs::write(&path, text).unwrap();
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        hand_over(&path);
    }
    cluster.configure(&["ssl = on"]);
    reload(&cluster);
    let plain = connect_to(&cluster.url("onhand", "postgres")).await;
    let has_tls: String = plain.query_one("SHOW ssl", &[]).await.unwrap().get(0);
    if has_tls == "off" {
        assert!(cluster.log().contains("not supported by this build"), "{}", cluster.log());
        println!("left out: this server was built without TLS");
        return;
    }
    Database::open_migrated(&named("localhost", &trusted)).await.unwrap();
    let database = Database::open(&named("localhost", &trusted)).await.unwrap();
    let reader = onhand_engine::Reader::Postgres(database.reader().unwrap());
    assert!(reader.locations().await.unwrap().is_empty());
    check(&named("127.0.0.1", &trusted), &["certificate"]).await;
    check(&named("localhost", &mistaken), &["certificate"]).await;
    check(&named("localhost", folder.path()), &["sslrootcert="]).await;
}
