// Signs in, reads the dashboard, and invites a colleague: what a front end does first.
import { Usher, accepted } from "./client";
import { graphql } from "./gql";

const SignIn = graphql(`
  mutation SignIn($input: SignInInput!) {
    signIn(input: $input) {
      token
      user { displayName }
      userErrors { code field message }
    }
  }
`);

const Dashboard = graphql(`
  query Dashboard {
    viewer {
      displayName
      applications { code name url viewerPermissions }
    }
    roles(first: 100) { nodes { id codeName } }
  }
`);

const Invite = graphql(`
  mutation Invite($input: InviteUserInput!) {
    inviteUser(input: $input) {
      user { id email status }
      invitation { expiresAt }
      userErrors { code field message }
    }
  }
`);

const {
  USHER_URL = "http://127.0.0.1:8000/graphql",
  EMAIL = "admin@example.com",
  PASSWORD = "",
  ROLE = "DigitalChannelManager",
} = process.env;

const anonymous = new Usher(USHER_URL);
const { token, user } = accepted((await anonymous.run(SignIn, { input: { email: EMAIL, password: PASSWORD } })).signIn);
if (!token) throw new Error("the server returned no token");
console.log(`Signed in as ${user?.displayName}`);

const usher = anonymous.withToken(token);
const { viewer, roles } = await usher.run(Dashboard);
for (const { name, url, viewerPermissions } of viewer?.applications ?? []) {
  console.log(`  ${name}: ${viewerPermissions.join(", ")}${url ? ` at ${url}` : ""}`);
}

// By its code name, which stays the same when the role is renamed.
const role = roles.nodes.find(({ codeName }) => codeName === ROLE);
if (!role) throw new Error(`the server has no role ${ROLE}: set ROLE to the code name of one that it has`);
const email = `colleague-${Date.now()}@example.com`;
const { user: invited, invitation } = accepted(
  (await usher.run(Invite, { input: { email, roleIds: [role.id] } })).inviteUser,
);
console.log(`${invited?.email} is ${invited?.status}, and can accept until ${invitation?.expiresAt}`);
