// The application E-mail queue.
export const emailQueue = {
  title: "E-mail queue",
};
