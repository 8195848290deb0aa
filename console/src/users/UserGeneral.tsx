// Names, address and state of a person, and the form that changes them.
import { useEffect, useState } from "react";

import { useChange } from "../change";
import { ErrorMessage } from "../errors";
import type { UserGeneralFragment, UserStatus } from "../gql/graphql";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages, type Messages } from "../messages";
import { useSession } from "../session";
import { Button } from "../ui/Button";
import { hasDraft, useDraft } from "../ui/draft";
import { Fact } from "../ui/Fact";
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
  // `false` once it was edited: then the button has the focus again.
  const [isEditing, setEditing] = useState<boolean | undefined>(() => hasDraft(draftOf(user)) || undefined);
  if (isEditing) {
    return (
      <Section title={words.person.general}>
        <GeneralForm user={masked} again={again} close={() => setEditing(false)} />
      </Section>
    );
  }
  return (
    <Section
      title={words.person.general}
      actions={
        <Button
          why={why({ can: user.viewerCan.update, permission: "users.update" })}
          autoFocus={isEditing === false}
          onPress={() => setEditing(true)}
        >
          {words.person.edit}
        </Button>
      }
    >
      <dl className="facts">
        <Fact title={words.invite.firstName}>
          <span dir="auto">{user.firstName ?? "–"}</span>
        </Fact>
        <Fact title={words.invite.lastName}>
          <span dir="auto">{user.lastName ?? "–"}</span>
        </Fact>
        <Fact title={words.email}>{user.email}</Fact>
        <Fact title={words.lastSignIn}>{user.lastSignedInAt ? <Time at={user.lastSignedInAt} full /> : words.person.neverSignedIn}</Fact>
        <Fact title={words.person.invitedAt}>
          <Time at={user.createdAt} full />
        </Fact>
        <Fact title={words.person.changedAt}>
          <Time at={user.updatedAt} full />
        </Fact>
      </dl>
    </Section>
  );
}

type Field = "firstName" | "lastName" | "email";

interface Draft {
  typed: { [Name in Field]?: string };
  /** The person as they were when somebody began to type. */
  began: UserGeneralFragment;
}

const draftOf = ({ id }: { id: string }) => `user:${id}`;

function GeneralForm({ user: masked, again, close }: UserGeneralProps & { close(): void }) {
  const user = readFragment(GeneralFragment, masked);
  const { users: words, common } = useMessages();
  const { viewer } = useSession();
  const tell = useNotice();
  const change = useChange(UpdateUser);
  // Fields that nobody has touched show what stands at the server, also if somebody else changes it meanwhile.
  const [draft, setDraft, forget] = useDraft<Draft>(draftOf(user), { typed: {}, began: user });
  const { typed, began } = draft;
  // What is newer than what the form began with is an error, and is looked at first.
  const [seenAt, setSeenAt] = useState(began.updatedAt);

  const current = (name: Field) => user[name] ?? "";
  const value = (name: Field) => typed[name] ?? current(name);
  const isChanged = (name: Field) => value(name).trim() !== current(name);
  const isOvertaken = (name: Field) => typed[name] !== undefined && current(name) !== (began[name] ?? "") && isChanged(name);
  const overtaken = (name: Field) => (isOvertaken(name) ? words.person.nowStandsThere(current(name) || words.person.empty) : undefined);

  const end = () => {
    forget();
    close();
  };
  const save = async () => {
    if (change.busy) return;
    const payload = await change.run({
      input: {
        id: user.id,
        expectedUpdatedAt: seenAt,
        ...(isChanged("firstName") && { firstName: value("firstName").trim() || null }),
        ...(isChanged("lastName") && { lastName: value("lastName").trim() || null }),
        ...(isChanged("email") && { email: value("email").trim() }),
      },
    });
    if (!payload?.user) return;
    tell(words.done.saved);
    end();
  };

  const isRefused = useComplaints(change.userErrors).some(({ code }) => code === "CHANGED_MEANWHILE");
  useEffect(() => {
    if (isRefused) again();
  }, [isRefused, change.userErrors, again]);
  useEffect(() => {
    if (isRefused) setSeenAt(user.updatedAt);
  }, [isRefused, user.updatedAt]);

  const isOwn = user.id === viewer.id;
  const field = (name: Field) => ({
    name,
    value: value(name),
    onChange: (text: string) => setDraft({ ...draft, typed: { ...typed, [name]: text } }),
    hint: overtaken(name),
  });
  const email = field("email");
  return (
    <Form errors={isRefused ? undefined : change.userErrors} names={["firstName", "lastName", "email"]} onSubmit={() => void save()}>
      <div role="alert" className="errors">
        {(isRefused || (["firstName", "lastName", "email"] as const).some(isOvertaken)) && (
          <p className="alert calm">{words.person.changedMeanwhile}</p>
        )}
      </div>
      <div className="pair fields">
        <TextField {...field("firstName")} label={words.invite.firstName} optional autoFocus />
        <TextField {...field("lastName")} label={words.invite.lastName} optional />
      </div>
      <TextField
        {...email}
        label={words.email}
        type="email"
        isReadOnly={isOwn}
        hint={isOwn ? words.ownAddress : (email.hint ?? (isChanged("email") && whatItMeans(user.status, words)))}
      />
      <ErrorMessage error={change.error} />
      <div className="buttons">
        <Button type="submit" look="primary" busy={change.busy}>
          {common.save}
        </Button>
        <Button onPress={end}>{common.cancel}</Button>
      </div>
    </Form>
  );
}

/** What another address means for the person. */
function whatItMeans(status: UserStatus, { person }: Messages["users"]): string | undefined {
  if (status === "ACTIVE") return person.emailChangeActive;
  return status === "INVITED" ? person.emailChangeInvited : undefined;
}
