// The pages of the application Users, by their addresses.
import { Route, Switch } from "wouter";

import { onDemand, usePrefetch } from "../onDemand";
import { NotFound } from "../shell/NotFound";
import { UserList } from "./UserList";

const InviteUser = onDemand(() => import("./InviteUser").then(({ InviteUser }) => InviteUser));
const InviteUsers = onDemand(() => import("./InviteUsers").then(({ InviteUsers }) => InviteUsers));
const UserPage = onDemand(() => import("./UserPage").then(({ UserPage }) => UserPage));

export function Users() {
  usePrefetch(InviteUser, InviteUsers, UserPage);
  return (
    <Switch>
      <Route path="/users" component={UserList} />
      <Route path="/users/new" component={InviteUser} />
      <Route path="/users/import" component={InviteUsers} />
      {/* Another person is another page: a form that was begun stays with its own. */}
      <Route path="/users/:id">{({ id }) => <UserPage key={id} id={id} />}</Route>
      <Route>
        <NotFound />
      </Route>
    </Switch>
  );
}
