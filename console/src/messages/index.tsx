// The words of the pages, in the language of whoever reads them. `en` says what there is to say; another
// language is a folder like it and a line here.
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from "react";

import type { messages as english } from "./en";

export type Messages = typeof english;

const CATALOGUES = {
  en: { name: "English", load: () => import("./en") },
  de: { name: "Deutsch", load: () => import("./de") },
} satisfies Record<string, { name: string; load(): Promise<{ messages: Messages }> }>;

export type Language = keyof typeof CATALOGUES;

export const LANGUAGES = (Object.keys(CATALOGUES) as Language[]).map((code) => ({ code, name: CATALOGUES[code].name }));

const STORED = "usher-console-language";

interface Spoken {
  language: Language;
  messages: Messages;
  setLanguage(language: Language): void;
}

const SpokenContext = createContext<Spoken | undefined>(undefined);

function useSpoken(): Spoken {
  const spoken = useContext(SpokenContext);
  if (!spoken) throw new Error("useMessages outside of MessagesProvider");
  return spoken;
}

export const useMessages = (): Messages => useSpoken().messages;

export function useLanguage(): Pick<Spoken, "language" | "setLanguage"> {
  return useSpoken();
}

/** Shows nothing until the words are there. If those of another language do not come, the old ones stay. */
export function MessagesProvider({ children }: { children: ReactNode }) {
  const [wanted, setWanted] = useState(preferred);
  const [loaded, setLoaded] = useState<{ language: Language; messages: Messages }>();
  const [hasFailed, setFailed] = useState(false);

  useEffect(() => {
    let isWanted = true;
    CATALOGUES[wanted].load().then(
      ({ messages }) => {
        if (!isWanted) return;
        document.documentElement.lang = wanted;
        setLoaded({ language: wanted, messages });
      },
      () => setFailed(true),
    );
    return () => {
      isWanted = false;
    };
  }, [wanted]);

  const setLanguage = useCallback((language: Language) => {
    remember(language);
    setWanted(language);
  }, []);
  const spoken = useMemo(() => loaded && { ...loaded, setLanguage }, [loaded, setLanguage]);
  if (spoken) return <SpokenContext.Provider value={spoken}>{children}</SpokenContext.Provider>;
  // There are no words yet to say it in another language.
  return hasFailed && <p role="alert">The server cannot be reached. Reload this page.</p>;
}

/** The language that was chosen here before, or the first one of the browser that there are words for. */
function preferred(): Language {
  return [remembered(), ...navigator.languages].map((tag) => tag?.split("-")[0]).find(isLanguage) ?? "en";
}

const isLanguage = (code: string | null | undefined): code is Language => Boolean(code && code in CATALOGUES);

// A browser may forbid a page to store anything.
function remembered(): string | null {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

function remember(language: Language) {
  try {
    localStorage.setItem(STORED, language);
  } catch {
    // It holds until the page is left.
  }
}
