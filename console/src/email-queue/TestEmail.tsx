// A test e-mail, which takes the same way as all others.
import { useState } from "react";
import { useLocation } from "wouter";

import { useChange } from "../change";
import { ErrorMessage } from "../errors";
import { graphql } from "../graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { TextField } from "../ui/fields";
import { Form } from "../ui/form";
import { useHere } from "../ui/here";
import { useNotice } from "../ui/notice";

const SendTestEmail = graphql(`
  mutation SendTestEmail($input: SendTestEmailInput!) {
    sendTestEmail(input: $input) {
      email {
        id
      }
      userErrors {
        ...UserErrors
      }
    }
  }
`);

export function TestEmail({ onClose }: { onClose(): void }) {
  const { emailQueue: words, common } = useMessages();
  const { viewer } = useSession();
  const [, navigate] = useLocation();
  const here = useHere();
  const tell = useNotice();
  const change = useChange(SendTestEmail);
  const [to, setTo] = useState(viewer.email);
  // However often it is sent: a lost answer must not become a second e-mail.
  const [idempotencyKey] = useState(() => crypto.randomUUID?.());
  const submit = async () => {
    if (change.busy) return;
    const payload = await change.run({ input: { to: to.trim(), idempotencyKey: idempotencyKey && `${idempotencyKey} ${to.trim()}` } });
    if (!payload?.email) return;
    tell(words.testQueued);
    if (!here()) return;
    onClose();
    navigate(`/email-queue/${encodeURIComponent(payload.email.id)}`);
  };
  return (
    <Dialog title={words.sendTest} isOpen onClose={onClose}>
      <Form errors={change.userErrors} names={["to"]} onSubmit={() => void submit()}>
        <TextField name="to" label={words.to} type="email" value={to} onChange={setTo} autoFocus />
        <ErrorMessage error={change.error} />
        <div className="buttons end">
          <Button onPress={onClose}>{common.cancel}</Button>
          <Button type="submit" look="primary" busy={change.busy}>
            {words.send}
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}
