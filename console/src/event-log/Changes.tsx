// What an event changed: each field as it was and as it became, in words.
import { useMessages } from "../messages";
import { usePermissionWords } from "../permissions";

interface Change {
  field: string;
  before?: string | null;
  after?: string | null;
  /** Only of a list. */
  added?: readonly string[] | null;
  removed?: readonly string[] | null;
}

/** Of a list to which nothing came and which nothing left, such as the permissions of a new role without any, there is nothing to say. */
const isSaid = ({ added, removed }: Change) => !(added && removed) || added.length + removed.length > 0;

export function Changes({ changes }: { changes: readonly Change[] }) {
  return changes.filter(isSaid).map((change) => (
    <div className="event-change" key={change.field}>
      {change.added && change.removed ? (
        <Entries field={change.field} added={change.added} removed={change.removed} />
      ) : (
        <Value {...change} />
      )}
    </div>
  ));
}

function useFieldName(): (field: string) => string {
  const { eventLog } = useMessages();
  const names: Record<string, string> = eventLog.fields;
  return (field) => names[field] ?? field;
}

/** Fields whose value is yes or no. */
const FLAGS = ["isManaged"];

/** Fields that say how many were ended: nothing stands there afterwards. */
const ENDED = ["sessions", "invitations", "passwordResets"];

function Value({ field, before, after }: Change) {
  const { eventLog: words } = useMessages();
  const nameOf = useFieldName();
  if (ENDED.includes(field)) {
    return (
      <>
        <span className="quiet">{nameOf(field)}:</span> {before}
      </>
    );
  }
  const say = (value: string) => (FLAGS.includes(field) ? (words.flags[value as "true" | "false"] ?? value) : value);
  return (
    <>
      <span className="quiet">{nameOf(field)}:</span>{" "}
      {before && (
        <>
          <del dir="auto">{say(before)}</del> <span aria-label={words.became}>→</span>{" "}
        </>
      )}
      {after ? <bdi>{say(after)}</bdi> : <span className="quiet">{words.nothingThere}</span>}
    </>
  );
}

/** What came to a list, and what left it. */
function Entries({ field, added, removed }: { field: string; added: readonly string[]; removed: readonly string[] }) {
  const { eventLog: words } = useMessages();
  const { list } = usePermissionWords();
  const nameOf = useFieldName();
  const lines = (entries: readonly string[]) => (field === "permissions" ? list(entries) : entries);
  const parts = [
    { word: words.added, sign: "+", entries: added },
    { word: words.removed, sign: "−", entries: removed },
  ];
  return (
    <>
      <span className="quiet">{nameOf(field)}:</span>
      {parts.flatMap(({ word, sign, entries }) =>
        lines(entries).map((line) => (
          <div key={sign + line}>
            <span aria-label={word} role="img">
              {sign}
            </span>{" "}
            <bdi>{line}</bdi>
          </div>
        )),
      )}
    </>
  );
}
