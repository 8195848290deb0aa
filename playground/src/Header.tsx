/** The bar above GraphiQL: who is signed in, and the way in or out. */
import { useGraphiQL } from "@graphiql/react";
import { useState } from "react";

import type { Session, SessionState } from "./session";
import { SIGN_IN } from "./tabs";
import { useOpenJob } from "./useOpenJob";

export function Header({ session: { state, signOut } }: { session: Session }) {
  const openSignIn = useOpenSignIn();
  const [isLeaving, setLeaving] = useState(false);

  async function leave() {
    setLeaving(true);
    await signOut();
    setLeaving(false);
  }

  return (
    <header className="playground-header">
      <h1>
        Usher <span>playground</span>
      </h1>
      <p role="status" className={`playground-session is-${state.kind}`}>
        <Who state={state} />
      </p>
      {state.kind === "somebody" && (
        <button type="button" onClick={leave} disabled={isLeaving}>
          Sign out
        </button>
      )}
      {state.kind === "nobody" && (
        <button type="button" onClick={openSignIn}>
          Sign in
        </button>
      )}
    </header>
  );
}

function Who({ state }: { state: SessionState }) {
  switch (state.kind) {
    case "asking":
      return null;
    case "nobody":
      return "Not signed in";
    case "problem":
      return state.message;
    case "somebody": {
      const { displayName, email } = state.viewer;
      // Somebody without a name is displayed as their address: once is enough.
      return (
        <>
          Signed in as <strong>{displayName}</strong>
          {displayName !== email && <span className="playground-address"> {email}</span>}
        </>
      );
    }
  }
}

/** Goes to the tab that signs in, with the cursor where the password belongs. */
function useOpenSignIn(): () => void {
  const openJob = useOpenJob();
  const variableEditor = useGraphiQL((state) => state.variableEditor);

  return () => {
    openJob(SIGN_IN);
    const model = variableEditor?.getModel();
    const password = /"password"\s*:\s*"/.exec(model?.getValue() ?? "");
    if (model && password) {
      variableEditor?.setPosition(model.getPositionAt(password.index + password[0].length));
    }
    variableEditor?.focus();
  };
}
