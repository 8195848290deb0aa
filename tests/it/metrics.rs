//! What operators measure.

use crate::support::TestServer;

#[tokio::test]
async fn metrics_have_an_address_of_their_own() {
    let server = TestServer::start_with(&["metrics.bind=127.0.0.1:0"]).await;
    let administrator = server.administrator().await;
    administrator.run("{ viewer { id } }").await;
    administrator.run("{ nothing }").await;
    let client = server.anonymous();
    let address = server.server.metrics_address.unwrap();
    let read = async |url: String| client.http.get(url).send().await.unwrap();
    let text = read(format!("http://{address}/metrics")).await.text().await;
    let text = text.unwrap();
    for line in [
        "usher_requests_total{operation=\"query\",outcome=\"succeeded\"} 1",
        "usher_requests_total{operation=\"query\",outcome=\"refused\"} 1",
        "usher_requests_total{operation=\"mutation\",outcome=\"succeeded\"} 1",
        "usher_request_duration_seconds_count 3",
        "usher_email_sends_total{transport=\"inbox\",outcome=\"delivered\"} 1",
        "usher_emails{status=\"queued\"} 0",
        "usher_sessions 1",
        "usher_password_hashes_pending 0",
        "usher_oldest_due_email_age_seconds 0",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert_eq!(read(format!("{}/metrics", server.url)).await.status(), 404);
    assert!(TestServer::start().await.server.metrics_address.is_none());
}
