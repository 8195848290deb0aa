//! Inviting, accepting, and what must not work about either.

mod listing;
mod roles;

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{PASSWORD, TestServer, ids, token_in};

async fn invited(server: &TestServer) -> (crate::support::Client, String, String) {
    let administrator = server.administrator().await;
    let role = server
        .role(&administrator, "Editor", &["content-hub.view"])
        .await;
    let (_, token) = server
        .invite(&administrator, "laura@kbank.com", &role)
        .await;
    (administrator, role, token)
}

/// Security rule 5.
#[tokio::test]
async fn a_bad_address_is_refused_and_changes_nothing() {
    let server = TestServer::start().await;
    let (administrator, role, _) = invited(&server).await;
    let long = format!("{}@kbank.com", "a".repeat(10_000));
    for (email, expected) in [
        ("", "REQUIRED input.email"),
        ("laura", "INVALID input.email"),
        ("a@kbank.com, b@kbank.com", "INVALID input.email"),
        ("a@kbank.com\r\nBcc: eve@example.com", "INVALID input.email"),
        (&long, "TOO_LONG input.email"),
        ("laura@kbank.com", "TAKEN input.email"),
        ("LAURA@KBank.com", "TAKEN input.email"),
        ("  laura@kbank.com ", "TAKEN input.email"),
    ] {
        let payload = administrator
            .mutate(
                "inviteUser",
                json!({ "email": email, "roleIds": [role] }),
                "user { id } invitation { id }",
            )
            .await;
        assert_eq!(ids(&payload["userErrors"]), [expected], "{email:?}");
        assert_eq!(payload["user"], json!(null));
    }
    let answer = administrator
        .run("{ users { totalCount } emails { totalCount } }")
        .await;
    assert_eq!(
        *answer.data(),
        json!({ "users": { "totalCount": 2 }, "emails": { "totalCount": 2 } })
    );
}

/// Security rule 5.
#[tokio::test]
async fn a_dotless_i_is_somebody_elses_address() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    for email in ["mike@kbank.com", "mıke@kbank.com", "mike@kbank.com."] {
        let payload = administrator
            .mutate(
                "inviteUser",
                json!({ "email": email, "roleIds": [role] }),
                "user { email }",
            )
            .await;
        let expected: &[&str] = match email {
            "mike@kbank.com." => &["INVALID input.email"],
            _ => &[],
        };
        assert_eq!(ids(&payload["userErrors"]), expected, "{email}");
    }
}

#[tokio::test]
async fn bad_roles_are_refused_each_at_its_place() {
    let server = TestServer::start().await;
    let (administrator, role, _) = invited(&server).await;
    let unknown = "role_01h2xcejqtf2nbrexx3vqjhp41";
    for (role_ids, expected) in [
        (json!([]), vec!["REQUIRED input.roleIds"]),
        (
            json!([role, unknown, administrator.id, "rubbish"]),
            vec![
                "NOT_FOUND input.roleIds.1",
                "INVALID input.roleIds.2",
                "INVALID input.roleIds.3",
            ],
        ),
    ] {
        let payload = administrator
            .mutate(
                "inviteUser",
                json!({ "email": "new@kbank.com", "roleIds": role_ids }),
                "user { id }",
            )
            .await;
        assert_eq!(ids(&payload["userErrors"]), expected);
    }
}

#[tokio::test]
async fn everything_wrong_with_an_input_is_said_at_once() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let payload = administrator
        .mutate(
            "inviteUser",
            json!({
                "email": "nobody",
                "firstName": "L".repeat(101),
                "lastName": "Mil\r\nler",
                "roleIds": ["rubbish"]
            }),
            "user { id }",
        )
        .await;
    assert_eq!(
        ids(&payload["userErrors"]),
        [
            "INVALID input.email",
            "TOO_LONG input.firstName",
            "INVALID input.lastName",
            "INVALID input.roleIds.0"
        ]
    );
}

/// Security rule 7.
#[tokio::test]
async fn nobody_invites_with_more_than_they_hold() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let inviter = server
        .user_with(
            &administrator,
            "inviter@kbank.com",
            &["users.create", "content-hub.view"],
        )
        .await;
    let more = server
        .role(&administrator, "More", &["content-hub.update"])
        .await;
    let same = server
        .role(&administrator, "Same", &["content-hub.view"])
        .await;
    let built_in = administrator
        .run("{ roles(first: 1) { nodes { id codeName } } }")
        .await;
    let built_in = &built_in.data()["roles"]["nodes"][0];
    assert_eq!(built_in["codeName"], "Administrator");
    for role in [&more, built_in["id"].as_str().unwrap()] {
        let payload = inviter
            .mutate(
                "inviteUser",
                json!({ "email": "friend@kbank.com", "roleIds": [same, role] }),
                "user { id }",
            )
            .await;
        assert_eq!(
            ids(&payload["userErrors"]),
            ["EXCEEDS_OWN_PERMISSIONS input.roleIds.1"]
        );
    }
    server.invite(&inviter, "friend@kbank.com", &same).await;
}

/// Security rule 10.
#[tokio::test]
async fn of_fifty_accepts_at_once_exactly_one_succeeds() {
    let server = TestServer::start().await;
    let (_, _, token) = invited(&server).await;
    let accept = || async {
        let anonymous = server.anonymous();
        anonymous
            .mutate(
                "acceptInvitation",
                json!({ "token": token, "password": PASSWORD }),
                "token",
            )
            .await
    };
    let payloads = join_all((0..50).map(|_| accept())).await;
    let (won, lost): (Vec<_>, Vec<_>) = payloads
        .iter()
        .partition(|payload| payload["token"].is_string());
    assert_eq!((won.len(), lost.len()), (1, 49));
    for payload in lost {
        assert_eq!(ids(&payload["userErrors"]), ["TOKEN_INVALID input.token"]);
    }
}

/// Security rule 10.
#[tokio::test]
async fn a_link_works_once_and_not_for_ever_and_only_as_it_was_sent() {
    let server = TestServer::start().await;
    let (administrator, role, token) = invited(&server).await;
    let (_, late) = server.invite(&administrator, "late@kbank.com", &role).await;
    let anonymous = server.anonymous();
    let accept = |token: String| {
        let anonymous = anonymous.clone();
        async move {
            let input = json!({ "token": token, "password": PASSWORD });
            let payload = anonymous.mutate("acceptInvitation", input, "token").await;
            ids(&payload["userErrors"])
        }
    };
    let mut altered = token.clone();
    let last = altered.pop().unwrap();
    altered.push(if last == 'A' { 'E' } else { 'A' });
    for bad in ["", "rubbish", &altered, &token.to_uppercase()] {
        assert_eq!(
            accept(bad.to_owned()).await,
            ["TOKEN_INVALID input.token"],
            "{bad}"
        );
    }
    // Neither looking at it nor what was refused has used it up.
    assert_eq!(accept(token.clone()).await, [""; 0]);
    assert_eq!(accept(token.clone()).await, ["TOKEN_INVALID input.token"]);

    server.advance(Duration::from_secs(7 * 24 * 60 * 60));
    assert_eq!(accept(late.clone()).await, ["TOKEN_EXPIRED input.token"]);
    let preview = anonymous
        .run_with(
            "query($a: String!, $b: String!) {
                used: invitationByToken(token: $a) { status } late: invitationByToken(token: $b) { status }
                never: invitationByToken(token: \"rubbish\") { status }
            }",
            json!({ "a": token, "b": late }),
        )
        .await;
    assert_eq!(
        *preview.data(),
        json!({ "used": { "status": "ACCEPTED" }, "late": { "status": "EXPIRED" }, "never": null })
    );
}

#[tokio::test]
async fn a_refused_password_does_not_use_the_link_up() {
    let server = TestServer::start().await;
    let (_, _, token) = invited(&server).await;
    let long = "x".repeat(1_025);
    for (password, expected) in [
        ("", "PASSWORD_TOO_SHORT input.password"),
        ("elevenchars", "PASSWORD_TOO_SHORT input.password"),
        ("password1234", "PASSWORD_TOO_WEAK input.password"),
        ("laura@kbank.com", "PASSWORD_TOO_WEAK input.password"),
        (&long, "TOO_LONG input.password"),
    ] {
        let payload = server
            .anonymous()
            .mutate(
                "acceptInvitation",
                json!({ "token": token, "password": password }),
                "token user { id }",
            )
            .await;
        assert_eq!(ids(&payload["userErrors"]), [expected], "{password}");
        assert_eq!(payload["token"], json!(null));
    }
    server.accept(&token).await;
}

#[tokio::test]
async fn who_accepts_may_correct_their_name() {
    let server = TestServer::start().await;
    let (_, _, token) = invited(&server).await;
    let payload = server
        .anonymous()
        .mutate(
            "acceptInvitation",
            json!({ "token": token, "password": PASSWORD, "firstName": " Laura ", "lastName": "Miller" }),
            "user { displayName status lastSignedInAt invitation { status acceptedAt } }",
        )
        .await;
    assert_eq!(payload["user"]["displayName"], "Laura Miller");
    assert_eq!(payload["user"]["status"], "ACTIVE");
    assert_eq!(payload["user"]["invitation"]["status"], "ACCEPTED");
    assert!(payload["user"]["invitation"]["acceptedAt"].is_string());
    assert!(payload["user"]["lastSignedInAt"].is_string());
}

/// Security rule 11.
#[tokio::test]
async fn links_are_built_from_the_configured_address_only() {
    let server = TestServer::start_with(&["server.public_url=https://people.kbank.com/"]).await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    administrator
        .http
        .post(format!("{}/graphql", server.url))
        .bearer_auth(administrator.token.as_ref().unwrap())
        .header("host", "evil.example")
        .header("forwarded", "host=evil.example;proto=http")
        .header("x-forwarded-host", "evil.example")
        .json(&json!({
            "query": "mutation($role: ID!) { inviteUser(input: { email: \"l@kbank.com\", roleIds: [$role] }) { user { id } } }",
            "variables": { "role": role }
        }))
        .send()
        .await
        .unwrap();
    let received = server.inbox.next().await;
    assert!(
        received
            .text
            .contains("\nhttps://people.kbank.com/accept-invitation#token=")
    );
    assert!(!received.text.contains("evil"));
}

/// An operator who has lost the last link gets a new one, and the old one is void.
#[tokio::test]
async fn a_new_link_for_an_administrator_voids_the_old_one() {
    use usher::domain::setup::{NewAdministrator, invite_administrator};

    let server = TestServer::start().await;
    let old = crate::support::token_in(&server.inbox.next().await);
    let email = usher::domain::EmailAddress::parse("Admin@Example.com").unwrap();
    let outcome = invite_administrator(&server.server.app, &email)
        .await
        .unwrap();
    let NewAdministrator::Invited(invited) = outcome else {
        panic!("{outcome:?}");
    };
    let new = invited
        .link
        .unwrap()
        .split_once("token=")
        .unwrap()
        .1
        .to_owned();
    let payload = server
        .anonymous()
        .mutate(
            "acceptInvitation",
            json!({ "token": old, "password": PASSWORD }),
            "token",
        )
        .await;
    assert_eq!(ids(&payload["userErrors"]), ["TOKEN_INVALID input.token"]);
    server.accept(&new).await;
    let outcome = invite_administrator(&server.server.app, &email)
        .await
        .unwrap();
    assert!(matches!(outcome, NewAdministrator::Active));
}

/// Security rules 7 and 12: whoever was shown a link could grant all that it was worth then, and does
/// not come by more with it.
#[tokio::test]
async fn a_link_ends_when_the_roles_come_to_grant_more() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let clerk = server
        .role(&administrator, "Clerk", &["email-queue.view"])
        .await;
    let chief = server
        .role(&administrator, "Chief", &["users.delete"])
        .await;
    let accept = async |token: &str| {
        let input = json!({ "token": token, "password": PASSWORD });
        let client = server.anonymous();
        let payload = client.mutate("acceptInvitation", input, "token").await;
        ids(&payload["userErrors"])
    };
    let (payload, first) = server.invite(&administrator, "new@kbank.com", &clerk).await;
    let id = payload["user"]["id"].clone();
    let input = json!({ "id": id, "roleIds": [clerk, chief] });
    administrator.mutate("updateUser", input, "").await;
    assert_eq!(accept(&first).await, ["TOKEN_INVALID input.token"]);
    let second = token_in(&server.inbox.next().await);

    let input = json!({ "id": clerk, "permissions": ["email-queue.view", "users.view"] });
    administrator.mutate("updateRole", input, "").await;
    assert_eq!(accept(&second).await, ["TOKEN_INVALID input.token"]);
    let third = token_in(&server.inbox.next().await);

    // Less is no reason.
    let input = json!({ "id": clerk, "permissions": ["users.view"] });
    administrator.mutate("updateRole", input, "").await;
    let input = json!({ "id": id, "roleIds": [clerk] });
    administrator.mutate("updateUser", input, "").await;
    assert_eq!(accept(&third).await, [""; 0]);
}

/// A front end knows the invitation from one list, and the user from another.
#[tokio::test]
async fn an_invitation_is_sent_again_and_revoked_by_its_own_id() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    let (invited, _) = server
        .invite(&administrator, "laura@kbank.com", &role)
        .await;
    let (user, first) = (&invited["user"]["id"], &invited["invitation"]["id"]);
    let change = async |mutation: &str, input: serde_json::Value| {
        let selection = "invitation { id status } user { id email }";
        administrator.mutate(mutation, input, selection).await
    };
    let resent = change("resendInvitation", json!({ "invitationId": first })).await;
    assert_eq!(
        resent["user"],
        json!({ "id": user, "email": "laura@kbank.com" })
    );
    let second = &resent["invitation"]["id"];
    assert_ne!(second, first);
    let answer = administrator
        .run_with(
            "query($a: ID!, $b: ID!, $c: ID!) {
                first: invitation(id: $a) { status user { email } } second: invitation(id: $b) { status }
                user: invitation(id: $c) { status }
            }",
            json!({ "a": first, "b": second, "c": user }),
        )
        .await;
    assert_eq!(
        *answer.data(),
        json!({
            "first": { "status": "REVOKED", "user": { "email": "laura@kbank.com" } },
            "second": { "status": "PENDING" },
            "user": null,
        })
    );
    let nobody = "invitation_01h2xcejqtf2nbrexx3vqjhp41";
    for (input, expected) in [
        (json!({}), "REQUIRED "),
        (json!({ "invitationId": first, "userId": user }), "INVALID "),
        (
            json!({ "invitationId": user }),
            "INVALID input.invitationId",
        ),
        (json!({ "userId": first }), "INVALID input.userId"),
        (json!({ "invitationId": "" }), "INVALID input.invitationId"),
        (
            json!({ "invitationId": nobody }),
            "NOT_FOUND input.invitationId",
        ),
    ] {
        for mutation in ["resendInvitation", "revokeInvitation"] {
            let payload = change(mutation, input.clone()).await;
            assert_eq!(
                ids(&payload["userErrors"]),
                [expected],
                "{mutation} {input}"
            );
            assert_eq!(payload["invitation"], json!(null));
            assert_eq!(payload["user"], json!(null));
        }
    }
    // A newer one has taken its place, which stays as it is.
    let replaced = change("revokeInvitation", json!({ "invitationId": first })).await;
    assert_eq!(
        ids(&replaced["userErrors"]),
        ["WRONG_STATE input.invitationId"]
    );
    let revoked = change("revokeInvitation", json!({ "invitationId": second })).await;
    assert_eq!(
        revoked["invitation"],
        json!({ "id": second, "status": "REVOKED" })
    );
    assert_eq!(revoked["user"]["id"], *user);
    let again = change("revokeInvitation", json!({ "invitationId": second })).await;
    assert_eq!(
        ids(&again["userErrors"]),
        ["WRONG_STATE input.invitationId"]
    );
}
