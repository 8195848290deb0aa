// Who is signed in. The server knows: the cookie is `HttpOnly`, and no script can read it. Everything that
// the pages show depends on it, so they begin when it is known, and end when the session does.
import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { Provider, useQuery, useSubscription, type Client } from "urql";

import { connect, type Connection } from "./client";
import { ErrorMessage } from "./errors";
import { graphql, readFragment, type FragmentType } from "./graphql";
import { page, signInAddress } from "./page";
import { SessionEnded } from "./shell/SessionEnded";
import { forgetDrafts } from "./ui/draft";
import { Loading } from "./ui/states";

const ViewerFragment = graphql(`
  fragment Viewer on User {
    id
    displayName
    email
    permissions
    applications {
      id
      code
      viewerPermissions
    }
  }
`);

const ViewerQuery = graphql(`
  query Viewer {
    viewer {
      id
      ...Viewer
    }
  }
`);

// What it reports goes into the cache, and from there to all who ask for the viewer.
const ViewerChanged = graphql(`
  subscription ViewerChanged {
    viewerChanged {
      id
      ...Viewer
    }
  }
`);

export interface Session {
  viewer: { id: string; displayName: string; email: string };
  /** Whether the viewer holds all of these permissions. */
  may(...permissions: string[]): boolean;
  /** The WebSocket, for those who show whether it is connected. */
  socket: Connection["socket"];
  /** Takes away all that is shown, and leads to the sign-in page: whoever signs out leaves nothing behind. */
  leave(): void;
  /** Grows when the same person has signed in again: subscriptions begin anew (live.ts). */
  round: number;
}

/** What tells the pages of this browser that somebody has signed in or out (also in src/http/pages/static/others.js). */
const OTHER_PAGES = "usher-session";

const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("useSession outside of SessionProvider");
  return session;
}

export function SessionProvider({ children }: { children: ReactNode }) {
  const [hasEnded, setEnded] = useState(false);
  const [hasLeft, setLeft] = useState(false);
  const [round, setRound] = useState(0);
  const connection = useMemo(() => connect(() => setEnded(true)), []);
  const resume = useCallback(() => {
    setEnded(false);
    setRound((round) => round + 1);
  }, []);
  const leave = useCallback(() => {
    forgetDrafts();
    setLeft(true);
  }, []);
  if (hasLeft) return <Left />;
  return (
    <Provider value={connection.client}>
      <SignedIn connection={connection} round={round} hasEnded={hasEnded} resume={resume} leave={leave}>
        {children}
      </SignedIn>
    </Provider>
  );
}

interface SignedInProps {
  connection: Connection;
  round: number;
  hasEnded: boolean;
  resume(): void;
  leave(): void;
  children: ReactNode;
}

function SignedIn({ connection: { client, socket, refresh }, round, hasEnded, resume, leave, children }: SignedInProps) {
  const [{ data, error }, ask] = useQuery({ query: ViewerQuery });
  const [viewer, setViewer] = useState<FragmentType<typeof ViewerFragment> & { id: string }>();
  const isAnonymous = data?.viewer === null && !error;

  useEffect(() => {
    // In another tab, somebody else has signed in: what is shown here is not theirs.
    if (viewer && data?.viewer && data.viewer.id !== viewer.id) {
      forgetDrafts();
      location.reload();
    } else if (data?.viewer) setViewer(data.viewer);
    // Nobody was signed in when the page was opened: there is nothing yet to lose.
    else if (isAnonymous && !viewer) location.replace(signInAddress());
  }, [data, isAnonymous, viewer]);

  // Somebody may have signed in or out in another tab or window, of which the hosted pages tell; or before "back" has
  // shown this page as it was. What is done here must be done by whom it names.
  useEffect(() => {
    const again = () => ask({ requestPolicy: "network-only" });
    const look = () => document.visibilityState === "visible" && again();
    const show = ({ persisted }: PageTransitionEvent) => persisted && again();
    const others = new BroadcastChannel(OTHER_PAGES);
    others.onmessage = again;
    document.addEventListener("visibilitychange", look);
    addEventListener("focus", look);
    addEventListener("pageshow", show);
    return () => {
      others.close();
      document.removeEventListener("visibilitychange", look);
      removeEventListener("focus", look);
      removeEventListener("pageshow", show);
    };
  }, [ask]);

  if (!viewer) {
    return (
      <main className="alone">
        {error ? <ErrorMessage error={error} retry={() => ask({ requestPolicy: "network-only" })} /> : <Loading />}
      </main>
    );
  }
  return (
    <KnownViewer viewer={viewer} socket={socket} round={round} refresh={refresh} leave={leave}>
      {children}
      {(hasEnded || isAnonymous) && <SessionEnded check={() => isBack(client, viewer.id)} resume={resume} />}
    </KnownViewer>
  );
}

interface KnownViewerProps {
  viewer: FragmentType<typeof ViewerFragment>;
  socket: Connection["socket"];
  round: number;
  refresh(): void;
  leave(): void;
  children: ReactNode;
}

function KnownViewer({ viewer: masked, socket, round, refresh, leave, children }: KnownViewerProps) {
  const viewer = readFragment(ViewerFragment, masked);
  const [, watch] = useSubscription({ query: ViewerChanged });
  useEffect(() => {
    if (round > 0) watch();
  }, [round, watch]);

  // What may be done to others depends on what the viewer may do; and while nobody was signed in, nothing was reported.
  const permissions = viewer.permissions.join(" ");
  const seen = useRef({ permissions, round });
  useEffect(() => {
    if (seen.current.permissions !== permissions || seen.current.round !== round) refresh();
    seen.current = { permissions, round };
  }, [permissions, round, refresh]);

  const session = useMemo(() => {
    const held = new Set([...viewer.permissions, ...viewer.applications.flatMap(({ viewerPermissions }) => viewerPermissions)]);
    return { viewer, socket, leave, round, may: (...permissions: string[]) => permissions.every((permission) => held.has(permission)) };
  }, [viewer, socket, leave, round]);
  return <SessionContext.Provider value={session}>{children}</SessionContext.Provider>;
}

/** Nothing: "back" may show the page as it was left. */
function Left() {
  useEffect(() => {
    new BroadcastChannel(OTHER_PAGES).postMessage("signed out");
    const lead = () => location.replace(`${page.root}sign-in`);
    lead();
    addEventListener("pageshow", lead);
    return () => removeEventListener("pageshow", lead);
  }, []);
  return null;
}

/** Whether the same person is signed in again. */
async function isBack(client: Client, id: string): Promise<boolean> {
  const { data } = await client.query(ViewerQuery, {}, { requestPolicy: "network-only" });
  return data?.viewer?.id === id;
}
