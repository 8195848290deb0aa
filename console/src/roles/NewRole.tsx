// Making a role.
import { useState } from "react";
import { useLocation } from "wouter";

import { useChange } from "../change";
import { ErrorMessage } from "../errors";
import { graphql } from "../graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { Button, LinkButton } from "../ui/Button";
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

function NewRoleForm() {
  const { roles: words, common } = useMessages();
  const here = useHere();
  const tell = useNotice();
  const [, navigate] = useLocation();
  const change = useChange(CreateRole);
  const [name, setName] = useState("");
  const [codeName, setCodeName] = useState("");
  const [description, setDescription] = useState("");
  const [ticks, setTicks] = useState<Ticks>({});
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
    tell(words.create.done(payload.role.name));
    if (here()) navigate(`/roles/${encodeURIComponent(payload.role.id)}`);
  };
  return (
    <div className="card">
      <Form errors={change.userErrors} names={NAMES} onSubmit={() => void submit()}>
        <RoleFields
          name={name}
          onName={setName}
          description={description}
          onDescription={setDescription}
          chosen={chosen}
          onTick={(code, isTicked) => setTicks({ ...ticks, [code]: isTicked })}
        >
          <TextField name="codeName" label={words.codeName} hint={words.codeNameHint} optional value={codeName} onChange={setCodeName} />
        </RoleFields>
        <ErrorMessage error={change.error} />
        <div className="buttons">
          <Button type="submit" look="primary" busy={change.busy}>
            {words.create.create}
          </Button>
          <LinkButton href="/roles">{common.cancel}</LinkButton>
        </div>
      </Form>
    </div>
  );
}
