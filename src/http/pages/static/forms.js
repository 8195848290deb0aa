// What all forms do: errors next to their field, one thing at a time, a password that can be shown.

/** Shows one part of the page, and says so to a screen reader. */
export function show(id) {
  document.getElementById("loading").hidden = true;
  for (const part of document.querySelectorAll("main > section, main > div")) part.hidden = part.id !== id;
  return document.getElementById(id);
}

/** Shows what has become of a link or a request, and what to do next. */
export function showState(title, text, action, href) {
  const state = show("state");
  const [heading, paragraph, link] = [state.querySelector("h1"), state.querySelector("p"), state.querySelector("a")];
  heading.textContent = title;
  paragraph.textContent = text;
  link.parentElement.hidden = !action;
  link.textContent = action ?? "";
  link.href = href ?? "sign-in";
  document.title = title;
  heading.focus();
}

/** Shows that the page could not be filled, which a reload may mend. */
export function showTrouble(error) {
  showState("Something went wrong", error.message, "Try again", "");
  document.querySelector("#state a").addEventListener("click", (event) => {
    event.preventDefault();
    location.reload();
  });
}

export function announce(text) {
  document.getElementById("announcement").textContent = text;
}

function clear(form) {
  setAlert(form, "");
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  for (const error of form.querySelectorAll(".error")) error.textContent = "";
}

function setAlert(form, text, isGood = false) {
  const alert = form.querySelector(".alert");
  alert.classList.toggle("good", isGood);
  alert.textContent = text;
}

export function succeed(form, text) {
  clear(form);
  setAlert(form, text, true);
}

/** Puts each error next to its field, those without one above the form, and goes to the first. */
export function showErrors(form, errors) {
  const rest = [];
  let first;
  for (const { field, message } of errors) {
    const input = form.elements.namedItem((field ?? []).at(-1) ?? "");
    const place = input && document.getElementById(`${input.name}-error`);
    if (!place) {
      rest.push(message);
      continue;
    }
    place.textContent = [place.textContent, message].filter(Boolean).join(" ");
    input.setAttribute("aria-invalid", "true");
    first ??= input;
  }
  setAlert(form, rest.join(" "));
  (first ?? form.querySelector(".alert")).focus();
}

/**
 * Sends the form when it is filled in: `send` gets its values, and returns the user errors; nothing
 * if the form has done its work, and is not to be sent again.
 */
export function onSubmit(form, send) {
  form.addEventListener("input", ({ target }) => {
    const place = document.getElementById(`${target.name}-error`);
    if (place) place.textContent = "";
    target.removeAttribute("aria-invalid");
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    if (button.disabled) return;
    clear(form);
    const missing = [...form.elements]
      .filter((input) => input.required && !input.value)
      .map((input) => ({ field: [input.name], message: "Please fill in this field." }));
    if (missing.length > 0) return showErrors(form, missing);
    button.disabled = true;
    try {
      const errors = await send(Object.fromEntries(new FormData(form)));
      if (!errors) return;
      if (errors.length > 0) showErrors(form, errors);
    } catch (error) {
      setAlert(form, error.message);
      form.querySelector(".alert").focus();
    }
    button.disabled = false;
  });
}

for (const button of document.querySelectorAll("[data-shows]")) {
  const input = document.getElementById(button.dataset.shows);
  const show = (isShown) => {
    input.type = isShown ? "text" : "password";
    button.ariaLabel = button.ariaLabel.replace(button.textContent, isShown ? "Hide" : "Show");
    button.textContent = isShown ? "Hide" : "Show";
  };
  button.addEventListener("click", () => {
    show(input.type === "password");
    announce(input.type === "text" ? "Your password is shown." : "Your password is hidden.");
    input.focus();
  });
  // What is sent as plain text, browsers offer again as plain text.
  input.form.addEventListener("submit", () => show(false));
}

for (const place of document.querySelectorAll("[data-caps-lock-of]")) {
  const input = document.getElementById(place.dataset.capsLockOf);
  const tell = (isOn) => {
    const text = isOn ? "Caps Lock is on." : "";
    if (place.textContent !== text) place.textContent = text;
  };
  for (const event of ["keydown", "keyup"]) {
    // What a password manager fills in comes with events that know of no key.
    input.addEventListener(event, (key) => tell(key.getModifierState?.("CapsLock") ?? false));
  }
  input.addEventListener("blur", () => tell(false));
}
