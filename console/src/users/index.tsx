// The pages of the application Users, by their addresses.
import { Route, Switch } from "wouter";

import { NotFound } from "../shell/NotFound";
import { InviteUser } from "./InviteUser";
import { InviteUsers } from "./InviteUsers";
import { UserList } from "./UserList";
import { UserPage } from "./UserPage";

export default function Users() {
  return (
    <Switch>
      <Route path="/users" component={UserList} />
      <Route path="/users/new" component={InviteUser} />
      <Route path="/users/import" component={InviteUsers} />
      {/* Another person is another page: nothing of a form that was begun is left. */}
      <Route path="/users/:id">{({ id }) => <UserPage key={id} id={id} />}</Route>
      <Route>
        <NotFound />
      </Route>
    </Switch>
  );
}
