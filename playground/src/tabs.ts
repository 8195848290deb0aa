/**
 * An administrator's jobs, one per tab, for first-time visitors. GraphiQL names a
 * tab after its operation. A returning visitor finds their own tabs instead.
 */
export interface Job {
  query: string;
  variables?: string;
}

/** Stands in the variables for a role's id until somebody is signed in: see RoleFiller.tsx. */
export const ANY_ROLE = "<the ID of a role>";

export const SIGN_IN: Job = job(
  `
# Enter your password in the variables below, then
# press the play button or Ctrl-Enter. The server sets
# a cookie, so you are signed in in all other tabs too.
#
# No password yet? Open the link in your invitation.
mutation SignIn($input: SignInInput!) {
  signIn(input: $input) {
    user {
      displayName
      email
    }
    session {
      expiresAt
    }
    userErrors {
      code
      field
      message
    }
  }
}`,
  `
{
  "input": {
    "email": "admin@example.com",
    "password": ""
  }
}`,
);

export const JOBS: Job[] = [
  SIGN_IN,
  job(`
# Who am I, and what may I do?
# The viewer is null if nobody is signed in.
query WhoAmI {
  viewer {
    displayName
    email
    status
    lastSignedInAt
    roles {
      name
    }
    permissions
    applications {
      name
      code
      viewerPermissions
    }
  }
}`),
  job(
    `
# Find users by part of their name or e-mail address.
# For the next page, set "after" to the endCursor.
query FindUsers(
  $first: Int
  $after: String
  $filter: UserFilter
  $orderBy: UserOrder
) {
  users(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
    totalCount
    nodes {
      id
      displayName
      email
      status
      roles {
        name
      }
      lastSignedInAt
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}`,
    `
{
  "first": 10,
  "filter": { "search": "", "status": ["INVITED", "ACTIVE"] },
  "orderBy": { "field": "NAME", "direction": "ASC" }
}`,
  ),
  job(
    `
# Invite a colleague by e-mail.
# Once you are signed in, a role is filled in below.
# To list all roles: { roles { nodes { id name } } }
mutation InviteColleague($input: InviteUserInput!) {
  inviteUser(input: $input) {
    user {
      id
      displayName
      status
      roles {
        name
      }
    }
    invitation {
      status
      expiresAt
    }
    userErrors {
      code
      field
      message
    }
  }
}`,
    `
{
  "input": {
    "email": "sam.rivera@example.com",
    "firstName": "Sam",
    "lastName": "Rivera",
    "roleIds": ["${ANY_ROLE}"]
  }
}`,
  ),
  job(
    `
# Read the invitation in the e-mail queue, with its
# link and every attempt to send it.
query ReadInvitation($first: Int, $filter: EmailFilter) {
  emails(first: $first, filter: $filter) {
    nodes {
      id
      status
      to
      subject
      link
      textBody
      attempts {
        startedAt
        transport
        succeeded
        response
      }
      lastError
    }
  }
}`,
    `
{
  "first": 1,
  "filter": { "kind": ["invitation"], "to": "sam.rivera@example.com" }
}`,
  ),
  job(
    `
# Create a role. To list all permissions:
# { applications { permissions { code description } } }
mutation CreateRole($input: CreateRoleInput!) {
  createRole(input: $input) {
    role {
      id
      name
      codeName
      permissions
    }
    userErrors {
      code
      field
      message
    }
  }
}`,
    `
{
  "input": {
    "name": "Support Desk",
    "description": "Helps people who cannot sign in.",
    "permissions": ["users.view", "users.update", "email-queue.view"]
  }
}`,
  ),
  job(
    `
# Retry all e-mails that have failed.
mutation RetryFailedMail($input: RetryEmailsInput!) {
  retryEmails(input: $input) {
    count
    userErrors {
      code
      field
      message
    }
  }
}`,
    `
{
  "input": { "filter": { "status": ["FAILED"] } }
}`,
  ),
  job(`
# Watch the queue live: press the play button, then
# invite somebody in a second window. Press it again
# to stop.
subscription WatchQueue {
  emailChanged {
    id
    subject
    status
    to
    attemptCount
    lastError
  }
}`),
];

function job(query: string, variables?: string): Job {
  return { query: query.trim(), variables: variables?.trim() };
}
