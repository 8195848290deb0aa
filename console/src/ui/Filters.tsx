// The filters above a list, bound to the query string.
import { Input, SearchField, Button as AriaButton } from "react-aria-components";
import { useState, type ReactNode } from "react";

import { useMessages } from "../messages";
import { useTyped, type Address } from "./address";
import { Button } from "./Button";
import { MultiSelect, Select, TextField, type Option } from "./fields";
import { useKeptFocus } from "./focus";
import { Icon } from "./Icon";

interface FiltersProps {
  address: Address;
  /** All the names in the address that "Clear filters" removes. */
  names: string[];
  /** What the search is by. It is the one in the address as `search`. */
  search: string;
  children: ReactNode;
}

export function Filters({ address, names, search, children }: FiltersProps) {
  const { common } = useMessages();
  const kept = useKeptFocus<HTMLDivElement>();
  const [isOpen, setOpen] = useState(false);
  const used = names.filter((name) => name !== "search" && address.has(name)).length;
  return (
    <div {...kept} className="filters" role="search" aria-label={common.filters} data-open={isOpen || undefined}>
      <SearchFilter address={address} label={search} />
      {/* On a phone, all of them would stand before the first line of the list. */}
      <div className="narrow-only">
        <Button icon={isOpen ? "up" : "down"} isExpanded={isOpen} onPress={() => setOpen(!isOpen)}>
          {common.filtersUsed(used)}
        </Button>
      </div>
      <div className="filter-fields">{children}</div>
      {address.has(...names) && (
        <Button look="plain" onPress={() => address.change(Object.fromEntries(names.map((name) => [name, undefined])))}>
          {common.clearFilters}
        </Button>
      )}
    </div>
  );
}

/** Filters as one types. */
export function SearchFilter({ address, name = "search", label }: { address: Address; name?: string; label: string }) {
  const { common } = useMessages();
  const [text, setText] = useTyped(address, name);
  return (
    <SearchField className="search" aria-label={label} value={text} onChange={setText} maxLength={200}>
      <Icon name="search" />
      <Input placeholder={label} />
      <AriaButton className="icon-button" aria-label={common.clearSearch}>
        <Icon name="close" />
      </AriaButton>
    </SearchField>
  );
}

interface FilterProps<Value extends string> {
  address: Address;
  name: string;
  label: string;
  options: readonly Option<Value>[];
}

/** Any number of values of one name. */
export function MultiFilter<Value extends string>({ address, name, label, options }: FilterProps<Value>) {
  const values = address.all(
    name,
    options.map(({ value }) => value),
  );
  return <MultiSelect label={label} options={options} values={values} onChange={(values) => address.change({ [name]: values })} />;
}

/** One value, or all. */
export function OneFilter<Value extends string>({ address, name, label, options }: FilterProps<Value>) {
  const { common } = useMessages();
  const value = address.one(
    name,
    options.map(({ value }) => value),
  );
  const all: Option<Value | "all"> = { value: "all", label: common.all };
  return (
    <Select
      label={label}
      options={[all, ...options]}
      value={value ?? "all"}
      onChange={(value) => address.change({ [name]: value === "all" ? undefined : value })}
    />
  );
}

/** A day, as the browser lets people choose one; in the address as 2026-11-29. */
export function DayFilter({ address, name, label }: Omit<FilterProps<string>, "options">) {
  const [day, setDay] = useTyped(address, name, isDay);
  return <TextField type="date" label={label} value={day} onChange={setDay} />;
}

/** Whoever types 2026 comes by the years 2, 20 and 202. */
const isDay = (day: string) => !day || day >= "2000";
