import { ask } from "./api.js";
import { onSubmit, show, showState } from "./forms.js";

const form = show("form").querySelector("form");
form.email.focus();
onSubmit(form, async ({ email }) => {
  const { requestPasswordReset } = await ask(
    "mutation Request($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { userErrors { code field message } } }",
    { input: { email } },
  );
  if (requestPasswordReset.userErrors.length === 0) {
    // Whether the address is known is nobody's business.
    showState("Look into your mailbox", `If ${email} belongs to somebody here, a link to choose a new password is on its way. It works for a short time only.`, "Back to signing in");
  }
  return requestPasswordReset.userErrors;
});
