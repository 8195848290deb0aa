// Says on every page that no e-mail is sent at present, to those who may see the queue: whoever invites people would
// wait for answers in vain. The queue's own list says so itself.
import { Link, useLocation } from "wouter";

import { useAsk } from "../ask";
import { graphql } from "../graphql";
import { useLive } from "../live";
import { useMessages } from "../messages";
import { useSession } from "../session";

const QueueQuery = graphql(`
  query QueueNotice {
    emailQueue {
      id
      isPaused
      transportState {
        isAvailable
      }
    }
  }
`);

const QueueChanged = graphql(`
  subscription QueueNoticeChanged {
    emailQueueChanged {
      id
      isPaused
      transportState {
        isAvailable
      }
    }
  }
`);

export function QueueNotice() {
  const { shell } = useMessages();
  const { may } = useSession();
  const [path] = useLocation();
  const pause = !may("email-queue.view");
  const { data, again } = useAsk({ query: QueueQuery, pause });
  // What it reports goes into the cache, and from there to here.
  useLive({ query: QueueChanged, variables: {}, onConnected: again, pause });
  const queue = pause || path === "/email-queue" ? undefined : data?.emailQueue;
  const words = queue && (queue.isPaused ? shell.queuePaused : !queue.transportState.isAvailable && shell.notSending);
  return (
    <div role="status">
      {words && (
        <p className="queue-notice">
          {words} <Link href="/email-queue">{shell.toQueue}</Link>
        </p>
      )}
    </div>
  );
}
