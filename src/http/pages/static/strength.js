// How strong a new password is, while it is typed. The server decides; this only tells.
import { ask } from "./api.js";

const WORDS = ["Very easy to guess", "Easy to guess", "Could be better", "Good", "Very good"];
const CHECK = `mutation CheckPassword($input: CheckPasswordInput!) {
  checkPassword(input: $input) { assessment { score isAcceptable warning suggestions } }
}`;

let isOffered = true;

async function check(input) {
  if (!isOffered) return null;
  try {
    return (await ask(CHECK, { input })).checkPassword.assessment;
  } catch (error) {
    // An older server does not offer it: then only the length is told.
    if (error.code === "BAD_REQUEST") isOffered = false;
    return null;
  }
}

/** `context` gives what else is known of the person: a password made of it is easy to guess. */
export function watchStrength(input, context = () => ({})) {
  const place = document.querySelector(`[data-strength-of="${input.id}"]`);
  const [bars, hint] = [place.querySelector(".bars"), place.querySelector(".hint")];
  const minLength = Number(place.dataset.minLength);
  const advice = hint.textContent;
  let timer;
  const tell = async () => {
    const password = input.value;
    const length = [...password].length;
    if (length < minLength) {
      bars.dataset.score = length > 0 ? "1" : "0";
      hint.textContent = length > 0 ? `${minLength - length} more to go: at least ${minLength} characters.` : advice;
      return;
    }
    const result = await check({ password, ...context() });
    if (input.value !== password) return;
    if (!result) {
      bars.dataset.score = "3";
      hint.textContent = "Long enough. A few words that do not belong together make a good one.";
      return;
    }
    bars.dataset.score = String(Math.max(1, result.score));
    const help = !result.isAcceptable ? [result.warning, ...(result.suggestions ?? [])].filter(Boolean).join(" ") : "";
    hint.textContent = `${WORDS[result.score]}. ${help}`.trim();
  };
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(tell, 250);
  });
}
