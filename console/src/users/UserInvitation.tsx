// A person's invitation and its story: who invited them, what became of each e-mail, and how it ended.
import { useState, type ReactNode } from "react";
import { Link } from "wouter";

import { useAsk } from "../ask";
import { toneOf, writtenBy } from "../email-queue/state";
import { ErrorMessage } from "../errors";
import type { EmailAttemptOutcome, EmailStoryFragment } from "../gql/graphql";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useLive } from "../live";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { Button } from "../ui/Button";
import { ConfirmChange } from "../ui/ConfirmChange";
import { useFocusAfterDialog } from "../ui/focus";
import { Section } from "../ui/Page";
import { SecretLink } from "../ui/SecretLink";
import { Time } from "../ui/Time";
import { InvitationState } from "./state";
import { useWhy } from "./why";

const StoryFragment = graphql(`
  fragment InvitationStory on Invitation {
    id
    email
    status
    createdAt
    expiresAt
    acceptedAt
    revokedAt
    invitedBy {
      id
      displayName
    }
    viewerCan {
      seeLink
    }
  }
`);

const EmailFragment = graphql(`
  fragment EmailStory on Email {
    id
    status
    createdAt
    nextAttemptAt
    attempts {
      id
      transport
      startedAt
      outcome
      response
    }
  }
`);

// Of its own: who may see people need not be allowed to see e-mails.
const EmailsQuery = graphql(`
  query EmailsOfInvitation($id: ID!) {
    invitation(id: $id) {
      id
      emails {
        id
        ...EmailStory
      }
    }
  }
`);

const InvitationFragment = graphql(`
  fragment UserInvitation on User {
    id
    displayName
    invitation {
      id
      status
      ...InvitationStory
    }
    invitations(first: 10) {
      totalCount
      nodes {
        id
        status
        email
        createdAt
      }
    }
    viewerCan {
      resendInvitation
      revokeInvitation
    }
    ...Reasons
  }
`);

const ResendInvitation = graphql(`
  mutation ResendInvitation($input: ResendInvitationInput!) {
    resendInvitation(input: $input) {
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

const RevokeInvitation = graphql(`
  mutation RevokeInvitation($input: RevokeInvitationInput!) {
    revokeInvitation(input: $input) {
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

// What it reports goes into the cache, and from there into the story.
const EmailOfUserChanged = graphql(`
  subscription EmailOfUserChanged($userId: ID!) {
    emailChanged(filter: { userId: $userId }) {
      emailId
      email {
        id
        ...EmailStory
      }
    }
  }
`);

const LinkQuery = graphql(`
  query InvitationLink($id: ID!) {
    invitation(id: $id) {
      id
      link
    }
  }
`);

interface UserInvitationProps {
  user: FragmentType<typeof InvitationFragment>;
  /** Asks the server for the person again. */
  again(): void;
}

export function UserInvitation({ user: masked, again }: UserInvitationProps) {
  const user = readFragment(InvitationFragment, masked);
  const { users: words } = useMessages();
  const { may } = useSession();
  const why = useWhy(user);
  const whyNot = {
    resend: why({ can: user.viewerCan.resendInvitation, permission: "users.create", otherwise: words.onlyInvited }),
    revoke: why({ can: user.viewerCan.revokeInvitation, permission: "users.create", otherwise: words.noOpenInvitation }),
  };
  const [asked, setAsked] = useState<"resend" | "revoke">();
  const close = () => setAsked(undefined);
  // An invitation that is revoked has no button to revoke it.
  const place = useFocusAfterDialog<HTMLDivElement>(asked === "revoke");
  useLive({ query: EmailOfUserChanged, variables: { userId: user.id }, onConnected: again, pause: !may("email-queue.view") });

  const { invitation } = user;
  const earlier = user.invitations.nodes.filter(({ id }) => id !== invitation?.id);
  const isOpen = invitation?.status === "PENDING" || invitation?.status === "EXPIRED" || invitation?.status === "REVOKED";
  return (
    <Section
      title={words.person.invitation}
      beside={invitation && <InvitationState status={invitation.status} />}
      actions={
        isOpen && (
          <>
            <Button why={whyNot.resend} onPress={() => setAsked("resend")}>
              {words.actions.resend}
            </Button>
            {invitation.status === "PENDING" && (
              <Button why={whyNot.revoke} onPress={() => setAsked("revoke")}>
                {words.actions.revoke}
              </Button>
            )}
          </>
        )
      }
    >
      <div ref={place.ref} tabIndex={-1} role="group" aria-label={words.person.invitation}>
        {invitation ? <Story invitation={invitation} /> : <p className="quiet">{words.person.invitationNone}</p>}
      </div>
      {earlier.length > 0 && (
        <details>
          <summary>{words.person.earlier(user.invitations.totalCount - 1)}</summary>
          <ul className="rows">
            {earlier.map(({ id, status, email, createdAt }) => (
              <li key={id}>
                <Time at={createdAt} full /> <InvitationState status={status} />
                <small className="line quiet">{words.person.storyTo(email)}</small>
              </li>
            ))}
          </ul>
        </details>
      )}
      {asked === "resend" && <Resend user={user} why={whyNot.resend} close={close} />}
      {asked === "revoke" && <Revoke user={user} why={whyNot.revoke} done={place.done} close={close} />}
    </Section>
  );
}

function Story({ invitation: masked }: { invitation: FragmentType<typeof StoryFragment> }) {
  const invitation = readFragment(StoryFragment, masked);
  const { users: words } = useMessages();
  const { may } = useSession();
  const { data, error, again } = useAsk({ query: EmailsQuery, variables: { id: invitation.id }, pause: !may("email-queue.view") });
  const { status, invitedBy } = invitation;
  // Oldest first, as a story is told.
  const emails = [...readFragment(EmailFragment, data?.invitation?.emails ?? [])].reverse();
  return (
    <>
      <ol className="story" aria-label={words.person.story}>
        <Step at={invitation.createdAt} tone="good">
          {invitedBy ? (
            <Link href={`/users/${encodeURIComponent(invitedBy.id)}`} dir="auto">
              {words.person.storyInvited(invitedBy.displayName)}
            </Link>
          ) : (
            words.person.storyInvitedByServer
          )}
          <small className="line quiet">{words.person.storyTo(invitation.email)}</small>
        </Step>
        {data?.invitation?.emails?.length === 0 && <Step>{words.person.storyNoEmail}</Step>}
        {emails.map((email) => (
          <EmailSteps key={email.id} email={email} />
        ))}
        {invitation.acceptedAt && (
          <Step at={invitation.acceptedAt} tone="good">
            {words.person.storyAccepted}
          </Step>
        )}
        {invitation.revokedAt && (
          <Step at={invitation.revokedAt} tone="bad">
            {words.person.storyRevoked}
          </Step>
        )}
        {status === "PENDING" && (
          <Step at={invitation.expiresAt} tone="wait">
            {words.person.storyExpires}
          </Step>
        )}
        {status === "EXPIRED" && (
          <Step at={invitation.expiresAt} tone="bad">
            {words.person.storyExpired}
          </Step>
        )}
      </ol>
      <ErrorMessage error={error} retry={again} />
      {invitation.viewerCan.seeLink && (
        <SecretLink key={invitation.id} query={LinkQuery} id={invitation.id} linkIn={({ invitation }) => invitation?.link} />
      )}
    </>
  );
}

function EmailSteps({ email: { id, status, createdAt, nextAttemptAt, attempts } }: { email: EmailStoryFragment }) {
  const { users: words } = useMessages();
  const say = (outcome: EmailAttemptOutcome | null | undefined, transport: string) => {
    const way = outcome === "DELIVERED" && writtenBy(transport);
    if (way) return words.person.storyWritten[way];
    return outcome ? words.person.storyOutcomes[outcome] : words.person.storyAttemptRunning;
  };
  return (
    <>
      <Step at={createdAt} tone="good">
        <Link href={`/email-queue/${encodeURIComponent(id)}`}>{words.person.storyQueued}</Link>
      </Step>
      {attempts.map(({ id, transport, startedAt, outcome, response }, index) => (
        <Step key={id} at={startedAt} tone={toneOf({ outcome, transport })}>
          {words.person.storyAttempt(index + 1, transport)}: {say(outcome, transport)}
          {response && <code className="line quiet">{response}</code>}
        </Step>
      ))}
      {status === "QUEUED" && nextAttemptAt && (
        <Step at={nextAttemptAt} tone="wait">
          {words.person.storyNext}
        </Step>
      )}
      {status === "FAILED" && <Step tone="bad">{words.person.storyFailed}</Step>}
      {status === "CANCELLED" && <Step tone="bad">{words.person.storyCancelled}</Step>}
    </>
  );
}

function Step({ at, tone = "quiet", children }: { at?: string; tone?: "good" | "bad" | "wait" | "quiet"; children: ReactNode }) {
  return (
    <li className={tone}>
      <div>{children}</div>
      {at && (
        <small className="quiet">
          <Time at={at} full />
        </small>
      )}
    </li>
  );
}

interface Asked {
  user: { id: string; displayName: string };
  why: string | false;
  close(): void;
}

function Resend({ user: { id, displayName }, why, close }: Asked) {
  const { users: words } = useMessages();
  return (
    <ConfirmChange
      document={ResendInvitation}
      variables={{ input: { userId: id } }}
      title={words.confirm.resendTitle(displayName)}
      action={words.actions.resend}
      done={() => words.done.resent(displayName)}
      why={why}
      onClose={close}
    >
      <p>{words.confirm.resend}</p>
    </ConfirmChange>
  );
}

function Revoke({ user: { id, displayName }, why, done, close }: Asked & { done(): void }) {
  const { users: words } = useMessages();
  return (
    <ConfirmChange
      document={RevokeInvitation}
      variables={{ input: { userId: id } }}
      title={words.confirm.revokeTitle(displayName)}
      action={words.actions.revoke}
      danger
      done={() => words.done.revoked(displayName)}
      why={why}
      onDone={done}
      onClose={close}
    >
      <p>{words.confirm.revoke}</p>
    </ConfirmChange>
  );
}
