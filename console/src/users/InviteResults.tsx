// A line for each of several people who are invited, and what is (or would be) done about them.
import { useState } from "react";
import { Link } from "wouter";

import { useAsk } from "../ask";
import type { InviteUsersOutcome, InviteUsersRow } from "../gql/graphql";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages } from "../messages";
import { Badge, type Tone } from "../ui/Badge";
import { Checkbox } from "../ui/fields";
import { useComplaints } from "../ui/form";
import { Table, type Column } from "../ui/Table";
import type { Person } from "./parse";
import { namesOf, useRoleNames } from "./roleNames";

const ResultFragment = graphql(`
  fragment InvitationResult on InviteUsersResult {
    index
    outcome
    user {
      id
    }
    userErrors {
      code
      ...UserErrors
    }
  }
`);

// Whose address it is that cannot be invited again.
const OwnersQuery = graphql(`
  query OwnersOfAddresses($emails: [EmailAddress!]!) {
    users(filter: { emails: $emails }, first: 100) {
      nodes {
        id
        email
      }
    }
  }
`);

/** For so many addresses at once the server says whose they are. */
const OWNERS_AT_MOST = 100;

export type Results = readonly FragmentType<typeof ResultFragment>[];

/** Whoever is sent a link. */
export const CAN: readonly InviteUsersOutcome[] = ["INVITED", "RESENT"];

export const outcomeOf = (result: Results[number]): InviteUsersOutcome => readFragment(ResultFragment, result).outcome;

/** Each at the place of its person. */
export const inOrder = (results: Results): Results => {
  const indexOf = (result: Results[number]) => readFragment(ResultFragment, result).index;
  return [...results].sort((one, other) => indexOf(one) - indexOf(other));
};

const TONES: Record<InviteUsersOutcome, Tone> = {
  INVITED: "good",
  RESENT: "good",
  SKIPPED: "quiet",
  FAILED: "bad",
  NOT_DONE: "bad",
  UNKNOWN: "wait",
};

interface InviteResultsProps {
  title: string;
  people: Person[];
  /** What was sent of each, with their roles. */
  rows: readonly InviteUsersRow[];
  results: Results;
  say(outcome: InviteUsersOutcome): string;
}

export function InviteResults({ title, people, rows, results, say }: InviteResultsProps) {
  const { users: words } = useMessages();
  const [onlyProblems, setOnlyProblems] = useState(false);
  const known = useRoleNames() ?? [];
  const lines = people.map((person, index) => ({ person, index, result: results[index]! }));
  type Line = (typeof lines)[number];
  const problems = lines.filter(({ result }) => !CAN.includes(outcomeOf(result)));

  const isTaken = ({ result }: Line) => readFragment(ResultFragment, result).userErrors.some(({ code }) => code === "TAKEN");
  const emails = [...new Set(lines.filter(isTaken).map(({ person }) => person.email))].slice(0, OWNERS_AT_MOST);
  const { data } = useAsk({ query: OwnersQuery, variables: { emails }, pause: emails.length === 0 });
  const idOf = (line: Line): string | undefined => {
    const { user } = readFragment(ResultFragment, line.result);
    if (user || !isTaken(line)) return user?.id;
    const address = line.person.email.toLowerCase();
    return data?.users.nodes.find(({ email }) => email.toLowerCase() === address)?.id;
  };
  // Who is invited already keeps the roles that they have.
  const keepsRoles = ({ result }: Line) => ["RESENT", "SKIPPED"].includes(outcomeOf(result));

  const columns: Column<Line>[] = [
    { id: "line", title: words.import.line, cell: ({ person }) => person.line },
    {
      id: "email",
      title: words.email,
      isHead: true,
      cell: (line) => {
        const id = idOf(line);
        return id ? <Link href={`/users/${encodeURIComponent(id)}`}>{line.person.email}</Link> : line.person.email;
      },
    },
    { id: "name", title: words.name, cell: ({ person }) => [person.firstName, person.lastName].filter(Boolean).join(" ") },
    {
      id: "roles",
      title: words.roles,
      cell: (line) =>
        keepsRoles(line) ? (
          <span className="quiet">{words.import.keepsRoles}</span>
        ) : (
          <span dir="auto">{namesOf(rows[line.index]!, known).join(", ")}</span>
        ),
    },
    {
      id: "outcome",
      title,
      cell: (line) => (
        <>
          <Badge tone={TONES[outcomeOf(line.result)]}>{say(outcomeOf(line.result))}</Badge>
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
