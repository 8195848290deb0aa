// What of a page stands in the query string: filters, order, the page of a list. So it can be bookmarked,
// sent to somebody, reloaded, and gone back to.
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { CombinedError } from "urql";
import { useLocation } from "wouter";
import { useSearch } from "wouter/use-browser-location";

import { hasCode } from "../errors";
import { PAUSE_MS } from "./settled";

export type Changes = Record<string, string | readonly string[] | undefined>;

export interface Address {
  get(name: string): string | undefined;
  /** All values of a name that are among those that are known: anybody can write an address. */
  all<Value extends string>(name: string, known: readonly Value[]): Value[];
  /** The same for a filter of the server, for which none of several conditions would mean nothing at all. */
  some<Value extends string>(name: string, known: readonly Value[]): Value[] | undefined;
  one<Value extends string>(name: string, known: readonly Value[]): Value | undefined;
  /** Whether any of these names has a value. */
  has(...names: string[]): boolean;
  /** Changes some and keeps the others. A list begins at its first page again, unless `after` or `before` says where. */
  change(changes: Changes, how?: { replace?: boolean }): void;
}

export function useAddress(): Address {
  // As it is written: the one of `wouter` itself is decoded already, and would be twice.
  const search = useSearch();
  const [path, navigate] = useLocation();
  const values = useMemo(() => new URLSearchParams(search), [search]);

  const change = useCallback(
    (changes: Changes, how?: { replace?: boolean }) => {
      const next = new URLSearchParams(location.search);
      for (const [name, value] of Object.entries({ after: undefined, before: undefined, ...changes })) {
        next.delete(name);
        for (const each of [value ?? []].flat()) if (each) next.append(name, each);
      }
      const query = next.toString();
      navigate(query ? `${path}?${query}` : path, how);
    },
    [path, navigate],
  );
  return useMemo(() => {
    const all: Address["all"] = (name, known) => known.filter((value) => values.getAll(name).includes(value));
    return {
      get: (name) => values.get(name) || undefined,
      all,
      some: (name, known) => {
        const found = all(name, known);
        return found.length > 0 ? found : undefined;
      },
      one: (name, known) => known.find((value) => values.get(name) === value),
      has: (...names) => names.some((name) => values.has(name)),
      change,
    };
  }, [values, change]);
}

const PAGE = 50;

/** The variables of a query for a page of a list, as `after` or `before` in the address say. */
export function pageVariables(address: Address, size = PAGE) {
  const before = address.get("before");
  return before ? { last: size, before } : { first: size, after: address.get("after") };
}

/** Begins at the first page if the list, which may be in another order by now, does not know the cursor in the address. */
export function useFirstPageInstead(address: Address, error: CombinedError | undefined) {
  const isUnknown = Boolean(error && hasCode(error, "BAD_REQUEST")) && address.has("after", "before");
  const { change } = address;
  useEffect(() => {
    if (isUnknown) change({}, { replace: true });
  }, [isUnknown, change]);
}

const anyText = () => true;

/** A text in the address that follows what is typed, once it `isWhole` and has stayed the same for a moment. */
export function useTyped(address: Address, name: string, isWhole: (text: string) => boolean = anyText) {
  const stored = address.get(name) ?? "";
  const [text, setText] = useState(stored);
  const written = useRef(stored);

  // Somebody has gone back, or cleared the filters.
  useEffect(() => {
    if (stored !== written.current) setText((written.current = stored));
  }, [stored]);

  const { change } = address;
  useEffect(() => {
    if (text.trim() === written.current || !isWhole(text)) return;
    const timer = setTimeout(() => change({ [name]: (written.current = text.trim()) }, { replace: true }), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text, name, change, isWhole]);
  return [text, setText] as const;
}
