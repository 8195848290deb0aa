import { ask } from "./api.js";
import { show, showTrouble } from "./forms.js";
import { askToSignIn, signOut, watchViewer } from "./session.js";

const FIELDS = "displayName firstName applications { code name url viewerPermissions }";
// The built-in applications, whose pages are the console's.
const OWN = ["users", "roles", "email-queue", "event-log"];

function tile({ code, name, url, viewerPermissions }) {
  const target = url ?? (OWN.includes(code) ? `console/${code}` : undefined);
  const element = document.createElement(target ? "a" : "div");
  element.className = "tile";
  if (target) element.href = target;
  const letter = document.createElement("span");
  letter.className = "letter";
  letter.ariaHidden = "true";
  letter.textContent = name.slice(0, 1).toUpperCase();
  const text = document.createElement("span");
  const title = document.createElement("b");
  title.textContent = name;
  const may = document.createElement("small");
  may.textContent = viewerPermissions.map((permission) => permission.split(".")[1].replaceAll("-", " ")).join(", ");
  text.append(title, may);
  element.append(letter, text);
  const item = document.createElement("li");
  item.append(element);
  return item;
}

function fill({ displayName, firstName, applications }) {
  document.getElementById("name").textContent = displayName;
  document.getElementById("greeting").textContent = firstName ? `Hello, ${firstName}` : "Your applications";
  document.getElementById("applications").replaceChildren(...applications.map(tile));
  document.getElementById("nothing").hidden = applications.length > 0;
}

try {
  const { viewer } = await ask(`{ viewer { ${FIELDS} } }`);
  if (!viewer) {
    askToSignIn();
  } else {
    const section = show("dashboard");
    document.getElementById("bar").hidden = false;
    fill(viewer);
    document.getElementById("sign-out").addEventListener("click", () =>
      signOut().catch((error) => { section.querySelector(".alert").textContent = error.message; }));
    watchViewer(FIELDS, fill);
  }
} catch (error) {
  showTrouble(error);
}
