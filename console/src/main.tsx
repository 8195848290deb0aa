// Where the pages begin.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./App";
import "./styles/index.css";

// react-aria makes a <style> element unless an element with this ID is there, and the pages' policy allows
// none. What would stand in it is in styles/base.css.
const instead = document.createElement("meta");
instead.id = "react-aria-pressable-style";
document.head.append(instead);

createRoot(document.getElementById("console")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
