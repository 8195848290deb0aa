//! What a role or a person is worth, whatever the configuration declares at the moment, and that
//! nobody comes by more than they are given.

use serde_json::{Value, json};
use usher::domain::EmailAddress;
use usher::domain::setup::{NewAdministrator, invite_administrator};

use crate::support::{APPLICATIONS, Client, PASSWORD, TestServer, ids, token_in};

const HUB: &str = "content-hub.update";

/// All that the server's own applications have, and nothing of those that a configuration declares.
const OFFICE: &[&str] = &[
    "users.create",
    "users.update",
    "users.delete",
    "roles.create",
    "roles.update",
    "roles.delete",
    "email-queue.view-sensitive",
    "email-queue.update",
    "email-queue.delete",
    "event-log.view",
];

async fn errors(client: &Client, mutation: &str, input: Value) -> Vec<String> {
    let payload = client.mutate(mutation, input, "").await;
    ids(&payload["userErrors"])
}

async fn built_in(client: &Client) -> String {
    let answer = client.run("{ roles(first: 1) { nodes { id } } }").await;
    let id = &answer.data()["roles"]["nodes"][0]["id"];
    id.as_str().unwrap().to_owned()
}

/// Security rules 7 and 12: what is not declared for a while is worth what it was, in every
/// comparison.
#[tokio::test]
async fn a_permission_counts_while_it_is_not_declared() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let manager = server
        .user_with(&administrator, "manager@kbank.com", OFFICE)
        .await;
    let equal = server
        .user_with(
            &administrator,
            "equal@kbank.com",
            &[OFFICE, &[HUB]].concat(),
        )
        .await;
    let accomplice = server
        .user_with(&administrator, "accomplice@kbank.com", &["users.view"])
        .await;
    let keeper = server.role(&administrator, "Hub keeper", &[HUB]).await;
    let administrators = built_in(&administrator).await;
    let (_, token) = server
        .invite(&administrator, "strong@kbank.com", &keeper)
        .await;
    let strong = server.accept(&token).await;
    let (invited, _) = server
        .invite(&administrator, "invited@kbank.com", &keeper)
        .await;
    let invited = invited["user"]["id"].as_str().unwrap();

    let without = server.another_declaring("").await;
    let there = |client: &Client| Client {
        token: client.token.clone(),
        id: client.id.clone(),
        ..without.anonymous()
    };
    let (administrator, manager, equal) = (there(&administrator), there(&manager), there(&equal));
    let too_much = |field: &str| vec![format!("EXCEEDS_OWN_PERMISSIONS input.{field}")];
    for role in [&keeper, &administrators] {
        let input = json!({ "id": accomplice.id, "roleIds": [role] });
        assert_eq!(
            errors(&manager, "updateUser", input).await,
            too_much("roleIds.0")
        );
        let input = json!({ "email": "new@kbank.com", "roleIds": [role] });
        assert_eq!(
            errors(&manager, "inviteUser", input).await,
            too_much("roleIds.0")
        );
    }
    let input = json!({ "id": keeper, "name": "Mine", "permissions": [] });
    assert_eq!(errors(&manager, "updateRole", input).await, too_much("id"));
    let input = json!({ "id": keeper, "force": true });
    assert_eq!(errors(&manager, "deleteRole", input).await, too_much("id"));
    for target in [&strong.id, invited, &administrator.id, &equal.id] {
        for mutation in ["updateUser", "deactivateUser", "deleteUser"] {
            let input = json!({ "id": target });
            assert_eq!(
                errors(&manager, mutation, input).await,
                too_much("id"),
                "{mutation}"
            );
        }
        for mutation in [
            "endUserSessions",
            "sendPasswordReset",
            "resendInvitation",
            "revokeInvitation",
        ] {
            let input = json!({ "userId": target });
            let refused = errors(&manager, mutation, input).await;
            assert_eq!(refused, too_much("userId"), "{mutation}");
        }
    }
    let seen_by = async |client: &Client| {
        let query = "query($user: ID!, $role: ID!) {
            user(id: $user) { viewerCan { update assignRoles deactivate delete endSessions sendPasswordReset } }
            node(id: $role) { ... on Role { viewerCan { assign update delete } unknownPermissions permissions } }
            emails(filter: { to: \"invited@\" }) { nodes { link } }
        }";
        let variables = json!({ "user": strong.id, "role": keeper });
        let answer = client.run_with(query, variables).await;
        let data = answer.data();
        assert_eq!(
            data["node"]["unknownPermissions"],
            json!([HUB, "content-hub.view"])
        );
        assert_eq!(data["node"]["permissions"], json!([]));
        let mut can: Vec<bool> = [&data["user"]["viewerCan"], &data["node"]["viewerCan"]]
            .into_iter()
            .flat_map(|can| can.as_object().unwrap().values())
            .map(|can| can.as_bool().unwrap())
            .collect();
        can.push(data["emails"]["nodes"][0]["link"].is_string());
        can
    };
    assert_eq!(seen_by(&manager).await, [false; 10]);
    // Whoever holds it as well, or everything, is not held up.
    assert_eq!(seen_by(&equal).await, [true; 10]);
    assert_eq!(seen_by(&administrator).await, [true; 10]);
    let input = json!({ "id": accomplice.id, "roleIds": [keeper] });
    assert_eq!(errors(&equal, "updateUser", input).await, [""; 0]);

    // It grants nothing in the meantime.
    let query = "query($id: ID!) { user(id: $id) { permissions } }";
    let answer = administrator
        .run_with(query, json!({ "id": strong.id }))
        .await;
    assert_eq!(answer.data()["user"]["permissions"], json!([]));
}

/// Security rule 10: an administrator's invitation that somebody was shown must not be worth more
/// than when they were, because an application was added since.
#[tokio::test]
async fn an_application_that_is_new_ends_the_links_of_administrators() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let administrators = built_in(&administrator).await;
    let (_, first) = server
        .invite(&administrator, "second@kbank.com", &administrators)
        .await;
    let accept = async |server: &TestServer, token: &str| {
        let input = json!({ "token": token, "password": PASSWORD });
        errors(&server.anonymous(), "acceptInvitation", input).await
    };
    // The same applications, or fewer, change nothing; nor does one that comes back.
    for applications in [APPLICATIONS, "", APPLICATIONS] {
        let other = server.another_declaring(applications).await;
        other.all_sent(&administrator).await;
    }
    let hub = "[[applications]]\ncode = \"new-hub\"\nname = \"New hub\"\nactions = [\"view\"]";
    let grown = server.another_declaring(hub).await;
    assert_eq!(accept(&grown, &first).await, ["TOKEN_INVALID input.token"]);
    let received = tokio::select! {
        received = grown.inbox.next() => received,
        received = server.inbox.next() => received,
    };
    assert_eq!(received.to, ["second@kbank.com"]);
    assert_eq!(accept(&grown, &token_in(&received)).await, [""; 0]);
    let query = "{ events(filter: { actions: [ROLE_UPDATED] }) {
        nodes { actorLabel subjectLabel changes { field after } }
    } }";
    assert_eq!(
        administrator.run(query).await.data()["events"]["nodes"],
        json!([{
            "actorLabel": "server", "subjectLabel": "Administrator",
            "changes": [{ "field": "permissions", "after": "new-hub.view" }],
        }])
    );
}

/// Security rule 14: whoever set an account up is out of it when an operator makes it an
/// administrator's.
#[tokio::test]
async fn an_account_that_the_command_line_promotes_is_closed_to_whoever_set_it_up() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let prepared = server
        .user_with(&administrator, "cto@kbank.com", &["content-hub.view"])
        .await;
    let anonymous = server.anonymous();
    let request = json!({ "email": "cto@kbank.com" });
    anonymous.mutate("requestPasswordReset", request, "").await;
    let old_link = token_in(&server.inbox.next().await);
    let address = EmailAddress::parse("cto@kbank.com").unwrap();
    let invite = async || {
        invite_administrator(&server.server.app, &address)
            .await
            .unwrap()
    };
    let NewAdministrator::Promoted { link } = invite().await else {
        panic!("not promoted");
    };
    assert_eq!(
        prepared.run("{ viewer { id } }").await.data()["viewer"],
        Value::Null
    );
    let sign_in = json!({ "email": "cto@kbank.com", "password": PASSWORD });
    assert_eq!(
        errors(&anonymous, "signIn", sign_in).await,
        ["INVALID_CREDENTIALS "]
    );
    let received = server.inbox.next().await;
    assert_eq!(received.to, ["cto@kbank.com"]);
    assert!(
        received.text.contains("was made an administrator"),
        "{}",
        received.text
    );
    let token = token_in(&received);
    assert!(link.ends_with(&token));
    // Nobody reads the link in the queue.
    let query = "{ emails(filter: { kinds: [PASSWORD_REQUIRED] }) { nodes { link textBody } } }";
    let answer = administrator.run(query).await;
    assert_eq!(answer.data()["emails"]["nodes"][0]["link"], Value::Null);
    assert!(!answer.body.to_string().contains(&token));
    // Nor do they count as somebody who could take over, until they have chosen a password.
    let almighty = {
        let answer = administrator.run("{ viewer { permissions } }").await;
        let all = answer.data()["viewer"]["permissions"].clone();
        let all: Vec<&str> = all
            .as_array()
            .unwrap()
            .iter()
            .map(|code| code.as_str().unwrap())
            .collect();
        server
            .user_with(&administrator, "almighty@kbank.com", &all)
            .await
    };
    let input = json!({ "id": administrator.id });
    let refused = errors(&almighty, "deactivateUser", input.clone()).await;
    assert_eq!(refused, ["LAST_ADMINISTRATOR input.id"]);

    let reset = async |token: &str| {
        let input = json!({ "token": token, "newPassword": "quartz-lantern-58-meadow" });
        errors(&anonymous, "resetPassword", input).await
    };
    assert_eq!(reset(&old_link).await, ["TOKEN_INVALID input.token"]);
    assert_eq!(reset(&token).await, [""; 0]);
    let query = "{ events(filter: { actions: [USER_UPDATED, PASSWORD_RESET_REQUESTED] }) {
        nodes { action actorLabel changes { before after } }
    } }";
    let answer = administrator.run(query).await;
    let events = &answer.data()["events"]["nodes"];
    assert_eq!(
        events[0],
        json!({ "action": "PASSWORD_RESET_REQUESTED", "actorLabel": "server", "changes": [] })
    );
    assert_eq!(
        events[1],
        json!({
            "action": "USER_UPDATED", "actorLabel": "server",
            "changes": [{ "before": "cto@kbank.com", "after": "Administrator, cto@kbank.com" }],
        })
    );
    // Once they are an administrator, the command leaves them alone.
    assert!(matches!(invite().await, NewAdministrator::Active));
    assert_eq!(errors(&almighty, "deactivateUser", input).await, [""; 0]);
}

/// A stolen session does not guess the password unseen.
#[tokio::test]
async fn wrong_guesses_at_the_current_password_are_recorded() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let laura = server
        .user_with(&administrator, "laura@kbank.com", &[])
        .await;
    let guess = async || {
        let input =
            json!({ "currentPassword": "wrong", "newPassword": "quartz-lantern-58-meadow" });
        errors(&laura, "changePassword", input).await
    };
    let recorded = async || {
        let query = "{ events(filter: { actions: [PASSWORD_CHANGE_REFUSED, SIGN_IN_THROTTLED] }) {
            nodes { actionCode actorLabel subjectLabel ipAddress }
        } }";
        let answer = administrator.run(query).await;
        answer.data()["events"]["nodes"].as_array().unwrap().clone()
    };
    for _ in 0..3 {
        assert_eq!(guess().await, ["INVALID_CREDENTIALS input.currentPassword"]);
    }
    let event = |code: &str| {
        json!({
            "actionCode": code, "actorLabel": "laura@kbank.com",
            "subjectLabel": "laura@kbank.com", "ipAddress": "127.0.0.1",
        })
    };
    assert_eq!(recorded().await, [event("password.refused")]);
    for _ in 0..2 {
        assert_eq!(guess().await, ["INVALID_CREDENTIALS input.currentPassword"]);
    }
    assert_eq!(guess().await, ["TOO_MANY_ATTEMPTS "]);
    assert_eq!(
        recorded().await,
        [event("session.throttled"), event("password.refused")]
    );
    server.advance(std::time::Duration::from_secs(61));
    guess().await;
    assert_eq!(recorded().await[0]["actionCode"], "session.throttled");
    assert_eq!(recorded().await.len(), 4);
}
