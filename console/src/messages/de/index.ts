// German.
import type { messages as english } from "../en";
import { common } from "./common";
import { effects } from "./effects";
import { emailQueue } from "./email-queue";
import { errors } from "./errors";
import { eventActions } from "./event-actions";
import { eventLog } from "./event-log";
import { permissions } from "./permissions";
import { roles } from "./roles";
import { shell } from "./shell";
import { users } from "./users";

export const messages = { common, errors, shell, users, roles, effects, emailQueue, eventLog, eventActions, permissions } satisfies typeof english;
