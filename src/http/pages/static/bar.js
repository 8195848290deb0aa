// The bar over the pages of a signed-in person: the built-in applications, as the console shows them, and the menu
// about the person.
import { signOut } from "./session.js";

/** What the bar shows of the viewer. */
export const BAR_FIELDS = "displayName email applications { code name }";

// The built-in applications, whose pages are the console's.
const OWN = ["users", "roles", "email-queue", "event-log"];

/** The address of a built-in application's page. */
export const pageOf = (code) => (OWN.includes(code) ? `console/${code}` : undefined);

const menu = document.getElementById("user-menu");

/** May be called again whenever something about the viewer has changed. */
export function fillBar({ displayName, email, applications }) {
  for (const name of menu.querySelectorAll(".name")) name.textContent = displayName;
  menu.querySelector(".initial").dataset.letter = [...displayName][0].toUpperCase();
  document.getElementById("menu-address").textContent = email;
  const links = applications.filter(({ code }) => pageOf(code)).map(({ code, name }) => {
    const link = document.createElement("a");
    link.href = pageOf(code);
    link.textContent = name;
    const item = document.createElement("li");
    item.append(link);
    return item;
  });
  const bar = document.getElementById("applications-bar");
  bar.firstElementChild.replaceChildren(...links);
  bar.hidden = links.length === 0;
  menu.hidden = false;
}

menu.querySelector(`a[href="${location.pathname.endsWith("/account") ? "account" : "."}"]`).ariaCurrent = "page";

// As menus do: it closes for Escape, and when one goes elsewhere.
menu.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  menu.open = false;
  menu.firstElementChild.focus();
});
for (const leaves of ["focusin", "pointerdown"]) {
  document.addEventListener(leaves, ({ target }) => {
    if (!menu.contains(target)) menu.open = false;
  });
}

document.getElementById("sign-out").addEventListener("click", () =>
  signOut().catch((error) => {
    menu.querySelector(".alert").textContent = error.message;
  }),
);
