// Which page is shown at which address. Each application is a folder, loaded when it is opened.
import type { ReactNode } from "react";
import { I18nProvider } from "react-aria-components/I18nProvider";
import { Redirect, Route, Router, Switch } from "wouter";

import { MessagesProvider, useLanguage } from "./messages";
import { onDemand, usePrefetch } from "./onDemand";
import { page } from "./page";
import { SessionProvider, useSession } from "./session";
import { Crash } from "./shell/Crash";
import { NoApplications } from "./shell/NoApplications";
import { NotFound } from "./shell/NotFound";
import { Shell } from "./shell/Shell";
import { NoticeProvider } from "./ui/notice";

/** The built-in applications, in the order of the navigation. Who may not `view` one sees nothing of it. */
export const APPLICATIONS = ["users", "roles", "email-queue", "event-log"] as const;

type Code = (typeof APPLICATIONS)[number];

const PAGES = {
  users: onDemand(() => import("./users").then(({ Users }) => Users)),
  roles: onDemand(() => import("./roles").then(({ Roles }) => Roles)),
  "email-queue": onDemand(() => import("./email-queue").then(({ EmailQueue }) => EmailQueue)),
  "event-log": onDemand(() => import("./event-log").then(({ EventLog }) => EventLog)),
} satisfies Record<Code, ReturnType<typeof onDemand>>;

// The files of the page that is opened first are fetched while the server is asked who is signed in.
const opened = location.pathname.slice(page.base.length + 1).split("/")[0];
APPLICATIONS.filter((application) => application === opened).forEach((application) => PAGES[application].prefetch());

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
  usePrefetch(...shown.map((application) => PAGES[application]));
  return (
    <Shell applications={shown}>
      <Crash>
        <Switch>
          {shown.map((application) => (
            <Route key={application} path={`/${application}/*?`} component={PAGES[application]} />
          ))}
          <Route path="/">{shown[0] ? <Redirect to={`/${shown[0]}`} replace /> : <NoApplications />}</Route>
          <Route>
            <NotFound />
          </Route>
        </Switch>
      </Crash>
    </Shell>
  );
}
