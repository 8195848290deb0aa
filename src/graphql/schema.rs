//! The schema, put together from the nouns, and its text.

use async_graphql::{MergedObject, MergedSubscription, SDLExportOptions};

use super::applications::ApplicationQuery;
use super::email_changes::EmailSubscription;
use super::email_queue::EmailQueueMutation;
use super::emails::EmailQuery;
use super::events::EventQuery;
use super::explanation::ExplanationQuery;
use super::invitations::{
    InvitationChangesMutation, InvitationListQuery, InvitationMutation, InvitationQuery,
    InvitationsMutation,
};
use super::limits::MAX_COMPLEXITY;
use super::live::LiveSubscription;
use super::nodes::NodeQuery;
use super::passwords::{PasswordMutation, PasswordQuery};
use super::roles::{RoleMutation, RoleQuery};
use super::server::ServerQuery;
use super::sessions::{SessionMutation, SessionQuery};
use super::users::{UserMutation, UserQuery, UsersMutation};

/// All queries.
#[derive(MergedObject, Default)]
pub struct Query(
    ApplicationQuery,
    EmailQuery,
    EventQuery,
    ExplanationQuery,
    InvitationListQuery,
    InvitationQuery,
    NodeQuery,
    PasswordQuery,
    RoleQuery,
    ServerQuery,
    SessionQuery,
    UserQuery,
);

/// All mutations. Each takes at most one argument, `input`, and returns what was changed along with
/// `userErrors`. If there are any user errors, nothing was changed.
#[derive(MergedObject, Default)]
pub struct Mutation(
    EmailQueueMutation,
    InvitationChangesMutation,
    InvitationMutation,
    InvitationsMutation,
    PasswordMutation,
    RoleMutation,
    SessionMutation,
    UserMutation,
    UsersMutation,
);

/// All subscriptions.
#[derive(MergedSubscription, Default)]
pub struct Subscription(EmailSubscription, LiveSubscription);

/// The API.
pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// Makes the schema. It holds no data: everything that a request needs comes with the request.
pub fn schema(introspection: bool) -> Schema {
    let schema = Schema::build(
        Query::default(),
        Mutation::default(),
        Subscription::default(),
    )
    // Suggestions would name fields to callers who may not introspect the schema.
    .disable_suggestions()
    // An extension of the library's could say more, and would cost each field a third of its time.
    .limit_complexity(MAX_COMPLEXITY);
    if introspection {
        return schema.finish();
    }
    schema.disable_introspection().finish()
}

/// The argument of the directives in the library's text, which leaves its description out.
const UNDESCRIBED: &str = "(permission: PermissionCode!) on FIELD_DEFINITION";

const DESCRIBED: &str = "(
  \"\"\"
  The permission, such as \"users.view\".
  \"\"\"
  permission: PermissionCode!
) on FIELD_DEFINITION";

/// The schema's text, as `schema.graphql` keeps it.
pub fn sdl() -> String {
    let options = SDLExportOptions::new()
        .include_specified_by()
        .use_space_ident()
        .sorted_fields()
        .sorted_arguments();
    let mut sdl = schema(true)
        .sdl_with_options(options)
        .trim_end()
        .replace(UNDESCRIBED, DESCRIBED);
    sdl.push('\n');
    sdl
}
