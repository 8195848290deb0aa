//! Who may read what: every field has a rule, the rule acts as the schema says, and the whole is a
//! table that reviewers read (`snapshots/`).
//!
//! The table is made from the schema, so a new field is in it at once, or fails for having no rule.
//! Not covered: rules that depend on data, which have tests of their own beside their noun.

use std::collections::BTreeMap;
use std::fmt::Write;

use async_graphql::Value as Constant;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{FieldDefinition, Type, TypeKind, TypeSystemDefinition};
use serde_json::{Value, json};

use crate::support::{Client, TestServer, ids, token_in};

const SCHEMA: &str = include_str!("../../schema.graphql");

/// Types that only pass on what the field that returns them has given, and tell nothing else.
fn inherits(name: &str) -> bool {
    ["Payload", "Effects", "Connection", "Edge"]
        .iter()
        .any(|suffix| name.ends_with(suffix))
        || [
            "PageInfo",
            "UserError",
            "UserErrorParameter",
            "ChangeUsersResult",
            "ChangeInvitationsResult",
        ]
        .contains(&name)
}

/// What the schema says of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Public,
    SignedIn,
    Requires(String),
    RequiresUnlessOwn(String),
}

impl Rule {
    fn of(field: &FieldDefinition) -> Option<Self> {
        field.directives.iter().find_map(|directive| {
            let directive = &directive.node;
            let permission = || match directive
                .get_argument("permission")
                .map(|value| &value.node)
            {
                Some(Constant::String(permission)) => permission.clone(),
                other => panic!("{other:?}"),
            };
            match directive.name.node.as_str() {
                "public" => Some(Self::Public),
                "signedIn" => Some(Self::SignedIn),
                "requiresPermission" => Some(Self::Requires(permission())),
                "requiresPermissionUnlessOwn" => Some(Self::RequiresUnlessOwn(permission())),
                _ => None,
            }
        })
    }

    fn permission(&self) -> Option<&str> {
        match self {
            Self::Requires(permission) | Self::RequiresUnlessOwn(permission) => Some(permission),
            Self::Public | Self::SignedIn => None,
        }
    }
}

struct Schema {
    objects: BTreeMap<String, Vec<FieldDefinition>>,
    leaves: Vec<String>,
}

impl Schema {
    fn read() -> Self {
        let mut schema = Self {
            objects: BTreeMap::new(),
            leaves: ["Int", "Float", "String", "Boolean", "ID"]
                .map(str::to_owned)
                .into(),
        };
        for definition in parse_schema(SCHEMA).unwrap().definitions {
            let TypeSystemDefinition::Type(ty) = definition else {
                continue;
            };
            let name = ty.node.name.node.to_string();
            match ty.node.kind {
                TypeKind::Object(object) => {
                    let fields = object.fields.into_iter().map(|field| field.node).collect();
                    schema.objects.insert(name, fields);
                }
                TypeKind::Scalar | TypeKind::Enum(_) => schema.leaves.push(name),
                _ => {}
            }
        }
        schema
    }

    fn guarded(&self) -> impl Iterator<Item = (&str, &FieldDefinition)> {
        self.objects
            .iter()
            .filter(|(name, _)| !inherits(name))
            .flat_map(|(name, fields)| fields.iter().map(move |field| (name.as_str(), field)))
    }

    /// What has to stand behind a field so that it can be asked for.
    fn selection(&self, field: &FieldDefinition) -> &'static str {
        if self.leaves.contains(&base(&field.ty.node)) {
            ""
        } else {
            "{ __typename }"
        }
    }
}

fn base(ty: &Type) -> String {
    match &ty.base {
        async_graphql::parser::types::BaseType::Named(name) => name.to_string(),
        async_graphql::parser::types::BaseType::List(inner) => base(inner),
    }
}

#[test]
fn every_field_has_a_rule() {
    let schema = Schema::read();
    let without: Vec<String> = schema
        .guarded()
        .filter(|(_, field)| Rule::of(field).is_none())
        .map(|(ty, field)| format!("{ty}.{}", field.name.node))
        .collect();
    assert_eq!(
        without, [""; 0],
        "each of these needs a guard and its directive, see src/graphql/guard.rs"
    );
}

/// Things to ask for: somebody else's, and one's own where there is such a thing.
struct World {
    server: TestServer,
    administrator: Client,
    email: String,
    invitation: String,
    token: String,
    reset_token: String,
    role: String,
}

/// Somebody who asks.
struct Persona {
    client: Client,
    role: String,
    permissions: Vec<String>,
}

impl World {
    async fn new() -> Self {
        let server = TestServer::start().await;
        let administrator = server.administrator().await;
        let role = server.role(&administrator, "Target", &[]).await;
        let (payload, token) = server
            .invite(&administrator, "target@kbank.com", &role)
            .await;
        let input = json!({ "email": "admin@example.com" });
        administrator
            .mutate("requestPasswordReset", input, "")
            .await;
        let reset_token = token_in(&server.inbox.next().await);
        let answer = administrator
            .run("{ emails(filter: { to: \"target\" }) { nodes { id attempts { outcome } } } }")
            .await;
        Self {
            email: text(&answer.data()["emails"]["nodes"][0]["id"]),
            invitation: text(&payload["invitation"]["id"]),
            token,
            reset_token,
            role,
            server,
            administrator,
        }
    }

    async fn persona(&self, name: &str, permissions: Vec<String>) -> Persona {
        let email = format!("{name}@kbank.com");
        let input = json!({ "name": name, "permissions": permissions });
        let payload = self
            .administrator
            .mutate("createRole", input, "role { id permissions }")
            .await;
        assert_eq!(ids(&payload["userErrors"]), [""; 0]);
        let role = text(&payload["role"]["id"]);
        let (_, token) = self.server.invite(&self.administrator, &email, &role).await;
        let client = self.server.accept(&token).await;
        let permissions = payload["role"]["permissions"].as_array().unwrap();
        Persona {
            role,
            permissions: permissions.iter().map(text).collect(),
            client,
        }
    }

    /// A document that asks for one field, and the path under which the answer to it is found.
    fn document(
        &self,
        schema: &Schema,
        ty: &str,
        field: &FieldDefinition,
        who: Option<&Persona>,
    ) -> String {
        let name = field.name.node.as_str();
        let leaf = format!(
            "{name}{} {}",
            self.arguments(ty, name, who),
            schema.selection(field)
        );
        let node = |id: &str| format!("{{ node(id: \"{id}\") {{ ... on {ty} {{ {leaf} }} }} }}");
        match ty {
            "Query" => format!("{{ {leaf} }}"),
            "Mutation" => format!("mutation {{ {leaf} }}"),
            "User" => node(&self.administrator.id),
            "Role" => node(who.map_or(&self.role, |who| &who.role)),
            "Invitation" => node(&self.invitation),
            "Session" => format!(
                "{{ user(id: \"{}\") {{ sessions {{ {leaf} }} }} }}",
                self.administrator.id
            ),
            "Email" => node(&self.email),
            "EmailAttempt" => format!(
                "{{ email(id: \"{}\") {{ attempts {{ {leaf} }} }} }}",
                self.email
            ),
            "EmailChange" => format!(
                "subscription {{ emailChanged(since: \"2020-01-01T00:00:00Z\") {{ {leaf} }} }}"
            ),
            "EmailViewerCan" => format!(
                "{{ email(id: \"{}\") {{ viewerCan {{ {leaf} }} }} }}",
                self.email
            ),
            "InvitationViewerCan" => format!(
                "{{ node(id: \"{}\") {{ ... on Invitation {{ viewerCan {{ {leaf} }} }} }} }}",
                self.invitation
            ),
            "EmailQueueViewerCan" => format!("{{ emailQueue {{ viewerCan {{ {leaf} }} }} }}"),
            "Server" => format!("{{ server {{ {leaf} }} }}"),
            "EmailQueue" => format!("{{ emailQueue {{ {leaf} }} }}"),
            "EmailTransportState" => {
                format!("{{ emailQueue {{ transportState {{ {leaf} }} }} }}")
            }
            "Subscription" => format!("subscription {{ {leaf} }}"),
            "EmailStatusCount" => format!("{{ emailQueue {{ counts {{ {leaf} }} }} }}"),
            "RoleApplication" => {
                let role = who.map_or(&self.role, |who| &who.role);
                format!(
                    "{{ node(id: \"{role}\") {{ ... on Role {{ applications {{ {leaf} }} }} }} }}"
                )
            }
            "UserViewerCan" => format!(
                "{{ user(id: \"{}\") {{ viewerCan {{ {leaf} }} }} }}",
                self.administrator.id
            ),
            "RoleViewerCan" => {
                let role = who.map_or(&self.role, |who| &who.role);
                format!("{{ node(id: \"{role}\") {{ ... on Role {{ viewerCan {{ {leaf} }} }} }} }}")
            }
            "PermissionExplanation" => format!(
                "{{ explainPermission(userId: \"{}\", permission: \"users.view\") {{ {leaf} }} }}",
                self.administrator.id
            ),
            "Event" => format!("{{ events(last: 1) {{ nodes {{ {leaf} }} }} }}"),
            "EventChange" => {
                format!("{{ events(last: 1) {{ nodes {{ changes {{ {leaf} }} }} }} }}")
            }
            "Application" => format!("{{ applications {{ {leaf} }} }}"),
            "ApplicationPermission" => format!("{{ applications {{ permissions {{ {leaf} }} }} }}"),
            "PasswordAssessment" => format!(
                "mutation {{ checkPassword(input: {{ password: \"\" }}) {{ assessment {{ {leaf} }} }} }}"
            ),
            "PasswordPolicy" => format!("{{ passwordPolicy {{ {leaf} }} }}"),
            "InvitationPreview" => {
                format!(
                    "{{ invitationByToken(token: \"{}\") {{ {leaf} }} }}",
                    self.token
                )
            }
            "InviteUsersResult" => format!(
                "mutation {{ inviteUsers(input: {{ invitations: [{{ email: \"\" }}], dryRun: true }}) {{ results {{ {leaf} }} }} }}"
            ),
            "PasswordResetPreview" => {
                format!(
                    "{{ passwordResetByToken(token: \"{}\") {{ {leaf} }} }}",
                    self.reset_token
                )
            }
            other => panic!("say here how a {other} is reached"),
        }
    }

    /// Arguments that are good enough to pass validation; what they name need not exist.
    fn arguments(&self, ty: &str, field: &str, who: Option<&Persona>) -> String {
        let own_role = who.map_or(&self.role, |who| &who.role);
        match (ty, field) {
            ("Query", "user") => format!("(id: \"{}\")", self.administrator.id),
            ("Query", "node") => format!("(id: \"{own_role}\")"),
            ("Query", "nodes") => format!("(ids: [\"{own_role}\"])"),
            ("Query", "role") => format!("(id: \"{}\")", self.role),
            ("Query", "email") => format!("(id: \"{}\")", self.email),
            ("Query", "invitation") => format!("(id: \"{}\")", self.invitation),
            ("Query", "invitationByToken" | "passwordResetByToken") => {
                "(token: \"none\")".to_owned()
            }
            ("Mutation", "signIn") => "(input: { email: \"\", password: \"\" })".to_owned(),
            ("Mutation", "acceptInvitation") => {
                "(input: { token: \"\", password: \"\" })".to_owned()
            }
            ("Mutation", "checkPassword") => "(input: { password: \"\" })".to_owned(),
            ("Mutation", "changePassword") => {
                "(input: { currentPassword: \"\", newPassword: \"\" })".to_owned()
            }
            ("Mutation", "requestPasswordReset") => "(input: { email: \"\" })".to_owned(),
            ("Mutation", "resetPassword") => {
                "(input: { token: \"\", newPassword: \"\" })".to_owned()
            }
            ("Mutation", "sendPasswordReset") => "(input: { userId: \"\" })".to_owned(),
            ("Mutation", "revokeSession") => "(input: { id: \"\" })".to_owned(),
            ("Mutation", "inviteUser") => "(input: { email: \"\", roleIds: [] })".to_owned(),
            ("Mutation", "inviteUsers") => "(input: { invitations: [] })".to_owned(),
            ("Query", "explainPermission") => "(userId: \"\", permission: \"\")".to_owned(),
            ("Mutation", "resendInvitation" | "revokeInvitation" | "endUserSessions") => {
                "(input: { userId: \"\" })".to_owned()
            }
            ("Mutation", "updateProfile") => "(input: {})".to_owned(),
            (
                "Mutation",
                "updateUser" | "activateUser" | "deactivateUser" | "deleteUser" | "updateRole"
                | "deleteRole",
            ) => "(input: { id: \"\" })".to_owned(),
            (
                "Mutation",
                "retryEmails" | "cancelEmails" | "deleteEmails" | "activateUsers"
                | "deactivateUsers" | "deleteUsers",
            ) => "(input: { ids: [] })".to_owned(),
            ("Mutation", "resendInvitations" | "revokeInvitations") => {
                "(input: { userIds: [] })".to_owned()
            }
            ("Mutation", "sendTestEmail") => "(input: { to: \"\" })".to_owned(),
            ("Mutation", "createRole") => "(input: { name: \"\", permissions: [] })".to_owned(),
            _ => String::new(),
        }
    }

    /// How the field answers to somebody.
    async fn ask(
        &self,
        schema: &Schema,
        ty: &str,
        field: &FieldDefinition,
        who: Option<&Persona>,
    ) -> String {
        let document = self.document(schema, ty, field, who);
        let anonymous = self.server.anonymous();
        let client = who.map_or(&anonymous, |who| &who.client);
        if document.starts_with("subscription") {
            // Where it is not refused at once, there is something to tell.
            let mut events = client.subscribe(&document, json!({})).await;
            if ty == "Subscription" {
                // One recipient may not be sent many.
                let id = who.map_or("nobody", |who| &who.client.id);
                let input = json!({ "to": format!("{}-{id}@kbank.com", field.name.node) });
                self.administrator
                    .mutate("sendTestEmail", input, "email { id }")
                    .await;
            }
            let body = events.next().await.unwrap();
            return verdict(&body, &document);
        }
        verdict(&client.run(&document).await.body, &document)
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn verdict(body: &Value, document: &str) -> String {
    match body["errors"].as_array() {
        None => "yes".to_owned(),
        Some(errors) => {
            let extensions = &errors[0]["extensions"];
            match extensions["code"].as_str().unwrap() {
                "UNAUTHENTICATED" => "sign in".to_owned(),
                "FORBIDDEN" => format!("needs {}", text(&extensions["permission"])),
                _ => panic!("{document}: {body:#}"),
            }
        }
    }
}

/// All permissions but one; where it is a `view`, all but that application's, since every other
/// action of it implies the `view`.
fn all_but(all: &[String], permission: &str) -> Vec<String> {
    let application = permission
        .strip_suffix(".view")
        .map(|code| format!("{code}."));
    all.iter()
        .filter(|held| match &application {
            Some(application) => !held.starts_with(application.as_str()),
            None => *held != permission,
        })
        .cloned()
        .collect()
}

/// Security rule 15.
#[tokio::test]
async fn guards_act_as_the_schema_says() {
    let schema = Schema::read();
    let world = World::new().await;
    let all = world.administrator.run("{ viewer { permissions } }").await;
    let all: Vec<String> = all.data()["viewer"]["permissions"]
        .as_array()
        .unwrap()
        .iter()
        .map(text)
        .collect();
    let nothing = world.persona("nothing", Vec::new()).await;
    let everything = world.persona("everything", all.clone()).await;
    let mut without: BTreeMap<String, Persona> = BTreeMap::new();
    let mut table = String::new();
    for (ty, field) in schema.guarded() {
        let rule = Rule::of(field).unwrap();
        // The answers of signing out are the same for all, but nobody would be signed in afterwards.
        if field.name.node == "signOut" {
            assert_eq!(rule, Rule::Public);
            continue;
        }
        let path = format!("{ty}.{}", field.name.node);
        let anonymous = world.ask(&schema, ty, field, None).await;
        let bare = world.ask(&schema, ty, field, Some(&nothing)).await;
        let full = world.ask(&schema, ty, field, Some(&everything)).await;
        assert_eq!(full, "yes", "{path}");
        let expected = match &rule {
            Rule::Public => ("yes".to_owned(), "yes".to_owned()),
            Rule::SignedIn => ("sign in".to_owned(), "yes".to_owned()),
            Rule::Requires(_) | Rule::RequiresUnlessOwn(_) => ("sign in".to_owned(), bare.clone()),
        };
        assert_eq!((&anonymous, &bare), (&expected.0, &expected.1), "{path}");
        let mut but_one = String::new();
        if let Some(permission) = rule.permission() {
            assert!(bare.starts_with("needs "), "{path}: {bare}");
            if !without.contains_key(permission) {
                let name = format!("but-{}", permission.replace('.', "-"));
                let persona = world.persona(&name, all_but(&all, permission)).await;
                assert!(!persona.permissions.iter().any(|held| held == permission));
                without.insert(permission.to_owned(), persona);
            }
            but_one = world
                .ask(&schema, ty, field, Some(&without[permission]))
                .await;
            assert_eq!(but_one, format!("needs {permission}"), "{path}");
        }
        if let Rule::RequiresUnlessOwn(_) = &rule {
            let leaf = format!("{} {}", field.name.node, schema.selection(field));
            let own = match ty {
                "User" => format!("{{ viewer {{ {leaf} }} }}"),
                "UserViewerCan" => format!("{{ viewer {{ viewerCan {{ {leaf} }} }} }}"),
                "Invitation" => format!("{{ viewer {{ invitation {{ {leaf} }} }} }}"),
                "InvitationViewerCan" => {
                    format!("{{ viewer {{ invitation {{ viewerCan {{ {leaf} }} }} }} }}")
                }
                "Session" => format!("{{ sessions {{ {leaf} }} }}"),
                other => panic!("say here how one's own {other} is reached"),
            };
            let answer = nothing.client.run(&own).await;
            assert_eq!(verdict(&answer.body, &own), "yes", "{path}");
        }
        writeln!(
            table,
            "{path:<34} {:<38} | {anonymous:<8} | {bare:<22} | {but_one}",
            describe(&rule)
        )
        .unwrap();
    }
    let head = format!(
        "{:<34} {:<38} | {:<8} | {:<22} | {}\n",
        "field", "rule", "nobody", "without permissions", "with all but the one"
    );
    insta::assert_snapshot!("permissions", format!("{head}{table}"));
}

fn describe(rule: &Rule) -> String {
    match rule {
        Rule::Public => "@public".to_owned(),
        Rule::SignedIn => "@signedIn".to_owned(),
        Rule::Requires(permission) => format!("@requiresPermission {permission}"),
        Rule::RequiresUnlessOwn(permission) => format!("@requiresPermissionUnlessOwn {permission}"),
    }
}

/// Aliases, fragments and nested edges lead past no guard.
#[tokio::test]
async fn there_is_no_way_round_a_guard() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let laura = server
        .user_with(
            &administrator,
            "laura@kbank.com",
            &["roles.view", "content-hub.view"],
        )
        .await;
    let role = server.role(&administrator, "Secret", &[]).await;
    let payload = administrator
        .mutate(
            "inviteUser",
            json!({ "email": "hidden@kbank.com", "roleIds": [role] }),
            "user { id } invitation { id }",
        )
        .await;
    let token = token_in(&server.inbox.next().await);
    let theirs = administrator.run("{ sessions { id } }").await;
    let theirs = text(&theirs.data()["sessions"][0]["id"]);
    for document in [
        "{ roles { nodes { users { nodes { email } } } } }".to_owned(),
        "{ roles { edges { node { users { totalCount } } } } }".to_owned(),
        "{ a: roles { nodes { ...R } } } fragment R on Role { u: users { e: edges { n: node { email } } } }".to_owned(),
        format!("{{ role(id: \"{role}\") {{ users {{ pageInfo {{ startCursor }} }} }} }}"),
        format!("{{ node(id: {}) {{ ... on User {{ email }} }} }}", payload["user"]["id"]),
        format!("{{ node(id: {}) {{ ... on Invitation {{ user {{ email }} }} }} }}", payload["invitation"]["id"]),
        format!("{{ nodes(ids: [{}]) {{ ... on Node {{ ... on User {{ email }} }} }} }}", payload["user"]["id"]),
        "{ viewer { invitation { invitedBy { email } } } }".to_owned(),
        format!("{{ node(id: \"{theirs}\") {{ ... on Session {{ ipAddress }} }} }}"),
        "{ viewer { invitation { emails { to } } } }".to_owned(),
        "{ users(filter: { search: \"hidden\" }) { totalCount } }".to_owned(),
        "{ emails { totalCount } }".to_owned(),
        "{ viewer { id } users { totalCount } }".to_owned(),
    ] {
        let answer = laura.run(&document).await;
        assert_eq!(answer.code(), "FORBIDDEN", "{document}: {:#}", answer.body);
        let body = answer.body.to_string();
        for secret in ["hidden@kbank.com", "admin@example.com", "totalCount", &token] {
            assert!(!body.contains(secret), "{document}: {body}");
        }
    }
}
