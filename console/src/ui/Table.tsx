// Lists of many alike. On a narrow screen, each row becomes a card, in which every value has its column's title
// before it: the same elements, laid out by styles/table.css.
import type { MouseEvent, ReactNode } from "react";

import { useMessages } from "../messages";
import type { Address } from "./address";
import { Checkbox, Select } from "./fields";
import { Icon } from "./Icon";

export interface Column<Row, Field extends string = string> {
  id: string;
  title: string;
  cell(row: Row): ReactNode;
  /** What the list can be sorted by. */
  sort?: Field;
  /** The column that names its row. */
  isHead?: boolean;
}

export interface Sort<Field extends string> {
  field: Field;
  direction: "ASC" | "DESC";
}

interface Selection {
  ids: ReadonlySet<string>;
  /** Whether all are, on whichever page. What `onChange` is called with is then what remains of this one. */
  isAll?: boolean;
  onChange(ids: ReadonlySet<string>): void;
}

interface TableProps<Row, Field extends string> {
  label: string;
  columns: Column<Row, Field>[];
  rows: readonly Row[];
  idOf(row: Row): string;
  /** What a row is called, for those who select it. */
  nameOf?(row: Row): string;
  sort?: Sort<Field>;
  onSort?(sort: Sort<Field>): void;
  selection?: Selection;
  busy?: boolean;
}

export function Table<Row, Field extends string>(props: TableProps<Row, Field>) {
  const { label, columns, rows, idOf, nameOf, sort, onSort, selection, busy } = props;
  const { common } = useMessages();
  const ids = rows.map(idOf);
  const selected = selection?.isAll ? new Set(ids) : (selection?.ids ?? new Set<string>());
  const chosen = ids.filter((id) => selected.has(id)).length;
  // Who was chosen on another page stays chosen.
  const selectAll = (isSelected: boolean) => {
    const others = [...selected].filter((id) => !ids.includes(id));
    selection?.onChange(new Set(isSelected ? [...others, ...ids] : others));
  };
  const selectOne = (id: string, isSelected: boolean) => {
    const next = new Set(selected);
    if (isSelected) next.add(id);
    else next.delete(id);
    selection?.onChange(next);
  };
  const all = {
    isSelected: chosen > 0 && chosen === ids.length,
    isIndeterminate: chosen > 0 && chosen < ids.length,
    onChange: selectAll,
  };
  // The roles are said aloud: laid out as cards, the elements lose their own in some browsers.
  return (
    <>
      <div className="narrow-only table-bar">
        {selection && <Checkbox {...all}>{common.selectAll}</Checkbox>}
        {sort && onSort && <SortSelect columns={columns} sort={sort} onSort={onSort} />}
      </div>
      <div className="table-place">
        <table role="table" aria-label={label} aria-busy={busy || undefined} className={selection ? "with-selection" : undefined}>
          <thead role="rowgroup">
            <tr role="row">
              {selection && (
                <td role="cell" className="select-cell">
                  <Checkbox {...all} label={common.selectAll}>
                    {null}
                  </Checkbox>
                </td>
              )}
              {columns.map((column) => (
                <Head key={column.id} column={column} sort={sort} onSort={onSort} />
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {rows.map((row) => {
              const id = idOf(row);
              return (
                <tr role="row" key={id} onClick={follow} data-selected={selected.has(id) || undefined}>
                  {selection && (
                    <td role="cell" className="select-cell">
                      <Checkbox
                        label={common.selectOne(nameOf?.(row) ?? id)}
                        isSelected={selected.has(id)}
                        onChange={(isSelected) => selectOne(id, isSelected)}
                      >
                        {null}
                      </Checkbox>
                    </td>
                  )}
                  {columns.map(({ id, title, cell, isHead }) =>
                    isHead ? (
                      <th role="rowheader" key={id} scope="row">
                        {cell(row)}
                      </th>
                    ) : (
                      <td role="cell" key={id} data-label={title}>
                        <div>{cell(row)}</div>
                      </td>
                    ),
                  )}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </>
  );
}

/** What can be selected or says more lies over the row's link, but leads where that does, unless it was selected. */
function follow({ target, currentTarget }: MouseEvent<HTMLTableRowElement>) {
  if ((target as Element).closest("a, button, label, input") || !getSelection()?.isCollapsed) return;
  currentTarget.querySelector<HTMLElement>(".row-link")?.click();
}

interface HeadProps<Row, Field extends string> {
  column: Column<Row, Field>;
  sort?: Sort<Field>;
  onSort?(sort: Sort<Field>): void;
}

function Head<Row, Field extends string>({ column: { title, sort: field }, sort, onSort }: HeadProps<Row, Field>) {
  if (!field || !onSort) {
    return (
      <th role="columnheader" scope="col">
        {title}
      </th>
    );
  }
  const direction = sort?.field === field ? sort.direction : undefined;
  return (
    <th role="columnheader" scope="col" aria-sort={direction && (direction === "ASC" ? "ascending" : "descending")}>
      <button type="button" className="sort" onClick={() => onSort({ field, direction: direction === "ASC" ? "DESC" : "ASC" })}>
        {title}
        {direction && <Icon name={direction === "ASC" ? "up" : "down"} />}
      </button>
    </th>
  );
}

interface SortSelectProps<Row, Field extends string> {
  columns: Column<Row, Field>[];
  sort: Sort<Field>;
  onSort(sort: Sort<Field>): void;
}

/** On a narrow screen, where there is no head to click on. */
function SortSelect<Row, Field extends string>({ columns, sort, onSort }: SortSelectProps<Row, Field>) {
  const { common } = useMessages();
  const options = columns.flatMap(({ title, sort: field }) =>
    field
      ? [
          { value: `${field} ASC`, label: `${title}, ${common.sortedAscending}` },
          { value: `${field} DESC`, label: `${title}, ${common.sortedDescending}` },
        ]
      : [],
  );
  const choose = (value: string) => {
    const [field, direction] = value.split(" ");
    onSort({ field: field as Field, direction: direction as "ASC" | "DESC" });
  };
  return <Select label={common.sortBy} options={options} value={`${sort.field} ${sort.direction}`} onChange={choose} />;
}

/** The order of a list, in the address as `sort=FIELD` or `sort=-FIELD`. */
export function useSort<Field extends string>(address: Address, fields: readonly Field[], usual: Sort<Field>) {
  const written = address.one(
    "sort",
    fields.flatMap((field) => [field, `-${field}`]),
  );
  const sort: Sort<Field> = !written
    ? usual
    : { field: written.replace("-", "") as Field, direction: written.startsWith("-") ? "DESC" : "ASC" };
  const onSort = ({ field, direction }: Sort<Field>) => {
    const isUsual = field === usual.field && direction === usual.direction;
    address.change({ sort: isUsual ? undefined : direction === "DESC" ? `-${field}` : field });
  };
  return { sort, onSort };
}
