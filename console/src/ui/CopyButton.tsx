// Copies a text, such as a link that is shown once.
import { useState } from "react";

import { useMessages } from "../messages";
import { Button } from "./Button";
import { useNotice } from "./notice";

export function CopyButton({ text, label }: { text: string; label?: string }) {
  const { common } = useMessages();
  const [wasCopied, setCopied] = useState(false);
  const tell = useNotice();
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      tell(common.copied);
    } catch {
      tell(common.copyFailed, "bad");
    }
  };
  return (
    <Button icon={wasCopied ? "check" : "copy"} onPress={() => void copy()}>
      {label ?? common.copy}
    </Button>
  );
}
