//! The headers of every answer.

use crate::support::TestServer;

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let server = TestServer::start_with(&["server.public_url=https://people.kbank.com"]).await;
    for path in [
        "/",
        "/healthz",
        "/graphql",
        "/nowhere",
        "/accept-invitation",
    ] {
        let http = &server.anonymous().http;
        let answer = http
            .get(format!("{}{path}", server.url))
            .send()
            .await
            .unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert!(header("content-security-policy").contains("default-src 'none'"));
        assert!(header("strict-transport-security").starts_with("max-age="));
        assert!(!header("x-request-id").is_empty());
    }
}
