// What a device is called, by what its browser says of itself.
import { useMessages } from "../messages";

const BROWSERS = { "Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari", "curl/": "curl" };
const SYSTEMS = {
  Windows: "Windows",
  Android: "Android",
  iPhone: "iPhone",
  iPad: "iPad",
  "Mac OS": "macOS",
  CrOS: "ChromeOS",
  Linux: "Linux",
};

/** "Firefox, Windows": enough to know a device again. Browsers name others beside themselves: the first that fits is it. */
function deviceOf(userAgent: string | null | undefined): string | undefined {
  const find = (known: Record<string, string>) => Object.entries(known).find(([mark]) => userAgent?.includes(mark))?.[1];
  return [find(BROWSERS), find(SYSTEMS)].filter(Boolean).join(", ") || userAgent?.slice(0, 60) || undefined;
}

/** What a session's device is called. */
export function useDevice(): (session: { userAgent?: string | null }) => string {
  const { users: words } = useMessages();
  return ({ userAgent }) => deviceOf(userAgent) ?? words.person.unknownDevice;
}
