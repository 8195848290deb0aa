import { ask } from "./api.js";
import { onSubmit, show, showState, takeToken } from "./forms.js";
import { watchStrength } from "./strength.js";

const token = takeToken();
const again = ["Request a new link", "forgotten-password"];

if (!token) {
  showState("Open the link in your e-mail", "This page needs the link from your e-mail. Please go back to the e-mail and open it again.", ...again);
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
      showState("This link has expired", "Links to choose a new password work only for a short time. You can request a new one.", ...again);
    } else if (codes.includes("TOKEN_INVALID")) {
      showState("This link no longer works", "It has already been used, or a newer one has been sent. Only the latest link works, and only once.", ...again);
    } else if (codes.length === 0) {
      showState("Your password has been changed", "You have been signed out everywhere. Sign in with your new password.", "Sign in");
    }
    return resetPassword.userErrors;
  });
}
