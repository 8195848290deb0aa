import { ask } from "./api.js";
import { onSubmit, show, showState } from "./forms.js";
import { withNext } from "./next.js";

const form = show("form").querySelector("form");
document.getElementById("back").href = withNext("sign-in");
form.email.focus();
onSubmit(form, async ({ email }) => {
  const { requestPasswordReset } = await ask(
    "mutation Request($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { userErrors { code field message } } }",
    { input: { email } },
  );
  if (requestPasswordReset.userErrors.length === 0) {
    // This must not reveal whether there is an account.
    showState("Check your e-mail", `If there is an account for ${email}, we have sent it a link to choose a new password. The link expires soon.`, "Back to sign-in", withNext("sign-in"));
  }
  return requestPasswordReset.userErrors;
});
