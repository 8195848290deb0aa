import { ask } from "./api.js";
import { BAR_FIELDS, fillBar, pageOf } from "./bar.js";
import { show, showTrouble } from "./forms.js";
import { askToSignIn, watchViewer } from "./session.js";

const FIELDS = `firstName applications { url viewerPermissions } ${BAR_FIELDS}`;

function tile({ code, name, url, viewerPermissions }) {
  const target = url ?? pageOf(code);
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

function fill(viewer) {
  fillBar(viewer);
  const { firstName, applications } = viewer;
  document.getElementById("greeting").textContent = firstName ? `Hello, ${firstName}` : "Your applications";
  document.getElementById("applications").replaceChildren(...applications.map(tile));
  document.getElementById("nothing").hidden = applications.length > 0;
}

try {
  const { viewer } = await ask(`{ viewer { ${FIELDS} } }`);
  if (!viewer) {
    askToSignIn();
  } else {
    show("dashboard");
    fill(viewer);
    watchViewer(FIELDS, fill);
  }
} catch (error) {
  showTrouble(error);
}
