// One e-mail: what became of it, what it looks like, and its secret link.
import { useState } from "react";
import { Link, useLocation } from "wouter";

import { useAsk } from "../ask";
import type { EmailPageFragment } from "../gql/graphql";
import { graphql, readFragment } from "../graphql";
import { useLive } from "../live";
import { useMessages } from "../messages";
import { page } from "../page";
import { useSession } from "../session";
import { NotFound } from "../shell/NotFound";
import { Button } from "../ui/Button";
import { Fact } from "../ui/Fact";
import { Page, Section } from "../ui/Page";
import { SecretLink } from "../ui/SecretLink";
import { Failed, Loading } from "../ui/states";
import { Time } from "../ui/Time";
import { ConfirmAction, PERMISSIONS, type EmailAction } from "./actions";
import { EmailState, OUTCOME_TONES } from "./state";

const EmailFragment = graphql(`
  fragment EmailPage on Email {
    id
    from
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

export function EmailPage({ id }: { id: string }) {
  const { emailQueue: words } = useMessages();
  const { may } = useSession();
  const { data, error, busy, again } = useAsk({ query: EmailQuery, variables: { id, people: may("users.view") } });
  const email = data?.email && readFragment(EmailFragment, data.email);
  useLive({
    query: EmailToChanged,
    variables: { to: email?.to[0] ?? "" },
    pause: !email,
    onReport: ({ emailChanged }) => emailChanged.emailId === id && emailChanged.kind === "DELETED" && again(),
    onConnected: again,
  });

  const back = { href: "/email-queue", title: words.title };
  if (!data) return <Page title={words.title} back={back}>{error ? <Failed error={error} retry={again} /> : <Loading />}</Page>;
  if (!email) return busy ? <Loading /> : <NotFound />;
  return (
    <Page title={email.subject} beside={<EmailState status={email.status} />} back={back} actions={<EmailActions email={email} />}>
      {error && <Failed error={error} retry={again} />}
      <div className="columns">
        <div>
          <Facts email={email} user={data.email?.user ?? undefined} />
          {email.viewerCan.seeLink && (
            <Section title={words.link}>
              <SecretLink query={LinkQuery} id={id} linkIn={({ email }) => email?.link} />
            </Section>
          )}
        </div>
        <Attempts email={email} />
      </div>
      <Content email={email} text={data.email?.textBody ?? ""} />
    </Page>
  );
}

function EmailActions({ email: { id, viewerCan } }: { email: EmailPageFragment }) {
  const { emailQueue: words, common } = useMessages();
  const { may } = useSession();
  const [, navigate] = useLocation();
  const [action, setAction] = useState<EmailAction>();
  const why = (action: EmailAction) =>
    !viewerCan[action] && (may(PERMISSIONS[action]) ? words.notNow[action] : common.needsPermission(PERMISSIONS[action]));
  const done = () => action === "delete" && navigate("/email-queue");
  return (
    <>
      {(["retry", "cancel", "delete"] as const).map((action) => (
        <Button key={action} why={why(action)} onPress={() => setAction(action)}>{words.actions[action]}</Button>
      ))}
      {action && <ConfirmAction action={action} of={{ ids: [id] }} count={1} onDone={done} onClose={() => setAction(undefined)} />}
    </>
  );
}

function Facts({ email, user }: { email: EmailPageFragment; user?: { id: string; displayName: string } }) {
  const { emailQueue: words } = useMessages();
  return (
    <Section title={words.general}>
      <dl className="facts">
        <Fact title={words.to}>{email.to.join(", ")}</Fact>
        <Fact title={words.sender}>{email.from}</Fact>
        <Fact title={words.kind}>{email.kind ? words.kinds[email.kind] : email.kindCode}</Fact>
        {user && <Fact title={words.user}><Link href={`/users/${encodeURIComponent(user.id)}`} dir="auto">{user.displayName}</Link></Fact>}
        <Fact title={words.createdAt}><Time at={email.createdAt} full /></Fact>
        {email.nextAttemptAt && <Fact title={words.nextAttemptAt}><Time at={email.nextAttemptAt} full /></Fact>}
        {email.sentAt && <Fact title={words.sentAt}><Time at={email.sentAt} full /></Fact>}
        {email.expiresAt && <Fact title={words.expiresAt}><Time at={email.expiresAt} full /></Fact>}
        <Fact title={words.messageId}><code>{email.messageId}</code></Fact>
      </dl>
    </Section>
  );
}

function Attempts({ email: { attempts } }: { email: EmailPageFragment }) {
  const { emailQueue: words } = useMessages();
  return (
    <Section title={words.attempts}>
      {attempts.length === 0 && <p className="quiet">{words.attemptsNone}</p>}
      <ol className="story" aria-label={words.attempts}>
        {attempts.map(({ id, transport, startedAt, outcome, response }) => (
          <li key={id} className={outcome ? OUTCOME_TONES[outcome] : "wait"}>
            <div>
              {outcome ? words.outcomes[outcome] : words.isRunning} <span className="quiet">({transport})</span>
              {response && <code className="line quiet">{response}</code>}
            </div>
            <small className="quiet"><Time at={startedAt} full /></small>
          </li>
        ))}
      </ol>
    </Section>
  );
}

function Content({ email: { id, viewerCan }, text }: { email: EmailPageFragment; text: string }) {
  const { emailQueue: words } = useMessages();
  const file = `${page.root}emails/${encodeURIComponent(id)}`;
  return (
    <Section title={words.content} actions={<a className="button secondary" href={`${file}.eml`} download>{words.source}</a>}>
      <p className="quiet">{words.masked} {viewerCan.seeLink && words.sourceShowsLink}</p>
      <iframe className="email-frame" sandbox="" title={words.content} src={`${file}.html`} loading="lazy" />
      <details>
        <summary>{words.asText}</summary>
        <pre className="email-text" dir="auto">{text}</pre>
      </details>
    </Section>
  );
}
