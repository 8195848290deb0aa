// What can be done to a person as a whole. Each asks first, and says what will happen.
import { useState } from "react";
import { useLocation } from "wouter";

import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { Button } from "../ui/Button";
import { ConfirmChange } from "../ui/ConfirmChange";
import { Checkbox } from "../ui/fields";
import { useWhy } from "./why";

const ActionsFragment = graphql(`
  fragment UserActions on User {
    id
    displayName
    status
    lastSignedInAt
    viewerCan {
      activate
      deactivate
      delete
      sendPasswordReset
    }
    ...Reasons
  }
`);

// What a mutation returns of the user is what the page shows of them.
const ActivateUser = graphql(`
  mutation ActivateUser($input: ActivateUserInput!) {
    activateUser(input: $input) {
      user {
        id
        ...UserPage
      }
      userErrors {
        ...UserErrors
      }
    }
  }
`);

const DeactivateUser = graphql(`
  mutation DeactivateUser($input: DeactivateUserInput!) {
    deactivateUser(input: $input) {
      user {
        id
        ...UserPage
      }
      userErrors {
        ...UserErrors
      }
    }
  }
`);

const DeleteUser = graphql(`
  mutation DeleteUser($input: DeleteUserInput!) {
    deleteUser(input: $input) {
      deletedId
      userErrors {
        ...UserErrors
      }
    }
  }
`);

const SendPasswordReset = graphql(`
  mutation SendPasswordReset($input: SendPasswordResetInput!) {
    sendPasswordReset(input: $input) {
      user {
        id
      }
      userErrors {
        ...UserErrors
      }
    }
  }
`);

type Action = "activate" | "deactivate" | "delete" | "reset";

export function UserActions({ user: masked }: { user: FragmentType<typeof ActionsFragment> }) {
  const user = readFragment(ActionsFragment, masked);
  const { users: words } = useMessages();
  const why = useWhy(user);
  const [asked, setAsked] = useState<Action>();
  const close = () => setAsked(undefined);

  const { viewerCan, status } = user;
  const whys: Record<Action, string | false> = {
    activate: why({ can: viewerCan.activate, permission: "users.update" }),
    deactivate: why({ can: viewerCan.deactivate, permission: "users.update" }),
    delete: why({ can: viewerCan.delete, permission: "users.delete" }),
    reset: why({ can: viewerCan.sendPasswordReset, permission: "users.update", otherwise: words.onlyActive }),
  };
  const ask = (action: Action) => ({ why: whys[action], onPress: () => setAsked(action) });
  const props = { user, close, why: asked && whys[asked] };
  return (
    <>
      {status === "ACTIVE" && <Button {...ask("reset")}>{words.actions.sendPasswordReset}</Button>}
      {status === "DEACTIVATED" ? (
        <Button {...ask("activate")}>{words.actions.activate}</Button>
      ) : (
        <Button {...ask("deactivate")}>{words.actions.deactivate}</Button>
      )}
      <Button {...ask("delete")}>{words.actions.delete}</Button>
      {asked === "activate" && <Activate {...props} />}
      {asked === "deactivate" && <Deactivate {...props} />}
      {asked === "delete" && <Delete {...props} />}
      {asked === "reset" && <Reset {...props} />}
    </>
  );
}

interface Asked {
  user: { id: string; displayName: string; lastSignedInAt?: string | null };
  /** It may have changed since it was asked. */
  why?: string | false;
  close(): void;
}

function Activate({ user: { id, displayName, lastSignedInAt }, why, close }: Asked) {
  const { users: words } = useMessages();
  return (
    <ConfirmChange
      document={ActivateUser}
      variables={{ input: { id } }}
      title={words.confirm.activateTitle(displayName)}
      action={words.actions.activate}
      done={() => words.done.activated(displayName)}
      why={why}
      onClose={close}
    >
      <p>{lastSignedInAt ? words.confirm.activate : words.confirm.activateInvited}</p>
    </ConfirmChange>
  );
}

function Deactivate({ user: { id, displayName }, why, close }: Asked) {
  const { users: words } = useMessages();
  return (
    <ConfirmChange
      document={DeactivateUser}
      variables={{ input: { id } }}
      title={words.confirm.deactivateTitle(displayName)}
      action={words.actions.deactivate}
      danger
      done={() => words.done.deactivated(displayName)}
      why={why}
      onClose={close}
    >
      <p>{words.confirm.deactivate}</p>
    </ConfirmChange>
  );
}

function Delete({ user: { id, displayName }, why, close }: Asked) {
  const { users: words } = useMessages();
  const { may } = useSession();
  const [, navigate] = useLocation();
  const [erase, setErase] = useState(false);
  return (
    <ConfirmChange
      document={DeleteUser}
      variables={{ input: { id, erase } }}
      title={words.confirm.deleteTitle(displayName)}
      action={words.actions.delete}
      danger
      done={() => words.done.deleted(displayName)}
      onDone={() => navigate("/users", { replace: true })}
      why={why}
      onClose={close}
    >
      <p>{words.confirm.delete}</p>
      {may("email-queue.delete") && (
        <Checkbox isSelected={erase} onChange={setErase} hint={words.confirm.eraseHint}>
          {words.confirm.erase}
        </Checkbox>
      )}
    </ConfirmChange>
  );
}

function Reset({ user: { id, displayName }, why, close }: Asked) {
  const { users: words } = useMessages();
  return (
    <ConfirmChange
      document={SendPasswordReset}
      variables={{ input: { userId: id } }}
      title={words.confirm.resetTitle(displayName)}
      action={words.actions.sendPasswordReset}
      done={() => words.done.reset(displayName)}
      why={why}
      onClose={close}
    >
      <p>{words.confirm.reset}</p>
    </ConfirmChange>
  );
}
