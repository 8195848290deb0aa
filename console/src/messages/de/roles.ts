// The application Roles, in German.
import type { roles as english } from "../en/roles";

export const roles = {
  title: "Rollen",
} satisfies typeof english;
