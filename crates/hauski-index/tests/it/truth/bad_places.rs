//! Places and files that cannot be used: said clearly, and nothing that was there is changed.

use std::fs;

use hauski_index::truth::{Truth, TruthError};
use sqlx::{ConnectOptions, Connection};

use super::{NOW, document, open};

async fn refused(home: &std::path::Path) -> TruthError {
    match Truth::open(home).await {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn another_programs_database_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("index.sqlite");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut other = options.connect().await.unwrap();
    sqlx::raw_sql("CREATE TABLE theirs (x)").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    assert!(matches!(refused(home.path()).await, TruthError::NotOurs { .. }));
    let mut other = options_of(&path).connect().await.unwrap();
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
        .fetch_one(&mut other)
        .await
        .unwrap();
    assert_eq!(tables, 1);
}

fn options_of(path: &std::path::Path) -> sqlx::sqlite::SqliteConnectOptions {
    sqlx::sqlite::SqliteConnectOptions::new().filename(path)
}

#[tokio::test]
async fn what_is_no_database_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("index.sqlite");
    let bytes = vec![b'x'; 8192];
    fs::write(&path, &bytes).unwrap();
    let error = refused(home.path()).await;
    assert!(matches!(error, TruthError::Damaged(_)), "{error:?}");
    assert!(error.hint().contains("nothing was changed"));
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[tokio::test]
async fn a_newer_version_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let truth = open(home.path()).await;
    truth.put(vec![document("a", &["kept"])], NOW).await.unwrap();
    truth.close().await;
    let path = home.path().join("index.sqlite");
    let mut database = options_of(&path).connect().await.unwrap();
    sqlx::raw_sql(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (999, 'from the future', 1, x'00', 0)",
    )
    .execute(&mut database)
    .await
    .unwrap();
    database.close().await.unwrap();
    let error = refused(home.path()).await;
    assert!(matches!(error, TruthError::Newer { .. }), "{error:?}");
    assert!(error.hint().contains("update"));
}

#[tokio::test]
async fn a_file_in_place_of_the_home_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    fs::write(&home, "").unwrap();
    let error = refused(&home).await;
    assert!(matches!(error, TruthError::Open { .. }), "{error:?}");
    assert!(error.to_string().contains("index.sqlite"));
}

/// SQLite's own limit stands in for a full disk: it answers a write with the same code.
#[tokio::test]
async fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let home = tempfile::tempdir().unwrap();
    let truth = open(home.path()).await;
    truth.put(vec![document("kept", &["acknowledged"])], NOW).await.unwrap();
    truth.limit_pages_for_tests(80).await.unwrap();
    let long = "word ".repeat(400_000);
    let error = truth.put(vec![document("large", &[&long])], NOW).await.unwrap_err();
    assert!(matches!(error, TruthError::Full(_)), "{error:?}");
    assert!(error.hint().contains("free some space"));
    assert!(truth.has_document(None, "kept").await.unwrap());
    assert!(!truth.has_document(None, "large").await.unwrap());
    truth.limit_pages_for_tests(1 << 20).await.unwrap();
    truth.put(vec![document("large", &[&long])], NOW).await.unwrap();
    assert_eq!(truth.live().await.unwrap().len(), 2);
    assert!(truth.integrity().await.unwrap().is_empty());
}
