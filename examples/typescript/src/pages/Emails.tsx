import { useEffect, useState } from "react";
import { useQuery, useSubscription } from "urql";

import { ErrorMessage } from "../errors";
import { graphql, readFragment, type FragmentType } from "../gql";
import { useSession } from "../session";

// A link is asked for only by those who may see it.
const EmailFragment = graphql(`
  fragment Email on Email {
    to
    subject
    status
    lastError
    link @include(if: $withLinks)
  }
`);

const EmailsQuery = graphql(`
  query Emails($withLinks: Boolean!) {
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
  subscription EmailChanged($withLinks: Boolean!) {
    emailChanged {
      id
      ...Email
    }
  }
`);

/** The newest e-mails, as they are at this moment. */
export function Emails({ withLinks }: { withLinks: boolean }) {
  const { socket } = useSession();
  const [isLive, setLive] = useState(false);
  const [{ data, error }, ask] = useQuery({ query: EmailsQuery, variables: { withLinks }, requestPolicy: "cache-and-network" });
  const [subscription] = useSubscription({ query: EmailChanged, variables: { withLinks } });

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
      <p role="status">{isLive ? "Live" : "Not connected; trying again …"}</p>
      <ErrorMessage error={error ?? subscription.error} retry={() => ask({ requestPolicy: "network-only" })} />
      <ul className="cards" aria-label="E-mails">
        {data?.emails.nodes.map((email) => <Email key={email.id} email={email} />)}
      </ul>
    </>
  );
}

const STATUS = { QUEUED: "queued", SENDING: "being sent", SENT: "sent", FAILED: "failed", CANCELLED: "cancelled" };

function Email({ email }: { email: FragmentType<typeof EmailFragment> }) {
  const { to, subject, status, lastError, link } = readFragment(EmailFragment, email);
  return (
    <li>
      <strong>{subject}</strong>
      <span>to {to.join(", ")}: {STATUS[status]}</span>
      {lastError && <span className="error">{lastError}</span>}
      {link && <a href={link}>{link}</a>}
    </li>
  );
}
