// The application Roles.
export const roles = {
  title: "Roles",
};
