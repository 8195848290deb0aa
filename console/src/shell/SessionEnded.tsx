// Said over the page when the session has ended. The page stays as it is below, with all that was typed.
import { useCallback, useEffect, useState } from "react";
import { Text } from "react-aria-components/Text";

import { useMessages } from "../messages";
import { signInAddress } from "../page";
import { Dialog } from "../ui/Dialog";
import { takeFocus } from "../ui/focus";

export function SessionEnded({ check, resume }: { check(): Promise<boolean>; resume(): void }) {
  const { shell } = useMessages();
  const [wasChecked, setChecked] = useState(false);

  const look = useCallback(async () => {
    if (document.visibilityState !== "visible") return;
    if (await check()) resume();
    else setChecked(true);
  }, [check, resume]);

  // Whoever comes back from the other tab has signed in there.
  useEffect(() => {
    addEventListener("focus", look);
    document.addEventListener("visibilitychange", look);
    return () => {
      removeEventListener("focus", look);
      document.removeEventListener("visibilitychange", look);
    };
  }, [look]);

  return (
    <Dialog title={shell.endedTitle} isOpen role="alertdialog">
      <Text slot="description" elementType="p">
        {shell.ended}
      </Text>
      <p role="status" className="quiet">
        {wasChecked && shell.stillEnded}
      </p>
      <div className="buttons">
        <a ref={takeFocus} className="button primary" href={signInAddress()} target="_blank" rel="noreferrer">
          {shell.signInNewTab}
        </a>
        <a className="button" href={signInAddress()} title={shell.signInHereHint}>
          {shell.signInHere}
        </a>
      </div>
    </Dialog>
  );
}
