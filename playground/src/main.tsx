/** The entry: styles, Monaco's workers, and the page. */
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "@graphiql/plugin-explorer/style.css";
import "graphiql/graphiql.css";
import "./fonts.css";
import "./page.css";
import "./workers";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { Playground } from "./Playground";

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <Playground />
  </StrictMode>,
);
