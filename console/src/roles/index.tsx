// The pages of the application Roles, by their addresses.
import { Route, Switch } from "wouter";

import { useMessages } from "../messages";
import { NotFound } from "../shell/NotFound";
import { Page } from "../ui/Page";

export default function Roles() {
  return (
    <Switch>
      <Route path="/roles" component={Soon} />
      <Route>
        <NotFound />
      </Route>
    </Switch>
  );
}

function Soon() {
  const { shell, roles } = useMessages();
  return (
    <Page title={roles.title}>
      <div className="card">{shell.soon}</div>
    </Page>
  );
}
