import { ask } from "./api.js";
import { onSubmit, show, showState, showTrouble } from "./forms.js";
import { conclude, takeLink } from "./link.js";
import { withNext } from "./next.js";
import { watchStrength } from "./strength.js";

const { token, said } = takeLink();
const again = ["Request a new link", withNext("forgotten-password")];
const PREVIEW = "query Reset($token: String!) { passwordResetByToken(token: $token) { status expiresAt email } }";
const RESET = `mutation Reset($input: ResetPasswordInput!) {
  resetPassword(input: $input) { user { id } userErrors { code field message } }
}`;

const date = (text) => new Date(text).toLocaleString(undefined, { dateStyle: "long", timeStyle: "short" });

function tellWhy(reset) {
  if (!token) {
    return showState("Open the link in your e-mail", "This page needs the link from your e-mail. Please go back to the e-mail and open it again.", ...again);
  }
  switch (reset?.status) {
    case "USED":
      return conclude("This link has already been used", "A new password has been chosen with this link. If you have forgotten that one too, you can request a new link.", ...again);
    case "EXPIRED":
      return conclude("This link has expired", `It was valid until ${date(reset.expiresAt)}. You can request a new one.`, ...again);
    case "REVOKED":
      return conclude("This link no longer works", "Your account has changed since the link was sent: for example, a new password has been chosen. If you still need to choose one, request a new link.", ...again);
    default:
      return conclude("This link is not valid", "Part of it may be missing. Copy the whole link from the e-mail into the address bar, or request a new one.", ...again);
  }
}

async function look() {
  return token ? (await ask(PREVIEW, { token })).passwordResetByToken : null;
}

try {
  const reset = await look();
  if (said) {
    showState(...said);
  } else if (reset?.status !== "PENDING") {
    tellWhy(reset);
  } else {
    const form = show("form").querySelector("form");
    document.getElementById("address").textContent = form.username.value = reset.email;
    form.newPassword.focus();
    watchStrength(form.newPassword, () => ({ passwordResetToken: token }));
    onSubmit(form, async ({ newPassword }) => {
      const { resetPassword } = await ask(RESET, { input: { token, newPassword } });
      if (resetPassword.user) {
        return conclude("Your password has been changed", "You have been signed out everywhere. Sign in with your new password.", "Sign in", withNext("sign-in"));
      }
      if (resetPassword.userErrors.some(({ code }) => code.startsWith("TOKEN_"))) return tellWhy(await look());
      return resetPassword.userErrors;
    });
  }
} catch (error) {
  showTrouble(error);
}
