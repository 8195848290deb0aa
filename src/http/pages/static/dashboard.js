import { ask } from "./api.js";
import { show, showTrouble } from "./forms.js";
import { askToSignIn, signOut } from "./session.js";

const VIEWER = "{ viewer { displayName firstName applications { code name url viewerPermissions } } }";
// The built-in applications have no pages of their own yet; they open their job in the playground.
const OWN = ["users", "roles", "email-queue", "event-log"];

function tile({ code, name, url, viewerPermissions }, playground) {
  const target = url ?? (OWN.includes(code) && playground ? `${playground}#${code}` : undefined);
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

try {
  const { viewer } = await ask(VIEWER);
  if (!viewer) {
    askToSignIn();
  } else {
    const section = show("dashboard");
    document.getElementById("bar").hidden = false;
    document.getElementById("name").textContent = viewer.displayName;
    document.getElementById("greeting").textContent = viewer.firstName ? `Hello, ${viewer.firstName}` : "Your applications";
    document.getElementById("applications").append(
      ...viewer.applications.map((application) => tile(application, section.dataset.playground)),
    );
    document.getElementById("nothing").hidden = viewer.applications.length > 0;
    document.getElementById("sign-out").addEventListener("click", () =>
      signOut().catch((error) => { section.querySelector(".alert").textContent = error.message; }));
  }
} catch (error) {
  showTrouble(error);
}
