// One e-mail: what became of it, what it looks like, and its secret link.
import { useState } from "react";
import { Link, useLocation } from "wouter";

import { useAsk } from "../ask";
import type { EmailAttemptOutcome, EmailKind, EmailPageFragment, InvitationStatus } from "../gql/graphql";
import { graphql, readFragment } from "../graphql";
import { useLive } from "../live";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { NotFound } from "../shell/NotFound";
import { Button, LinkButton } from "../ui/Button";
import { Fact } from "../ui/Fact";
import { Page, Section } from "../ui/Page";
import { SecretLink } from "../ui/SecretLink";
import { Failed, Loading } from "../ui/states";
import { Time } from "../ui/Time";
import { ConfirmForIds, EMAIL_ACTIONS, PERMISSIONS, type EmailAction } from "./actions";
import { EmailContent } from "./EmailContent";
import { EmailState, toneOf, writtenBy } from "./state";

const EmailFragment = graphql(`
  fragment EmailPage on Email {
    id
    from
    fromName
    to
    subject
    status
    kind
    kindCode
    createdAt
    nextAttemptAt
    sentAt
    expiresAt
    attemptCount
    transport
    priority
    messageId
    attempts {
      id
      transport
      startedAt
      finishedAt
      outcome
      response
    }
    viewerCan {
      retry
      cancel
      delete
      seeLink
    }
  }
`);

// Bodies with the link masked: whoever looks at an e-mail has not asked for its link. Who may see the queue need
// not be allowed to see people.
const EmailQuery = graphql(`
  query Email($id: ID!, $people: Boolean!) {
    email(id: $id) {
      id
      ...EmailPage
      textBody(masked: true)
      user @include(if: $people) {
        id
        displayName
      }
      invitation @include(if: $people) {
        id
        status
      }
    }
  }
`);

// What it reports goes into the cache, and from there to here. It has no filter by ID; few e-mails go to one person.
const EmailToChanged = graphql(`
  subscription EmailToChanged($to: String!) {
    emailChanged(filter: { to: $to }) {
      kind
      emailId
      email {
        id
        ...EmailPage
      }
    }
  }
`);

const LinkQuery = graphql(`
  query LinkOfEmail($id: ID!) {
    email(id: $id) {
      id
      link
    }
  }
`);

/** The kinds that have a secret link. */
const LINK_KINDS: EmailKind[] = ["INVITATION", "PASSWORD_RESET", "PASSWORD_REQUIRED"];

const SEE_LINKS = "email-queue.view-sensitive";

export function EmailPage({ id }: { id: string }) {
  const { emailQueue: words } = useMessages();
  const { may } = useSession();
  const [wasDeleted, setDeleted] = useState(false);
  const { data, error, busy, again } = useAsk({ query: EmailQuery, variables: { id, people: may("users.view") } });
  const email = data?.email && readFragment(EmailFragment, data.email);
  useLive({
    query: EmailToChanged,
    variables: { to: email?.to[0] ?? "" },
    pause: !email,
    onReport: ({ emailChanged }) => emailChanged.emailId === id && emailChanged.kind === "DELETED" && setDeleted(true),
    onConnected: again,
  });

  const back = { href: "/email-queue", title: words.title };
  if (!data) {
    return (
      <Page title={words.title} back={back}>
        {error ? <Failed error={error} retry={again} /> : <Loading />}
      </Page>
    );
  }
  if (!email) return busy ? <Loading /> : <NotFound list={back} />;
  const { user, invitation, textBody } = data.email!;
  return (
    <Page
      title={email.subject}
      beside={<EmailState status={email.status} />}
      below={<Story email={email} />}
      back={back}
      actions={<EmailActions email={email} wasDeleted={wasDeleted} />}
    >
      {error && <Failed error={error} retry={again} />}
      <div role="alert">{wasDeleted && <div className="alert">{words.wasDeleted}</div>}</div>
      <div className="columns">
        <div>
          <Facts email={email} user={user} invitation={invitation} />
          {email.kind && LINK_KINDS.includes(email.kind) && (
            <Section title={words.link}>
              <EmailLink email={email} />
            </Section>
          )}
        </div>
        <Attempts email={email} />
      </div>
      <EmailContent id={id} text={textBody} showsLink={email.viewerCan.seeLink} />
    </Page>
  );
}

/** Its state, as a sentence. */
function Story({ email: { status, attemptCount, sentAt, nextAttemptAt, transport } }: { email: EmailPageFragment }) {
  const { emailQueue: words } = useMessages();
  if (status === "QUEUED" && nextAttemptAt) {
    return (
      <>
        {attemptCount > 0 ? words.waitsAgain : words.waits} <Time at={nextAttemptAt} />
      </>
    );
  }
  if (status === "SENT" && sentAt) {
    const way = writtenBy(transport);
    return (
      <>
        {way ? words.writtenAt[way] : words.stories.SENT} <Time at={sentAt} />
      </>
    );
  }
  return words.stories[status];
}

function EmailActions({ email: { id, viewerCan }, wasDeleted }: { email: EmailPageFragment; wasDeleted: boolean }) {
  const { emailQueue: words, common } = useMessages();
  const { may } = useSession();
  const [, navigate] = useLocation();
  const [action, setAction] = useState<EmailAction>();
  const why = (action: EmailAction) => {
    if (wasDeleted) return words.wasDeleted;
    if (viewerCan[action]) return false;
    return may(PERMISSIONS[action]) ? words.notNow[action] : common.needsPermission(PERMISSIONS[action]);
  };
  const done = () => action === "delete" && navigate("/email-queue", { replace: true });
  return (
    <>
      {EMAIL_ACTIONS.map((action) => (
        <Button key={action} why={why(action)} onPress={() => setAction(action)}>
          {words.actions[action]}
        </Button>
      ))}
      {action && <ConfirmForIds action={action} ids={[id]} onDone={done} onClose={() => setAction(undefined)} />}
    </>
  );
}

interface FactsProps {
  email: EmailPageFragment;
  user?: { id: string; displayName: string } | null;
  invitation?: { status: InvitationStatus } | null;
}

function Facts({ email, user, invitation }: FactsProps) {
  const { emailQueue: words, users } = useMessages();
  const { may } = useSession();
  return (
    <Section
      title={words.general}
      actions={may("event-log.view") && <LinkButton href={`/event-log?subject=${encodeURIComponent(email.id)}`}>{words.events}</LinkButton>}
    >
      <dl className="facts">
        <Fact title={words.to}>{email.to.join(", ")}</Fact>
        <Fact title={words.sender}>{email.fromName ? `${email.fromName} <${email.from}>` : email.from}</Fact>
        <Fact title={words.kind}>{email.kind ? words.kinds[email.kind] : email.kindCode}</Fact>
        {user && (
          <Fact title={words.user}>
            <Link href={`/users/${encodeURIComponent(user.id)}`} dir="auto">
              {user.displayName}
            </Link>
          </Fact>
        )}
        {user && invitation && (
          <Fact title={users.invitationState}>
            <Link href={`/users/${encodeURIComponent(user.id)}`}>{users.invitationStates[invitation.status]}</Link>
          </Fact>
        )}
        <Fact title={words.createdAt}>
          <Time at={email.createdAt} full />
        </Fact>
        {email.nextAttemptAt && (
          <Fact title={words.nextAttemptAt}>
            <Time at={email.nextAttemptAt} full />
          </Fact>
        )}
        {email.sentAt && (
          <Fact title={words.sentAt}>
            <Time at={email.sentAt} full />
          </Fact>
        )}
        {email.expiresAt && (
          <Fact title={words.expiresAt}>
            <Time at={email.expiresAt} full />
          </Fact>
        )}
        {email.transport && <Fact title={words.transport}>{email.transport}</Fact>}
        {email.priority !== "NORMAL" && <Fact title={words.priority}>{words.priorities[email.priority]}</Fact>}
        <Fact title={words.messageId}>
          <code>{email.messageId}</code>
        </Fact>
      </dl>
    </Section>
  );
}

/** The link, or why it cannot be seen. */
function EmailLink({ email: { id, kind, viewerCan } }: { email: EmailPageFragment }) {
  const { emailQueue: words, common } = useMessages();
  const { may } = useSession();
  if (viewerCan.seeLink) return <SecretLink query={LinkQuery} id={id} linkIn={({ email }) => email?.link} />;
  if (kind !== "INVITATION") return <p className="quiet">{words.linkNever}</p>;
  if (!may(SEE_LINKS)) return <Button why={common.needsPermission(SEE_LINKS)}>{common.showLink}</Button>;
  return <p className="quiet">{words.linkNone}</p>;
}

function Attempts({ email: { attempts } }: { email: EmailPageFragment }) {
  const { emailQueue: words } = useMessages();
  const say = (outcome: EmailAttemptOutcome | null | undefined, transport: string) => {
    const way = outcome === "DELIVERED" && writtenBy(transport);
    if (way) return words.written[way];
    return outcome ? words.outcomes[outcome] : words.isRunning;
  };
  return (
    <Section title={words.attempts}>
      {attempts.length === 0 && <p className="quiet">{words.attemptsNone}</p>}
      <ol className="story" aria-label={words.attempts}>
        {attempts.map(({ id, transport, startedAt, outcome, response }) => (
          <li key={id} className={toneOf({ outcome, transport })}>
            <div>
              {say(outcome, transport)} <span className="quiet">({transport})</span>
              {response && <code className="line quiet">{response}</code>}
            </div>
            <small className="quiet">
              <Time at={startedAt} full />
            </small>
          </li>
        ))}
      </ol>
    </Section>
  );
}
