// The application Users.
export const users = {
  title: "Users",
};
