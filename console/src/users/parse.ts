// Reads the people to invite out of what somebody pastes: addresses, or a table (CSV) whose first line names
// its columns.

export interface Person {
  /** The line that they begin on, from 1. */
  line: number;
  email: string;
  firstName?: string;
  lastName?: string;
  /** Code names. */
  roles: string[];
}

export interface Parsed {
  people: Person[];
  /** Columns that nothing is done with. */
  unknownColumns: string[];
  /** Whether it is a table without a column of addresses. */
  lacksEmails: boolean;
}

/** How the columns may be called in English and German, in small letters, without anything between the words or in brackets. */
const COLUMNS = {
  email: "email emailaddress emailadresse mail mailaddress mailadresse address adresse",
  firstName: "firstname forename givenname vorname",
  lastName: "lastname surname familyname nachname familienname",
  roles: "roles role rolecodenames codenames rollen rolle",
};

const SEPARATORS = [",", ";", "\t"];

/** A title of a column may name the form, as "email (name@domain)" does. */
const LOOKS_LIKE_ADDRESS = /(?:^|[\s<,;"'])[^\s()<>,;"']+@[^\s()<>,;"']+\.[^\s()<>,;"']/;

export function parse(text: string): Parsed {
  // Excel may say in a first line of its own what separates the values.
  const clean = text.replace(/^\uFEFF/, "").replace(/^sep=.(?=\r?\n)/, "");
  const head = clean.split(/\r?\n/).find((line) => line.trim()) ?? "";
  return LOOKS_LIKE_ADDRESS.test(head) || (!SEPARATORS.some((separator) => head.includes(separator)) && !columnOf(head))
    ? { people: addresses(clean), unknownColumns: [], lacksEmails: false }
    : table(clean, SEPARATORS.find((separator) => head.includes(separator)) ?? ",");
}

function columnOf(title: string): keyof typeof COLUMNS | undefined {
  const name = title.toLowerCase().replace(/\([^)]*\)|[^a-z]/g, "");
  return (Object.keys(COLUMNS) as (keyof typeof COLUMNS)[]).find((column) => COLUMNS[column].split(" ").includes(name));
}

/** `Miller, Laura <…>`, or else what stands before the next separator outside of quotation marks. */
const ADDRESS = /[^,;\t"<>@]+,[^,;\t"<>@]+<[^<>]*>|(?:"[^"]*"|[^,;\t])+/g;

/**
 * `laura@example.com`, `Laura Miller <laura@example.com>` or `"Miller, Laura" <laura@example.com>`, several on a line
 * if commas or semicolons are between.
 */
function addresses(text: string): Person[] {
  return text.split(/\r?\n/).flatMap((line, index) =>
    (line.match(ADDRESS) ?? [])
      .map((part) => part.trim())
      .filter(Boolean)
      .map((part) => ({ line: index + 1, roles: [], ...address(part) })),
  );
}

function address(part: string): Pick<Person, "email" | "firstName" | "lastName"> {
  const [, name, email] = /^([^<]*)<([^<>]+)>$/.exec(part) ?? [];
  if (!email) return { email: part };
  const [last, first] = name!.replaceAll('"', "").split(",");
  if (first?.trim()) return { email: email.trim(), firstName: first.trim(), lastName: last!.trim() };
  const words = last!.split(/\s+/).filter(Boolean);
  return {
    email: email.trim(),
    firstName: words.slice(0, -1).join(" ") || words[0],
    lastName: words.length > 1 ? words.at(-1) : undefined,
  };
}

function table(text: string, separator: string): Parsed {
  const [head, ...rows] = records(text, separator).filter(({ values }) => values.some(Boolean));
  const columns = head?.values.map(columnOf) ?? [];
  const people = rows.map(({ line, values }) => {
    const of = (column: (typeof columns)[number]) => values[columns.indexOf(column)] || undefined;
    return {
      line,
      email: of("email") ?? "",
      firstName: of("firstName"),
      lastName: of("lastName"),
      roles: (of("roles") ?? "")
        .split(/[;,|]/)
        .map((role) => role.trim())
        .filter(Boolean),
    };
  });
  const lacksEmails = !columns.includes("email");
  return {
    people: lacksEmails ? [] : people,
    unknownColumns: head?.values.filter((title) => title && !columnOf(title)) ?? [],
    lacksEmails,
  };
}

/** By RFC 4180: a value in quotation marks may hold separators, line breaks and, doubled, quotation marks. */
function records(text: string, separator: string): { line: number; values: string[] }[] {
  const found: { line: number; values: string[] }[] = [];
  let record = { line: 1, values: [] as string[] };
  let value = "";
  let isQuoted = false;
  let line = 1;
  const endValue = () => {
    record.values.push(value.trim());
    value = "";
  };
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === "\n") line++;
    if (isQuoted) {
      if (character !== '"') value += character;
      else if (text[at + 1] === '"') value += text[++at];
      else isQuoted = false;
    } else if (character === '"' && !value.trim()) {
      isQuoted = true;
    } else if (character === separator) {
      endValue();
    } else if (character === "\n") {
      endValue();
      found.push(record);
      record = { line, values: [] };
    } else {
      value += character;
    }
  }
  endValue();
  found.push(record);
  return found;
}
