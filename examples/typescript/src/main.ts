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
    roles(first: 100) { nodes { id name } }
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

const { USHER_URL = "http://127.0.0.1:8000/graphql", EMAIL = "admin@example.com", PASSWORD = "" } = process.env;

const anonymous = new Usher(USHER_URL);
const { token, user } = accepted((await anonymous.run(SignIn, { input: { email: EMAIL, password: PASSWORD } })).signIn);
if (!token) throw new Error("the server returned no token");
console.log(`Signed in as ${user?.displayName}`);

const usher = anonymous.withToken(token);
const { viewer, roles } = await usher.run(Dashboard);
for (const { name, url, viewerPermissions } of viewer?.applications ?? []) {
  console.log(`  ${name}: ${viewerPermissions.join(", ")}${url ? ` at ${url}` : ""}`);
}

const role = roles.nodes[0];
if (!role) throw new Error("the server has no roles");
const email = `colleague-${Date.now()}@example.com`;
const { user: invited, invitation } = accepted(
  (await usher.run(Invite, { input: { email, roleIds: [role.id] } })).inviteUser,
);
console.log(`${invited?.email} is ${invited?.status}, and can accept until ${invitation?.expiresAt}`);
