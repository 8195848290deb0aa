import { useEffect, useSyncExternalStore, type ReactNode } from "react";
import { useMutation, useQuery } from "urql";

import { ErrorMessage } from "./errors";
import { graphql } from "./gql";
import { Dashboard } from "./pages/Dashboard";
import { Emails } from "./pages/Emails";
import { Invite } from "./pages/Invite";
import { People } from "./pages/People";
import { SignIn } from "./pages/SignIn";
import { useSession } from "./session";

const Viewer = graphql(`
  query Viewer {
    viewer {
      id
      displayName
      applications {
        id
        viewerPermissions
      }
      ...Dashboard
    }
  }
`);

const SignOut = graphql(`
  mutation SignOut {
    signOut {
      userErrors { message }
    }
  }
`);

export function App() {
  const { restart } = useSession();
  const [{ data, error, fetching }, ask] = useQuery({ query: Viewer });
  const [signingOut, signOut] = useMutation(SignOut);
  const hash = useHash();

  if (error && !data) return <main><ErrorMessage error={error} retry={() => ask({ requestPolicy: "network-only" })} /></main>;
  if (!data) return <main aria-busy={fetching} />;
  if (!data.viewer) return <SignIn />;

  const { viewer } = data;
  const permissions = viewer.applications.flatMap(({ viewerPermissions }) => viewerPermissions);
  const may = (...needed: string[]) => needed.every((permission) => permissions.includes(permission));
  const pages: { hash: string; title: string; isShown: boolean; page: ReactNode }[] = [
    { hash: "", title: "Applications", isShown: true, page: <Dashboard viewer={viewer} /> },
    { hash: "#people", title: "People", isShown: may("users.view"), page: <People /> },
    { hash: "#invite", title: "Invite", isShown: may("users.create", "roles.view"), page: <Invite /> },
    { hash: "#emails", title: "E-mails", isShown: may("email-queue.view"), page: <Emails /> },
  ];
  const shown = pages.filter(({ isShown }) => isShown);
  const current = shown.find((page) => page.hash === hash) ?? shown[0]!;

  const leave = async () => {
    const { error } = await signOut({});
    if (!error) restart("You are signed out.");
  };
  return (
    <>
      <header>
        <nav aria-label="Pages">
          {shown.map(({ hash, title }) => (
            <a key={hash} href={hash || "#"} aria-current={hash === current.hash ? "page" : undefined}>{title}</a>
          ))}
        </nav>
        <span>{viewer.displayName}</span>
        <button type="button" onClick={leave}>Sign out</button>
      </header>
      <main>
        <ErrorMessage error={signingOut.error} />
        <Page key={current.hash} title={current.title}>{current.page}</Page>
      </main>
    </>
  );
}

function Page({ title, children }: { title: string; children: ReactNode }) {
  useEffect(() => {
    document.title = title;
  }, [title]);
  return (
    <>
      <h1>{title}</h1>
      {children}
    </>
  );
}

/** The part of the address that says which page is shown; reloading and going back keep to it. */
function useHash(): string {
  const listen = (changed: () => void) => {
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  };
  return useSyncExternalStore(listen, () => location.hash);
}
