/**
 * An invitation names its roles by id, and no id is known beforehand. None is granted unasked: the
 * list is empty until there is the role that the tab CreateRole creates, found by its code name. Its
 * id then goes into the variables, where everybody can see it, unless somebody has changed them.
 */
import { useGraphiQL } from "@graphiql/react";
import { useEffect } from "react";

import { ask } from "./api";
import { INVITE, ROLE_CODE_NAME } from "./tabs";

export function RoleFiller({ isSignedIn }: { isSignedIn: boolean }) {
  const { editor, tabId } = useGraphiQL((state) => ({
    editor: state.variableEditor,
    tabId: state.tabs[state.activeTabIndex]?.id,
  }));

  useEffect(() => {
    const isUntouched = () => editor?.getValue() === INVITE.variables;
    if (!isSignedIn || !isUntouched()) return;
    let isCurrent = true;
    idOf(ROLE_CODE_NAME).then(
      (id) => {
        if (!isCurrent || !id || !isUntouched()) return;
        editor?.setValue(INVITE.variables!.replace('"roleIds": []', `"roleIds": ["${id}"]`));
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

async function idOf(codeName: string): Promise<string | undefined> {
  const { roles } = await ask<{ roles: { nodes: { id: string; codeName: string }[] } }>(
    "{ roles(first: 100) { nodes { id codeName } } }",
  );
  return roles.nodes.find((role) => role.codeName === codeName)?.id;
}
