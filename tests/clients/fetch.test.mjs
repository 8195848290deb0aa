// Nothing but fetch, with a bearer token; and Server-Sent Events read by hand.
import { send, speaks } from "./support.mjs";

speaks("fetch", ({ url }, token) => ({
  execute: (query, variables) => send(url, query, variables, { token: token() }),
  subscribe(query, variables, listener) {
    const controller = new AbortController();
    const read = async () => {
      const response = await fetch(url, {
        method: "POST",
        signal: controller.signal,
        headers: {
          "Content-Type": "application/json",
          Accept: "text/event-stream",
          Authorization: `Bearer ${token()}`,
        },
        body: JSON.stringify({ query, variables }),
      });
      let text = "";
      for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
        text += part;
        const events = text.split("\n\n");
        text = events.pop();
        for (const event of events) {
          const data = event.match(/^event: next\ndata: (.*)$/)?.[1];
          if (data) listener(JSON.parse(data));
        }
      }
    };
    read().catch((error) => error.name === "AbortError" || listener({ errors: [error] }));
    return () => controller.abort();
  },
}));
