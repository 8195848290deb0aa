// Names, address and state of a person, and the form that changes them.
import { useEffect, useState } from "react";

import { useChange } from "../change";
import { ErrorMessage } from "../errors";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { Button } from "../ui/Button";
import { TextField } from "../ui/fields";
import { Form, useComplaints } from "../ui/form";
import { useNotice } from "../ui/notice";
import { Section } from "../ui/Page";
import { Time } from "../ui/Time";
import { useWhy } from "./why";

const GeneralFragment = graphql(`
  fragment UserGeneral on User {
    id
    email
    firstName
    lastName
    status
    createdAt
    updatedAt
    lastSignedInAt
    viewerCan {
      update
    }
    ...Reasons
  }
`);

const UpdateUser = graphql(`
  mutation UpdateUser($input: UpdateUserInput!) {
    updateUser(input: $input) {
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

interface UserGeneralProps {
  user: FragmentType<typeof GeneralFragment>;
  /** Asks the server for the person again. */
  again(): void;
}

export function UserGeneral({ user: masked, again }: UserGeneralProps) {
  const user = readFragment(GeneralFragment, masked);
  const { users: words } = useMessages();
  const why = useWhy(user);
  const [isEdited, setEdited] = useState(false);
  if (isEdited) {
    return (
      <Section title={words.person.general}>
        <GeneralForm user={masked} again={again} close={() => setEdited(false)} />
      </Section>
    );
  }
  return (
    <Section
      title={words.person.general}
      actions={
        <Button why={why({ can: user.viewerCan.update, permission: "users.update" })} onPress={() => setEdited(true)}>{words.person.edit}</Button>
      }
    >
      <dl className="facts">
        <dt>{words.invite.firstName}</dt>
        <dd dir="auto">{user.firstName ?? "–"}</dd>
        <dt>{words.invite.lastName}</dt>
        <dd dir="auto">{user.lastName ?? "–"}</dd>
        <dt>{words.email}</dt>
        <dd>{user.email}</dd>
        <dt>{words.lastSignIn}</dt>
        <dd>{user.lastSignedInAt ? <Time at={user.lastSignedInAt} full /> : words.person.neverSignedIn}</dd>
        <dt>{words.person.invitedAt}</dt>
        <dd><Time at={user.createdAt} full /></dd>
        <dt>{words.person.changedAt}</dt>
        <dd><Time at={user.updatedAt} full /></dd>
      </dl>
    </Section>
  );
}

function GeneralForm({ user: masked, again, close }: UserGeneralProps & { close(): void }) {
  const user = readFragment(GeneralFragment, masked);
  const { users: words, common } = useMessages();
  const { viewer } = useSession();
  const tell = useNotice();
  const change = useChange(UpdateUser);
  // What the fields were filled from. Somebody else may change the person meanwhile.
  const [base] = useState(user);
  const [firstName, setFirstName] = useState(user.firstName ?? "");
  const [lastName, setLastName] = useState(user.lastName ?? "");
  const [email, setEmail] = useState(user.email);
  const [wasChanged, setChanged] = useState(false);

  const isOwn = user.id === viewer.id;
  const isMoved = email.trim() !== base.email;
  // What is below the fields has been seen, and so has what is as it was.
  const isSeen = wasChanged || (user.firstName === base.firstName && user.lastName === base.lastName && user.email === base.email);
  const save = async () => {
    if (change.busy) return;
    const payload = await change.run({
      input: {
        id: user.id,
        expectedUpdatedAt: isSeen ? user.updatedAt : base.updatedAt,
        // Only what was typed: what somebody else has changed stays.
        ...(firstName.trim() !== (base.firstName ?? "") && { firstName: firstName.trim() || null }),
        ...(lastName.trim() !== (base.lastName ?? "") && { lastName: lastName.trim() || null }),
        ...(isMoved && { email: email.trim() }),
      },
    });
    if (payload?.user) {
      tell(words.done.saved);
      close();
    }
  };
  const isConflict = useComplaints(change.userErrors).some(({ code }) => code === "CHANGED_MEANWHILE");
  useEffect(() => {
    if (!isConflict) return;
    setChanged(true);
    again();
    // Once for each refusal, however often the page is drawn.
  }, [change.userErrors, isConflict]);
  /** What stands at the server now, where that is neither what the form began with nor what was typed. */
  const now = (current: string | null | undefined, began: string | null | undefined, typed: string) =>
    wasChanged && (current ?? "") !== (began ?? "") && (current ?? "") !== typed.trim()
      ? words.person.nowStandsThere(current || words.person.empty)
      : undefined;
  return (
    <Form errors={isConflict ? undefined : change.userErrors} names={["firstName", "lastName", "email"]} onSubmit={() => void save()}>
      <div role="alert" className="errors">{isConflict && <p className="alert calm">{words.person.changedMeanwhile}</p>}</div>
      <div className="pair fields">
        <TextField
          name="firstName"
          label={words.invite.firstName}
          optional
          value={firstName}
          onChange={setFirstName}
          hint={now(user.firstName, base.firstName, firstName)}
          autoFocus
        />
        <TextField
          name="lastName"
          label={words.invite.lastName}
          optional
          value={lastName}
          onChange={setLastName}
          hint={now(user.lastName, base.lastName, lastName)}
        />
      </div>
      <TextField
        name="email"
        label={words.email}
        type="email"
        value={email}
        onChange={setEmail}
        isReadOnly={isOwn}
        hint={
          isOwn
            ? words.ownAddress
            : now(user.email, base.email, email) ??
              (isMoved ? (user.status === "ACTIVE" ? words.person.emailChangeActive : user.status === "INVITED" && words.person.emailChangeInvited) : undefined)
        }
      />
      <ErrorMessage error={change.error} />
      <div className="buttons">
        <Button type="submit" look="primary" busy={change.busy}>{common.save}</Button>
        <Button onPress={close}>{common.cancel}</Button>
      </div>
    </Form>
  );
}
