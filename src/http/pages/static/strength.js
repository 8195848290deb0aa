// Shows how strong a new password is while it is typed. The server decides.
import { ask } from "./api.js";

const WORDS = ["Very easy to guess", "Easy to guess", "Could be better", "Good", "Very good"];
const CHECK = `mutation CheckPassword($input: CheckPasswordInput!) {
  checkPassword(input: $input) { assessment { score isAcceptable warning suggestions } }
}`;

/** The server's assessment; none when it cannot be had, so that only the length is judged. */
async function check(input) {
  try {
    return (await ask(CHECK, { input })).checkPassword.assessment;
  } catch {
    return null;
  }
}

/** `context` returns what else is known about the person: a password made from it is easy to guess. */
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
      hint.textContent = length > 0 ? `At least ${minLength} characters: ${minLength - length} more to go.` : advice;
      return;
    }
    const result = await check({ password, ...context() });
    if (input.value !== password) return;
    if (!result) {
      bars.dataset.score = "3";
      hint.textContent = "Long enough. Several unrelated words make a good password.";
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
