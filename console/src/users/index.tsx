// The pages of the application Users, by their addresses.
import { Route, Switch } from "wouter";

import { useMessages } from "../messages";
import { NotFound } from "../shell/NotFound";
import { Page } from "../ui/Page";

export default function Users() {
  return (
    <Switch>
      <Route path="/users" component={Soon} />
      <Route><NotFound /></Route>
    </Switch>
  );
}

function Soon() {
  const { shell, users } = useMessages();
  return (
    <Page title={users.title}>
      <div className="card">{shell.soon}</div>
    </Page>
  );
}
