// Which page is shown at which address. Each application is a folder, loaded when it is opened.
import { lazy, Suspense, type ComponentType, type ReactNode } from "react";
import { I18nProvider } from "react-aria-components/I18nProvider";
import { Redirect, Route, Router, Switch } from "wouter";

import { MessagesProvider, useLanguage } from "./messages";
import { page } from "./page";
import { SessionProvider, useSession } from "./session";
import { Crash } from "./shell/Crash";
import { NoApplications } from "./shell/NoApplications";
import { NotFound } from "./shell/NotFound";
import { Shell } from "./shell/Shell";
import { NoticeProvider } from "./ui/notice";
import { Loading } from "./ui/states";

/** The built-in applications, in the order of the navigation. Who may not `view` one sees nothing of it. */
export const APPLICATIONS = ["users", "roles", "email-queue", "event-log"] as const;

type Code = (typeof APPLICATIONS)[number];

const LOAD: Record<Code, () => Promise<{ default: ComponentType }>> = {
  users: () => import("./users"),
  roles: () => import("./roles"),
  "email-queue": () => import("./email-queue"),
  "event-log": () => import("./event-log"),
};

const PAGES: Record<Code, ComponentType> = {
  users: lazy(LOAD.users),
  roles: lazy(LOAD.roles),
  "email-queue": lazy(LOAD["email-queue"]),
  "event-log": lazy(LOAD["event-log"]),
};

// The files of the page that is opened first are fetched while the server is asked who is signed in.
const opened = location.pathname.slice(page.base.length + 1).split("/")[0];
// A file that cannot be fetched is asked for again when the page is shown, which says so.
if (opened && Object.hasOwn(LOAD, opened)) LOAD[opened as Code]().catch(() => undefined);

export function App() {
  return (
    <MessagesProvider>
      <Localized>
        <Router base={page.base}>
          <SessionProvider>
            <NoticeProvider>
              <Pages />
            </NoticeProvider>
          </SessionProvider>
        </Router>
      </Localized>
    </MessagesProvider>
  );
}

/** What react-aria says by itself is said in the same language. */
function Localized({ children }: { children: ReactNode }) {
  const { language } = useLanguage();
  return <I18nProvider locale={language}>{children}</I18nProvider>;
}

function Pages() {
  const { may } = useSession();
  const shown = APPLICATIONS.filter((application) => may(`${application}.view`));
  return (
    <Shell applications={shown}>
      <Crash>
        <Suspense fallback={<Loading />}>
          <Switch>
            {shown.map((application) => (
              <Route key={application} path={`/${application}/*?`} component={PAGES[application]} />
            ))}
            <Route path="/">{shown[0] ? <Redirect to={`/${shown[0]}`} replace /> : <NoApplications />}</Route>
            <Route>
              <NotFound />
            </Route>
          </Switch>
        </Suspense>
      </Crash>
    </Shell>
  );
}
