// What can be done to a person as a whole. Each asks first, and says what will happen.
import { useState } from "react";
import { useLocation } from "wouter";

import { useChange } from "../change";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import { Checkbox } from "../ui/fields";
import { useNotice } from "../ui/notice";
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

  const props = { user, close };
  return (
    <>
      {user.status === "ACTIVE" && (
        <Button why={why({ can: user.viewerCan.sendPasswordReset, permission: "users.update", otherwise: words.onlyActive })} onPress={() => setAsked("reset")}>
          {words.actions.sendPasswordReset}
        </Button>
      )}
      {user.status === "DEACTIVATED" ? (
        <Button why={why({ can: user.viewerCan.activate, permission: "users.update" })} onPress={() => setAsked("activate")}>
          {words.actions.activate}
        </Button>
      ) : (
        <Button why={why({ can: user.viewerCan.deactivate, permission: "users.update" })} onPress={() => setAsked("deactivate")}>
          {words.actions.deactivate}
        </Button>
      )}
      <Button why={why({ can: user.viewerCan.delete, permission: "users.delete" })} onPress={() => setAsked("delete")}>
        {words.actions.delete}
      </Button>
      {asked === "activate" && <Activate {...props} />}
      {asked === "deactivate" && <Deactivate {...props} />}
      {asked === "delete" && <Delete {...props} />}
      {asked === "reset" && <Reset {...props} />}
    </>
  );
}

interface Asked {
  user: { id: string; displayName: string; lastSignedInAt?: string | null };
  close(): void;
}

function Activate({ user: { id, displayName, lastSignedInAt }, close }: Asked) {
  const { users: words } = useMessages();
  const tell = useNotice();
  const change = useChange(ActivateUser);
  const run = async () => {
    if (!(await change.run({ input: { id } }))) return;
    tell(words.done.activated(displayName));
    close();
  };
  return (
    <Confirm title={words.confirm.activateTitle(displayName)} action={words.actions.activate} change={change} onConfirm={() => void run()} onClose={close}>
      <p>{lastSignedInAt ? words.confirm.activate : words.confirm.activateInvited}</p>
    </Confirm>
  );
}

function Deactivate({ user: { id, displayName }, close }: Asked) {
  const { users: words } = useMessages();
  const tell = useNotice();
  const change = useChange(DeactivateUser);
  const run = async () => {
    if (!(await change.run({ input: { id } }))) return;
    tell(words.done.deactivated(displayName));
    close();
  };
  return (
    <Confirm title={words.confirm.deactivateTitle(displayName)} action={words.actions.deactivate} danger change={change} onConfirm={() => void run()} onClose={close}>
      <p>{words.confirm.deactivate}</p>
    </Confirm>
  );
}

function Delete({ user: { id, displayName }, close }: Asked) {
  const { users: words } = useMessages();
  const { may } = useSession();
  const tell = useNotice();
  const [, navigate] = useLocation();
  const [erase, setErase] = useState(false);
  const change = useChange(DeleteUser);
  const run = async () => {
    if (!(await change.run({ input: { id, erase } }))) return;
    tell(words.done.deleted(displayName));
    navigate("/users", { replace: true });
  };
  return (
    <Confirm title={words.confirm.deleteTitle(displayName)} action={words.actions.delete} danger change={change} onConfirm={() => void run()} onClose={close}>
      <p>{words.confirm.delete}</p>
      {may("email-queue.delete") && (
        <Checkbox isSelected={erase} onChange={setErase} hint={words.confirm.eraseHint}>{words.confirm.erase}</Checkbox>
      )}
    </Confirm>
  );
}

function Reset({ user: { id, displayName }, close }: Asked) {
  const { users: words } = useMessages();
  const tell = useNotice();
  const change = useChange(SendPasswordReset);
  const run = async () => {
    if (!(await change.run({ input: { userId: id } }))) return;
    tell(words.done.reset(displayName));
    close();
  };
  return (
    <Confirm title={words.confirm.resetTitle(displayName)} action={words.actions.sendPasswordReset} change={change} onConfirm={() => void run()} onClose={close}>
      <p>{words.confirm.reset}</p>
    </Confirm>
  );
}
