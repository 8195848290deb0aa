import { useMutation, useQuery } from "urql";

import { ErrorMessage } from "../errors";
import { Choices, Field, Form } from "../form";
import { graphql } from "../gql";

const RolesQuery = graphql(`
  query Roles {
    roles(first: 100) {
      nodes {
        id
        name
        viewerCan { assign }
      }
    }
  }
`);

const InviteMutation = graphql(`
  mutation Invite($input: InviteUserInput!) {
    inviteUser(input: $input) {
      user {
        id
        email
      }
      userErrors { ...UserErrors }
    }
  }
`);

const NAMES = ["email", "firstName", "lastName", "roleIds"];

export function Invite() {
  const [roles, askForRoles] = useQuery({ query: RolesQuery });
  const [{ data, error, fetching }, invite] = useMutation(InviteMutation);
  const errors = data?.inviteUser.userErrors;

  const submit = async (values: FormData) => {
    const text = (name: string) => String(values.get(name) ?? "").trim();
    const { data } = await invite({
      input: {
        email: text("email"),
        firstName: text("firstName") || null,
        lastName: text("lastName") || null,
        roleIds: values.getAll("roleIds").map(String),
      },
    });
    return Boolean(data?.inviteUser.user);
  };
  return (
    <>
      <ErrorMessage error={roles.error} retry={() => askForRoles({ requestPolicy: "network-only" })} />
      <ErrorMessage error={error} />
      <p role="status">{data?.inviteUser.user && `${data.inviteUser.user.email} has been invited.`}</p>
      <Form errors={errors} names={NAMES} busy={fetching} button="Invite" onSubmit={submit}>
        <Field label="E-mail address" name="email" type="email" autoComplete="off" errors={errors} />
        <Field label="First name" name="firstName" autoComplete="off" errors={errors} />
        <Field label="Last name" name="lastName" autoComplete="off" errors={errors} />
        <Choices
          label="Roles"
          name="roleIds"
          errors={errors}
          options={(roles.data?.roles.nodes ?? []).map(({ id, name, viewerCan }) => ({ id, name, disabled: !viewerCan.assign }))}
        />
      </Form>
    </>
  );
}
