// The pages of the application Roles, by their addresses.
import { Route, Switch } from "wouter";

import { NotFound } from "../shell/NotFound";
import { NewRole } from "./NewRole";
import { RoleList } from "./RoleList";
import { RolePage } from "./RolePage";

export function Roles() {
  return (
    <Switch>
      <Route path="/roles" component={RoleList} />
      <Route path="/roles/new" component={NewRole} />
      {/* Another role is another page: a form that was begun stays with its own. */}
      <Route path="/roles/:id">{({ id }) => <RolePage key={id} id={id} />}</Route>
      <Route>
        <NotFound />
      </Route>
    </Switch>
  );
}
