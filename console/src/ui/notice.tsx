// Short notices that something was done, at the bottom of the window. They are read out, and go by themselves.
import { createContext, useCallback, useContext, useEffect, useState, type ReactNode } from "react";

import { useMessages } from "../messages";
import { Icon } from "./Icon";

type Tone = "good" | "bad";
type Tell = (words: string, tone?: Tone) => void;

const NoticeContext = createContext<Tell>(() => {});

/** `tell("Saved.")` */
export const useNotice = (): Tell => useContext(NoticeContext);

const STAYS_FOR = 8000;

export function NoticeProvider({ children }: { children: ReactNode }) {
  const [notices, setNotices] = useState<{ key: number; words: string; tone: Tone }[]>([]);
  const tell = useCallback<Tell>((words, tone = "good") => {
    // Of those that go by themselves, the last two; one that is told again stands once.
    setNotices((notices) => [
      ...notices.filter((notice, index) => notice.words !== words && (notice.tone === "bad" || index === notices.length - 1)),
      { key: Date.now() + Math.random(), words, tone },
    ]);
  }, []);
  const remove = useCallback((key: number) => setNotices((notices) => notices.filter((notice) => notice.key !== key)), []);
  return (
    <NoticeContext value={tell}>
      {children}
      {/* For react-aria, what is outside of an open dialog is not there: this is. */}
      <div className="notices" role="status" data-react-aria-top-layer="true">
        {notices.map(({ key, words, tone }) => (
          <Notice key={key} words={words} tone={tone} close={() => remove(key)} />
        ))}
      </div>
    </NoticeContext>
  );
}

function Notice({ words, tone, close }: { words: string; tone: Tone; close(): void }) {
  const { common } = useMessages();
  const [isRead, setRead] = useState(false);
  useEffect(() => {
    // What failed stays until somebody has seen it; what is being read stays as long.
    if (tone === "bad" || isRead) return;
    const timer = setTimeout(close, STAYS_FOR);
    return () => clearTimeout(timer);
  });
  return (
    <div
      className={`notice ${tone}`}
      onPointerEnter={() => setRead(true)}
      onPointerLeave={() => setRead(false)}
      onFocus={() => setRead(true)}
      onBlur={() => setRead(false)}
    >
      <p>{words}</p>
      <button type="button" className="icon-button" aria-label={common.close} onClick={close}>
        <Icon name="close" />
      </button>
    </div>
  );
}
