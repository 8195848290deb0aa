// The pages of the application EventLog, by their addresses.
import { Route, Switch } from "wouter";

import { useMessages } from "../messages";
import { NotFound } from "../shell/NotFound";
import { Page } from "../ui/Page";

export default function EventLog() {
  return (
    <Switch>
      <Route path="/event-log" component={Soon} />
      <Route>
        <NotFound />
      </Route>
    </Switch>
  );
}

function Soon() {
  const { shell, eventLog } = useMessages();
  return (
    <Page title={eventLog.title}>
      <div className="card">{shell.soon}</div>
    </Page>
  );
}
