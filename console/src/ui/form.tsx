// Forms whose errors come from the server, each shown at the field that its path names. The browser's
// own checks are off (`noValidate`): there is one set of rules, and the server has it.
import { createContext, useContext, useEffect, useRef, type FormEvent, type ReactNode } from "react";

import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages } from "../messages";

const UserErrors = graphql(`
  fragment UserErrors on UserError {
    code
    field
    message
    parameters {
      name
      value
    }
    retryAfter
  }
`);

export type Refusal = readonly FragmentType<typeof UserErrors>[] | undefined;

interface Complaint {
  code: string;
  /** Below `input`: `["email"]`, or `["invitations", "3", "email"]`. */
  path: string[];
  words: string;
}

/** User errors in the reader's language: the catalogue's words for the code and the field, or the server's own. */
export function useComplaints(errors: Refusal): Complaint[] {
  const {
    errors: { userErrors },
  } = useMessages();
  return readFragment(UserErrors, errors ?? []).map(({ code, field, message, parameters, retryAfter }) => {
    const path = field?.[0] === "input" ? field.slice(1) : (field ?? []);
    const name = path.findLast((step) => !/^\d+$/.test(step));
    const say = userErrors[`${code} ${name}`] ?? userErrors[code];
    const values = Object.fromEntries(parameters.map(({ name, value }) => [name, value]));
    return { code, path, words: say?.({ ...values, retryAfter: String(retryAfter ?? "") }) ?? message };
  });
}

/** User errors of what is no form, such as a button. */
export function Complaints({ errors }: { errors: Refusal }) {
  return <Words of={useComplaints(errors)} />;
}

/** Announced when they appear. */
function Words({ of: complaints }: { of: Complaint[] }) {
  return (
    <div role="alert" className="errors">
      {complaints.map(({ words }) => (
        <p className="alert" key={words}>
          {words}
        </p>
      ))}
    </div>
  );
}

const FormContext = createContext<Complaint[]>([]);

/** What is wrong with the field of this name. */
export function useFieldErrors(name: string | undefined): string[] {
  const complaints = useContext(FormContext);
  return name ? complaints.filter(({ path }) => path[0] === name).map(({ words }) => words) : [];
}

interface FormProps {
  errors: Refusal;
  /** The names of the fields that show their own errors. */
  names: string[];
  onSubmit(): void;
  children: ReactNode;
}

export function Form({ errors, names, onSubmit, children }: FormProps) {
  const form = useRef<HTMLFormElement>(null);
  const complaints = useComplaints(errors);
  const others = complaints.filter(({ path }) => !path[0] || !names.includes(path[0]));
  useEffect(() => {
    if (errors) form.current?.querySelector<HTMLElement>("[aria-invalid=true], [data-invalid] input")?.focus();
  }, [errors]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    // A dialog's form is a child of the page's, as React sees it.
    event.stopPropagation();
    onSubmit();
  };
  return (
    <form ref={form} onSubmit={submit} noValidate>
      <Words of={others} />
      <FormContext value={complaints}>{children}</FormContext>
    </form>
  );
}
