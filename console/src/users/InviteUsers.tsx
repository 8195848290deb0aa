// Inviting several people at once: a list, a rehearsal that says of each line what would be done, then the invitations.
import { useMemo, useState } from "react";

import { useChange } from "../change";
import { ErrorMessage } from "../errors";
import type { InviteUsersInput, InviteUsersOutcome, OnExisting } from "../gql/graphql";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { Badge, type Tone } from "../ui/Badge";
import { Button, LinkButton } from "../ui/Button";
import { Checkbox, Radios, TextField } from "../ui/fields";
import { FileButton } from "../ui/FileButton";
import { Complaints, Form, useComplaints } from "../ui/form";
import { takeFocus } from "../ui/focus";
import { Page } from "../ui/Page";
import { NotAllowed } from "../ui/states";
import { Table, type Column } from "../ui/Table";
import { useIdempotencyKeys } from "./idempotency";
import { AT_MOST } from "./limits";
import { parse, type Person } from "./parse";
import { RoleChoices, type AssignableRole } from "./RoleChoices";

const ResultFragment = graphql(`
  fragment InvitationResult on InviteUsersResult {
    index
    outcome
    userErrors {
      ...UserErrors
    }
  }
`);

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

type Results = readonly FragmentType<typeof ResultFragment>[];

/** Each at the place of its person. */
const inOrder = (results: Results): Results => {
  const indexOf = (result: Results[number]) => readFragment(ResultFragment, result).index;
  return [...results].sort((one, other) => indexOf(one) - indexOf(other));
};

interface Checked {
  people: Person[];
  input: InviteUsersInput;
  results: Results;
}

export function InviteUsers() {
  const { users: words } = useMessages();
  const { may } = useSession();
  const [text, setText] = useState("");
  const [roles, setRoles] = useState<readonly AssignableRole[]>([]);
  const [onExisting, setOnExisting] = useState<OnExisting>("ERROR");
  const [checked, setChecked] = useState<Checked>();
  const [sent, setSent] = useState<Checked>();

  const startOver = (people: Person[]) => {
    setText(toText(people));
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
        <Rehearsed {...checked} onEdit={() => setChecked(undefined)} onSent={setSent} />
      ) : (
        <List
          text={text}
          onText={setText}
          roles={roles}
          onRoles={setRoles}
          onExisting={onExisting}
          onOnExisting={setOnExisting}
          onChecked={setChecked}
        />
      )}
    </Page>
  );
}

interface ListProps {
  text: string;
  onText(text: string): void;
  roles: readonly AssignableRole[];
  onRoles(roles: readonly AssignableRole[]): void;
  onExisting: OnExisting;
  onOnExisting(what: OnExisting): void;
  onChecked(checked: Checked): void;
}

function List({ text, onText, roles, onRoles, onExisting, onOnExisting, onChecked }: ListProps) {
  const { users: words, common } = useMessages();
  const change = useChange(InviteMutation);
  const [problem, setProblem] = useState<string>();
  const { people, unknownColumns, lacksEmails } = useMemo(() => parse(text), [text]);

  const read = async (file: File) => {
    try {
      onText(new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer()));
      setProblem(undefined);
    } catch {
      setProblem(words.import.fileFailed);
    }
  };
  const check = async () => {
    if (change.busy) return;
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
        <TextField label={words.import.list} hint={words.import.listHint} value={text} onChange={onText} lines={9} autoFocus />
        <div className="buttons import-file">
          <FileButton types=".csv,.txt,text/csv,text/plain" onChoose={(file) => void read(file)}>
            {words.import.file}
          </FileButton>
          <span role="status" className="quiet">
            {people.length > 0 && words.import.found(people.length)}
          </span>
        </div>
        {unknownColumns.length > 0 && <p className="quiet">{words.import.unknownColumns(unknownColumns.join(", "))}</p>}
        <RoleChoices label={words.import.roles} hint={words.import.rolesHint} chosen={roles} onChange={onRoles} />
        <Radios
          label={words.import.existing}
          value={onExisting}
          onChange={onOnExisting}
          options={(["ERROR", "SKIP", "RESEND"] as const).map((value) => ({ value, label: words.import.existingOptions[value] }))}
        />
        <div role="alert" className="errors">
          {problem && <p className="alert">{problem}</p>}
        </div>
        <ErrorMessage error={change.error} />
        <div className="buttons">
          <Button type="submit" look="primary" busy={change.busy}>
            {words.import.check}
          </Button>
          <LinkButton href="/users">{common.cancel}</LinkButton>
        </div>
      </Form>
    </div>
  );
}

const CAN: readonly InviteUsersOutcome[] = ["INVITED", "RESENT"];

function Rehearsed({ people, input, results, onEdit, onSent }: Checked & { onEdit(): void; onSent(sent: Checked): void }) {
  const { users: words } = useMessages();
  const change = useChange(InviteMutation);
  const keyOf = useIdempotencyKeys();
  const outcomes = results.map((result) => readFragment(ResultFragment, result).outcome);
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
      <Lines
        title={words.import.verdict}
        people={people}
        results={results}
        say={(outcome) => words.import.would[outcome as "INVITED"] ?? words.import.did[outcome]}
      />
    </>
  );
}

function Sent({ people, results, onAgain }: Checked & { onAgain(people: Person[]): void }) {
  const { users: words } = useMessages();
  const outcomes = results.map((result) => readFragment(ResultFragment, result).outcome);
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
      <Lines title={words.import.result} people={people} results={results} say={(outcome) => words.import.did[outcome]} />
    </>
  );
}

const TONES: Record<InviteUsersOutcome, Tone> = {
  INVITED: "good",
  RESENT: "good",
  SKIPPED: "quiet",
  FAILED: "bad",
  NOT_DONE: "bad",
  UNKNOWN: "wait",
};

interface LinesProps {
  title: string;
  people: Person[];
  results: Results;
  say(outcome: InviteUsersOutcome): string;
}

/** A line for each person, and what is (or would be) done about them. */
function Lines({ title, people, results, say }: LinesProps) {
  const { users: words } = useMessages();
  const [onlyProblems, setOnlyProblems] = useState(false);
  const lines = people.map((person, index) => ({ person, index, result: results[index]! }));
  const outcomeOf = (line: (typeof lines)[number]) => readFragment(ResultFragment, line.result).outcome;
  const problems = lines.filter((line) => !CAN.includes(outcomeOf(line)));

  const columns: Column<(typeof lines)[number]>[] = [
    { id: "line", title: words.import.line, cell: ({ person }) => person.line },
    { id: "email", title: words.email, isHead: true, cell: ({ person }) => person.email },
    { id: "name", title: words.name, cell: ({ person }) => [person.firstName, person.lastName].filter(Boolean).join(" ") },
    { id: "roles", title: words.roles, cell: ({ person }) => person.roles.join(", ") },
    {
      id: "outcome",
      title,
      cell: (line) => (
        <>
          <Badge tone={TONES[outcomeOf(line)]}>{say(outcomeOf(line))}</Badge>
          <Reasons result={line.result} />
        </>
      ),
    },
  ];
  return (
    <>
      {problems.length > 0 && problems.length < lines.length && (
        <div className="import-problems">
          <Checkbox isSelected={onlyProblems} onChange={setOnlyProblems}>
            {words.import.onlyProblems}
          </Checkbox>
        </div>
      )}
      <Table label={title} columns={columns} rows={onlyProblems ? problems : lines} idOf={({ index }) => String(index)} />
    </>
  );
}

function Reasons({ result }: { result: Results[number] }) {
  const complaints = useComplaints(readFragment(ResultFragment, result).userErrors);
  return complaints.map(({ path, words }) => (
    <small className="error" key={path.join() + words}>
      {words}
    </small>
  ));
}

/** As a table again, for the field. */
function toText(people: Person[]): string {
  const quoted = (value = "") => (/[",;\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  const lines = people.map(({ email, firstName, lastName, roles }) =>
    [email, firstName, lastName, roles.join(";")].map((value) => quoted(value)).join(","),
  );
  return ["email,first_name,last_name,roles", ...lines].join("\n");
}
