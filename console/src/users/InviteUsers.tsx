// Inviting several people at once: a list, a rehearsal that says of each line what would be done, then the invitations.
import { useMemo, useState } from "react";

import { useChange } from "../change";
import { ErrorMessage } from "../errors";
import type { InviteUsersInput, OnExisting } from "../gql/graphql";
import { graphql } from "../graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { Button, LinkButton } from "../ui/Button";
import { useDraft } from "../ui/draft";
import { Radios, TextField } from "../ui/fields";
import { FileButton } from "../ui/FileButton";
import { Complaints, Form } from "../ui/form";
import { takeFocus } from "../ui/focus";
import { Page } from "../ui/Page";
import { NotAllowed } from "../ui/states";
import { useIdempotencyKeys } from "./idempotency";
import { CAN, inOrder, InviteResults, outcomeOf, type Results } from "./InviteResults";
import { AT_MOST } from "./limits";
import { parse, type Person } from "./parse";
import { RoleChoices, type AssignableRole } from "./RoleChoices";
import { useRoleNames, withCodeNames } from "./roleNames";

const InviteMutation = graphql(`
  mutation InviteUsers($input: InviteUsersInput!) {
    inviteUsers(input: $input) {
      results {
        ...InvitationResult
      }
      userErrors {
        ...UserErrors
      }
    }
  }
`);

interface Typed {
  text: string;
  /** For those whose line names none. */
  roles: readonly AssignableRole[];
  onExisting: OnExisting;
}

const EMPTY: Typed = { text: "", roles: [], onExisting: "ERROR" };

interface Checked {
  people: Person[];
  input: InviteUsersInput;
  results: Results;
}

export function InviteUsers() {
  const { users: words } = useMessages();
  const { may } = useSession();
  const [typed, setTyped, forget] = useDraft("invite-users", EMPTY);
  const [checked, setChecked] = useState<Checked>();
  const [sent, setSent] = useState<Checked>();

  const startOver = (people: Person[]) => {
    setTyped({ ...typed, text: toText(people) });
    setChecked(undefined);
    setSent(undefined);
  };
  return (
    <Page title={words.import.title} below={!sent && words.import.below} back={{ href: "/users", title: words.title }}>
      {!may("users.create") ? (
        <NotAllowed permission="users.create" />
      ) : sent ? (
        <Sent {...sent} onAgain={startOver} />
      ) : checked ? (
        <Rehearsed
          {...checked}
          onEdit={() => setChecked(undefined)}
          onSent={(sent) => {
            forget();
            setSent(sent);
          }}
        />
      ) : (
        <List typed={typed} onTyped={setTyped} onCancel={forget} onChecked={setChecked} />
      )}
    </Page>
  );
}

interface ListProps {
  typed: Typed;
  onTyped(typed: Typed): void;
  onCancel(): void;
  onChecked(checked: Checked): void;
}

function List({ typed, onTyped, onCancel, onChecked }: ListProps) {
  const { users: words, common } = useMessages();
  const { may } = useSession();
  const change = useChange(InviteMutation);
  const [problem, setProblem] = useState<string>();
  const known = useRoleNames();
  const { text, roles, onExisting } = typed;
  const { people: written, unknownColumns, lacksEmails } = useMemo(() => parse(text), [text]);
  const people = useMemo(() => withCodeNames(written, known ?? []), [written, known]);

  const read = async (file: File) => {
    try {
      onTyped({ ...typed, text: new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer()) });
      setProblem(undefined);
    } catch {
      setProblem(words.import.fileFailed);
    }
  };
  const check = async () => {
    // A role that goes by its name has to be known first.
    if (change.busy || (may("roles.view") && !known)) return;
    const wrong =
      (lacksEmails && words.import.noEmailColumn) ||
      (people.length === 0 && words.import.nobody) ||
      (people.length > AT_MOST && words.import.tooMany(people.length));
    setProblem(wrong || undefined);
    if (wrong) return;
    const input: InviteUsersInput = {
      onExisting,
      invitations: people.map(({ email, firstName, lastName, roles: named }) => ({
        email,
        firstName,
        lastName,
        ...(named.length > 0 ? { roleCodeNames: named } : { roleIds: roles.map(({ id }) => id) }),
      })),
    };
    const payload = await change.run({ input: { ...input, dryRun: true } });
    if (payload?.results) onChecked({ people, input, results: inOrder(payload.results) });
  };
  return (
    <div className="card text-page">
      <Form errors={change.userErrors} names={[]} onSubmit={() => void check()}>
        <TextField
          label={words.import.list}
          hint={words.import.listHint}
          value={text}
          onChange={(text) => onTyped({ ...typed, text })}
          lines={9}
          autoFocus
        />
        <div className="buttons import-file">
          <FileButton types=".csv,.txt,text/csv,text/plain" onChoose={(file) => void read(file)}>
            {words.import.file}
          </FileButton>
          <span role="status" className="quiet">
            {people.length > 0 && words.import.found(people.length)}
          </span>
        </div>
        {unknownColumns.length > 0 && <p className="quiet">{words.import.unknownColumns(unknownColumns.join(", "))}</p>}
        <RoleChoices
          label={words.import.roles}
          hint={words.import.rolesHint}
          chosen={roles}
          onChange={(roles) => onTyped({ ...typed, roles })}
        />
        <Radios
          label={words.import.existing}
          value={onExisting}
          onChange={(onExisting) => onTyped({ ...typed, onExisting })}
          options={(["ERROR", "SKIP", "RESEND"] as const).map((value) => ({ value, label: words.import.existingOptions[value] }))}
        />
        <div role="alert" className="errors">
          {problem && <p className="alert">{problem}</p>}
        </div>
        <ErrorMessage error={change.error} />
        <div className="buttons">
          <Button type="submit" look="primary" busy={change.busy || (may("roles.view") && !known)}>
            {words.import.check}
          </Button>
          <LinkButton href="/users" onPress={onCancel}>
            {common.cancel}
          </LinkButton>
        </div>
      </Form>
    </div>
  );
}

function Rehearsed({ people, input, results, onEdit, onSent }: Checked & { onEdit(): void; onSent(sent: Checked): void }) {
  const { users: words } = useMessages();
  const change = useChange(InviteMutation);
  const keyOf = useIdempotencyKeys();
  const outcomes = results.map(outcomeOf);
  const able = outcomes.filter((outcome) => CAN.includes(outcome)).length;
  const unable = outcomes.filter((outcome) => !CAN.includes(outcome) && outcome !== "SKIPPED").length;

  const send = async () => {
    // Whoever cannot be invited is left out: what is wrong with them has been said.
    const places = people.map((_, index) => index).filter((index) => CAN.includes(outcomes[index]!));
    const able = { ...input, invitations: places.map((index) => input.invitations[index]!) };
    const payload = await change.run({ input: { ...able, idempotencyKey: keyOf(able) } });
    if (!payload?.results) return;
    const sent = [...results];
    inOrder(payload.results).forEach((result, index) => (sent[places[index]!] = result));
    onSent({ people, input, results: sent });
  };
  return (
    <>
      <p ref={takeFocus} tabIndex={-1}>
        {able > 0 ? words.import.rehearsed(able, unable) : words.import.nothingToSend}
      </p>
      <ErrorMessage error={change.error} />
      <Complaints errors={change.userErrors} />
      <div className="buttons import-buttons">
        <Button look="primary" busy={change.busy} why={able === 0 && words.import.nothingToSend} onPress={() => void send()}>
          {words.import.send(able)}
        </Button>
        <Button onPress={onEdit}>{words.import.edit}</Button>
      </div>
      <InviteResults
        title={words.import.verdict}
        people={people}
        rows={input.invitations}
        results={results}
        say={(outcome) => words.import.would[outcome as "INVITED"] ?? words.import.did[outcome]}
      />
    </>
  );
}

function Sent({ people, input, results, onAgain }: Checked & { onAgain(people: Person[]): void }) {
  const { users: words } = useMessages();
  const outcomes = results.map(outcomeOf);
  const left = people.filter((_, index) => !CAN.includes(outcomes[index]!) && outcomes[index] !== "SKIPPED");
  const done = outcomes.filter((outcome) => CAN.includes(outcome)).length;
  return (
    <>
      <p ref={takeFocus} tabIndex={-1}>
        {words.import.sent(done)} {left.length > 0 && words.import.notSent(left.length)}
      </p>
      <div className="buttons import-buttons">
        <LinkButton href="/users" look="primary">
          {words.import.toUsers}
        </LinkButton>
        {left.length > 0 && <Button onPress={() => onAgain(left)}>{words.import.again}</Button>}
      </div>
      <InviteResults
        title={words.import.result}
        people={people}
        rows={input.invitations}
        results={results}
        say={(outcome) => words.import.did[outcome]}
      />
    </>
  );
}

/** As a table again, for the field. */
function toText(people: Person[]): string {
  const quoted = (value = "") => (/[",;\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  const lines = people.map(({ email, firstName, lastName, roles }) =>
    [email, firstName, lastName, roles.join(";")].map((value) => quoted(value)).join(","),
  );
  return ["email,first_name,last_name,roles", ...lines].join("\n");
}
