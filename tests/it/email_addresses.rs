//! E-mail addresses as people have, type and paste them: what was accepted once is found again.

use serde_json::{Value, json};

use crate::support::{Client, TestServer, ids};

async fn office(server: &TestServer) -> (Client, String) {
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    (administrator, role)
}

async fn invite(administrator: &Client, email: &str, role: &str) -> Value {
    let input = json!({ "email": email, "roleIds": [role] });
    administrator
        .mutate("inviteUser", input, "user { email }")
        .await
}

/// Security rule 5.
#[tokio::test]
async fn an_address_is_found_again_however_it_is_written() {
    let server = TestServer::start().await;
    let (administrator, role) = office(&server).await;
    for (email, others) in [
        (
            "İSMAİL@example.com",
            ["ismail@example.com", "İsmail@EXAMPLE.com"],
        ),
        (
            "संपर्क@डाटामेल.भारत",
            ["संपर्क@xn--c2bd4bq1db8d.xn--h2brj9c", " \"संपर्क\"@डाटामेल.भारत"],
        ),
        (
            "info@ไปรษณีย์.ไทย",
            ["INFO@ไปรษณีย์.ไทย", "\u{200B}info@ไปรษณีย์.ไทย\u{FEFF}"],
        ),
        (
            "தகவல்@எடுத்துக்காட்டு.சிங்கப்பூர்",
            [
                "\u{200E}தகவல்@எடுத்துக்காட்டு.சிங்கப்பூர்\u{200F}",
                "\u{2066}தகவல்@எடுத்துக்காட்டு.சிங்கப்பூர்\u{2069}",
            ],
        ),
        (
            "\"xxx.\"@docomo.example",
            [
                "\"XXX.\"@docomo.example",
                "\u{202A}\"xxx.\"@docomo.example\u{202C}",
            ],
        ),
        (
            "νίκος@example.com",
            ["ΝΊΚΟΣ@example.com", "νίκοσ@example.com"],
        ),
        (
            "r2@ab--cd.example",
            ["R2@AB--CD.example", "\u{A0}r2@ab--cd.example\u{AD}"],
        ),
    ] {
        let (_, token) = server.invite(&administrator, email, &role).await;
        let person = server.accept(&token).await;
        for other in others {
            assert_eq!(server.sign_in(other).await.id, person.id, "{other:?}");
            let taken = invite(&administrator, other, &role).await;
            assert_eq!(
                ids(&taken["userErrors"]),
                ["TAKEN input.email"],
                "{other:?}"
            );
            let input = json!({ "email": other });
            let requested = person.mutate("requestPasswordReset", input, "").await;
            assert_eq!(requested["userErrors"], json!([]));
            assert_eq!(server.inbox.next().await.to, [email]);
        }
        let document = "query($text: String!, $id: ID!) {
            users(filter: { search: $text }) { nodes { id email } }
            user(id: $id) { email }
        }";
        let variables = json!({ "text": email.to_uppercase(), "id": person.id });
        let found = administrator.run_with(document, variables).await;
        let user = json!({ "id": person.id, "email": email });
        assert_eq!(found.data()["users"]["nodes"], json!([user]), "{email}");
        assert_eq!(found.data()["user"]["email"], email);
    }
}

/// Security rule 5: people learn what is wrong with what they have pasted.
#[tokio::test]
async fn what_cannot_be_an_address_says_what_to_enter_instead() {
    let server = TestServer::start().await;
    let (administrator, role) = office(&server).await;
    for (email, message) in [
        ("a\u{200B}da@example.com", "invisible character (U+200B)"),
        ("ada@exa\u{AD}mple.com", "invisible character (U+00AD)"),
        ("ada\u{3164}@example.com", "invisible character (U+3164)"),
        ("\u{2800}", "Enter an e-mail address"),
        (
            "mailto:ada@example.com",
            "Enter only the address: ada@example.com",
        ),
        (
            "Ada <ada@example.com>",
            "Enter only the address: ada@example.com",
        ),
        ("xxx.@docomo.example", "\"xxx.\"@docomo.example"),
        ("aaa..bbb@docomo.example", "\"aaa..bbb\"@docomo.example"),
        ("ada@example.com.", "Remove the dot at the end"),
        ("ada@[192.0.2.1]", "not an IP address"),
        ("ada@192.0.2.1", "not an IP address"),
        ("a@example.com, b@example.com", "Enter one e-mail address"),
        ("\"a, b\"@example.com", "Enter one e-mail address"),
        (
            "ada@example.com\r\nBcc: eve@example.com",
            "Enter one e-mail address",
        ),
    ] {
        let payload = invite(&administrator, email, &role).await;
        let told = payload["userErrors"][0]["message"].as_str().unwrap();
        assert!(told.contains(message), "{email:?}: {told}");
        let signed_in = server.anonymous();
        let input = json!({ "email": email, "password": "walrus" });
        let payload = signed_in.mutate("signIn", input, "token").await;
        let refused = ids(&payload["userErrors"]);
        assert_eq!(refused, ["INVALID_CREDENTIALS "], "{email:?}");
    }
    let long = [
        "Ⱥ".repeat(32) + "@example.com",
        "a".repeat(64) + "@" + &"é.".repeat(28) + "com",
        // Whoever reads this by a call for each scheme has no stack left.
        "mailto:".repeat(10_000) + "ada@example.com",
    ];
    for email in long {
        let payload = invite(&administrator, &email, &role).await;
        assert_eq!(
            ids(&payload["userErrors"]),
            ["TOO_LONG input.email"],
            "{email}"
        );
    }
}

/// Security rules 3 and 5: what an older rule accepted stays the address of its user, and nobody
/// learns from the answer whether it is anybody's.
#[tokio::test]
async fn a_stored_address_that_is_refused_today_is_found() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    let ada = server.user_with(&administrator, "ada@kbank.com", &[]).await;
    let grown = "ⱥ".repeat(32) + "@example.com";
    for old in ["ada@old_host.example", "ada@[192.0.2.1]", &grown] {
        let transaction = server.server.app.db.begin().await.unwrap();
        let update =
            format!("UPDATE users SET email_normal = '{old}' WHERE email = 'ada@kbank.com'");
        transaction.execute_batch(&update).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(server.sign_in(&old.to_uppercase()).await.id, ada.id);
        let ask = async |email: &str| {
            let input = json!({ "email": email });
            let answer = server.anonymous();
            let answer = answer.mutate("requestPasswordReset", input, "").await;
            answer["userErrors"].clone()
        };
        assert_eq!(ask(&format!("nobody-{old}")).await, json!([]), "{old}");
        assert_eq!(ask(&format!(" {old}\u{200B}")).await, json!([]), "{old}");
        assert_eq!(server.inbox.next().await.to, ["ada@kbank.com"], "{old}");
        // What was never an address says what to enter instead.
        for never in [
            "ada",
            "ada@",
            "a@b.example, c@d.example",
            "mailto:ada@kbank.com",
            "ada@kbank.com.",
        ] {
            assert_eq!(ids(&ask(never).await), ["INVALID input.email"], "{never}");
        }
    }
}
