// Going on once something was done.

/** Says whether the same page is shown still: whoever has gone elsewhere meanwhile is not led away from there. */
export function useHere(): () => boolean {
  const path = location.pathname;
  return () => location.pathname === path;
}
