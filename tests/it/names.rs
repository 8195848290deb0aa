//! What may stand in a name: it comes to stand in e-mails, which people trust.

use serde_json::json;

use crate::support::{TestServer, ids};

/// Security rule 19.
#[tokio::test]
async fn a_name_neither_leads_somewhere_nor_hides_anything() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "St.Gallen/Zürich", &[]).await;
    for (name, message) in [
        (
            "Your account is locked. Sign in at https://evil.example/login now, or",
            "Remove “https://evil.example/login”",
        ),
        ("www.evil.example", "Remove “www.evil.example”"),
        ("evil.example", "Remove “evil.example”"),
        (
            "a\u{200b}\u{200f}b",
            "Remove the invisible character U+200B",
        ),
        ("a\u{61c}x", "Remove the invisible character U+061C"),
        ("Us\u{3164}her", "Remove the invisible character U+3164"),
        ("a\u{202e}b", "Remove the invisible character U+202E"),
        ("a\u{2800}b", "Remove the invisible character U+2800"),
        ("a\nb", "Remove line breaks"),
    ] {
        let input = json!({ "email": "laura@kbank.com", "firstName": name, "lastName": name, "roleIds": [role] });
        let payload = administrator.mutate("inviteUser", input, "").await;
        let refused = ids(&payload["userErrors"]);
        let expected = ["INVALID input.firstName", "INVALID input.lastName"];
        assert_eq!(refused, expected, "{name:?}");
        let told = payload["userErrors"][0]["message"].as_str().unwrap();
        assert!(told.contains(message), "{told}");
        if name != "evil.example" {
            let input = json!({ "name": name, "permissions": [] });
            let payload = administrator.mutate("createRole", input, "").await;
            assert_eq!(
                ids(&payload["userErrors"])[0],
                "INVALID input.name",
                "{name:?}"
            );
        }
    }
    for (number, (typed, kept)) in [
        ("J.Smith", "J.Smith"),
        ("Sub.Zero Ltd", "Sub.Zero Ltd"),
        ("\u{feff}می\u{200c}خواهم\u{200e}", "می\u{200c}خواهم"),
        ("ශ්\u{200d}රී 👩\u{200d}💻", "ශ්\u{200d}රී 👩\u{200d}💻"),
        ("Ph.D. Zoë", "Ph.D. Zoë"),
    ]
    .into_iter()
    .enumerate()
    {
        let input = json!({ "email": format!("p{number}@kbank.com"), "firstName": typed, "roleIds": [role] });
        let payload = administrator
            .mutate("inviteUser", input, "user { firstName }")
            .await;
        assert_eq!(payload["user"]["firstName"], kept, "{payload:#}");
        assert!(
            server
                .inbox
                .next()
                .await
                .text
                .starts_with(&format!("Hello {kept},"))
        );
    }
}

/// Security rule 19: names that were stored before they were refused.
#[tokio::test]
async fn an_old_name_is_harmless_in_an_email() {
    let server = TestServer::start().await;
    server.administrator().await;
    let transaction = server.server.app.db.begin().await.unwrap();
    transaction
        .execute_batch("UPDATE users SET first_name = 'Go to https://evil.example/x\u{202e} now'")
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let input = json!({ "email": "admin@example.com" });
    server
        .anonymous()
        .mutate("requestPasswordReset", input, "")
        .await;
    let mail = server.inbox.next().await;
    assert!(mail.text.starts_with("Hello Go to … now,"), "{}", mail.text);
}

/// A name that was stored before it was refused stands in the way of no change to anything else.
#[tokio::test]
async fn an_old_name_that_is_kept_is_not_read_again() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    let (invited, token) = server
        .invite(&administrator, "laura@kbank.com", &role)
        .await;
    let transaction = server.server.app.db.begin().await.unwrap();
    for old in [
        "UPDATE users SET first_name = 'evil.example'",
        "UPDATE roles SET name = 'www.evil.example', description = 'a\u{202e}b' WHERE name = 'Editor'",
    ] {
        transaction.execute_batch(old).await.unwrap();
    }
    transaction.commit().await.unwrap();
    let laura = server.accept(&token).await;
    let own = laura.mutate("updateProfile", json!({ "lastName": "Miller" }), "");
    assert_eq!(own.await["userErrors"], json!([]));
    let input = json!({ "id": invited["user"]["id"], "email": "l.miller@kbank.com" });
    let selection = "user { firstName lastName email }";
    let changed = administrator.mutate("updateUser", input, selection).await;
    let expected =
        json!({ "firstName": "evil.example", "lastName": "Miller", "email": "l.miller@kbank.com" });
    assert_eq!(changed["user"], expected, "{changed}");
    let input = json!({ "id": role, "permissions": ["users.view"] });
    let changed = administrator
        .mutate("updateRole", input, "role { permissions }")
        .await;
    assert_eq!(
        changed["role"]["permissions"],
        json!(["users.view"]),
        "{changed}"
    );
    // Whoever enters it is told.
    let input = json!({ "id": role, "name": "www.evil.example" });
    let refused = administrator.mutate("updateRole", input, "").await;
    assert_eq!(ids(&refused["userErrors"]), ["INVALID input.name"]);
}
