// The application Users, in German.
import type { users as english } from "../en/users";

export const users = {
  title: "Benutzer",
} satisfies typeof english;
