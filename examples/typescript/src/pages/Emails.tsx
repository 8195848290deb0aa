import { useEffect, useState } from "react";
import { useQuery, useSubscription } from "urql";

import { ErrorMessage } from "../errors";
import { graphql, readFragment, type FragmentType } from "../gql";
import { useSession } from "../session";

const EmailFragment = graphql(`
  fragment Email on Email {
    id
    to
    subject
    status
    lastError
    viewerCan { seeLink }
  }
`);

const EmailsQuery = graphql(`
  query Emails {
    emails(first: 25) {
      nodes {
        id
        ...Email
      }
    }
  }
`);

// What it reports goes into the cache (client.ts), and from there into the list.
const EmailChanged = graphql(`
  subscription EmailChanged {
    emailChanged {
      id
      ...Email
    }
  }
`);

// By itself, and only when somebody wants it: the event log records who has seen a link.
const LinkQuery = graphql(`
  query EmailLink($id: ID!) {
    email(id: $id) {
      id
      link
    }
  }
`);

/** The newest e-mails, as they are at this moment. */
export function Emails() {
  const { socket } = useSession();
  const [isLive, setLive] = useState(false);
  const [{ data, error }, ask] = useQuery({ query: EmailsQuery, requestPolicy: "cache-and-network" });
  const [subscription] = useSubscription({ query: EmailChanged });

  useEffect(() => {
    const listeners = [
      socket.on("connected", () => {
        setLive(true);
        // What happened before, or while the connection was lost, was reported to nobody here.
        ask({ requestPolicy: "network-only" });
      }),
      socket.on("closed", () => setLive(false)),
    ];
    return () => listeners.forEach((stop) => stop());
  }, [socket, ask]);

  return (
    <>
      <p role="status">{isLive ? "Live" : "Connecting …"}</p>
      <ErrorMessage error={error ?? subscription.error} retry={() => ask({ requestPolicy: "network-only" })} />
      <ul className="cards" aria-label="E-mails">
        {data?.emails.nodes.map((email) => <Email key={email.id} email={email} />)}
      </ul>
    </>
  );
}

const STATUS = { QUEUED: "queued", SENDING: "being sent", SENT: "sent", FAILED: "failed", CANCELLED: "cancelled" };

function Email({ email }: { email: FragmentType<typeof EmailFragment> }) {
  const { id, to, subject, status, lastError, viewerCan } = readFragment(EmailFragment, email);
  return (
    <li>
      <strong>{subject}</strong>
      <span>to {to.join(", ")}: {STATUS[status]}</span>
      {lastError && <span className="error">{lastError}</span>}
      {viewerCan.seeLink && <SecretLink id={id} />}
    </li>
  );
}

function SecretLink({ id }: { id: string }) {
  const [isWanted, setWanted] = useState(false);
  const [{ data, error }, ask] = useQuery({ query: LinkQuery, variables: { id }, pause: !isWanted });
  const link = data?.email?.link;
  if (!isWanted) return <button type="button" onClick={() => setWanted(true)}>Show link</button>;
  return (
    <>
      <ErrorMessage error={error} retry={() => ask({ requestPolicy: "network-only" })} />
      {link && <a href={link}>{link}</a>}
    </>
  );
}
