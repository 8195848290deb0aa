import { ask } from "./api.js";
import { onSubmit, show, showState, takeToken } from "./forms.js";
import { watchStrength } from "./strength.js";

const token = takeToken();
const PREVIEW = `query Invitation($token: String!) {
  invitation(token: $token) { email firstName lastName status expiresAt }
}`;
const ACCEPT = `mutation Accept($input: AcceptInvitationInput!) {
  acceptInvitation(input: $input) { user { id } userErrors { code field message } }
}`;

const date = (text) => new Date(text).toLocaleString(undefined, { dateStyle: "long", timeStyle: "short" });

function tellWhy(invitation) {
  if (!token) {
    return showState("Open the link in your letter", "This page needs the link from your invitation. Please open it from the e-mail again; it still works.", "Sign in");
  }
  switch (invitation?.status) {
    case "ACCEPTED":
      return showState("This invitation was used", "A password has been chosen with this link already. Sign in with your e-mail address and that password.", "Sign in");
    case "EXPIRED":
      return showState("This invitation has expired", `It could be used until ${date(invitation.expiresAt)}. Ask whoever invited you to send a new one.`);
    case "REVOKED":
      return showState("This invitation was withdrawn", "Perhaps a newer one is in your mailbox: only the latest link works. Otherwise ask whoever invited you.");
    default:
      return showState("We do not know this link", "It may have been cut off on its way. Copy the whole link from the letter into the address bar.");
  }
}

async function look() {
  return token ? (await ask(PREVIEW, { token })).invitation : null;
}

try {
  const invitation = await look();
  if (invitation?.status !== "PENDING") {
    tellWhy(invitation);
  } else {
    const section = show("form");
    const form = section.querySelector("form");
    const { email, firstName, lastName, password } = form.elements;
    section.querySelector("h1").textContent = invitation.firstName ? `Welcome, ${invitation.firstName}` : "Welcome";
    email.value = invitation.email;
    firstName.value = invitation.firstName;
    lastName.value = invitation.lastName;
    const expires = document.getElementById("expires");
    expires.dateTime = invitation.expiresAt;
    expires.textContent = date(invitation.expiresAt);
    (firstName.value ? password : firstName).focus();
    watchStrength(password, () => ({ email: email.value, firstName: firstName.value, lastName: lastName.value }));
    onSubmit(form, async ({ firstName, lastName, password }) => {
      const { acceptInvitation } = await ask(ACCEPT, { input: { token, firstName, lastName, password } });
      if (acceptInvitation.user) {
        location.replace(".");
        return [];
      }
      if (acceptInvitation.userErrors.some(({ code }) => code.startsWith("TOKEN_"))) tellWhy(await look());
      return acceptInvitation.userErrors;
    });
  }
} catch (error) {
  showState("That did not work", error.message);
}
