// The pages of the application EmailQueue, by their addresses.
import { Route, Switch } from "wouter";

import { useMessages } from "../messages";
import { NotFound } from "../shell/NotFound";
import { Page } from "../ui/Page";

export default function EmailQueue() {
  return (
    <Switch>
      <Route path="/email-queue" component={Soon} />
      <Route>
        <NotFound />
      </Route>
    </Switch>
  );
}

function Soon() {
  const { shell, emailQueue } = useMessages();
  return (
    <Page title={emailQueue.title}>
      <div className="card">{shell.soon}</div>
    </Page>
  );
}
