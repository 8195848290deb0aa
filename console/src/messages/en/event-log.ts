// The application Event log.
export const eventLog = {
  title: "Event log",
};
