/** Tells the console's pages in this browser that somebody has signed in or out: what they show may be another's. */
export function tellOtherPages() {
  new BroadcastChannel("usher-session").postMessage("changed");
}
