// English, which is also the list of all there is to say: one file for each application.
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

export const messages = { common, errors, shell, users, roles, effects, emailQueue, eventLog, eventActions, permissions };
