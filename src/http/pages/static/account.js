import { BAR_FIELDS, fillBar } from "./bar.js";
import { announce, onSubmit, show, showTrouble, succeed } from "./forms.js";
import { askSignedIn as ask, askToSignIn } from "./session.js";
import { watchStrength } from "./strength.js";

const VIEWER = `{ viewer { firstName lastName roles { name } ${BAR_FIELDS} } }`;
const SESSIONS = "{ sessions { id isCurrent createdAt lastUsedAt userAgent ipAddress } }";
const PROFILE = `mutation Profile($input: UpdateProfileInput!) {
  updateProfile(input: $input) { user { id } userErrors { code field message } }
}`;
const PASSWORD = `mutation Password($input: ChangePasswordInput!) {
  changePassword(input: $input) { user { id } userErrors { code field message } }
}`;
const REVOKE = `mutation Revoke($input: RevokeSessionInput!) {
  revokeSession(input: $input) { revokedId userErrors { code field message } }
}`;

const alert = document.getElementById("sessions-alert");

/** "Firefox on Linux", from what a browser says about itself. */
function client(agent) {
  if (!agent) return "Unknown client";
  const browser = [["Edg/", "Edge"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"]].find(([mark]) => agent.includes(mark))?.[1];
  const system = ["Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux"].find((name) => agent.includes(name));
  return browser ? [browser, system].filter(Boolean).join(" on ") : agent.slice(0, 60);
}

const when = (text) => new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

function row(session) {
  const item = document.createElement("li");
  const text = document.createElement("div");
  const title = document.createElement("b");
  title.textContent = client(session.userAgent) + (session.isCurrent ? " (this session)" : "");
  const details = document.createElement("small");
  details.textContent = [session.ipAddress, `last used ${when(session.lastUsedAt)}`].filter(Boolean).join(" · ");
  text.append(title, details);
  item.append(text);
  if (!session.isCurrent) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "plain";
    button.textContent = "End";
    button.ariaLabel = `End session: ${title.textContent}, signed in ${when(session.createdAt)}`;
    button.addEventListener("click", async () => {
      alert.textContent = "";
      try {
        const { revokeSession } = await ask(REVOKE, { input: { id: session.id } });
        if (revokeSession.userErrors.length > 0) throw new Error(revokeSession.userErrors[0].message);
        announce("The session has been ended.");
        await list();
      } catch (error) {
        alert.textContent = error.message;
      }
    });
    item.append(button);
  }
  return item;
}

async function list() {
  const { sessions } = await ask(SESSIONS);
  document.getElementById("sessions").replaceChildren(...sessions.map(row));
}

try {
  const { viewer } = await ask(VIEWER);
  if (!viewer) {
    askToSignIn();
  } else {
    await list();
    const profile = document.getElementById("profile");
    const password = document.getElementById("password");
    document.getElementById("address").textContent = viewer.email;
    document.getElementById("roles").textContent = viewer.roles.map(({ name }) => name).join(", ") || "no roles";
    profile.firstName.value = viewer.firstName ?? "";
    profile.lastName.value = viewer.lastName ?? "";
    password.username.value = viewer.email;
    fillBar(viewer);
    show("account");
    onSubmit(profile, async ({ firstName, lastName }) => {
      const { updateProfile } = await ask(PROFILE, { input: { firstName, lastName } });
      if (updateProfile.userErrors.length === 0) {
        succeed(profile, "Saved.");
        fillBar((await ask(VIEWER)).viewer);
      }
      return updateProfile.userErrors;
    });
    watchStrength(password.newPassword, () => ({ email: viewer.email, firstName: profile.firstName.value, lastName: profile.lastName.value }));
    onSubmit(password, async ({ currentPassword, newPassword }) => {
      const { changePassword } = await ask(PASSWORD, { input: { currentPassword, newPassword } });
      if (changePassword.userErrors.length === 0) {
        password.currentPassword.value = password.newPassword.value = "";
        succeed(password, "Your password has been changed, and you have been signed out everywhere else.");
        await list();
      }
      return changePassword.userErrors;
    });
  }
} catch (error) {
  showTrouble(error);
}
