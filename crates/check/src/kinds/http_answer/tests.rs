//! HTTP answers of a server on loopback.

use axum::Router;
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::Finding;
use crate::testing::{Told, judge, told, world};
use crate::{Error, Evidence};

async fn look(url: &str, body: &str) -> Result<(Told, Finding), Error> {
    let folder = tempfile::tempdir().unwrap();
    let outcome = judge(&format!("http_answer: {{ url: '{url}', {body} }}"), &world(folder.path())).await?;
    match outcome.evidence() {
        Evidence::HttpAnswer(evidence) => Ok((told(&outcome), evidence.finding.clone())),
        other => panic!("{other:?}"),
    }
}

async fn serve(tasks: &mut JoinSet<()>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new()
        .route("/", get(|| async { "Bienvenue" }))
        .route("/ailleurs", get(|| async { Redirect::temporary("https://exemple/") }))
        .route("/interdit", get(|| async { StatusCode::FORBIDDEN }))
        .route("/echo", post(|body: String| async move { body }))
        .route("/entete", get(|headers: axum::http::HeaderMap| async move { format!("{headers:?}") }))
        .route("/gros", get(|| async { "x".repeat(3_000_000) }));
    tasks.spawn(async move { axum::serve(listener, app).await.unwrap() });
    format!("http://{address}")
}

#[tokio::test]
async fn answers_are_judged() {
    let mut tasks = JoinSet::new();
    let server = serve(&mut tasks).await;
    for (path, body, expected) in [
        ("/", "status: 200, contains: [Bienvenue]", Told::Pass),
        ("/", "status: 200, contains: [Adieu]", Told::Fail),
        ("/", "status: 200, excludes: [venue]", Told::Fail),
        ("", "status: 200", Told::Pass),
        ("/", "status: 404", Told::Fail),
        ("/absent", "status: 404", Told::Pass),
        ("/ailleurs", "status: 307", Told::Pass),
        ("/ailleurs", "status: 200", Told::Fail),
        ("/interdit", "status: 403", Told::Pass),
        ("/echo", "method: POST, body: 'q=1', status: 200, contains: ['q=1']", Told::Pass),
        ("/entete", "headers: { X-Essai: oui }, status: 200, contains: [x-essai]", Told::Pass),
        ("/gros", "status: 200, contains: [xxx]", Told::Pass),
    ] {
        let (found, finding) = look(&format!("{server}{path}"), body).await.unwrap();
        assert_eq!(found, expected, "{path} {body}: {finding:?}");
    }
    let (_, finding) = look(&format!("{server}/ailleurs"), "status: 200").await.unwrap();
    assert!(matches!(finding, Finding::Answer { status: 307, location: Some(to), .. } if to == "https://exemple/"));
}

#[tokio::test]
async fn nobody_there_fails_and_something_else_there_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"SSH-2.0-x\r\n").await.unwrap();
    });
    let (found, finding) = look(&format!("http://{address}/"), "status: 200").await.unwrap();
    assert_eq!((found, finding), (Told::Fail, Finding::NotHttp));
    tasks.join_all().await;
    let (found, finding) = look(&format!("http://{address}/"), "status: 200").await.unwrap();
    assert_eq!((found, finding), (Told::Fail, Finding::Refused));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_no_verdict() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    assert!(matches!(look(&url, "status: 200").await, Err(Error::TimedOut(_))));
}

#[tokio::test]
async fn other_schemes_are_not_asked() {
    for url in ["https://127.0.0.1/", "ftp://127.0.0.1/", "/chemin", "http://"] {
        assert!(matches!(look(url, "status: 200").await, Err(Error::Unsupported { .. })), "{url}");
    }
}
