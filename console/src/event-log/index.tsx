// The page of the application Event log.
import { Route, Switch } from "wouter";

import { NotFound } from "../shell/NotFound";
import { EventList } from "./EventList";

export function EventLog() {
  return (
    <Switch>
      <Route path="/event-log" component={EventList} />
      <Route>
        <NotFound />
      </Route>
    </Switch>
  );
}
