// What a change comes to, in words. The server rehearses it (`dryRun`) and says for whom.
import { useCallback, useEffect, useState, type ReactNode } from "react";
import { useClient, type AnyVariables, type OperationResult, type TypedDocumentNode } from "urql";

import { payloadOf } from "./change";
import { ErrorMessage } from "./errors";
import { graphql, readFragment, type FragmentType } from "./graphql";
import { useMessages } from "./messages";
import { usePermissionWords } from "./permissions";
import { Complaints } from "./ui/form";
import { Loading } from "./ui/states";

// How many are concerned is told to those who may see users; who may not is not to ask.
const EffectsFragment = graphql(`
  fragment Effects on ChangeEffects {
    gained
    lost
    usersAffected @include(if: $seesUsers)
    invitationsRenewed @include(if: $seesUsers)
    sessionsEnded @include(if: $seesUsers)
  }
`);

export type MaskedEffects = FragmentType<typeof EffectsFragment>;

export const readEffects = (effects: MaskedEffects) => readFragment(EffectsFragment, effects);

interface EffectsProps {
  effects: MaskedEffects;
  /** Who it concerns: all who hold the role, or one of them. */
  of: "holders" | "person";
}

export function Effects({ effects: masked, of }: EffectsProps) {
  const { gained, lost, usersAffected, invitationsRenewed, sessionsEnded } = readEffects(masked);
  const words = useMessages().effects;
  const { list } = usePermissionWords();
  const say = of === "person" ? words.person : usersAffected === 0 ? words.nobody : words.holders;
  // Of one person, the server knows what their other roles allow.
  const others = say === words.holders && words.holders;
  return (
    <>
      {of === "holders" && <p>{usersAffected == null ? words.unknownHolders : words.holderCount(usersAffected)}</p>}
      <Lines title={say.gained} lines={list(gained)} after={others && others.gainedAfter} />
      <Lines title={say.lost} lines={list(lost)} after={others && others.lostAfter} />
      {gained.length + lost.length === 0 && <p>{words.none}</p>}
      {Boolean(invitationsRenewed) && <p>{of === "person" ? words.person.renewed : words.renewed(invitationsRenewed!)}</p>}
      {Boolean(sessionsEnded) && <p>{words.sessionsEnded(sessionsEnded!)}</p>}
    </>
  );
}

function Lines({ title, lines, after }: { title: string; lines: string[]; after: ReactNode }) {
  if (lines.length === 0) return null;
  return (
    <>
      <p className="effects-title">{title}</p>
      <ul>
        {lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      {after && <p className="quiet">{after}</p>}
    </>
  );
}

/**
 * Rehearses a change as soon as it is shown, and anew whenever it is another one or `again` is called: what it comes
 * to, or why it is refused. `payload` is `undefined` until that is known.
 */
export function useRehearsal<Data, Variables extends AnyVariables>(document: TypedDocumentNode<Data, Variables>, variables: Variables) {
  const client = useClient();
  const key = JSON.stringify(variables);
  const [round, setRound] = useState(0);
  const [answer, setAnswer] = useState<{ key: string } & Pick<OperationResult<Data>, "data" | "error">>();
  useEffect(() => {
    let isWanted = true;
    void client.mutation(document, JSON.parse(key) as Variables).then(({ data, error }) => {
      if (isWanted) setAnswer({ key, data, error });
    });
    return () => {
      isWanted = false;
    };
  }, [client, document, key, round]);
  const again = useCallback(() => setRound((round) => round + 1), []);

  // What was found out about another change says nothing of this one.
  const { data, error } = answer?.key === key ? answer : {};
  const payload = payloadOf(data);
  const isRefused = Boolean(error || payload?.userErrors?.length);
  const shown: ReactNode = (
    <>
      <ErrorMessage error={error} />
      <Complaints errors={payload?.userErrors} />
      {!payload && !isRefused && <Loading />}
    </>
  );
  return { payload: isRefused ? undefined : payload, isRefused, shown, again };
}
