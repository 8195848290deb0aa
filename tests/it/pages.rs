//! The hosted pages and the playground as HTTP sees them: headers, caching, switches. What they do
//! in a browser is tested in `tests/browser`.

use reqwest::{Response, StatusCode};

use crate::support::TestServer;

const PAGES: &[&str] = &[
    "/",
    "/sign-in",
    "/accept-invitation?token=abc",
    "/forgotten-password",
    "/reset-password?token=abc",
    "/account",
];

async fn get(server: &TestServer, path: &str) -> Response {
    let url = format!("{}{path}", server.url);
    server.anonymous().http.get(url).send().await.unwrap()
}

#[track_caller]
fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers()[name].to_str().unwrap()
}

#[tokio::test]
async fn pages_run_nothing_inline_and_tell_nobody_where_one_came_from() {
    let server = TestServer::start_with(&[
        "branding.name=K & B Bank",
        "branding.color=#e30613",
        "branding.logo_url=https://cdn.kbank.com/logo.png",
    ])
    .await;
    for path in PAGES {
        let response = get(&server, path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let policy = header(&response, "content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
        assert!(policy.contains("img-src 'self' https://cdn.kbank.com;"));
        assert!(!policy.contains("unsafe"));
        assert_eq!(header(&response, "referrer-policy"), "no-referrer");
        let html = response.text().await.unwrap();
        assert!(html.contains("K &amp; B Bank"), "{path}");
        assert!(!html.contains("abc"), "a token is in {path}");
        for inline in ["<script>", "style=", "onclick", "<style"] {
            assert!(!html.contains(inline), "{path}: {inline}");
        }
        // Whatever the page asks for is there.
        for part in html.split(['"', '\'']) {
            if part.starts_with("pages/") {
                let file = get(&server, &format!("/{part}")).await;
                assert_eq!(file.status(), StatusCode::OK, "{part}");
            }
        }
    }
    let brand = get(&server, "/pages/brand.css").await;
    assert!(brand.text().await.unwrap().contains("#e30613"));
}

#[tokio::test]
async fn a_page_that_is_known_is_not_sent_again() {
    let server = TestServer::start().await;
    let first = get(&server, "/sign-in").await;
    let again = server
        .anonymous()
        .http
        .get(format!("{}/sign-in", server.url))
        .header("if-none-match", header(&first, "etag"))
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn a_deployment_with_a_front_end_of_its_own_switches_them_off() {
    let server = TestServer::start_with(&["pages.enabled=false"]).await;
    for path in PAGES {
        assert_eq!(get(&server, path).await.status(), StatusCode::NOT_FOUND);
    }
    assert_eq!(get(&server, "/playground").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_playground_is_sent_compressed_and_its_assets_for_ever() {
    let server = TestServer::start().await;
    let index = get(&server, "/playground").await;
    assert_eq!(header(&index, "content-encoding"), "gzip");
    assert_eq!(header(&index, "content-type"), "text/html; charset=utf-8");
    assert_eq!(header(&index, "cache-control"), "no-cache");
    assert!(header(&index, "content-security-policy").starts_with("default-src 'none'"));

    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/playground/dist/assets");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let name = name.strip_suffix(".gz").unwrap();
        let asset = get(&server, &format!("/playground/assets/{name}")).await;
        assert_eq!(asset.status(), StatusCode::OK, "{name}");
        assert!(header(&asset, "cache-control").contains("immutable"));
        assert_ne!(
            header(&asset, "content-type"),
            "application/octet-stream",
            "{name}"
        );
        count += 1;
    }
    assert!(count > 20);
    assert_eq!(
        get(&server, "/playground/assets/../index.html.gz")
            .await
            .status(),
        StatusCode::NOT_FOUND
    );
}
