// A filter by one person or thing, found as one types: who did something, or whom or what it was done to.
import { useState } from "react";
import * as Aria from "react-aria-components";

import { useAsk } from "../ask";
import { inWords } from "../errors";
import { graphql } from "../graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import type { Address } from "../ui/address";
import { useSelectIds } from "../ui/fields";
import { Icon } from "../ui/Icon";
import { useSettled } from "../ui/settled";

const PeopleQuery = graphql(`
  query PeopleFound($search: String!) {
    users(first: 8, filter: { search: $search }, orderBy: { field: NAME, direction: ASC }) {
      nodes {
        id
        displayName
        email
      }
    }
  }
`);

const RolesQuery = graphql(`
  query RolesFound($search: String!) {
    roles(first: 8, filter: { search: $search }, orderBy: { field: NAME, direction: ASC }) {
      nodes {
        id
        name
      }
    }
  }
`);

interface ThingFilterProps {
  address: Address;
  /** In the address, where the ID stands. */
  name: string;
  label: string;
  /** Whether roles are found as well as people. */
  withRoles?: boolean;
  /** What the chosen one is called, as far as the list tells. */
  labelOf(id: string): string | undefined;
}

interface Found {
  id: string;
  name: string;
  hint?: string;
}

/** In the place of an ID. */
const ALL = "all";

export function ThingFilter({ address, name, label, withRoles, labelOf }: ThingFilterProps) {
  const { eventLog: words, common } = useMessages();
  const ids = useSelectIds();
  const id = address.get(name);
  const [known, setKnown] = useState<Found>();
  const [typed, setTyped] = useState("");
  const { found, none } = useFound(typed.trim(), withRoles);
  const chosen = id && (known?.id === id ? known.name : (labelOf(id) ?? words.theOne));
  const options: Found[] = typed.trim() ? found : [{ id: ALL, name: common.all }];
  const choose = (key: Aria.Key | null) => {
    const choice = found.find(({ id }) => id === key);
    setKnown(choice);
    address.change({ [name]: choice?.id });
  };
  return (
    <Aria.Select className="field" value={id ?? ALL} onChange={choose} onOpenChange={() => setTyped("")}>
      <Aria.Label>
        <span id={ids.label}>{label}</span>
      </Aria.Label>
      <Aria.Button className="select" aria-labelledby={ids.labelAndValue}>
        <span id={ids.value}>
          <Aria.SelectValue>
            <span dir="auto">{chosen ?? common.all}</span>
          </Aria.SelectValue>
        </span>
        <Icon name="down" />
      </Aria.Button>
      <Aria.Popover className="popover" aria-label={label}>
        <Aria.Autocomplete inputValue={typed} onInputChange={setTyped}>
          <Aria.SearchField className="search menu-search" aria-label={words.anybody} autoFocus maxLength={200}>
            <Icon name="search" />
            <Aria.Input placeholder={words.anybody} />
          </Aria.SearchField>
          <Aria.ListBox
            className="menu"
            items={options}
            renderEmptyState={() => <p className="menu-head">{none}</p>}
          >
            {({ id, name, hint }: Found) => (
              <Aria.ListBoxItem className="menu-item" id={id} textValue={name}>
                <span dir="auto">
                  {name}
                  {hint && <small>{hint}</small>}
                </span>
                <Icon name="check" />
              </Aria.ListBoxItem>
            )}
          </Aria.ListBox>
        </Aria.Autocomplete>
      </Aria.Popover>
    </Aria.Select>
  );
}

/** The people, and the roles, that the viewer may see and that match what is typed; what to say where there are none. */
function useFound(typed: string, withRoles?: boolean): { found: Found[]; none?: string } {
  const messages = useMessages();
  const { eventLog: words, common } = messages;
  const { may } = useSession();
  const search = useSettled(typed);
  const people = useAsk({ query: PeopleQuery, variables: { search }, pause: !search || !may("users.view") });
  const roles = useAsk({ query: RolesQuery, variables: { search }, pause: !search || !withRoles || !may("roles.view") });
  if (!typed || !search) return { found: [], none: common.loading };
  const found = [
    ...(people.data?.users.nodes ?? []).map(({ id, displayName, email }) => ({ id, name: displayName, hint: email })),
    ...((withRoles && roles.data?.roles.nodes) || []).map(({ id, name }) => ({ id, name, hint: words.role })),
  ];
  const error = people.error ?? roles.error;
  if (people.busy || roles.busy || typed !== search) return { found, none: common.loading };
  if (error) return { found, none: inWords(error, messages) };
  return { found, none: may("users.view") ? words.nobodyFound : common.needsPermission("users.view") };
}
