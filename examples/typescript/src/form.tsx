// Forms whose errors come from the server, each shown at the field that its path names. The browser's
// own checks are off (`noValidate`): there is one set of rules, and the server has it.
import { useEffect, useId, useRef, type FormEvent, type InputHTMLAttributes, type ReactNode } from "react";

import { graphql, readFragment, type FragmentType } from "./gql";

const UserErrors = graphql(`
  fragment UserErrors on UserError {
    field
    message
  }
`);

export type Refusal = readonly FragmentType<typeof UserErrors>[] | undefined;

/** What is wrong with one input, such as "email" for the path `["input", "email"]` and those below it. */
function messagesAt(errors: Refusal, name: string): string[] {
  return readFragment(UserErrors, errors ?? [])
    .filter(({ field }) => field?.[0] === "input" && field[1] === name)
    .map(({ message }) => message);
}

/** What is wrong with no single input of the form. */
function otherMessages(errors: Refusal, names: string[]): string[] {
  return readFragment(UserErrors, errors ?? [])
    .filter(({ field }) => !field?.[1] || !names.includes(field[1]))
    .map(({ message }) => message);
}

interface FormProps {
  errors: Refusal;
  /** The names of the fields that show their own errors. */
  names: string[];
  busy: boolean;
  button: string;
  /** Resolves to whether it was accepted; then the form is empty again. */
  onSubmit(values: FormData): Promise<boolean>;
  children: ReactNode;
}

export function Form({ errors, names, busy, button, onSubmit, children }: FormProps) {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus(), [errors]);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (!busy && (await onSubmit(new FormData(event.currentTarget)))) form.current?.reset();
  };
  return (
    <form ref={form} onSubmit={submit} noValidate>
      <div role="alert">
        {otherMessages(errors, names).map((message) => <p className="error" key={message}>{message}</p>)}
      </div>
      {children}
      <button type="submit" aria-disabled={busy}>{button}</button>
    </form>
  );
}

interface FieldProps extends InputHTMLAttributes<HTMLInputElement> {
  label: string;
  name: string;
  errors: Refusal;
}

export function Field({ label, errors, ...input }: FieldProps) {
  const id = useId();
  const messages = messagesAt(errors, input.name);
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} {...invalid(messages, id)} {...input} />
      <Messages of={id} messages={messages} />
    </div>
  );
}

interface ChoicesProps {
  label: string;
  name: string;
  errors: Refusal;
  options: { id: string; name: string; disabled: boolean }[];
}

/** Any number of options, by checkboxes of one name. */
export function Choices({ label, name, errors, options }: ChoicesProps) {
  const id = useId();
  const messages = messagesAt(errors, name);
  return (
    <fieldset aria-describedby={`${id}-error`}>
      <legend>{label}</legend>
      {options.map((option) => (
        <label key={option.id}>
          <input type="checkbox" name={name} value={option.id} disabled={option.disabled} {...invalid(messages, id)} />
          {option.name}
        </label>
      ))}
      <Messages of={id} messages={messages} />
    </fieldset>
  );
}

function invalid(messages: string[], id: string) {
  return messages.length > 0 ? { "aria-invalid": true, "aria-describedby": `${id}-error` } : {};
}

function Messages({ of, messages }: { of: string; messages: string[] }) {
  return (
    <div id={`${of}-error`}>
      {messages.map((message) => <p className="error" key={message}>{message}</p>)}
    </div>
  );
}
