import { ask } from "./api.js";
import { onSubmit, show } from "./forms.js";
import { nextPage, withNext } from "./next.js";
import { tellOtherPages } from "./others.js";
import "./session.js";

const { viewer } = await ask("{ viewer { id } }").catch(() => ({}));
if (viewer) {
  location.replace(nextPage());
} else {
  const form = show("form").querySelector("form");
  document.getElementById("forgotten").href = withNext("forgotten-password");
  form.email.focus();
  onSubmit(form, async ({ email, password, keep }) => {
    const { signIn } = await ask(
      "mutation SignIn($input: SignInInput!) { signIn(input: $input) { user { id } userErrors { code field message } } }",
      // By default, the server keeps the session.
      { input: { email, password, ...(!keep && { keepSignedIn: false }) } },
    );
    if (signIn.user) {
      tellOtherPages();
      return location.assign(nextPage());
    }
    form.password.value = "";
    // What is wrong with the two together is said next to the one that has to be typed again.
    return signIn.userErrors.map(({ field, ...error }) => ({ ...error, field: field ?? ["password"] }));
  });
}
