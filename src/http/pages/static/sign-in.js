import { ask } from "./api.js";
import { onSubmit, show } from "./forms.js";

// Only pages of this server are redirected to: the URL may come from anywhere.
const next = new URLSearchParams(location.search).get("next") === "account" ? "account" : ".";

const { viewer } = await ask("{ viewer { id } }").catch(() => ({}));
if (viewer) {
  location.replace(next);
} else {
  const form = show("form").querySelector("form");
  form.email.focus();
  onSubmit(form, async ({ email, password, keep }) => {
    const { signIn } = await ask(
      "mutation SignIn($input: SignInInput!) { signIn(input: $input) { user { id } userErrors { code field message } } }",
      // By default, the server keeps the session.
      { input: { email, password, ...(!keep && { keepSignedIn: false }) } },
    );
    if (signIn.user) {
      location.assign(next);
      return [];
    }
    form.password.value = "";
    form.password.focus();
    return signIn.userErrors;
  });
}
