// The roles of a person: what they allow, and the form that gives and takes them, which says beforehand what a change comes to.
import { useState } from "react";

import { useChange } from "../change";
import { Effects, useRehearsal } from "../effects";
import { ErrorMessage } from "../errors";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages } from "../messages";
import { usePermissionWords } from "../permissions";
import { Button } from "../ui/Button";
import { hasDraft, useDraft } from "../ui/draft";
import { Form } from "../ui/form";
import { takeFocus } from "../ui/focus";
import { useNotice } from "../ui/notice";
import { Section } from "../ui/Page";
import { RoleChoices, type AssignableRole } from "./RoleChoices";
import { useWhy } from "./why";

const RolesFragment = graphql(`
  fragment UserRoles on User {
    id
    roles {
      id
      name
      ...AssignableRole
      ...Grants
    }
    viewerCan {
      assignRoles
    }
    ...Reasons
  }
`);

const UpdateRoles = graphql(`
  mutation UpdateUserRoles($input: UpdateUserInput!) {
    updateUser(input: $input) {
      user {
        id
        ...UserPage
      }
      userErrors {
        ...UserErrors
      }
    }
  }
`);

// Of its own: with `dryRun` nothing is changed, and nothing in the cache is to be.
const RehearseRoles = graphql(`
  mutation RehearseUserRoles($input: UpdateUserInput!, $seesUsers: Boolean!) {
    updateUser(input: $input) {
      effects {
        ...Effects
      }
      userErrors {
        ...UserErrors
      }
    }
  }
`);

interface UserRolesProps {
  user: FragmentType<typeof RolesFragment>;
}

export function UserRoles({ user: masked }: UserRolesProps) {
  const user = readFragment(RolesFragment, masked);
  const { users: words } = useMessages();
  const { grants } = usePermissionWords();
  const why = useWhy(user);
  // `false` once it was edited: then the button has the focus again.
  const [isEditing, setEditing] = useState<boolean | undefined>(() => hasDraft(draftOf(user)) || undefined);
  if (isEditing) {
    return (
      <Section title={words.person.rolesTitle}>
        <div ref={takeFocus} tabIndex={-1} role="group" aria-label={words.person.changeRoles}>
          <RolesForm user={masked} close={() => setEditing(false)} />
        </div>
      </Section>
    );
  }
  return (
    <Section
      title={words.person.rolesTitle}
      actions={
        <Button
          why={why({ can: user.viewerCan.assignRoles, permission: "users.update", own: words.ownRoles })}
          autoFocus={isEditing === false}
          onPress={() => setEditing(true)}
        >
          {words.person.changeRoles}
        </Button>
      }
    >
      {user.roles.length === 0 && <p className="quiet">{words.person.rolesNone}</p>}
      <ul className="rows">
        {user.roles.map((role) => (
          <li key={role.id}>
            <b dir="auto">{role.name}</b>
            {grants(role).map((line) => (
              <small className="line quiet" key={line}>
                {line}
              </small>
            ))}
          </li>
        ))}
      </ul>
    </Section>
  );
}

const idsWithout = (roles: readonly { id: string }[], others: readonly { id: string }[]) =>
  roles.map(({ id }) => id).filter((id) => !others.some((other) => other.id === id));

interface Draft {
  /** What the person held when somebody began to choose. */
  began: readonly AssignableRole[];
  chosen: readonly AssignableRole[];
}

const draftOf = ({ id }: { id: string }) => `roles-of:${id}`;

function RolesForm({ user: masked, close }: UserRolesProps & { close(): void }) {
  const user = readFragment(RolesFragment, masked);
  const { users: words, common } = useMessages();
  const tell = useNotice();
  const change = useChange(UpdateRoles);
  const [{ began, chosen }, setDraft, forget] = useDraft<Draft>(draftOf(user), { began: user.roles, chosen: user.roles });

  const input = {
    id: user.id,
    // What somebody else gives or takes meanwhile is left alone.
    addRoleIds: idsWithout(chosen, began),
    removeRoleIds: idsWithout(began, chosen),
  };
  const isChanged = input.addRoleIds.length + input.removeRoleIds.length > 0;
  const end = () => {
    forget();
    close();
  };
  const save = async () => {
    if (!isChanged) return end();
    if (change.busy || !(await change.run({ input }))) return;
    tell(words.done.saved);
    end();
  };
  return (
    <Form errors={change.userErrors} names={["roleIds"]} onSubmit={() => void save()}>
      <RoleChoices
        label={words.invite.rolesHint}
        chosen={chosen}
        onChange={(roles) => {
          // What was refused is another change by now.
          change.reset();
          const isAsBefore = idsWithout(roles, began).length + idsWithout(began, roles).length === 0;
          setDraft({ began, chosen: isAsBefore ? began : roles });
        }}
        held={user.roles}
      />
      {isChanged && !change.userErrors && <Rehearsal input={input} />}
      <ErrorMessage error={change.error} />
      <div className="buttons">
        <Button type="submit" look="primary" busy={change.busy}>
          {common.save}
        </Button>
        <Button onPress={end}>{common.cancel}</Button>
      </div>
    </Form>
  );
}

/** What the change would come to. */
function Rehearsal({ input }: { input: { id: string; addRoleIds: string[]; removeRoleIds: string[] } }) {
  const { effects: words } = useMessages();
  const { payload, shown } = useRehearsal(RehearseRoles, { input: { ...input, dryRun: true }, seesUsers: true });
  return (
    <div className="effects" role="status" aria-label={words.title}>
      <h3>{words.title}</h3>
      {shown}
      {payload?.effects && <Effects effects={payload.effects} of="person" />}
    </div>
  );
}
