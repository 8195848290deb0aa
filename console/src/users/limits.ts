// What the server accepts.

/** So many people can be invited, or changed, at once. */
export const AT_MOST = 500;
