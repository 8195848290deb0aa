// The application E-mail queue, in German.
import type { emailQueue as english } from "../en/email-queue";

export const emailQueue = {
  title: "E-Mail-Warteschlange",
} satisfies typeof english;
