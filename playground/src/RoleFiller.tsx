/**
 * An invitation names its roles by id, and no id is known beforehand. So that the invitation's tab
 * is ready to run all the same, a role of this server replaces the placeholder in the variables,
 * where everybody can see it, once somebody is signed in.
 */
import { useGraphiQL } from "@graphiql/react";
import { useEffect } from "react";

import { ask } from "./api";
import { ANY_ROLE } from "./tabs";

export function RoleFiller({ isSignedIn }: { isSignedIn: boolean }) {
  const { editor, tabId } = useGraphiQL((state) => ({
    editor: state.variableEditor,
    tabId: state.tabs[state.activeTabIndex]?.id,
  }));

  useEffect(() => {
    if (!isSignedIn || !editor?.getValue().includes(ANY_ROLE)) return;
    let isCurrent = true;
    anyRole().then(
      (id) => {
        if (isCurrent && id) editor.setValue(editor.getValue().replaceAll(ANY_ROLE, id));
      },
      // Whoever may not see the roles writes an id themselves.
      () => {},
    );
    return () => {
      isCurrent = false;
    };
  }, [isSignedIn, editor, tabId]);

  return null;
}

/** The first role but the Administrator's; that one where there is no other. */
async function anyRole(): Promise<string | undefined> {
  const { roles } = await ask<{ roles: { nodes: { id: string; isProtected: boolean }[] } }>(
    "{ roles(first: 100) { nodes { id isProtected } } }",
  );
  return (roles.nodes.find((role) => !role.isProtected) ?? roles.nodes[0])?.id;
}
