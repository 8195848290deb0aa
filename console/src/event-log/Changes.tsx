// What an event changed: each field as it was and as it became, in words.
import { useMessages } from "../messages";
import { usePermissionWords } from "../permissions";

interface Change {
  field: string;
  before?: string | null;
  after?: string | null;
}

export function Changes({ changes }: { changes: readonly Change[] }) {
  return changes.map((change) => (
    <div className="event-change" key={change.field}>
      {change.field === "permissions" ? <Permissions {...change} /> : <Value {...change} />}
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

const codesIn = (value?: string | null) => (value ? value.split(", ") : []);

/** Those that a role came to grant, and those that it no longer does. */
function Permissions({ field, before, after }: Change) {
  const { eventLog: words } = useMessages();
  const { list } = usePermissionWords();
  const nameOf = useFieldName();
  const was = codesIn(before);
  const is = codesIn(after);
  const parts = [
    { word: words.added, sign: "+", codes: is.filter((code) => !was.includes(code)) },
    { word: words.removed, sign: "−", codes: was.filter((code) => !is.includes(code)) },
  ];
  return (
    <>
      <span className="quiet">{nameOf(field)}:</span>
      {parts.flatMap(({ word, sign, codes }) =>
        list(codes).map((line) => (
          <div key={sign + line}>
            <span aria-label={word} role="img">
              {sign}
            </span>{" "}
            {line}
          </div>
        )),
      )}
    </>
  );
}
