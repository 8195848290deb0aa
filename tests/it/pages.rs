//! The hosted pages and the playground as HTTP sees them: headers, caching, switches. What they do
//! in a browser is tested in `tests/browser`.

use reqwest::{Method, Response, StatusCode};

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
    for path in [
        "/sign-in",
        "/console/users",
        "/console/console.js",
        "/playground",
    ] {
        let first = get(&server, path).await;
        let tag = header(&first, "etag");
        let again = async |known: String| {
            let request = server.anonymous().http.get(format!("{}{path}", server.url));
            let request = request.header("if-none-match", known);
            request.send().await.unwrap()
        };
        // As a proxy passes it on that has compressed the page, and from a cache with several copies.
        for known in [
            tag.to_owned(),
            format!("W/{tag}"),
            format!("\"older\", {tag}"),
        ] {
            let again = again(known.clone()).await;
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}: {known}");
            assert_eq!(again.bytes().await.unwrap().len(), 0, "{path}");
        }
        let changed = again("\"older\"".to_owned()).await;
        assert_eq!(changed.status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn an_address_that_may_hold_a_token_is_in_no_cache() {
    let server = TestServer::start().await;
    for path in PAGES {
        let caching = if path.contains("token") {
            "no-store"
        } else {
            "no-cache"
        };
        assert_eq!(header(&get(&server, path).await, "cache-control"), caching);
    }
}

#[tokio::test]
async fn an_address_without_a_page_shows_a_person_a_page_and_a_program_an_error() {
    let server = TestServer::start_with(&[
        "branding.name=K & B Bank",
        "server.public_url=http://localhost:8000/staff",
    ])
    .await;
    let request = |method: Method, path: &str, accept: &str| {
        let request = server
            .anonymous()
            .http
            .request(method, format!("{}{path}", server.url))
            .header("accept", accept);
        async move { request.send().await.unwrap() }
    };
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let cases = [
        (Method::GET, "/nowhere?token=abc", StatusCode::NOT_FOUND),
        (Method::GET, "/a/b/<script>", StatusCode::NOT_FOUND),
        (Method::GET, "/sign-in/", StatusCode::NOT_FOUND),
        (Method::POST, "/nowhere", StatusCode::NOT_FOUND),
        (
            Method::GET,
            "/playground/assets/none.js",
            StatusCode::NOT_FOUND,
        ),
        (Method::POST, "/sign-in", StatusCode::METHOD_NOT_ALLOWED),
        (
            Method::DELETE,
            "/pages/api.js",
            StatusCode::METHOD_NOT_ALLOWED,
        ),
    ];
    for (method, path, status) in cases {
        let page = request(method.clone(), path, browser).await;
        assert_eq!(page.status(), status, "{path}");
        assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
        assert_eq!(header(&page, "cache-control"), "no-store");
        assert_eq!(header(&page, "referrer-policy"), "no-referrer");
        assert_eq!(header(&page, "x-content-type-options"), "nosniff");
        let policy = header(&page, "content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
        let is_read_only = status == StatusCode::METHOD_NOT_ALLOWED;
        let allow = page
            .headers()
            .get("allow")
            .map(|value| value.to_str().unwrap());
        assert_eq!(allow, is_read_only.then_some("GET, HEAD"), "{path}");
        let html = page.text().await.unwrap().replace("&#x2f;", "/");
        // How deep the address is, is not known: what the page loads is named from the root.
        assert!(html.contains("href=\"/staff/pages/pages.css\""), "{html}");
        assert!(html.contains("K &amp; B Bank") && html.contains("</html>"));
        assert!(!html.contains("<script") && !html.contains("abc"), "{html}");

        for accept in ["*/*", "application/json", "text/plain"] {
            let plain = request(method.clone(), path, accept).await;
            assert_eq!(plain.status(), status, "{path}");
            assert!(!plain.text().await.unwrap().contains('<'), "{path}");
        }
    }
}

#[tokio::test]
async fn a_deployment_with_a_front_end_of_its_own_switches_them_off() {
    let server = TestServer::start_with(&["pages.enabled=false"]).await;
    for path in PAGES
        .iter()
        .chain(&["/console/users", "/console/console.js"])
    {
        let response = server
            .anonymous()
            .http
            .get(format!("{}{path}", server.url))
            .header("accept", "text/html")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert!(!response.text().await.unwrap().contains('<'));
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

/// The console decides in the browser what it shows at which of its addresses.
#[tokio::test]
async fn every_address_of_the_console_shows_its_page_and_its_files_are_files() {
    let server = TestServer::start_with(&[
        "branding.name=K & B Bank",
        "branding.logo_url=https://cdn.kbank.com/logo.png",
        "server.public_url=http://localhost:8000/staff",
    ])
    .await;
    let mut pages = Vec::new();
    for path in [
        "/console",
        "/console/",
        "/console/users?search=%22%3E%3Cscript%3E",
        "/console/email-queue/%3Cscript%3E",
        "/console/a.b/../c",
    ] {
        let page = get(&server, path).await;
        assert_eq!(page.status(), StatusCode::OK, "{path}");
        assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
        assert_eq!(header(&page, "cache-control"), "no-cache");
        let policy = header(&page, "content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
        assert!(policy.contains("img-src 'self' https://cdn.kbank.com;"));
        assert!(policy.ends_with("; frame-src 'self'") && !policy.contains("unsafe"));
        let styles =
            "; style-src-elem 'self' 'sha256-gYiS/BvZvRcK27JIXTuwhZ3hs2+VJ1X+2gUlE+farlg='; ";
        assert!(policy.contains(styles), "{policy}");
        pages.push(page.text().await.unwrap().replace("&#x2f;", "/"));
    }
    let page = &pages[0];
    assert!(pages.iter().all(|other| other == page));
    assert!(page.contains("K &amp; B Bank") && page.contains("data-root=\"/staff/\""));
    assert!(page.contains("src=\"/staff/console/console.js\""), "{page}");

    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/console/dist");
    let mut names = Vec::new();
    for (folder, prefix) in [
        (folder.to_owned(), ""),
        (format!("{folder}/assets"), "assets/"),
    ] {
        let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
        let files = entries.filter(|entry| entry.path().is_file());
        names.extend(files.map(|file| {
            let name = file.file_name().into_string().unwrap();
            format!("{prefix}{}", name.strip_suffix(".gz").unwrap())
        }));
    }
    assert!(names.contains(&"console.js".to_owned()) && names.contains(&"console.css".to_owned()));
    for name in &names {
        let file = get(&server, &format!("/console/{name}")).await;
        assert_eq!(file.status(), StatusCode::OK, "{name}");
        assert_eq!(header(&file, "content-encoding"), "gzip", "{name}");
        assert_ne!(header(&file, "content-type"), "application/octet-stream");
        // What has a fixed name changes with the version.
        let is_asset = name.starts_with("assets/");
        let is_kept = header(&file, "cache-control").contains("immutable");
        assert_eq!(is_kept, is_asset, "{name}");
    }
    let gone = get(&server, "/console/assets/users-00000000.js").await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    assert_eq!(header(&gone, "cache-control"), "no-store");
}

#[tokio::test]
async fn a_browser_that_opens_the_endpoint_is_sent_to_the_playground() {
    let server = TestServer::start().await;
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let open = async |path: &str| {
        let url = format!("{}{path}", server.url);
        let accept = "text/html,application/xhtml+xml,*/*;q=0.8";
        http.get(url).header("accept", accept).send().await.unwrap()
    };
    let answer = open("/graphql").await;
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()["location"], "/playground");
    assert_eq!(open("/graphql?query=%7B__typename%7D").await.status(), 200);
}
