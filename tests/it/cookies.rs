//! The session cookie among whatever else a browser sends.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reqwest::header::HeaderValue;
use serde_json::json;

use crate::support::{Client, TestServer};

/// Whether the server knows the administrator by these `Cookie` headers.
async fn is_known_by(client: &Client, cookies: &[Vec<u8>]) -> bool {
    let mut request = client
        .http
        .post(format!("{}/graphql", client.url))
        .header("origin", "http://127.0.0.1:8000")
        .json(&json!({ "query": "{ viewer { email } }" }));
    for cookie in cookies {
        request = request.header("cookie", HeaderValue::from_bytes(cookie).unwrap());
    }
    let answer: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
    answer["data"]["viewer"]["email"] == "admin@example.com"
}

#[tokio::test]
async fn no_other_cookie_hides_the_session() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let token = administrator.token.clone().unwrap();
    let many: String = (0..50).map(|n| format!("c{n}=\"v {n}\"; ")).collect();
    let stranger = "A".repeat(43);
    for cookies in [
        vec![format!("stadt=Zürich; usher_session={token}").into_bytes()],
        vec![[b"stadt=Z\xfcrich; usher_session=", token.as_bytes()].concat()],
        vec![format!("usher_session={token};a=\"x; y\"").into_bytes()],
        vec![format!("a=\"unbalanced;usher_session={token}").into_bytes()],
        vec![format!("usher_session=\"{token}\"").into_bytes()],
        vec![format!(";; ;=;a;usher_session={token};").into_bytes()],
        vec![format!("a=b;usher_session={token};c=d").into_bytes()],
        vec![format!("{many}usher_session={token}").into_bytes()],
        // HTTP/2 may split the header.
        vec![
            b"a=b".to_vec(),
            format!("usher_session={token}").into_bytes(),
        ],
        // One of the same name from a parent domain, or from another path.
        vec![format!("usher_session=; usher_session={token}").into_bytes()],
        vec![format!("usher_session=theirs; usher_session={token}").into_bytes()],
        vec![format!("usher_session={stranger}; usher_session={token}").into_bytes()],
        vec![format!("usher_session={token}; usher_session={stranger}").into_bytes()],
        vec![
            format!("usher_session={stranger}").into_bytes(),
            format!("usher_session={token}").into_bytes(),
        ],
    ] {
        let shown = String::from_utf8_lossy(&cookies.concat()).replace(&token, "…");
        assert!(is_known_by(&administrator, &cookies).await, "{shown}");
    }
    for cookie in [
        format!("usher_session={}", &token[1..]),
        format!("usher_session={token}x"),
        format!("usher_session_2={token}"),
        format!("Usher_Session={token}"),
    ] {
        assert!(!is_known_by(&administrator, &[cookie.into_bytes()]).await);
    }
}

/// Whatever bytes other cookies have: those that HTTP lets a header have, without the semicolon.
fn other_cookie() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        3 => prop::sample::select(b"=\"\\ ,abc_".to_vec()),
        1 => (0x20_u8..=0xff).prop_filter("no DEL, no ;", |byte| ![0x7f, b';'].contains(byte)),
    ];
    vec(byte, 0..12)
}

#[test]
fn no_other_cookie_hides_the_session_whatever_its_bytes() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (server, administrator) = runtime.block_on(async {
        let server = TestServer::start().await;
        let administrator = server.administrator().await;
        (server, administrator)
    });
    let own = format!("usher_session={}", administrator.token.as_deref().unwrap());
    let mut runner = TestRunner::new(Config {
        cases: 60,
        failure_persistence: None,
        ..Config::default()
    });
    let others = (vec(other_cookie(), 0..4), vec(other_cookie(), 0..4));
    runner
        .run(&others, |(before, after)| {
            let mut cookies = before;
            cookies.push(own.clone().into_bytes());
            cookies.extend(after);
            let header = cookies.join(&b';');
            prop_assert!(runtime.block_on(is_known_by(&administrator, &[header])));
            Ok(())
        })
        .unwrap();
    drop(server);
}

/// Over plain HTTP from another machine, browsers name neither an origin nor the site when they
/// read.
#[tokio::test]
async fn who_only_reads_needs_to_name_no_origin() {
    let server = TestServer::start_with(&["server.public_url=http://192.168.1.5:8000"]).await;
    let administrator = server.administrator().await;
    let answer = administrator.run("{ emails { nodes { id } } }").await;
    let id = answer.data()["emails"]["nodes"][0]["id"].clone();
    let paths = [
        format!("/emails/{}.eml", id.as_str().unwrap()),
        "/graphql?query=%7Bemails%7Bnodes%7Bid%7D%7D%7D".to_owned(),
    ];
    let cookie = format!("usher_session={}", administrator.token.as_deref().unwrap());
    let get = async |path: &str, headers: &[(&str, &str)]| {
        let mut request = server
            .anonymous()
            .http
            .get(format!("{}{path}", server.url))
            .header("cookie", &cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let policy = response.headers()["cross-origin-resource-policy"].clone();
        // A page beside it, which sends the cookie as well, can show nothing of it.
        assert_eq!(policy, "same-origin");
        let status = response.status().as_u16();
        (status, response.text().await.unwrap())
    };
    for path in &paths {
        let (status, text) = get(path, &[]).await;
        assert_eq!(status, 200, "{path}");
        assert!(!text.contains("errors"), "{text}");
        for (header, cause) in [
            (("origin", "http://192.168.1.6"), "http://192.168.1.6"),
            (("origin", "null"), "null"),
            (("sec-fetch-site", "cross-site"), "another origin"),
            (("sec-fetch-site", "same-site"), "another origin"),
        ] {
            let (status, text) = get(path, &[header]).await;
            assert_eq!(status, 403, "{path} {header:?}");
            assert!(text.contains(cause), "{text}");
        }
    }
    // An unreadable origin is none of ours.
    let foreign = HeaderValue::from_bytes(b"http://\xff").unwrap();
    let request = server
        .anonymous()
        .http
        .get(format!("{}{}", server.url, paths[0]))
        .header("cookie", &cookie)
        .header("origin", foreign);
    assert_eq!(request.send().await.unwrap().status(), 403);
    // Whoever changes something has to name one.
    let request = server
        .anonymous()
        .http
        .post(format!("{}/graphql", server.url))
        .header("cookie", &cookie)
        .json(&json!({ "query": "{ viewer { id } }" }));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 403);
    assert!(response.text().await.unwrap().contains("header `Origin`"));
}
