// Inviting one person: by e-mail, or with a link that is shown once.
import { useState } from "react";
import { useLocation } from "wouter";

import { useChange } from "../change";
import { ErrorMessage } from "../errors";
import { graphql } from "../graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { Button, LinkButton } from "../ui/Button";
import { CopyButton } from "../ui/CopyButton";
import { useDraft } from "../ui/draft";
import { Radios, Select, TextField } from "../ui/fields";
import { Form } from "../ui/form";
import { takeFocus } from "../ui/focus";
import { useHere } from "../ui/here";
import { useNotice } from "../ui/notice";
import { Page, Section } from "../ui/Page";
import { NotAllowed } from "../ui/states";
import { Time } from "../ui/Time";
import { useIdempotencyKeys } from "./idempotency";
import { RoleChoices, type AssignableRole } from "./RoleChoices";

const InviteMutation = graphql(`
  mutation InviteUser($input: InviteUserInput!) {
    inviteUser(input: $input) {
      user {
        id
        email
        displayName
      }
      invitation {
        id
        expiresAt
      }
      link
      userErrors {
        ...UserErrors
      }
    }
  }
`);

const NAMES = ["email", "firstName", "lastName", "message", "validForSeconds"];

/** For how many days a link may work; 0 stands for what the server is set to. */
const DAYS = ["0", "1", "3", "7", "30"];

interface Typed {
  email: string;
  firstName: string;
  lastName: string;
  roles: readonly AssignableRole[];
  message: string;
  delivery: "email" | "link";
  days: string;
}

const EMPTY: Typed = { email: "", firstName: "", lastName: "", roles: [], message: "", delivery: "email", days: "0" };

interface ShownLink {
  link: string;
  email: string;
  userId: string;
  expiresAt?: string;
}

export function InviteUser() {
  const { users: words } = useMessages();
  const { may } = useSession();
  const [shown, setShown] = useState<ShownLink>();
  return (
    <Page title={words.invite.title} below={!shown && words.invite.below} back={{ href: "/users", title: words.title }}>
      <div className="text-page">
        {!may("users.create") ? (
          <NotAllowed permission="users.create" />
        ) : shown ? (
          <LinkOnce {...shown} onAnother={() => setShown(undefined)} />
        ) : (
          <InviteForm onLink={setShown} />
        )}
      </div>
    </Page>
  );
}

function InviteForm({ onLink }: { onLink(shown: ShownLink): void }) {
  const { users: words, common } = useMessages();
  const { may } = useSession();
  const here = useHere();
  const tell = useNotice();
  const [, navigate] = useLocation();
  const change = useChange(InviteMutation);
  const [typed, setTyped, forget] = useDraft("invite-user", EMPTY);
  const { email, firstName, lastName, roles, message, delivery, days } = typed;
  const type = (changes: Partial<Typed>) => setTyped({ ...typed, ...changes });
  const keyOf = useIdempotencyKeys();
  const seesRoles = may("roles.view");

  const submit = async () => {
    if (change.busy) return;
    const sendEmail = delivery === "email";
    const input = {
      email: email.trim(),
      firstName: firstName.trim() || null,
      lastName: lastName.trim() || null,
      roleIds: roles.map(({ id }) => id),
      message: sendEmail ? message.trim() || null : null,
      sendEmail,
      validForSeconds: Number(days) * 86_400 || null,
    };
    const payload = await change.run({ input: { ...input, idempotencyKey: keyOf(input) } });
    if (!payload?.user) return;
    forget();
    if (payload.link && here()) {
      onLink({ link: payload.link, email: payload.user.email, userId: payload.user.id, expiresAt: payload.invitation?.expiresAt });
    } else {
      // The answer that had the link was lost, or came when nobody was here: the server does not give it out again.
      tell(sendEmail ? words.invite.done(payload.user.email) : words.invite.linkLost(payload.user.email));
      if (here()) navigate(`/users/${encodeURIComponent(payload.user.id)}`);
    }
  };
  return (
    <div className="card">
      <Form errors={change.userErrors} names={seesRoles ? [...NAMES, "roleIds"] : NAMES} onSubmit={() => void submit()}>
        <TextField name="email" label={words.email} type="email" value={email} onChange={(email) => type({ email })} autoFocus />
        <div className="pair fields">
          <TextField
            name="firstName"
            label={words.invite.firstName}
            optional
            value={firstName}
            onChange={(firstName) => type({ firstName })}
          />
          <TextField
            name="lastName"
            label={words.invite.lastName}
            optional
            value={lastName}
            onChange={(lastName) => type({ lastName })}
          />
        </div>
        <RoleChoices label={words.invite.roles} hint={words.invite.rolesHint} chosen={roles} onChange={(roles) => type({ roles })} />
        <Radios<"email" | "link">
          label={words.invite.delivery}
          value={delivery}
          onChange={(delivery) => type({ delivery })}
          options={[
            { value: "email", label: words.invite.byEmail, hint: words.invite.byEmailHint },
            {
              value: "link",
              label: words.invite.byLink,
              hint: words.invite.byLinkHint,
              why: !may("email-queue.view-sensitive") && words.invite.byLinkWhy,
            },
          ]}
        />
        <Select
          name="validForSeconds"
          label={words.invite.validFor}
          value={days}
          onChange={(days) => type({ days })}
          options={DAYS.map((value) => ({ value, label: words.invite.days(Number(value)) }))}
        />
        {delivery === "email" && (
          <TextField
            name="message"
            label={words.invite.message}
            hint={words.invite.messageHint}
            optional
            lines={3}
            value={message}
            onChange={(message) => type({ message })}
          />
        )}
        <ErrorMessage error={change.error} />
        <div className="buttons">
          <Button type="submit" look="primary" busy={change.busy} why={!seesRoles && words.invite.noRolesAllowed}>
            {delivery === "email" ? words.invite.send : words.invite.makeLink}
          </Button>
          <LinkButton href="/users" onPress={forget}>
            {common.cancel}
          </LinkButton>
        </div>
      </Form>
    </div>
  );
}

function LinkOnce({ link, email, userId, expiresAt, onAnother }: ShownLink & { onAnother(): void }) {
  const { users: words, common } = useMessages();
  return (
    <Section title={words.invite.linkTitle}>
      <p ref={takeFocus} tabIndex={-1}>
        {words.invite.linkOnce(email)}
      </p>
      <p className="secret">
        <code>{link}</code>
      </p>
      {expiresAt && (
        <p className="quiet">
          {words.invite.linkWorks} <Time at={expiresAt} full />
        </p>
      )}
      <div className="buttons">
        <CopyButton text={link} label={common.copyLink} />
        <Button onPress={onAnother}>{words.invite.another}</Button>
        <LinkButton href={`/users/${encodeURIComponent(userId)}`}>{words.invite.toPerson}</LinkButton>
      </div>
    </Section>
  );
}
