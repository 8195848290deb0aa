// A button that lets somebody choose a file.
import { useRef, type ReactNode } from "react";

import { Button } from "./Button";

interface FileButtonProps {
  /** As the `accept` of an input has them. */
  types: string;
  onChoose(file: File): void;
  children: ReactNode;
}

export function FileButton({ types, onChoose, children }: FileButtonProps) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <Button onPress={() => input.current?.click()}>{children}</Button>
      <input
        ref={input}
        type="file"
        accept={types}
        hidden
        onChange={({ currentTarget }) => {
          if (currentTarget.files?.[0]) onChoose(currentTarget.files[0]);
          // The same file, mended meanwhile, may be chosen again.
          currentTarget.value = "";
        }}
      />
    </>
  );
}
