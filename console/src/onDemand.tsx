// Components whose files are fetched when they are shown first.
import { useEffect, useState, type ComponentType } from "react";

import { Loading } from "./ui/states";

/** So long after a page is shown, what may come next is fetched. */
const PREFETCH_AFTER_MS = 500;

/**
 * Not by `lazy` and `Suspense`: what those have hidden for a moment, React shows no sooner than 300 ms after.
 * Where the files cannot be fetched, it throws (shell/Crash.tsx).
 */
export function onDemand<Props extends object>(load: () => Promise<ComponentType<Props>>) {
  let known: ComponentType<Props> | undefined;
  const fetched = async () => (known ??= await load());

  function OnDemand(props: Props) {
    const [Shown, setShown] = useState(() => known);
    const [failure, setFailure] = useState<unknown>();
    useEffect(() => {
      if (!Shown) fetched().then((loaded) => setShown(() => loaded), setFailure);
    }, [Shown]);
    if (failure) throw failure;
    return Shown ? <Shown {...props} /> : <Loading />;
  }
  /** What cannot be fetched now is fetched when it is shown. */
  OnDemand.prefetch = () => void fetched().catch(() => undefined);
  return OnDemand;
}

/** Fetches what may be shown next, once what is shown is there. */
export function usePrefetch(...next: { prefetch(): void }[]) {
  useEffect(() => {
    const timer = setTimeout(() => next.forEach(({ prefetch }) => prefetch()), PREFETCH_AFTER_MS);
    return () => clearTimeout(timer);
  }, [next.length]);
}
