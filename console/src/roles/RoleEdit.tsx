// The form that changes a role. Before anything is saved, it says what would change for whom; and when somebody
// else has changed the role meanwhile, whoever types decides what shall hold.
import { useEffect, useRef, useState } from "react";

import { useChange } from "../change";
import { ErrorMessage } from "../errors";
import type { RoleEditFragment } from "../gql/graphql";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import { hasDraft, useDraft } from "../ui/draft";
import { Form, useComplaints } from "../ui/form";
import { useNotice } from "../ui/notice";
import { Section } from "../ui/Page";
import { Effects, readEffects, type MaskedEffects } from "../effects";
import { Overtaken } from "./Overtaken";
import { difference, withTicks, type Ticks } from "./permissions";
import { NAMES, RoleFields } from "./RoleFields";

const EditFragment = graphql(`
  fragment RoleEdit on Role {
    id
    name
    description
    permissions
    updatedAt
    ...RoleVersion
  }
`);

const UpdateRole = graphql(`
  mutation UpdateRole($input: UpdateRoleInput!) {
    updateRole(input: $input) {
      role {
        id
        ...RolePage
      }
      userErrors {
        ...UserErrors
      }
    }
  }
`);

// Of its own: with `dryRun` nothing is changed, and nothing in the cache is to be.
const RehearseUpdate = graphql(`
  mutation RehearseUpdateRole($input: UpdateRoleInput!, $seesUsers: Boolean!) {
    updateRole(input: $input) {
      effects {
        ...Effects
      }
      userErrors {
        ...UserErrors
      }
    }
  }
`);

interface RoleEditProps {
  role: FragmentType<typeof EditFragment>;
  /** Asks the server for the role again. */
  again(): void;
  close(): void;
}

interface Draft {
  role: RoleEditFragment;
  typed: { name?: string; description?: string };
  ticks: Ticks;
}

const draftOf = ({ id }: { id: string }) => `role:${id}`;

/** Whether somebody has begun to change the role, and went elsewhere. */
export const isBegun = (role: { id: string }) => hasDraft(draftOf(role));

export function RoleEdit({ role: masked, again, close }: RoleEditProps) {
  const newest = readFragment(EditFragment, masked);
  const { roles: words, common } = useMessages();
  const { may } = useSession();
  const tell = useNotice();
  const rehearsal = useChange(RehearseUpdate);
  const change = useChange(UpdateRole);
  const place = useRef<HTMLDivElement>(null);
  const [effects, setEffects] = useState<MaskedEffects>();
  // What is typed and ticked belongs to the role as it stood then.
  const [draft, setDraft, forget] = useDraft<Draft>(draftOf(newest), { role: newest, typed: {}, ticks: {} });
  const { role, typed, ticks } = draft;

  const name = typed.name ?? role.name;
  const description = typed.description ?? role.description ?? "";
  const chosen = withTicks(role.permissions, ticks);
  const { addPermissions, removePermissions } = difference(role.permissions, chosen);
  const changes = {
    ...(name.trim() !== role.name && { name: name.trim() }),
    ...(description.trim() !== (role.description ?? "") && { description: description.trim() || null }),
    ...(addPermissions.length > 0 && { addPermissions }),
    ...(removePermissions.length > 0 && { removePermissions }),
  };
  const input = { id: role.id, expectedUpdatedAt: role.updatedAt, ...changes };
  const isBusy = rehearsal.busy || change.busy;

  const end = () => {
    forget();
    close();
  };
  const apply = async () => {
    const payload = await change.run({ input });
    if (!payload?.role) return;
    tell(words.edit.done);
    end();
  };
  const save = async () => {
    if (isBusy) return;
    if (Object.keys(changes).length === 0) return end();
    change.reset();
    const payload = await rehearsal.run({ input: { ...input, dryRun: true }, seesUsers: may("users.view") });
    if (!payload?.effects) return;
    const { gained, lost } = readEffects(payload.effects);
    // Another name or description changes nothing for anybody.
    if (gained.length + lost.length > 0) setEffects(payload.effects);
    else await apply();
  };

  const errors = change.userErrors ?? rehearsal.userErrors;
  const isRefused = useComplaints(errors).some(({ code }) => code === "CHANGED_MEANWHILE");
  useEffect(() => {
    if (!isRefused) return;
    setEffects(undefined);
    again();
  }, [isRefused, errors, again]);

  // What this very form has saved comes back while it is still open.
  const isOvertaken = newest.updatedAt !== role.updatedAt && !isBusy;
  const goOn = (keepsMine: boolean) => {
    setDraft(keepsMine ? { ...draft, role: newest } : { role: newest, typed: {}, ticks: {} });
    rehearsal.reset();
    change.reset();
    // The button that was pressed is gone.
    place.current?.focus();
  };
  return (
    <Section title={words.edit.title}>
      <div ref={place} tabIndex={-1} role="group" aria-label={words.edit.title}>
        <Form errors={isRefused ? undefined : errors} names={NAMES} onSubmit={() => void save()}>
          <RoleFields
            name={name}
            onName={(name) => setDraft({ ...draft, typed: { ...typed, name } })}
            description={description}
            onDescription={(description) => setDraft({ ...draft, typed: { ...typed, description } })}
            chosen={chosen}
            onTick={(code, isTicked) => setDraft({ ...draft, ticks: { ...ticks, [code]: isTicked } })}
          />
          {/* Beside the button that waits for the answer: the form is long. */}
          <Overtaken isShown={isOvertaken} before={role} now={newest} onNewest={() => goOn(false)} onMine={() => goOn(true)} />
          <ErrorMessage error={rehearsal.error ?? (effects ? undefined : change.error)} />
          <div className="buttons">
            <Button type="submit" look="primary" busy={isBusy} why={isOvertaken && words.edit.decideFirst}>
              {common.save}
            </Button>
            <Button onPress={end}>{common.cancel}</Button>
          </div>
        </Form>
      </div>
      {effects && (
        <Confirm
          title={words.edit.confirm(role.name)}
          action={common.save}
          change={change}
          onConfirm={() => void apply()}
          onClose={() => setEffects(undefined)}
        >
          <Effects effects={effects} of="holders" />
        </Confirm>
      )}
    </Section>
  );
}
