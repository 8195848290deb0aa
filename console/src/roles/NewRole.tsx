// Making a role.
import { useLocation } from "wouter";

import { useChange } from "../change";
import { ErrorMessage } from "../errors";
import { graphql } from "../graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { Button, LinkButton } from "../ui/Button";
import { useDraft } from "../ui/draft";
import { TextField } from "../ui/fields";
import { Form } from "../ui/form";
import { useHere } from "../ui/here";
import { useNotice } from "../ui/notice";
import { Page } from "../ui/Page";
import { NotAllowed } from "../ui/states";
import { withTicks, type Ticks } from "./permissions";
import { NAMES, RoleFields } from "./RoleFields";

const CreateRole = graphql(`
  mutation CreateRole($input: CreateRoleInput!) {
    createRole(input: $input) {
      role {
        id
        name
      }
      userErrors {
        ...UserErrors
      }
    }
  }
`);

export function NewRole() {
  const { roles: words } = useMessages();
  const { may } = useSession();
  return (
    <Page title={words.create.title} below={words.create.below} back={{ href: "/roles", title: words.title }}>
      {may("roles.create") ? <NewRoleForm /> : <NotAllowed permission="roles.create" />}
    </Page>
  );
}

const EMPTY = { name: "", codeName: "", description: "", ticks: {} as Ticks };

function NewRoleForm() {
  const { roles: words, common } = useMessages();
  const here = useHere();
  const tell = useNotice();
  const [, navigate] = useLocation();
  const change = useChange(CreateRole);
  const [typed, setTyped, forget] = useDraft("new-role", EMPTY);
  const { name, codeName, description, ticks } = typed;
  const type = (changes: Partial<typeof EMPTY>) => setTyped({ ...typed, ...changes });
  const chosen = withTicks([], ticks);

  const submit = async () => {
    if (change.busy) return;
    const payload = await change.run({
      input: {
        name: name.trim(),
        codeName: codeName.trim() || null,
        description: description.trim() || null,
        permissions: [...chosen],
      },
    });
    if (!payload?.role) return;
    forget();
    tell(words.create.done(payload.role.name));
    if (here()) navigate(`/roles/${encodeURIComponent(payload.role.id)}`);
  };
  return (
    <div className="card">
      <Form errors={change.userErrors} names={NAMES} onSubmit={() => void submit()}>
        <RoleFields
          name={name}
          onName={(name) => type({ name })}
          description={description}
          onDescription={(description) => type({ description })}
          chosen={chosen}
          onTick={(code, isTicked) => type({ ticks: { ...ticks, [code]: isTicked } })}
        >
          <TextField
            name="codeName"
            label={words.codeName}
            hint={words.codeNameHint}
            optional
            value={codeName}
            onChange={(codeName) => type({ codeName })}
          />
        </RoleFields>
        <p role="status" className="quiet">
          {chosen.size === 0 && words.allowsNothing}
        </p>
        <ErrorMessage error={change.error} />
        <div className="buttons">
          <Button type="submit" look="primary" busy={change.busy}>
            {words.create.create}
          </Button>
          <LinkButton href="/roles" onPress={forget}>
            {common.cancel}
          </LinkButton>
        </div>
      </Form>
    </div>
  );
}
