import { ask } from "./api.js";
import { onSubmit, show, showState, showTrouble } from "./forms.js";
import { conclude, forget, takeLink } from "./link.js";
import { nextPage, withNext } from "./next.js";
import { tellOtherPages } from "./others.js";
import { watchStrength } from "./strength.js";

const { token, said } = takeLink();
const PREVIEW = `query Invitation($token: String!) {
  invitationByToken(token: $token) { email firstName lastName status expiresAt }
  viewer { email }
}`;
const ACCEPT = `mutation Accept($input: AcceptInvitationInput!) {
  acceptInvitation(input: $input) { user { id } redirectUrl userErrors { code field message } }
}`;

const date = (text) => new Date(text).toLocaleString(undefined, { dateStyle: "long", timeStyle: "short" });

function tellWhy(invitation) {
  if (!token) {
    return showState("Open the link in your e-mail", "This page needs the link from your invitation. Please go back to the e-mail and open it again.", "Sign in", withNext("sign-in"));
  }
  switch (invitation?.status) {
    case "ACCEPTED":
      return conclude("This invitation has already been used", "A password has been chosen with this link. Sign in with your e-mail address and that password.", "Sign in", withNext("sign-in"));
    case "EXPIRED":
      return conclude("This invitation has expired", `It was valid until ${date(invitation.expiresAt)}. Ask the person who invited you to send a new one.`);
    case "REVOKED":
      return conclude("This invitation is no longer valid", "If you have received a newer one, use the link in that e-mail: only the latest link works. Otherwise, ask the person who invited you.");
    default:
      return conclude("This link is not valid", "Part of it may be missing. Copy the whole link from the e-mail into the address bar.");
  }
}

async function look() {
  return token ? ask(PREVIEW, { token }) : {};
}

try {
  const { invitationByToken: invitation, viewer } = await look();
  if (said) {
    showState(...said);
  } else if (invitation?.status !== "PENDING") {
    tellWhy(invitation);
  } else {
    const section = show("form");
    const form = section.querySelector("form");
    const { email, firstName, lastName, password } = form.elements;
    section.querySelector("h1").textContent = invitation.firstName ? `Welcome, ${invitation.firstName}` : "Welcome";
    email.value = invitation.email;
    const somebody = document.getElementById("somebody");
    somebody.hidden = !viewer;
    somebody.querySelector("bdi").textContent = viewer?.email ?? "";
    firstName.value = invitation.firstName ?? "";
    lastName.value = invitation.lastName ?? "";
    const expires = document.getElementById("expires");
    expires.dateTime = invitation.expiresAt;
    expires.textContent = date(invitation.expiresAt);
    (firstName.value ? password : firstName).focus();
    watchStrength(password, () => ({ invitationToken: token, firstName: firstName.value, lastName: lastName.value }));
    onSubmit(form, async ({ firstName, lastName, password }) => {
      const { acceptInvitation } = await ask(ACCEPT, { input: { token, firstName, lastName, password } });
      if (acceptInvitation.user) {
        forget();
        tellOtherPages();
        return location.replace(acceptInvitation.redirectUrl ?? nextPage());
      }
      if (acceptInvitation.userErrors.some(({ code }) => code.startsWith("TOKEN_"))) return tellWhy((await look()).invitationByToken);
      return acceptInvitation.userErrors;
    });
  }
} catch (error) {
  showTrouble(error);
}
