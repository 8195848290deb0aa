import { ask } from "./api.js";
import { onSubmit, show, showState, takeToken } from "./forms.js";
import { watchStrength } from "./strength.js";

const token = takeToken();
const again = ["Send a new link", "forgotten-password"];

if (!token) {
  showState("Open the link in your letter", "This page needs the link from your e-mail. Please open it from there again.", ...again);
} else {
  const form = show("form").querySelector("form");
  form.newPassword.focus();
  watchStrength(form.newPassword);
  onSubmit(form, async ({ newPassword }) => {
    const { resetPassword } = await ask(
      "mutation Reset($input: ResetPasswordInput!) { resetPassword(input: $input) { user { id } userErrors { code field message } } }",
      { input: { token, newPassword } },
    );
    const codes = resetPassword.userErrors.map(({ code }) => code);
    if (codes.includes("TOKEN_EXPIRED")) {
      showState("This link has expired", "It worked for a short time only. We gladly send you a new one.", ...again);
    } else if (codes.includes("TOKEN_INVALID")) {
      showState("This link does not work any more", "It was used already, or a newer one was sent since. Only the latest link works, and only once.", ...again);
    } else if (codes.length === 0) {
      showState("Your password is changed", "You were signed out everywhere. Sign in with the new one.", "Sign in");
    }
    return resetPassword.userErrors;
  });
}
