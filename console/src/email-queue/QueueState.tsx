// The state of the queue and of its transport, live; pausing, resuming, and a test e-mail.
import { Fragment, useState } from "react";
import { Link } from "wouter";

import { useAsk } from "../ask";
import { useChange } from "../change";
import { ErrorMessage } from "../errors";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useLive } from "../live";
import { useMessages } from "../messages";
import { useFormat } from "../messages/format";
import { useSession } from "../session";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { Complaints } from "../ui/form";
import { Section } from "../ui/Page";
import { Failed, Loading } from "../ui/states";
import { Time } from "../ui/Time";
import { writtenBy } from "./state";
import { TestEmail } from "./TestEmail";

// Who may see the queue need not be allowed to see people.
const QueueFragment = graphql(`
  fragment QueueState on EmailQueue {
    isPaused
    pausedAt
    pausedBy @include(if: $people) {
      id
      displayName
    }
    transport
    transportState {
      isAvailable
      unavailableSince
      error
      nextAttemptAt
    }
    counts {
      status
      count
    }
    viewerCan {
      pause
      resume
      sendTestEmail
    }
  }
`);

const QueueQuery = graphql(`
  query EmailQueue($people: Boolean!) {
    emailQueue {
      id
      ...QueueState
    }
  }
`);

const EmailQueueChanged = graphql(`
  subscription EmailQueueChanged($people: Boolean!) {
    emailQueueChanged {
      id
      ...QueueState
    }
  }
`);

const PauseEmailQueue = graphql(`
  mutation PauseEmailQueue($people: Boolean!) {
    pauseEmailQueue {
      emailQueue {
        id
        ...QueueState
      }
      userErrors {
        ...UserErrors
      }
    }
  }
`);

const ResumeEmailQueue = graphql(`
  mutation ResumeEmailQueue($people: Boolean!) {
    resumeEmailQueue {
      emailQueue {
        id
        ...QueueState
      }
      userErrors {
        ...UserErrors
      }
    }
  }
`);

export function QueueState() {
  const { emailQueue: words } = useMessages();
  const { may } = useSession();
  const variables = { people: may("users.view") };
  const { data, error, again } = useAsk({ query: QueueQuery, variables });
  // What it reports goes into the cache, and from there to here.
  const { isLive } = useLive({ query: EmailQueueChanged, variables, onConnected: again });
  if (!data) return <Section title={words.queue}>{error ? <Failed error={error} retry={again} /> : <Loading />}</Section>;
  return <Known queue={data.emailQueue} isLive={isLive} />;
}

interface KnownProps {
  queue: FragmentType<typeof QueueFragment>;
  isLive: boolean;
}

function Known({ queue: masked, isLive }: KnownProps) {
  const queue = readFragment(QueueFragment, masked);
  const { emailQueue: words, common } = useMessages();
  const { may } = useSession();
  const format = useFormat();
  const [isTesting, setTesting] = useState(false);
  const pause = useChange(PauseEmailQueue);
  const resume = useChange(ResumeEmailQueue);
  const why = !may("email-queue.update") && common.needsPermission("email-queue.update");
  const people = may("users.view");
  const way = writtenBy(queue.transport);
  const { transportState: state, isPaused, pausedAt, pausedBy } = queue;
  return (
    <Section
      title={words.queue}
      beside={
        <>
          <Badge tone={isPaused ? "wait" : "good"}>{isPaused ? words.paused : words.running}</Badge>
          {state.isAvailable && way ? (
            <Badge tone="quiet">{words.written[way]}</Badge>
          ) : (
            <Badge tone={state.isAvailable ? "good" : "bad"}>
              {state.isAvailable ? words.available(queue.transport) : words.unavailable(queue.transport)}
            </Badge>
          )}
          {!isLive && <span className="quiet">{words.notLive}</span>}
        </>
      }
      actions={
        <>
          <Button why={why} onPress={() => setTesting(true)}>
            {words.sendTest}
          </Button>
          {isPaused ? (
            <Button look="primary" why={why} busy={resume.busy} onPress={() => void resume.run({ people })}>
              {words.resume}
            </Button>
          ) : (
            <Button why={why} busy={pause.busy} onPress={() => void pause.run({ people })}>
              {words.pause}
            </Button>
          )}
        </>
      }
    >
      <dl className="counts">
        {queue.counts.map(({ status, count }) => (
          <div key={status}>
            <dt>{words.states[status]}</dt>
            <dd>
              <Link href={`/email-queue?state=${status}`} aria-label={`${words.states[status]}: ${format.number(count)}`}>
                {format.number(count)}
              </Link>
            </dd>
          </div>
        ))}
      </dl>
      {isPaused && pausedAt && (
        <p className="quiet">
          {pausedBy ? words.pausedBy(pausedBy.displayName) : words.pausedSince} <Time at={pausedAt} full />
        </p>
      )}
      {!state.isAvailable && (
        <div className="alert">
          {state.unavailableSince && (
            <p>
              {words.unavailableSince} <Time at={state.unavailableSince} full />
              {": "}
              <code>{state.error}</code>
            </p>
          )}
          {state.nextAttemptAt && (
            <p>
              {words.triedAgain} <Time at={state.nextAttemptAt} full />
            </p>
          )}
        </div>
      )}
      {[pause, resume].map(({ error, userErrors }, index) => (
        <Fragment key={index}>
          <ErrorMessage error={error} />
          <Complaints errors={userErrors} />
        </Fragment>
      ))}
      {isTesting && <TestEmail onClose={() => setTesting(false)} />}
    </Section>
  );
}
