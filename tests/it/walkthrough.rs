//! The walk-through of README.md, with the queries as they stand there.

use serde_json::{Value, json};

use crate::support::{TestServer, token_in};

const README: &str = include_str!("../../README.md");

/// The operation of that name among README's GraphQL blocks.
fn operation(name: &str) -> &'static str {
    README
        .split("```graphql\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap())
        .find(|block| block.contains(&format!(" {name}(")) || block.contains(&format!(" {name} ")))
        .unwrap_or_else(|| panic!("README.md has no operation {name}"))
}

fn codes(applications: &Value) -> Vec<&str> {
    let codes = applications.as_array().unwrap().iter();
    codes.map(|entry| entry["code"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_administrator_invites_a_colleague_who_signs_up_and_sees_their_dashboard() {
    let server = TestServer::start().await;
    let anonymous = server.anonymous();

    // The first administrator finds the link in the log, looks at the invitation, and accepts.
    let token = token_in(&server.inbox.next().await);
    for _ in 0..2 {
        let preview = anonymous
            .run_with(operation("WhoIsInvited"), json!({ "token": token }))
            .await;
        assert_eq!(
            preview.data()["invitationByToken"]["email"],
            "admin@example.com"
        );
        assert_eq!(preview.data()["invitationByToken"]["status"], "PENDING");
    }
    let accepted = anonymous
        .run_with(
            operation("Accept"),
            json!({ "token": token, "password": "walrus-teapot-93-orbit" }),
        )
        .await;
    let accepted = &accepted.data()["acceptInvitation"];
    assert_eq!(accepted["userErrors"], json!([]));
    let administrator = anonymous.with_token(accepted["token"].as_str().unwrap());

    let viewer = administrator.run(operation("WhoAmI")).await;
    let viewer = &viewer.data()["viewer"];
    assert_eq!(viewer["roles"], json!([{ "name": "Administrator" }]));
    let all = codes(&viewer["applications"]);
    assert_eq!(
        all,
        [
            "users",
            "roles",
            "email-queue",
            "event-log",
            "content-hub",
            "channel-management",
            "digital-marketing"
        ]
    );
    for application in viewer["applications"].as_array().unwrap() {
        let held = application["viewerPermissions"].as_array().unwrap();
        assert!(!held.is_empty());
        for permission in held {
            assert!(
                viewer["permissions"]
                    .as_array()
                    .unwrap()
                    .contains(permission)
            );
        }
    }

    // A role, and a colleague who shall hold it.
    let created = administrator.run(operation("CreateRole")).await;
    let created = &created.data()["createRole"];
    assert_eq!(created["userErrors"], json!([]));
    assert_eq!(created["role"]["codeName"], "DigitalChannelManager");
    let before = administrator
        .run("{ roles(last: 1) { nodes { createdAt } } }")
        .await;
    let since = json!({ "since": before.data()["roles"]["nodes"][0]["createdAt"] });
    let invited = administrator.run(operation("Invite")).await;
    let invited = &invited.data()["inviteUser"];
    assert_eq!(invited["userErrors"], json!([]));
    assert_eq!(invited["user"]["status"], "INVITED");
    let rehearsed = administrator.run(operation("Rehearse")).await;
    let rehearsed = &rehearsed.data()["inviteUsers"];
    assert_eq!(rehearsed["results"][0]["outcome"], "INVITED");
    assert_eq!(rehearsed["results"][1]["outcome"], "FAILED");
    assert_eq!(rehearsed["results"][1]["userErrors"][0]["code"], "TAKEN");

    // The e-mail is in the queue, and on its way.
    let watch = operation("WatchTheQueue");
    let mut changes = administrator.subscribe(watch, since).await;
    loop {
        let event = changes.next().await.unwrap();
        let email = &event["data"]["emailChanged"]["email"];
        assert_eq!(email["lastError"], Value::Null, "{event}");
        if email["status"] == "SENT" {
            break;
        }
    }
    let filter = json!({ "to": "LauraM@kbank" });
    server.emails_in(&administrator, filter, "SENT").await;
    let queue = administrator.run(operation("ReadTheQueue")).await;
    let mail = &queue.data()["emails"]["nodes"][0];
    assert_eq!(mail["to"], json!(["lauram@kbank.com"]));
    assert_eq!(mail["status"], "SENT");
    let subject = mail["subject"].as_str().unwrap();
    assert!(
        subject.starts_with("You have been invited to join"),
        "{subject}"
    );
    let received = server.inbox.next().await;
    assert_eq!(received.to, ["lauram@kbank.com"]);
    let link = mail["link"].as_str().unwrap();
    assert!(received.text.contains(link));
    assert!(mail["textBody"].as_str().unwrap().contains(link));

    // Laura accepts, and signs in in another client.
    let accepted = anonymous
        .run_with(
            operation("Accept"),
            json!({ "token": token_in(&received), "password": "otter lantern 47 maple" }),
        )
        .await;
    assert_eq!(accepted.data()["acceptInvitation"]["userErrors"], json!([]));
    let signed_in = anonymous
        .run_with(
            operation("SignIn"),
            json!({ "email": "LauraM@KBank.com", "password": "otter lantern 47 maple" }),
        )
        .await;
    let signed_in = &signed_in.data()["signIn"];
    assert_eq!(signed_in["userErrors"], json!([]));
    let laura = anonymous.with_token(signed_in["token"].as_str().unwrap());
    let viewer = laura.run(operation("WhoAmI")).await;
    let viewer = &viewer.data()["viewer"];
    assert_eq!(
        viewer["roles"],
        json!([{ "name": "Digital Channel Manager" }])
    );
    assert_eq!(
        viewer["applications"],
        json!([
            {
                "code": "content-hub",
                "name": "Content hub",
                "viewerPermissions": ["content-hub.view", "content-hub.create"]
            },
            {
                "code": "channel-management",
                "name": "Channel management",
                "viewerPermissions": ["channel-management.view", "channel-management.update"]
            },
        ])
    );

    // Of everything else she sees nothing.
    let users = laura.run("{ users { nodes { email } } }").await;
    assert_eq!(users.code(), "FORBIDDEN");
    assert_eq!(
        users.body["errors"][0]["extensions"]["permission"],
        "users.view"
    );
    for document in [
        "{ emails { totalCount } }".to_owned(),
        "{ emailQueue { transport } }".to_owned(),
        format!("{{ email(id: {}) {{ subject }} }}", mail["id"]),
        format!(
            "{{ node(id: {}) {{ id ... on Email {{ subject }} }} }}",
            mail["id"]
        ),
        "{ viewer { invitation { emails { subject } } } }".to_owned(),
    ] {
        let answer = laura.run(&document).await;
        assert_eq!(answer.code(), "FORBIDDEN", "{document}");
        assert!(!answer.body.to_string().contains("invited to join"));
    }

    // And the link is gone from the queue.
    let queue = administrator.run(operation("ReadTheQueue")).await;
    assert_eq!(queue.data()["emails"]["nodes"][0]["link"], Value::Null);
}

/// The queries of the documents do what these say.
#[tokio::test]
async fn the_queries_of_the_documents_run() {
    const DOCUMENTS: [&str; 2] = [
        include_str!("../../docs/administration.md"),
        include_str!("../../docs/personal-data.md"),
    ];
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let queries = DOCUMENTS
        .iter()
        .flat_map(|document| document.split("```graphql\n").skip(1));
    for query in queries {
        let query = query.split("```").next().unwrap();
        let variables = json!({
            "id": administrator.id,
            "address": "admin@example.com",
            "input": { "invitations": [
                { "email": "sam.rivera@example.com", "roleCodeNames": ["Administrator"] },
            ] },
        });
        administrator.run_with(query, variables).await.data();
    }
}
