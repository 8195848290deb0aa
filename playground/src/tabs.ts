/**
 * An administrator's jobs, one per tab, for first-time visitors. GraphiQL names a
 * tab after its operation. A returning visitor finds their own tabs instead.
 */
export interface Job {
  query: string;
  variables?: string;
}

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

export const INVITE: Job = job(
  `
# Invite a colleague by e-mail, with at least one role.
# The tab CreateRole creates the one that is named
# below. To list all roles:
# { roles { nodes { codeName name } } }
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
    "roleCodeNames": ["SupportDesk"]
  }
}`,
);

const FIND_USERS: Job = job(
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
  "filter": { "search": "", "statuses": ["INVITED", "ACTIVE"] },
  "orderBy": { "field": "NAME", "direction": "ASC" }
}`,
);

/**
 * The job of each built-in application, by its code: `/playground#users` opens that of the users. Those that are not among the first tabs are opened when they are asked for.
 */
export const JOB_OF_APPLICATION: Record<string, Job> = {
  users: FIND_USERS,
  roles: job(`
# All roles, the oldest first, and what they grant.
query ListRoles {
  roles(first: 100) {
    totalCount
    nodes {
      id
      codeName
      name
      description
      permissions
    }
  }
}`),
  "email-queue": job(
    `
# The e-mails in the queue, found by a part of the
# recipient's address.
query ReadQueue($first: Int, $filter: EmailFilter) {
  emails(first: $first, filter: $filter) {
    totalCount
    nodes {
      id
      status
      to
      subject
      attemptCount
      nextAttemptAt
      lastError
    }
  }
}`,
    `
{
  "first": 10,
  "filter": { "to": "" }
}`,
  ),
  "event-log": job(
    `
# What happened, the newest first.
query ReadEvents($first: Int) {
  events(first: $first) {
    totalCount
    nodes {
      createdAt
      actionCode
      actorLabel
      subjectLabel
      changes {
        field
        before
        after
      }
    }
  }
}`,
    `
{
  "first": 10
}`,
  ),
};

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
  FIND_USERS,
  INVITE,
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
        outcome
        response
      }
      lastError
    }
  }
}`,
    `
{
  "first": 1,
  "filter": { "kinds": ["INVITATION"], "to": "sam.rivera@example.com" }
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
  "input": { "filter": { "statuses": ["FAILED"] } }
}`,
  ),
  job(`
# Watch the queue live: press the play button, then
# invite somebody in a second window. Press it again
# to stop.
subscription WatchQueue {
  emailChanged {
    kind
    emailId
    email {
      subject
      status
      to
      attemptCount
      lastError
    }
  }
}`),
];

function job(query: string, variables?: string): Job {
  return { query: query.trim(), variables: variables?.trim() };
}
