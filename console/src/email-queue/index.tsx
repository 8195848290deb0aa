// The pages of the application E-mail queue, by their addresses.
import { Route, Switch } from "wouter";

import { NotFound } from "../shell/NotFound";
import { EmailList } from "./EmailList";
import { EmailPage } from "./EmailPage";

export function EmailQueue() {
  return (
    <Switch>
      <Route path="/email-queue" component={EmailList} />
      <Route path="/email-queue/:id">{({ id }) => <EmailPage key={id} id={id} />}</Route>
      <Route>
        <NotFound />
      </Route>
    </Switch>
  );
}
