//! The roles that somebody is invited with.

use serde_json::{Value, json};

use crate::support::{TestServer, ids};

/// Whoever writes a script knows a role by its code name.
#[tokio::test]
async fn roles_are_chosen_by_their_code_names_as_well() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    server
        .role(&administrator, "More", &["content-hub.update"])
        .await;
    let held = ["users.create", "users.view"];
    let manager = server
        .user_with(&administrator, "manager@kbank.com", &held)
        .await;
    let editor = json!(["Editor"]);
    for (number, (chosen, expected)) in [
        (json!({ "roleCodeNames": ["editor"] }), Ok(&editor)),
        (json!({ "roleIds": [role], "roleCodeNames": [" EDITOR "] }), Ok(&editor)),
        (json!({ "roleIds": null, "roleCodeNames": ["Editor", "Editor"] }), Ok(&editor)),
        (json!({}), Err("REQUIRED input.roleIds")),
        (json!({ "roleIds": [], "roleCodeNames": [] }), Err("REQUIRED input.roleIds")),
        (
            json!({ "roleIds": ["rubbish"], "roleCodeNames": ["Editor", "Nobody", "a b", "", "x\0"] }),
            Err("INVALID input.roleIds.0 NOT_FOUND input.roleCodeNames.1 NOT_FOUND input.roleCodeNames.2 \
                 NOT_FOUND input.roleCodeNames.3 NOT_FOUND input.roleCodeNames.4"),
        ),
        (
            json!({ "roleCodeNames": vec!["Editor"; 101] }),
            Err("TOO_MANY input.roleCodeNames"),
        ),
        (
            json!({ "roleIds": vec![&role; 60], "roleCodeNames": vec!["Editor"; 41] }),
            Err("TOO_MANY input.roleIds"),
        ),
        (
            json!({ "roleIds": [role], "roleCodeNames": ["Editor", "more"] }),
            Err("EXCEEDS_OWN_PERMISSIONS input.roleCodeNames.1"),
        ),
        (
            json!({ "roleCodeNames": ["administrator"] }),
            Err("EXCEEDS_OWN_PERMISSIONS input.roleCodeNames.0"),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut input = chosen.clone();
        input["email"] = json!(format!("u{number}@kbank.com"));
        let select = "user { roles { codeName } }";
        let payload = manager.mutate("inviteUser", input, select).await;
        let roles = payload["user"]["roles"].as_array().map(|roles| {
            let names = roles.iter().map(|role| role["codeName"].clone());
            names.collect::<serde_json::Value>()
        });
        let errors = ids(&payload["userErrors"]).join(" ");
        let outcome = roles.as_ref().ok_or(errors.as_str());
        assert_eq!(outcome, expected, "{chosen}");
    }
}

/// More of them than are dealt with at once.
#[tokio::test]
async fn a_role_that_comes_to_grant_more_sends_all_who_are_invited_a_new_link() {
    const MANY: usize = 120;
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    let rows: Vec<Value> = (0..MANY)
        .map(|number| json!({ "email": format!("u{number}@kbank.com"), "roleIds": [role] }))
        .collect();
    let input = json!({ "invitations": rows });
    let payload = administrator
        .mutate("inviteUsers", input, "results { outcome }")
        .await;
    assert_eq!(payload["results"].as_array().unwrap().len(), MANY);
    let input = json!({ "id": role, "permissions": ["users.view"] });
    let payload = administrator.mutate("updateRole", input, "").await;
    assert_eq!(payload["userErrors"], json!([]));
    let answer = administrator
        .run(
            "{ resent: events(filter: { actions: [INVITATION_RESENT] }) { totalCount }
               pending: invitations(filter: { statuses: [PENDING] }) { totalCount }
               revoked: invitations(filter: { statuses: [REVOKED] }) { totalCount } }",
        )
        .await;
    for what in ["resent", "pending", "revoked"] {
        assert_eq!(answer.data()[what]["totalCount"], MANY, "{what}");
    }
}
