import { useEffect } from "react";
import { useMutation } from "urql";

import { ErrorMessage } from "../errors";
import { Field, Form } from "../form";
import { graphql } from "../gql";
import { useSession } from "../session";

// The answer sets the session cookie. It also holds a token, for programs: a page does not ask for it.
const SignInMutation = graphql(`
  mutation SignIn($input: SignInInput!) {
    signIn(input: $input) {
      session { id }
      userErrors { ...UserErrors }
    }
  }
`);

export function SignIn() {
  const { notice, restart } = useSession();
  const [{ data, error, fetching }, signIn] = useMutation(SignInMutation);
  const payload = data?.signIn;
  useEffect(() => {
    document.title = "Sign in";
  }, []);

  const submit = async (values: FormData) => {
    const input = { email: String(values.get("email")), password: String(values.get("password")) };
    const { data } = await signIn({ input });
    const isSignedIn = Boolean(data?.signIn.session);
    if (isSignedIn) restart();
    return isSignedIn;
  };
  return (
    <main className="narrow">
      <h1>Sign in</h1>
      <p role="status">{!payload && notice}</p>
      <ErrorMessage error={error} />
      {payload?.userErrors.length === 0 && !payload.session && (
        <p className="error" role="alert">This account needs a further step, which this page does not know.</p>
      )}
      <Form errors={payload?.userErrors} names={["email", "password"]} busy={fetching} button="Sign in" onSubmit={submit}>
        <Field label="E-mail address" name="email" type="email" autoComplete="username" errors={payload?.userErrors} />
        <Field label="Password" name="password" type="password" autoComplete="current-password" errors={payload?.userErrors} />
      </Form>
    </main>
  );
}
